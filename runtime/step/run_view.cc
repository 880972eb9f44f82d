#include "runtime/step/run_view.h"

#include <fmt/format.h>

#include <deque>
#include <set>
#include <thread>

#include "plugins/sdk/run_start.h"

namespace holdfast::runtime {

std::function<void(std::chrono::milliseconds)> SleepingPause(const Cancellation& cancellation) {
  return [&cancellation](std::chrono::milliseconds duration) {
    constexpr std::chrono::milliseconds kSlice{50};
    while (duration.count() > 0 && !cancellation.is_set()) {
      const auto now = std::min(duration, kSlice);
      std::this_thread::sleep_for(now);
      duration -= now;
    }
  };
}

Result<std::unique_ptr<RunView>> RunView::Join(const StepEnvironment& env, std::string_view run,
                                               std::string_view start, std::string_view record_id,
                                               std::string_view bundle_name) {
  if (run.empty()) return InvalidInput("a run needs an id");
  HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle,
                            StoredBundle::Open(env.tenant, std::string(bundle_name)));
  HOLDFAST_ASSIGN_OR_RETURN(Record record,
                            Record::Open(env.tenant, RecordKindOf(bundle.bundle().operation),
                                         std::string(record_id.empty() ? run : record_id)));
  HOLDFAST_ASSIGN_OR_RETURN(auto lease, CurrentLease(env.tenant, record.id()));
  if (lease && (lease->run != run || !IsOfStart(lease->start, start)))
    return LeaseHeldError(record.id(), *lease);
  const bool withdrawn = lease && lease->withdrawn;  // as if it had never begun
  if (lease && !withdrawn && (lease->ending || lease->released)) {
    return Error(ErrorCode::kLocked,
                 fmt::format("run {} has ended; nothing more is done in it", run))
        .Hint("to go on, resume: start the workflow again with the parameter record=" +
              record.id());
  }
  std::unique_ptr<RunView> view(
      new RunView(std::move(record), lease ? std::move(*lease) : Lease{}, std::move(bundle)));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, view->record_.State());
  view->begun_ = lease && !withdrawn && state && IsWorking(state->state) && state->run == run;
  return view;
}

Result<std::unique_ptr<RunView>> RunView::Hold(const StepEnvironment& env, Record record,
                                               Lease lease, std::string_view bundle_name) {
  HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle,
                            StoredBundle::Open(env.tenant, std::string(bundle_name)));
  return std::unique_ptr<RunView>(
      new RunView(std::move(record), std::move(lease), std::move(bundle)));
}

const std::string& RunView::checkpoint_id() const {
  return bundle_.bundle().operation == Operation::kProtect ? record_.id()
                                                           : bundle_.bundle().checkpoint;
}

Result<BankSection> RunView::checkpoint_section() const {
  return record_.tenant().Narrow(RecordPrefix(RecordKind::kCheckpoint, checkpoint_id()),
                                 SectionAccess::kWrite);
}

Status RunView::KeepLease(const StepEnvironment& env) {
  const WallTime now = env.clock.Now();
  if (lease_.expires - now > env.lease_expiry / 2) return Ok();
  return RenewLease(record_.tenant(), record_.id(), lease_, env.lease_expiry, now);
}

Result<std::uint64_t> RunView::LastRemovalBefore() {
  if (!last_removal_) {
    HOLDFAST_ASSIGN_OR_RETURN(last_removal_,
                              LastRemoval(record_.tenant(), record_.id(), lease_.token));
  }
  return *last_removal_;
}

void RunView::UseEpochs(std::string table) {
  lease_.epochs = table;
  epochs_.Use(std::move(table));
}

Result<const StepJournal*> RunView::JournalOf(std::string_view step) {
  const auto known = journals_.find(step);
  if (known != journals_.end()) return &known->second;
  HOLDFAST_ASSIGN_OR_RETURN(StepJournal journal, ReadStepJournal(record_.section(), step));
  return &journals_.emplace(std::string(step), std::move(journal)).first->second;
}

void RunView::Forget(std::string_view step) {
  const auto known = journals_.find(step);
  if (known != journals_.end()) journals_.erase(known);
}

Result<bool> RunView::Succeeded(std::string_view step, const ResourceKey& resource,
                                ActivityKind kind) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t epoch, EpochOf(step, resource));
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, JournalOf(step));
  const ActivityOutcome* const outcome = journal->Find(resource, kind, epoch);
  return outcome != nullptr && outcome->outcome == Outcome::kSucceeded;
}

Result<bool> RunView::StepSucceeded(std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleStep* const step, bundle_.Step(name));
  for (const BundleActivity& activity : step->activities) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool succeeded,
                              Succeeded(name, activity.resource, activity.kind));
    if (!succeeded) return false;
  }
  return true;
}

Result<bool> RunView::AllBeforeSucceeded(const BundleStep& step) {
  // What a step recorded about all that is before it (`clean`) holds in the run that recorded it.
  // A step that a resume kept may have been recorded when a failure was still below it: there the
  // question is asked again, further down.
  std::deque<std::string> open(step.order.begin(), step.order.end());
  std::set<std::string> seen(step.order.begin(), step.order.end());
  while (!open.empty()) {
    const std::string name = std::move(open.front());
    open.pop_front();
    HOLDFAST_ASSIGN_OR_RETURN(const bool succeeded, StepSucceeded(name));
    if (!succeeded) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, JournalOf(name));
    const AttemptResult* const result = journal->LastResult();
    if (result != nullptr && result->clean) continue;
    if (result != nullptr && result->run == lease_.run) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const BundleStep* const before, bundle_.Step(name));
    for (const std::string& next : before->order) {
      if (seen.insert(next).second) open.push_back(next);
    }
  }
  return true;
}

}  // namespace holdfast::runtime
