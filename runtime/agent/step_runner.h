#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "runtime/agent/job_table.h"
#include "runtime/agent/step_job.h"

namespace holdfast::agent {

struct StepRunnerOptions {
  std::string program;               // holdfast-step
  std::vector<std::string> options;  // of every step
  unsigned jobs = 16;                // at once
  // What a step that is told to end has to record what it did.
  std::chrono::milliseconds grace{std::chrono::seconds(60)};
};

// Puts the outcome of its process into the job. False: it has none, as it was ended with the agent, and runs again at the
// next start; everything that a step records makes that safe.
bool SetOutcome(Job& job, const ProcessOutcome& outcome);

// Runs the jobs of a table as processes, each watched by a thread. They die with this process.
class StepRunner {
 public:
  // All are borrowed. `stop` ends the processes at work; the table's running is stopped, too, then.
  StepRunner(StepRunnerOptions options, JobTable& table, ProcessRunner& processes,
             const Cancellation& stop, Logger& log);
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;
  // Waits for the processes at work: nothing more of the table is run.
  ~StepRunner();

 private:
  void Work();

  const StepRunnerOptions options_;
  JobTable& table_;
  ProcessRunner& processes_;
  const Cancellation& stop_;
  Logger& log_;
  std::vector<std::string> not_for_steps_;  // variables of the environment
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::agent
