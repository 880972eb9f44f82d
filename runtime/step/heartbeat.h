#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/step/step_environment.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// Keeps a claim and the lease alive while an activity runs, on a thread of its own: an activity may
// be inside one long call and cannot be asked. The first beat is heartbeat_every after the start;
// a step that is over by then has written nothing and only started a thread that slept.
// When a greater token or a newer claim turns up it sets fenced() and env.cancellation, and beats
// no more: `end` waits for exactly that. A bank that fails for a moment is tried again.
class Heartbeat {
 public:
  Heartbeat(const StepEnvironment& env, const Record& record, std::string step, Claim claim,
            Lease lease);
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  bool fenced() const { return fenced_.load(); }

 private:
  void Loop();
  Status Beat();

  const StepEnvironment& env_;
  Record record_;
  std::string step_;
  Claim claim_;  // of the thread
  Lease lease_;  // of the thread
  std::atomic<bool> fenced_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace holdfast::runtime
