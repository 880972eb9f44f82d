#include "runtime/cli/journaled_reasons.h"

#include "runtime/store/journal.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

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
    if (std::string reason = journal->WhyItFailed(run); !reason.empty())
      reasons.emplace(step, std::move(reason));
  }
  return reasons;
}

}  // namespace holdfast::cli
