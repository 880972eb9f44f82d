#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/activity.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/secret.h"

namespace holdfast {

// What surrounds an activity (or a discovery): tenant, time, log, processes. Everything that a
// plugin needs from outside comes from here, never from a singleton. Borrowed by the plugin for
// one call; the members are thread-safe.
class Context {
 public:
  Context(std::string tenant, const Clock& clock, Logger& log, ProcessRunner& processes,
          const Cancellation& cancellation, SteadyTime deadline)
      : tenant_(std::move(tenant)),
        clock_(clock),
        log_(log),
        processes_(processes),
        cancellation_(cancellation),
        deadline_(deadline) {}
  virtual ~Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const std::string& tenant() const { return tenant_; }
  const Clock& clock() const { return clock_; }
  Logger& log() const { return log_; }
  ProcessRunner& processes() const { return processes_; }
  // Set when the step is to end (SIGTERM, deadline): long loops look at it and return
  // CancelledError().
  const Cancellation& cancellation() const { return cancellation_; }
  bool cancelled() const { return cancellation_.is_set() || clock_.Steady() >= deadline_; }
  // When this activity must be over; every external call takes the smaller of it and its own.
  SteadyTime deadline() const { return deadline_; }
  // What is left until the deadline, at least 1 ms, at most `at_most`.
  std::chrono::milliseconds TimeLeft(std::chrono::milliseconds at_most) const;
  // Reports progress from inside a long call (a yield reports too). Throttled by the runtime.
  virtual void Report(const Progress& progress);
  // Reads a secret that a setting names.
  Result<Secret> ReadSecret(const SecretReference& reference) const { return reference.Read(); }

 private:
  std::string tenant_;
  const Clock& clock_;
  Logger& log_;
  ProcessRunner& processes_;
  const Cancellation& cancellation_;
  SteadyTime deadline_;
};

// kUnavailable "stopped": what an activity returns when context.cancelled(). The runtime does not
// record it as a failure: the activity has no outcome (design: semantics, failure).
Error CancelledError();

}  // namespace holdfast
