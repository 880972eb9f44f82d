#include "runtime/cli/journaled_steps.h"

#include "runtime/store/journal.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

// What `say` makes of the journals of `steps`; not of those of which it makes nothing.
template <class Say>
std::map<std::string, std::string> OfJournals(const BankSection& tenant, const std::string& run,
                                              const std::vector<std::string>& steps,
                                              const Say& say) {
  std::map<std::string, std::string> said;
  if (steps.empty()) return said;
  const auto entry = runtime::ReadRun(tenant, run);
  if (!entry || !*entry) return said;
  const auto record = runtime::Record::Open(tenant, (*entry)->kind, (*entry)->record);
  if (!record) return said;
  for (const std::string& step : steps) {
    const auto journal = runtime::ReadStepJournal(record->section(), step);
    if (!journal) continue;
    if (std::string text = say(*journal); !text.empty()) said.emplace(step, std::move(text));
  }
  return said;
}

}  // namespace

std::map<std::string, std::string> JournaledReasons(const BankSection& tenant,
                                                    const std::string& run,
                                                    const std::vector<std::string>& steps) {
  return OfJournals(tenant, run, steps, [&run](const runtime::StepJournal& journal) {
    return journal.WhyItFailed(run);
  });
}

std::map<std::string, std::string> JournaledProgress(const BankSection& tenant,
                                                     const std::string& run,
                                                     const std::vector<std::string>& steps) {
  return OfJournals(tenant, run, steps, [&run](const runtime::StepJournal& journal) {
    const runtime::Claim* const open = journal.OpenClaim();
    return open == nullptr || open->run != run ? std::string() : open->progress;
  });
}

const std::string& HowFar(const engines::StepStatus& step,
                          const std::map<std::string, std::string>& journaled) {
  const auto found = journaled.find(step.task);
  return step.progress.empty() && found != journaled.end() ? found->second : step.progress;
}

std::vector<std::string> StepsWithoutProgress(const engines::RunStatus& status) {
  constexpr std::size_t kMost = 100;
  std::vector<std::string> steps;
  for (const engines::StepStatus& step : status.steps) {
    if (step.phase == engines::Phase::kRunning && step.progress.empty() && !step.exit_handler &&
        steps.size() < kMost)
      steps.push_back(step.task);
  }
  return steps;
}

}  // namespace holdfast::cli
