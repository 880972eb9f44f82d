#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"
#include "runtime/agent/job_store.h"
#include "runtime/agent/step_job.h"

namespace holdfast::agent {

enum class JobState { kAccepted, kRunning, kReporting };
std::string_view NameOf(JobState state);

// What is shown of a job.
struct JobView {
  Job job;
  JobState state = JobState::kAccepted;
  std::optional<WallTime> running_since;
  std::string trouble;  // why it does not go on; empty: it does
};

// The jobs of an agent and where each stands: accepted, running, reporting, and gone. Those who run steps and the one who
// reports wait here for work. Whatever changes is on the disk first. Thread-safe.
class JobTable {
 public:
  // None of them is owned. `most`: of jobs that are kept at once.
  JobTable(const JobStore& store, const Clock& clock, Logger& log, std::size_t most)
      : store_(store), clock_(clock), log_(log), most_(most) {}

  // Those of a former life, before anybody waits.
  void Restore(std::vector<Job> jobs);

  // Success: it is kept. Of an id that is known already, or was until a while ago: nothing is done, success; kConflict when
  // it asks for another step. kUnavailable when there are too many.
  Status Accept(const std::string& id, const StepRequest& request);

  // The oldest one that is to be run, which is running from now on; waits for one. nullopt after Stop.
  std::optional<Job> TakeToRun();
  // Its process has ended: `job` with its outcome.
  void Ended(Job job);

  // The one whose outcome is to be reported, and whose time has come before that of the others; waits for one. nullopt
  // after Stop.
  std::optional<Job> TakeToReport();
  // It need not be reported any more.
  void Done(const std::string& id);
  // It is reported again, not before `wait` is over, and behind those whose time has come by then. `why`: what is shown.
  void ReportLater(const std::string& id, std::chrono::milliseconds wait, std::string why);
  // Nothing is reported before `wait` is over. False: stopped meanwhile.
  bool Pause(std::chrono::milliseconds wait);

  // Ends all waiting. What is at work may still call Ended.
  void Stop();
  bool stopped() const;

  std::vector<JobView> List() const;  // oldest first
  // When the step ended whose outcome waits the longest for Mistral; nullopt: none does.
  std::optional<WallTime> OldestUnreported() const;

 private:
  struct Entry {
    Job job;
    JobState state = JobState::kAccepted;
    std::uint64_t number = 0;
    std::optional<WallTime> running_since;
    std::string trouble;
  };
  void AddToReport(const Entry& entry, SteadyTime at);  // under mutex_

  const JobStore& store_;
  const Clock& clock_;
  Logger& log_;
  const std::size_t most_;

  // Held while a job is written, so that one id is not accepted twice at once. Before mutex_.
  std::mutex accepting_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  bool stopped_ = false;
  std::uint64_t next_number_ = 0;
  std::map<std::string, Entry> jobs_;
  std::deque<std::string> to_run_;
  std::set<std::tuple<SteadyTime, std::uint64_t, std::string>> to_report_;
  std::set<std::pair<WallTime, std::string>> unreported_;
  // What is done, oldest first: asked for once more, it is not run once more.
  std::deque<std::string> gone_;
  std::map<std::string, StepRequest> gone_requests_;
};

}  // namespace holdfast::agent
