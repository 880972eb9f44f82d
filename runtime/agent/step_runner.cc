#include "runtime/agent/step_runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/text.h"

namespace holdfast::agent {

namespace {

// A step keeps the deadline of its plan itself (--report); this one is for a plan without one.
constexpr auto kLongestStep = std::chrono::hours(24 * 366);
constexpr std::size_t kMostOutput = std::size_t{256} << 10U;

// What Mistral lets the agent in with is none of a step's business, nor of the commands that it starts.
std::vector<std::string> CredentialsOfTheAgent() {
  std::vector<std::string> names;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("OS_")) names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

}  // namespace

bool SetOutcome(Job& job, const ProcessOutcome& outcome) {
  const std::string line(Trim(outcome.output));
  // The workflows look at how it begins.
  const bool is_line = line.starts_with("{\"exit\":") && line.find('\n') == std::string::npos;
  const auto report = is_line ? engines::mistral::ParseStepReport(line) : std::nullopt;
  // Told to end, it has recorded what it did, and goes on from there.
  constexpr int kToldToEnd = static_cast<int>(ExitCode::kTerminated);
  if (outcome.cancelled && (!report || report->exit_code == kToldToEnd)) return false;
  if (report) {
    job.report = line;
    return true;
  }
  job.failure = "holdfast-step has left no report: " + Printable(DescribeOutcome(outcome));
  return true;
}

StepRunner::StepRunner(StepRunnerOptions options, JobTable& table, ProcessRunner& processes,
                       const Cancellation& stop, Logger& log)
    : options_(std::move(options)),
      table_(table),
      processes_(processes),
      stop_(stop),
      log_(log),
      not_for_steps_(CredentialsOfTheAgent()) {
  // A child dies with the thread that has started it: these live as long as the agent.
  for (unsigned i = 0; i < options_.jobs; ++i) threads_.emplace_back([this] { Work(); });
}

StepRunner::~StepRunner() {
  for (std::thread& thread : threads_) thread.join();
}

void StepRunner::Work() {
  while (auto job = table_.TakeToRun()) {
    ProcessSpec spec;
    spec.argv = ArgvOf(job->request, options_.program, options_.options);
    spec.environment_removed = not_for_steps_;
    // As Argo's executor gives one to a step.
    spec.environment["ARGO_PROGRESS_FILE"] = table_.ProgressFileOf(*job);
    spec.deadline = kLongestStep;
    spec.grace = options_.grace;
    spec.cancellation = &stop_;
    spec.output_limit = kMostOutput;
    const auto outcome = processes_.Run(spec);
    Value fields = Value().Set("id", job->id).Set("run", job->request.run);
    if (!job->request.step.empty()) fields.Set("step", job->request.step);
    if (!outcome) {
      // No descriptors, no memory, a program that is just being replaced: no fault of the step, and not for long.
      const std::string why = outcome.error().OneLine();
      if (table_.NotStarted(*job, why)) continue;
      job->failure = "the agent cannot run holdfast-step: " + why;
    } else if (!SetOutcome(*job, *outcome)) {
      log_.Log(LogLevel::kInfo, "ended a step; it runs again at the next start", fields);
      continue;
    }
    if (!job->failure.empty()) {
      log_.Log(LogLevel::kError, job->failure, fields);
    } else {
      const auto report = engines::mistral::ParseStepReport(job->report);
      log_.Log(LogLevel::kInfo, "a step has ended",
               fields.Set("exit_code", report ? report->exit_code : 0));
    }
    table_.Ended(std::move(*job));
  }
}

}  // namespace holdfast::agent
