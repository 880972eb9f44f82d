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
#include "runtime/agent/step_queue.h"

namespace holdfast::agent {

enum class JobState { kAccepted, kRunning, kReporting };
std::string_view NameOf(JobState state);

// What is shown of a job.
struct JobView {
  Job job;
  JobState state = JobState::kAccepted;
  std::optional<WallTime> running_since;
  std::string trouble;   // why it does not go on; empty: it does
  std::string progress;  // "40/100", while it is running; empty: not known
};

// Whether Mistral still waits for a step.
enum class Wanted {
  kYes,
  kNo,        // its action has ended
  kNotAbove,  // its action goes on, and its task or its execution has ended
  kNotKnown,  // Mistral does not know its action
  kNoAnswer,  // Mistral is away
};

struct TableLimits {
  std::size_t most_jobs = 10'000;  // that are kept at once
  unsigned most_long = 16;         // that may take hours, and are run at once
  // A step that has waited longer than this since Mistral wanted it, or that was kept by a former life of the agent, is run
  // only when Mistral still wants it, unless it ends a rest (step_kind.h).
  std::chrono::milliseconds unasked{60'000};
  // Of what Mistral could not be asked.
  std::chrono::milliseconds asked_again{15'000};
  // After a process that could not be started; twice as long each time, up to the other.
  std::chrono::milliseconds first_pause{1'000};
  std::chrono::milliseconds longest_pause{30'000};
  std::chrono::milliseconds longest_without_start{300'000};
};

// The jobs of an agent and where each stands: accepted, running, reporting, and gone. Those who run steps, the one who asks
// Mistral and the one who reports wait here for work. Whatever changes is on the disk first. Thread-safe.
//
// Several jobs may ask for one step: Mistral has not heard that it was accepted, or has given up waiting, and hands it in
// again under another id. As long as the step is not done they share its one process, and have one outcome.
class JobTable {
 public:
  // None of them is owned.
  JobTable(const JobStore& store, const Clock& clock, Logger& log, TableLimits limits);

  // Those of a former life, before anybody waits.
  void Restore(std::vector<Job> jobs);

  // Success: it is kept. Of an id that is known already, or was until a while ago: nothing is done, success; kConflict when
  // it asks for another step. kUnavailable when there are too many. After StopRunning it is kept for the next life.
  Status Accept(const std::string& id, const StepRequest& request);

  // The next one that is to be run (step_queue.h), which is running from now on; waits for one. nullopt after StopRunning.
  // It is the newest one of those that ask for its step.
  std::optional<Job> TakeToRun();
  // Where that process is to say how far it has come.
  std::string ProgressFileOf(const Job& job) const { return store_.ProgressFileOf(job.id); }
  // Its process has ended: `job` with its outcome, which is that of all that ask for its step.
  void Ended(Job job);
  // Its process could not be started: `why`. It is run again after a pause. False: that has been so for too long, and it is
  // to be Ended.
  bool NotStarted(const Job& job, const std::string& why);

  // The id of a job of which Mistral is to be asked whether it is wanted; waits for one. nullopt after StopRunning.
  std::optional<std::string> TakeToAsk();
  // One that is not wanted is not run. Of one whose action goes on all the same that is its outcome, and is reported: else
  // Mistral would show it at work for ever.
  void Asked(const std::string& id, Wanted wanted);

  // The one whose outcome is to be reported, and whose time has come before that of the others; waits for one. nullopt
  // after Stop.
  std::optional<Job> TakeToReport();
  // It need not be reported any more.
  void Done(const std::string& id);
  // It is reported again, not before `wait` is over, and behind those whose time has come by then. `why`: what is shown.
  void ReportLater(const std::string& id, std::chrono::milliseconds wait, std::string why);
  // Nothing is reported before `wait` is over. False: stopped meanwhile.
  bool Pause(std::chrono::milliseconds wait);

  // Nothing is run any more. What is at work may still call Ended.
  void StopRunning();
  // Ends all waiting, that of StopRunning included, and nothing is accepted any more.
  void Stop();

  std::vector<JobView> List() const;  // oldest first
  // When the step ended whose outcome waits the longest for Mistral; nullopt: none does.
  std::optional<WallTime> OldestUnreported() const;

 private:
  struct Entry {
    Job job;
    std::uint64_t number = 0;
    std::string trouble;  // of its report
  };

  // All under mutex_.
  Entry& Add(Job job);
  void AddToReport(const Entry& entry, SteadyTime at);
  void Forget(const std::string& id);
  void Drop(const QueuedStep& step, std::string_view why);
  // Under accepting_ alone.
  void EndedForAll(Job job);

  const JobStore& store_;
  const Clock& clock_;
  Logger& log_;
  const TableLimits limits_;

  // Held while jobs are written: so one id is not accepted twice at once, and none joins a step that is just done, or not wanted.
  // Before mutex_.
  std::mutex accepting_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  bool running_stopped_ = false;
  bool stopped_ = false;
  std::uint64_t next_number_ = 0;
  std::map<std::string, Entry> jobs_;
  StepQueue queue_;
  std::set<std::tuple<SteadyTime, std::uint64_t, std::string>> to_report_;
  std::set<std::pair<WallTime, std::string>> unreported_;
  // What is done, oldest first: asked for once more, it is not run once more.
  std::deque<std::string> gone_;
  std::map<std::string, StepRequest> gone_requests_;
};

}  // namespace holdfast::agent
