#include "runtime/copy/target_hold.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"
#include "runtime/step/claim_wait.h"
#include "runtime/store/journal.h"

namespace holdfast::runtime {
namespace {

Error JustBegun(const Record& record) {
  return Error(ErrorCode::kLocked, fmt::format("another copy of the checkpoint {} has just begun",
                                               Printable(record.id())))
      .Hint("wait for its end");
}

}  // namespace

Result<std::unique_ptr<TargetHold>> TargetHold::Take(const StepEnvironment& env,
                                                     const Record& record, const Request& request) {
  std::unique_ptr<TargetHold> hold(new TargetHold(env, record));
  HOLDFAST_RETURN_IF_ERROR(hold->Acquire(request));
  return hold;
}

Status TargetHold::Acquire(const Request& request) {
  started_ = env_.clock.Now();
  HOLDFAST_ASSIGN_OR_RETURN(const auto present, CurrentLease(env_.tenant, record_.id()));
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal journal,
                            ReadStepJournal(record_.section(), kCopyStep));
  const Claim* const open = journal.OpenClaim();
  const bool held_by_another = open != nullptr && HeldByAnother(env_, *open);
  if (present && !present->gone(env_.clock.Now())) {
    // Not the lease of a copy: a deletion's, or a protect's.
    const bool of_copy =
        !journal.attempts.empty() && journal.attempts.back().claim.run == present->run;
    if (!of_copy || held_by_another) return RecordHeldError(env_.tenant, record_.id(), *present);
  } else if (held_by_another) {
    return JustBegun(record_);
  }
  for (const Attempt& attempt : journal.attempts) earlier_.push_back(attempt.claim.attempt);

  HOLDFAST_ASSIGN_OR_RETURN(marker_, record_.MarkUnfinished(record_.id()));
  LeaseRequest wanted;
  wanted.after = present ? present->token : 0;
  wanted.expiry = env_.lease_expiry;
  wanted.anew = !request.keeps_epochs;
  if (request.keeps_epochs)
    wanted.epochs = present ? present->epochs : "";
  else if (request.epochs)
    wanted.epochs = NumberPart(wanted.after + 1);
  claim_.number = journal.attempts.size() + 1;
  claim_.attempt = NewAttemptId(claim_.number);
  claim_.run = "copy-" + claim_.attempt;
  claim_.token = wanted.after + 1;
  claim_.holder = env_.self;
  claim_.heartbeat = env_.clock.Now();
  wanted.run = claim_.run;
  if (Status claimed = CreateClaim(record_.section(), kCopyStep, claim_); !claimed) {
    if (claimed.error().code() == ErrorCode::kConflict) return JustBegun(record_);
    return claimed;
  }
  HOLDFAST_ASSIGN_OR_RETURN(lease_, TakeLease(env_.tenant, record_.id(), wanted, env_.clock.Now()));
  // It reads every lease before: only where there is something to use.
  if (!journal.attempts.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t removal,
                              LastRemoval(env_.tenant, record_.id(), lease_.token));
    for (const Attempt& attempt : journal.attempts) {
      if (attempt.claim.token > removal) usable_.push_back(attempt.claim.attempt);
    }
  }
  // Where several were told that they have the claim, the lease has said who does.
  HOLDFAST_RETURN_IF_ERROR(RenewClaim(record_.section(), kCopyStep, claim_, env_.clock.Now()));
  RunEntry entry;
  entry.run = lease_.run;
  entry.record = record_.id();
  entry.kind = record_.kind();
  entry.bundle = request.bundle;
  entry.token = lease_.token;
  entry.started_by = request.started_by;
  entry.started = started_;
  HOLDFAST_RETURN_IF_ERROR(PutRun(env_.tenant, entry));
  heartbeat_ = std::make_unique<Heartbeat>(env_, record_, std::string(kCopyStep), claim_, lease_);
  return Ok();
}

Status TargetHold::CheckHeld() const { return CheckStillHeld(env_.tenant, record_.id(), lease_); }

RemovalHold TargetHold::ForRemoval() const {
  return {record_, {{record_.id(), lease_, env_.lease_expiry}}, env_.clock, &env_.cancellation};
}

Status TargetHold::EndClaim(ExitCode code, std::string_view how, std::string_view why) {
  heartbeat_.reset();
  AttemptResult result;
  result.run = lease_.run;
  result.token = lease_.token;
  result.exit_code = static_cast<int>(code);
  result.clean = code == ExitCode::kOk;
  result.how = std::string(how);
  result.why = std::string(why);
  result.started = started_;
  result.ended = env_.clock.Now();
  return WriteResult(record_.section(), kCopyStep, claim_.attempt, result);
}

Status TargetHold::GiveUp(std::string_view why) {
  return EndClaim(ExitCode::kTryAgain, "stopped", why);
}

Status TargetHold::RemoveMarkers() {
  // A newer one is not this one's to remove.
  return record_.RemoveUnfinished([this] { return CheckHeld(); }, marker_);
}

Status TargetHold::Withdraw() {
  HOLDFAST_RETURN_IF_ERROR(GiveUp(""));
  HOLDFAST_RETURN_IF_ERROR(RemoveMarkers());
  return ReleaseLease(env_.tenant, record_.id(), lease_);
}

Status TargetHold::End() {
  HOLDFAST_RETURN_IF_ERROR(EndClaim(ExitCode::kOk, "done", ""));
  return ReleaseLease(env_.tenant, record_.id(), lease_);
}

}  // namespace holdfast::runtime
