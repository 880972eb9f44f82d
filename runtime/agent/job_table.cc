#include "runtime/agent/job_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/json.h"
#include "runtime/agent/patience.h"

namespace holdfast::agent {

namespace {

constexpr std::size_t kMostGone = 4096;
constexpr std::string_view kNotWanted = "is not run: nobody in Mistral waits for it any more";
constexpr std::string_view kNotRun =
    "the agent has not run it, or not again: its task or its execution had ended; what came of an "
    "earlier try, if there was one, is in the run's record";

// The workflows' retry takes what is no report, and what says so itself.
bool IsTriedAgain(const Job& job) {
  const auto report = engines::mistral::ParseStepReport(job.report);
  return !report || report->exit_code == static_cast<int>(ExitCode::kTryAgain);
}

// A report, that Mistral does not try it again: as of a step that was told to end.
std::string ReportOfNotRun() {
  return *DumpJson(
      Value().Set("exit", static_cast<int>(ExitCode::kTerminated)).Set("message", kNotRun));
}

Value FieldsOf(const Job& job) {
  Value fields;
  fields.Set("id", job.id).Set("run", job.request.run).Set("command", job.request.command);
  if (!job.request.step.empty()) fields.Set("step", job.request.step);
  return fields;
}

}  // namespace

std::string_view NameOf(JobState state) {
  switch (state) {
    case JobState::kAccepted:
      return "accepted";
    case JobState::kRunning:
      return "running";
    case JobState::kReporting:
      return "reporting";
  }
  return "";
}

JobTable::JobTable(const JobStore& store, const Clock& clock, Logger& log, TableLimits limits)
    : store_(store),
      clock_(clock),
      log_(log),
      limits_(limits),
      queue_(limits.most_long, limits.unasked) {}

JobTable::Entry& JobTable::Add(Job job) {
  Entry& entry = jobs_[job.id];
  entry.number = next_number_++;
  entry.job = std::move(job);
  return entry;
}

void JobTable::Restore(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  for (Job& job : jobs) {
    const Entry& entry = Add(std::move(job));
    if (entry.job.ended()) {
      unreported_.emplace(entry.job.ended_at, entry.job.id);
      AddToReport(entry, clock_.Steady());
    } else {
      queue_.Add(entry.job.request, entry.job.id, std::nullopt);
    }
    log_.Log(LogLevel::kInfo,
             entry.job.ended() ? "a step of before is reported" : "a step of before is run again",
             FieldsOf(entry.job));
  }
  changed_.notify_all();
}

Status JobTable::Accept(const std::string& id, const StepRequest& request) {
  const std::lock_guard one_at_a_time(accepting_);
  {
    const std::lock_guard lock(mutex_);
    const auto known = jobs_.find(id);
    const auto gone = gone_requests_.find(id);
    if (known != jobs_.end() || gone != gone_requests_.end()) {
      const StepRequest& before = known != jobs_.end() ? known->second.job.request : gone->second;
      if (before == request) return Ok();
      return Error(ErrorCode::kConflict, "this action execution has asked for another step");
    }
    if (stopped_) return Unavailable("the agent ends");
    if (jobs_.size() >= limits_.most_jobs) return Unavailable("too many steps are waiting");
  }
  Job job;
  job.id = id;
  job.request = request;
  job.accepted = clock_.Now();
  if (Status kept = store_.Keep(job); !kept) {
    // It may be there all the same, and would run at the next start, although it was refused.
    if (const Status forgotten = store_.Forget(id); !forgotten)
      log_.Log(LogLevel::kError, forgotten.error().OneLine(), FieldsOf(job));
    return kept;
  }
  Failpoint("accept:after-keep");
  const std::lock_guard lock(mutex_);
  const QueuedStep& step = queue_.Add(request, id, clock_.Steady());
  log_.Log(LogLevel::kInfo,
           step.ids.size() > 1 ? "accepted a step that is there already: it is run once"
           : running_stopped_  ? "accepted a step, for the next start"
                               : "accepted a step",
           FieldsOf(job));
  Add(std::move(job));
  changed_.notify_all();
  return Ok();
}

std::optional<Job> JobTable::TakeToRun() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (running_stopped_) return std::nullopt;
    const SteadyTime now = clock_.Steady();
    const StepQueue::Next next = queue_.NextToRun(now, clock_.Now());
    if (next.asks) changed_.notify_all();
    if (next.step != nullptr) return jobs_.at(next.step->ids.back()).job;
    if (next.look_again == SteadyTime::max()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, next.look_again - now);
    }
  }
}

void JobTable::AddToReport(const Entry& entry, SteadyTime at) {
  to_report_.emplace(at, entry.number, entry.job.id);
}

void JobTable::Ended(Job job) {
  const std::lock_guard none_joins(accepting_);
  EndedForAll(std::move(job));
}

void JobTable::EndedForAll(Job job) {
  job.ended_at = clock_.Now();
  const bool tried_again = IsTriedAgain(job);
  std::vector<Job> all;
  {
    const std::lock_guard lock(mutex_);
    const QueuedStep* const step = queue_.Find(job.request);
    if (step == nullptr) return;
    for (auto id = step->ids.rbegin(); id != step->ids.rend(); ++id) {
      all.push_back(job);
      all.back().id = *id;
      all.back().accepted = jobs_.at(*id).job.accepted;
    }
  }
  // What Mistral tries again is reported for the newest alone: it would count each report as one try, and begin one more
  // for each.
  std::vector<Job> superseded;
  if (tried_again) {
    superseded.assign(all.begin() + 1, all.end());
    all.resize(1);
  }
  for (const Job& one : all) {
    // Not kept (a full disk), it is reported all the same; after a crash before that, the step runs again, and finds
    // that it is done.
    if (const Status kept = store_.Keep(one); !kept) {
      log_.Log(LogLevel::kError, "the outcome of a step is not kept: " + kept.error().OneLine(),
               FieldsOf(one));
    }
  }
  Failpoint("ended:after-keep");
  const std::lock_guard lock(mutex_);
  queue_.Remove(job.request);
  for (const Job& one : superseded) {
    log_.Log(LogLevel::kInfo, "is not reported: Mistral waits for a newer one of this step",
             FieldsOf(one));
    Forget(one.id);
  }
  // The one that Mistral waits for is the first.
  SteadyTime at = clock_.Steady();
  for (Job& one : all) {
    Entry& entry = jobs_.at(one.id);
    entry.job = std::move(one);
    unreported_.emplace(entry.job.ended_at, entry.job.id);
    AddToReport(entry, at);
    at += SteadyTime::duration(1);
  }
  changed_.notify_all();
}

bool JobTable::NotStarted(const Job& job, const std::string& why) {
  const std::lock_guard lock(mutex_);
  QueuedStep* const step = queue_.Find(job.request);
  if (step == nullptr) return true;
  const SteadyTime now = clock_.Steady();
  if (!step->first_failed_start) step->first_failed_start = now;
  if (now - *step->first_failed_start >= limits_.longest_without_start) return false;
  const auto pause = WaitAfter(++step->failed_starts, limits_.first_pause, limits_.longest_pause);
  // Where things lie here is for the log alone.
  step->trouble = "its process cannot be started";
  log_.Log(LogLevel::kError, "a step could not be started, and is tried again: " + why,
           FieldsOf(job));
  queue_.PutBack(*step, now + pause);
  changed_.notify_all();
  return true;
}

std::optional<std::string> JobTable::TakeToAsk() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (running_stopped_) return std::nullopt;
    if (const QueuedStep* const step = queue_.NextToAsk()) return step->ids.back();
    changed_.wait(lock);
  }
}

void JobTable::Asked(const std::string& id, Wanted wanted) {
  const std::lock_guard none_joins(accepting_);
  std::unique_lock lock(mutex_);
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  const Job& job = at->second.job;
  QueuedStep* const step = queue_.Find(job.request);
  if (step == nullptr || step->state != QueuedStep::State::kAsking) return;
  const SteadyTime now = clock_.Steady();
  const auto wait = [&](const std::string& why) {
    if (step->trouble != why) log_.Log(LogLevel::kWarning, "a step waits: " + why, FieldsOf(job));
    step->trouble = why;
    queue_.PutBack(*step, now + limits_.asked_again);
  };
  const bool joined = step->ids.back() != id;  // meanwhile, by one that is wanted
  if (wanted == Wanted::kYes || joined ||
      (wanted == Wanted::kNoAnswer && !MayBeginARest(step->kind))) {
    step->wanted_at = now;
    queue_.PutBack(*step, now);
  } else if (wanted == Wanted::kNoAnswer) {
    wait("Mistral, which is to be asked whether it still wants this step, does not answer");
  } else if (wanted == Wanted::kNotKnown && clock_.Now() - job.accepted < kLongestUnknown) {
    wait("Mistral does not know its action");
  } else if (wanted == Wanted::kNotAbove) {
    log_.Log(LogLevel::kWarning, kNotWanted, FieldsOf(job));
    Job not_run = job;
    not_run.report = ReportOfNotRun();
    lock.unlock();
    EndedForAll(std::move(not_run));
    return;
  } else {
    Drop(*step, wanted == Wanted::kNo ? kNotWanted
                                      : "is not run: Mistral has not known its action for a day");
  }
  changed_.notify_all();
}

void JobTable::Drop(const QueuedStep& step, std::string_view why) {
  const std::vector<std::string> ids = step.ids;
  queue_.Remove(StepRequest(step.request));
  for (const std::string& id : ids) {
    log_.Log(LogLevel::kWarning, why, FieldsOf(jobs_.at(id).job));
    Forget(id);
  }
}

std::optional<Job> JobTable::TakeToReport() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopped_) return std::nullopt;
    if (to_report_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto& [due, number, id] = *to_report_.begin();
    const SteadyTime now = clock_.Steady();
    if (due > now) {
      changed_.wait_for(lock, due - now);
      continue;
    }
    const Entry& entry = jobs_.at(id);
    to_report_.erase(to_report_.begin());
    return entry.job;
  }
}

void JobTable::Done(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Forget(id);
}

void JobTable::Forget(const std::string& id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  if (const Status forgotten = store_.Forget(id); !forgotten)
    log_.Log(LogLevel::kWarning, forgotten.error().OneLine());
  unreported_.erase({at->second.job.ended_at, id});
  gone_requests_[id] = std::move(at->second.job.request);
  gone_.push_back(id);
  jobs_.erase(at);
  if (gone_.size() <= kMostGone) return;
  gone_requests_.erase(gone_.front());
  gone_.pop_front();
}

void JobTable::ReportLater(const std::string& id, std::chrono::milliseconds wait, std::string why) {
  const std::lock_guard lock(mutex_);
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
  at->second.trouble = std::move(why);
  AddToReport(at->second, clock_.Steady() + wait);
  changed_.notify_all();
}

bool JobTable::Pause(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, wait, [this] { return stopped_; });
}

void JobTable::StopRunning() {
  const std::lock_guard lock(mutex_);
  running_stopped_ = true;
  changed_.notify_all();
}

void JobTable::Stop() {
  const std::lock_guard lock(mutex_);
  running_stopped_ = true;
  stopped_ = true;
  changed_.notify_all();
}

std::optional<WallTime> JobTable::OldestUnreported() const {
  const std::lock_guard lock(mutex_);
  return unreported_.empty() ? std::nullopt : std::optional(unreported_.begin()->first);
}

std::vector<JobView> JobTable::List() const {
  struct Shown {
    std::uint64_t number;
    JobView view;
    std::string process;  // of those that run: the first that it was begun for
  };
  std::vector<Shown> all;
  std::map<std::string, std::vector<std::string>> sharing;  // by process, the newest first
  {
    const std::lock_guard lock(mutex_);
    all.reserve(jobs_.size());
    for (const auto& [id, entry] : jobs_) {
      Shown shown{entry.number, {entry.job, JobState::kReporting, {}, entry.trouble, {}}, {}};
      JobView& view = shown.view;
      const QueuedStep* const step = entry.job.ended() ? nullptr : queue_.Find(entry.job.request);
      if (step != nullptr) {
        const bool runs = step->state == QueuedStep::State::kRunning;
        view.state = runs ? JobState::kRunning : JobState::kAccepted;
        view.running_since = step->running_since;
        view.trouble = step->trouble;
        if (runs) {
          shown.process = step->ids.front();
          sharing.try_emplace(shown.process, step->ids.rbegin(), step->ids.rend());
        }
      }
      all.push_back(std::move(shown));
    }
  }
  std::sort(all.begin(), all.end(),
            [](const Shown& a, const Shown& b) { return a.number < b.number; });
  std::map<std::string, std::string> progress;
  for (const auto& [process, ids] : sharing) {
    // It was begun for one of them.
    std::string& text = progress[process];
    for (const std::string& id : ids) {
      if (text.empty()) text = store_.ProgressOf(id);
    }
  }
  std::vector<JobView> out;
  out.reserve(all.size());
  for (Shown& shown : all) {
    shown.view.progress = progress[shown.process];
    out.push_back(std::move(shown.view));
  }
  return out;
}

}  // namespace holdfast::agent
