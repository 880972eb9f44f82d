#include "runtime/agent/job_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::agent {

namespace {

constexpr std::size_t kMostGone = 4096;

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

void JobTable::Restore(std::vector<Job> jobs) {
  const std::lock_guard lock(mutex_);
  for (Job& job : jobs) {
    Entry entry;
    entry.number = next_number_++;
    const std::string id = job.id;
    if (job.ended()) {
      entry.state = JobState::kReporting;
    } else {
      to_run_.push_back(id);
    }
    log_.Log(LogLevel::kInfo,
             job.ended() ? "a step of before is reported" : "a step of before is run again",
             FieldsOf(job));
    entry.job = std::move(job);
    if (entry.job.ended()) {
      unreported_.emplace(entry.job.ended_at, id);
      AddToReport(entry, clock_.Steady());
    }
    jobs_[id] = std::move(entry);
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
    if (jobs_.size() >= most_) return Unavailable("too many steps are waiting");
  }
  Entry entry;
  entry.job.id = id;
  entry.job.request = request;
  entry.job.accepted = clock_.Now();
  HOLDFAST_RETURN_IF_ERROR(store_.Keep(entry.job));
  log_.Log(LogLevel::kInfo, "accepted a step", FieldsOf(entry.job));
  const std::lock_guard lock(mutex_);
  entry.number = next_number_++;
  jobs_[id] = std::move(entry);
  to_run_.push_back(id);
  changed_.notify_all();
  return Ok();
}

std::optional<Job> JobTable::TakeToRun() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || !to_run_.empty(); });
  if (stopped_) return std::nullopt;
  Entry& entry = jobs_.at(to_run_.front());
  to_run_.pop_front();
  entry.state = JobState::kRunning;
  entry.running_since = clock_.Now();
  return entry.job;
}

void JobTable::AddToReport(const Entry& entry, SteadyTime at) {
  to_report_.emplace(at, entry.number, entry.job.id);
}

void JobTable::Ended(Job job) {
  job.ended_at = clock_.Now();
  // Not kept (a full disk), it is reported all the same; after a crash before that, the step runs again, and finds
  // that it is done.
  if (const Status kept = store_.Keep(job); !kept)
    log_.Log(LogLevel::kError, "the outcome of a step is not kept: " + kept.error().OneLine(),
             FieldsOf(job));
  const std::lock_guard lock(mutex_);
  Entry& entry = jobs_.at(job.id);
  entry.job = std::move(job);
  entry.state = JobState::kReporting;
  unreported_.emplace(entry.job.ended_at, entry.job.id);
  AddToReport(entry, clock_.Steady());
  changed_.notify_all();
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
  if (const Status forgotten = store_.Forget(id); !forgotten)
    log_.Log(LogLevel::kWarning, forgotten.error().OneLine());
  const std::lock_guard lock(mutex_);
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return;
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

void JobTable::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool JobTable::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

std::optional<WallTime> JobTable::OldestUnreported() const {
  const std::lock_guard lock(mutex_);
  return unreported_.empty() ? std::nullopt : std::optional(unreported_.begin()->first);
}

std::vector<JobView> JobTable::List() const {
  std::vector<std::pair<std::uint64_t, JobView>> numbered;
  {
    const std::lock_guard lock(mutex_);
    numbered.reserve(jobs_.size());
    for (const auto& [id, entry] : jobs_)
      numbered.emplace_back(entry.number,
                            JobView{entry.job, entry.state, entry.running_since, entry.trouble});
  }
  std::sort(numbered.begin(), numbered.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<JobView> out;
  out.reserve(numbered.size());
  for (auto& [number, view] : numbered) out.push_back(std::move(view));
  return out;
}

}  // namespace holdfast::agent
