#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"
#include "runtime/step/latest_progress.h"
#include "runtime/store/claim.h"
#include "runtime/store/lease.h"

namespace holdfast::runtime {

// The protection plugin of a resource type, borrowed; kInvalidInput when there is none.
using PluginLookup = std::function<Result<ProtectionPlugin*>(std::string_view type)>;

// Everything that a process which works on a record needs from outside. Borrowed by the driver,
// begin, end and gc; outlives them. One per process (tests: one per process that they play).
struct StepEnvironment {
  BankSection tenant;       // t/<tenant>, writable
  std::string tenant_name;  // "local"
  std::string provider_id;
  PluginLookup protection;
  const Clock& clock;
  Logger& log;
  ProcessRunner& processes;
  // Set by SIGTERM, and by the runtime itself when the lease is lost.
  Cancellation& cancellation;
  ProcessIdentity self;
  // Waits for about so long, returning early when `cancellation` is set.
  std::function<void(std::chrono::milliseconds)> pause;
  DataOptions data;

  // The folder of this machine that the bank is in (Provider::bank_folder); empty: it is elsewhere.
  // No activity of protect or restore is let near it.
  std::string bank_folder = {};

  std::chrono::milliseconds lease_expiry = kLeaseExpiry;
  std::chrono::milliseconds claim_expiry = kClaimExpiry;
  std::chrono::milliseconds heartbeat_every = kClaimHeartbeatEvery;

  // Told how far the activity that runs has come; may be null.
  LatestProgress* progress = nullptr;
};

// The real pause: sleeps in slices of at most 50 ms.
std::function<void(std::chrono::milliseconds)> SleepingPause(const Cancellation& cancellation);

}  // namespace holdfast::runtime
