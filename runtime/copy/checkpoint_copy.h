#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"
#include "runtime/step/step_environment.h"
#include "runtime/store/listing.h"

namespace holdfast::runtime {

// One checkpoint from one provider's bank to another's, where it is the same checkpoint: same id, plan, graph, bundle,
// points in time, data and saved info, of the other provider, with what says where it came from. How its data is cut,
// compressed and encrypted is the other provider's. Pins, verifications and restores stay where they are.
//
// Write order in the target: marker, claim, lease; segments and manifests, under the attempt; graph, head, bundle,
// journal; then, once every manifest has read back, the state available, which is the only one that a copy has; the
// indices; the marker goes. Before that state there is no checkpoint for any reader; a copy that comes
// again goes on with what is there, and what nobody goes on with gc removes as what a begin left that did not succeed.

// Where it is read from. Nothing there is written but what keeps the checkpoint from being deleted meanwhile
// (source_hold.h), and that goes again.
struct CopySource {
  BankSection
      tenant;  // t/<tenant>; one that is not writable is read all the same, and a warning says so
  std::string provider_id;
  std::string provider_name;
  std::string bank;  // for people
  DataOptions data;
};

struct CopyProgress {
  std::uint64_t bytes = 0;  // plain, of `of`
  std::uint64_t of = 0;
  std::size_t resources = 0;  // done, of `of_resources`
  std::size_t of_resources = 0;
};

struct CopyRequest {
  std::string checkpoint;
  CopySource from;
  // The target, as its records name it; its bank, keys and options are those of the environment.
  std::string provider_name = {};
  std::string bank = {};
  std::string by = {};  // "root@host"
  // Store in plain what is encrypted, where the target has no keys. Without it that is kDenied.
  bool decrypt = false;
  // Also where it was deleted there: what says so is removed first.
  bool over_deleted = true;
  bool dry_run = false;
  std::optional<SteadyTime> deadline = {};  // then it ends as one that is cancelled
  // Called often, and from several threads, one at a time.
  std::function<void(const CopyProgress&)> progress = {};
  // The last verification of a checkpoint of the target, for whoever copies many and reads them once; asked where the
  // checkpoint is there already. Left out: those of this one are read then.
  std::function<Result<std::optional<LastVerification>>(const std::string&)> last_verification = {};
};

enum class CopyEnd {
  kCopied,
  kWouldCopy,  // dry run
  kIsThere,  // the target has it already, whole as far as an end looks, and no verification failed
  kDeletedThere,  // it was copied once, and deleted (with over_deleted off)
};

struct CopyReport {
  CopyEnd end = CopyEnd::kCopied;
  std::string plan;
  WallTime created;
  std::string run;
  std::size_t resources = 0;
  std::uint64_t bytes = 0;   // plain
  std::uint64_t stored = 0;  // in the target
  std::uint64_t reused = 0;  // of `stored`, what was there of an earlier copy
  bool resumed = false;      // there was one that came to nothing
  bool is_encrypted = false;
  bool pinned = false;  // where it came from; the pin stays there
  std::vector<std::string> warnings;
};

// kUsage where both are one provider, or have one bank.
Status CheckIsNoSelfCopy(const StepEnvironment& target, const CopyRequest& request);

// `target`: of the provider that it is copied to, with a writable section. Errors, among them: kNotFound, there is no
// such checkpoint; kInvalidInput, it is not available; kUsage, both are one provider; kConflict, the target has another
// one of that id; kLocked, somebody else works on it, here or there; kDenied, a key is missing, or the
// store is full; kCorrupt, what was read is not what was written, or the target has the copy already and that lacks
// an object, or one has another size, or its last verification failed; kUnavailable, stopped: the same call again goes on.
Result<CopyReport> CopyCheckpoint(const StepEnvironment& target, const CopyRequest& request);

}  // namespace holdfast::runtime
