#include "plugins/engines/run_status.h"

#include <algorithm>

namespace holdfast::engines {

std::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kNone:
      return "";
    case Phase::kPending:
      return "Pending";
    case Phase::kRunning:
      return "Running";
    case Phase::kSucceeded:
      return "Succeeded";
    case Phase::kFailed:
      return "Failed";
    case Phase::kError:
      return "Error";
    case Phase::kSkipped:
      return "Skipped";
    case Phase::kOmitted:
      return "Omitted";
  }
  return "";
}

bool IsFinal(Phase phase) {
  return phase != Phase::kNone && phase != Phase::kPending && phase != Phase::kRunning;
}

std::vector<const StepTry*> RunStatus::dying() const {
  std::vector<const StepTry*> out;
  for (const StepStatus& step : steps) {
    for (const StepTry& attempt : step.tries) {
      if (attempt.dying()) out.push_back(&attempt);
    }
  }
  return out;
}

const StepStatus* RunStatus::Find(std::string_view path_or_task) const {
  const StepStatus* found = nullptr;
  for (const StepStatus& step : steps) {
    if (step.path == path_or_task) return &step;
    if (step.task == path_or_task && found == nullptr) found = &step;
  }
  return found;
}

std::string RunStatus::record() const {
  const auto named = parameters.find("record");
  return named == parameters.end() || named->second.empty() ? run() : named->second;
}

bool StepStatus::failed() const {
  return (phase == Phase::kFailed || phase == Phase::kError) &&
         exit_code != static_cast<int>(ExitCode::kOmitted);
}

int VerdictOf(const RunStatus& status) {
  if (status.phase == Phase::kSucceeded) return static_cast<int>(ExitCode::kOk);
  if (!status.shutdown.empty()) return static_cast<int>(ExitCode::kRunStopped);
  const StepStatus* const begin = status.Find("begin");
  // A refused begin says why: locked, not found, invalid.
  if (begin != nullptr && begin->exit_code && *begin->exit_code != 0) return *begin->exit_code;
  return static_cast<int>(ExitCode::kRunFailed);
}

}  // namespace holdfast::engines
