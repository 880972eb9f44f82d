#include "runtime/cli/journaled_reasons.h"

#include "runtime/store/journal.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

std::string ReasonIn(const runtime::StepJournal& journal, const std::string& run) {
  for (auto attempt = journal.attempts.rbegin(); attempt != journal.attempts.rend(); ++attempt) {
    // A resume has attempts of other runs before its own.
    if (attempt->claim.run != run) continue;
    for (const runtime::ActivityOutcome& outcome : attempt->outcomes) {
      if (!outcome.error.empty()) return outcome.error;
    }
    if (attempt->result && attempt->result->how == "timed-out")
      return "it took longer than activity_timeout";
    if (attempt->result && !attempt->result->why.empty()) return attempt->result->why;
  }
  return "";
}

}  // namespace

std::map<std::string, std::string> JournaledReasons(const BankSection& tenant,
                                                    const std::string& run,
                                                    const std::vector<std::string>& steps) {
  std::map<std::string, std::string> reasons;
  const auto entry = runtime::ReadRun(tenant, run);
  if (!entry || !*entry) return reasons;
  const auto record = runtime::Record::Open(tenant, (*entry)->kind, (*entry)->record);
  if (!record) return reasons;
  for (const std::string& step : steps) {
    const auto journal = runtime::ReadStepJournal(record->section(), step);
    if (!journal) continue;
    if (std::string reason = ReasonIn(*journal, run); !reason.empty())
      reasons.emplace(step, std::move(reason));
  }
  return reasons;
}

}  // namespace holdfast::cli
