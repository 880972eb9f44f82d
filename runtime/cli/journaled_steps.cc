#include "runtime/cli/journaled_steps.h"

#include <chrono>
#include <mutex>

#include "runtime/data/each.h"
#include "runtime/store/journal.h"
#include "runtime/store/record.h"

namespace holdfast::cli {

namespace {

constexpr unsigned kReadAtOnce = 8;
constexpr auto kNoEnd = std::chrono::steady_clock::time_point::max();

// What `say` makes of the journals of `steps`; not of those of which it makes nothing, nor of any more once the bank
// is away. None is begun after `until`.
template <class Say>
std::map<std::string, std::string> OfJournals(const BankSection& tenant, const std::string& run,
                                              const std::vector<std::string>& steps,
                                              std::chrono::steady_clock::time_point until,
                                              const Say& say) {
  std::map<std::string, std::string> said;
  if (steps.empty()) return said;
  const auto entry = runtime::ReadRun(tenant, run);
  if (!entry || !*entry) return said;
  const auto record = runtime::Record::Open(tenant, (*entry)->kind, (*entry)->record);
  if (!record) return said;
  std::mutex mutex;
  [[maybe_unused]] const Status read =
      runtime::ForEach(steps.size(), kReadAtOnce, [&](std::size_t i) -> Status {
        if (std::chrono::steady_clock::now() >= until) return Ok();
        const auto journal = runtime::ReadStepJournal(record->section(), steps[i]);
        if (!journal) {
          return journal.error().code() == ErrorCode::kUnavailable ? Status(journal.error()) : Ok();
        }
        std::string text = say(*journal);
        const std::lock_guard lock(mutex);
        if (!text.empty()) said.emplace(steps[i], std::move(text));
        return Ok();
      });
  return said;
}

}  // namespace

std::map<std::string, std::string> JournaledReasons(const BankSection& tenant,
                                                    const std::string& run,
                                                    const std::vector<std::string>& steps) {
  return OfJournals(tenant, run, steps, kNoEnd, [&run](const runtime::StepJournal& journal) {
    return journal.WhyItFailed(run);
  });
}

std::map<std::string, std::string> JournaledProgress(const BankSection& tenant,
                                                     const std::string& run,
                                                     const std::vector<std::string>& steps) {
  constexpr std::chrono::seconds kLongest{2};
  const auto until = std::chrono::steady_clock::now() + kLongest;
  return OfJournals(tenant, run, steps, until, [&run](const runtime::StepJournal& journal) {
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
