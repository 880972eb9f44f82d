#include "runtime/step/heartbeat.h"

#include <pthread.h>

#include <csignal>

#include "runtime/store/layout.h"

namespace holdfast::runtime {

Heartbeat::Heartbeat(const StepEnvironment& env, const Record& record, std::string step,
                     Claim claim, Lease lease)
    : env_(env),
      record_(record),
      step_(std::move(step)),
      claim_(std::move(claim)),
      lease_(std::move(lease)) {
  // Signals are the main thread's: it sits in calls that a signal has to interrupt.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Heartbeat::Loop() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, env_.heartbeat_every, [this] { return stop_; })) {
    lock.unlock();
    const Status beat = Beat();
    lock.lock();
    if (beat) continue;
    if (beat.error().code() == ErrorCode::kLocked) {
      fenced_.store(true);
      env_.cancellation.Set();
      return;
    }
    env_.log.Log(LogLevel::kWarning,
                 "the heartbeat could not be written: " + beat.error().OneLine());
  }
}

Status Heartbeat::Beat() {
  HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(record_.tenant(), record_.id(), lease_));
  HOLDFAST_ASSIGN_OR_RETURN(
      const bool taken_over,
      record_.section().Exists(ClaimPrefix(step_) + NumberPart(claim_.number + 1)));
  if (taken_over) {
    return Error(ErrorCode::kLocked, "the claim of step " + step_ + " was taken over");
  }
  const WallTime now = env_.clock.Now();
  if (env_.progress != nullptr) claim_.progress = env_.progress->Text();
  HOLDFAST_RETURN_IF_ERROR(RenewClaim(record_.section(), step_, claim_, now));
  if (lease_.expires - now > env_.lease_expiry / 2) return Ok();
  return RenewLease(record_.tenant(), record_.id(), lease_, env_.lease_expiry, now);
}

}  // namespace holdfast::runtime
