#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plugins/conformance/plugin_checks.h"
#include "plugins/conformance/trial.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::conformance {
namespace {

// In the order of a life; what is deleted cannot be verified.
constexpr std::array kLife{Operation::kProtect, Operation::kVerify, Operation::kRestore,
                           Operation::kDelete};
// No more disturbances of one activity than this: a long copy has thousands of calls.
constexpr std::uint64_t kMostDisturbances = 40;

Status MustSucceed(Trial& trial, Operation operation, ActivityKind kind, std::string_view when,
                   bool all_succeeded = true) {
  HOLDFAST_ASSIGN_OR_RETURN(Call call,
                            trial.Run(operation, kind, {.all_succeeded = all_succeeded}));
  if (call.outcome) return Ok();
  return std::move(call.outcome)
      .error()
      .While(fmt::format("{} {}", NameOfActivity(operation, kind), when));
}

Status MustBeAsBefore(const Trial& trial, const std::string& before, std::string_view after_what) {
  const std::string now = trial.Listing();
  if (now == before) return Ok();
  // The first line that only one of them has says most.
  const auto old_lines = Split(before, '\n');
  const auto new_lines = Split(now, '\n');
  for (const std::string_view line : new_lines) {
    if (std::find(old_lines.begin(), old_lines.end(), line) == old_lines.end()) {
      return Internal(fmt::format("after {} there is something else in its folder: {}", after_what,
                                  Printable(line)));
    }
  }
  return Internal(fmt::format("after {} something of its folder is gone", after_what));
}

// Plays a life in which each activity is first called with one disturbance after the other, as long
// as they still disturb it, and then without.
template <class Disturb>
Status PlayDisturbedLife(const PluginUnderTest& plugin, const PluginCheckOptions& options,
                         std::string_view what, Disturb disturb) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  const std::string before = trial->Listing();
  for (const Operation operation : kLife) {
    for (const ActivityKind kind : kAllActivityKinds) {
      bool done = false;
      for (std::uint64_t n = 1; n <= kMostDisturbances && !done; ++n) {
        HOLDFAST_ASSIGN_OR_RETURN(done, disturb(*trial, operation, kind, n));
      }
      HOLDFAST_RETURN_IF_ERROR(MustSucceed(*trial, operation, kind, what));
    }
    if (operation == Operation::kProtect || operation == Operation::kVerify) {
      HOLDFAST_RETURN_IF_ERROR(MustBeAsBefore(*trial, before, NameOf(operation)));
    }
  }
  return Ok();
}

}  // namespace

Status ALifeFromProtectToDeleteSucceeds(const PluginUnderTest& plugin,
                                        const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kProtect));
  {
    MemoryCheckpoint checkpoint = trial->Reader(Operation::kRestore);
    if (trial->descriptor().has_saved_info) {
      const auto saved = checkpoint.SavedInfo(trial->resource());
      if (!saved) return Error(saved.error()).While("it declares saved info");
    }
  }
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kVerify));
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kRestore));
  {
    MemoryCheckpoint checkpoint = trial->Reader(Operation::kRestore);
    HOLDFAST_ASSIGN_OR_RETURN(const auto now, checkpoint.NewResource(trial->resource().key));
    if (!now && trial->descriptor().operation(Operation::kRestore).DefinesAny()) {
      return Internal("restore did not say what the resource is now (SetNewResource)");
    }
  }
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kDelete));
  if (const std::size_t left = trial->Reader(Operation::kDelete).StoredObjects(trial->resource());
      left != 0) {
    return Internal(fmt::format("delete left {} of data", Counted(left, "object")));
  }
  trial->NextRecord();
  if (Status again = trial->RunAll(Operation::kDelete); !again) {
    return std::move(again).error().While("deleting again");
  }
  return Ok();
}

Status VerifyFindsEveryDamagedStream(const PluginUnderTest& plugin,
                                     const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  if (!trial->descriptor().operation(Operation::kVerify).DefinesAny()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kProtect));
  MemoryCheckpoint checkpoint = trial->Reader(Operation::kVerify);
  HOLDFAST_ASSIGN_OR_RETURN(const auto streams, checkpoint.ListData(trial->resource()));
  for (const DataInfo& stream : streams) {
    if (stream.size == 0) continue;
    HOLDFAST_RETURN_IF_ERROR(checkpoint.Damage(trial->resource(), stream.name));
    trial->NextRecord();
    Status verified = trial->RunAll(Operation::kVerify);
    if (verified) {
      return Internal(
          fmt::format("verify did not see that the stream '{}' is damaged", stream.name));
    }
    if (verified.error().code() != ErrorCode::kCorrupt) {
      return std::move(verified).error().While("a damaged stream is not reported as corrupt");
    }
    // The same byte once more is the old one.
    HOLDFAST_RETURN_IF_ERROR(checkpoint.Damage(trial->resource(), stream.name));
  }
  trial->NextRecord();
  return trial->RunAll(Operation::kVerify);
}

Status ProtectAndVerifyLeaveTheirSourceAlone(const PluginUnderTest& plugin,
                                             const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  const std::string before = trial->Listing();
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kProtect));
  HOLDFAST_RETURN_IF_ERROR(MustBeAsBefore(*trial, before, "protect"));
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kVerify));
  return MustBeAsBefore(*trial, before, "verify");
}

Status EveryActivityMayRunTwice(const PluginUnderTest& plugin, const PluginCheckOptions& options) {
  // As after a crash between the work's end and its record.
  return PlayDisturbedLife(
      plugin, options, "the second time",
      [](Trial& trial, Operation operation, ActivityKind kind, std::uint64_t) -> Result<bool> {
        HOLDFAST_RETURN_IF_ERROR(MustSucceed(trial, operation, kind, "the first time"));
        return true;
      });
}

Status EveryActivityMayBeDroppedAtAYield(const PluginUnderTest& plugin,
                                         const PluginCheckOptions& options) {
  return PlayDisturbedLife(
      plugin, options, "after it was dropped at its yields",
      [](Trial& trial, Operation operation, ActivityKind kind, std::uint64_t n) -> Result<bool> {
        HOLDFAST_ASSIGN_OR_RETURN(Call call, trial.Run(operation, kind, {.drop_at_yield = n}));
        if (call.dropped) return false;
        if (!call.outcome) {
          return std::move(call.outcome)
              .error()
              .While(fmt::format("{} after it was dropped {}", NameOfActivity(operation, kind),
                                 Counted(n - 1, "time")));
        }
        return true;
      });
}

Status EveryActivityMayLoseItsBank(const PluginUnderTest& plugin,
                                   const PluginCheckOptions& options) {
  return PlayDisturbedLife(
      plugin, options, "after its bank was gone for a while",
      [](Trial& trial, Operation operation, ActivityKind kind, std::uint64_t n) -> Result<bool> {
        HOLDFAST_ASSIGN_OR_RETURN(Call call, trial.Run(operation, kind, {.bank_gone_at = n}));
        const std::string activity = NameOfActivity(operation, kind);
        if (call.broke && call.outcome) {
          return Internal(
              fmt::format("{} succeeded although its bank was gone from call {} on", activity, n));
        }
        if (!call.broke && !call.outcome) {
          return std::move(call.outcome)
              .error()
              .While(fmt::format("{} after its bank had been gone", activity));
        }
        return !call.broke;
      });
}

Status EveryActivityMayBeCancelledAndRunAgain(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options) {
  return PlayDisturbedLife(
      plugin, options, "after it was cancelled",
      [](Trial& trial, Operation operation, ActivityKind kind, std::uint64_t) -> Result<bool> {
        HOLDFAST_RETURN_IF_ERROR(trial.Run(operation, kind, {.cancelled = true}));
        return true;
      });
}

Status CleanUpSucceedsWhereNothingWasDone(const PluginUnderTest& plugin,
                                          const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto fresh, Trial::Make(plugin, options, "fresh"));
  if (!fresh->descriptor().post_acts_on_failure) return Ok();
  const auto clean_up = [](Trial& trial, Operation operation) -> Status {
    const std::string before = trial.Listing();
    HOLDFAST_RETURN_IF_ERROR(MustSucceed(trial, operation, ActivityKind::kPost,
                                         "of a resource whose pre never began", false));
    return MustBeAsBefore(trial, before, "a clean-up of nothing");
  };
  HOLDFAST_RETURN_IF_ERROR(clean_up(*fresh, Operation::kProtect));
  // The others work on a checkpoint that is there.
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_RETURN_IF_ERROR(trial->RunAll(Operation::kProtect));
  for (const Operation operation : {Operation::kVerify, Operation::kRestore, Operation::kDelete}) {
    HOLDFAST_RETURN_IF_ERROR(clean_up(*trial, operation));
  }
  return Ok();
}

Status CleanUpTakesAwayWhatAFailedProtectLeft(const PluginUnderTest& plugin,
                                              const PluginCheckOptions& options) {
  for (const ActivityKind broken :
       {ActivityKind::kPre, ActivityKind::kPreFinish, ActivityKind::kParallel}) {
    bool broke = true;
    for (std::uint64_t n = 1; n <= kMostDisturbances && broke; ++n) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const auto trial, Trial::Make(plugin, options, fmt::format("{}-{}", NameOf(broken), n)));
      if (!trial->descriptor().post_acts_on_failure) return Ok();
      const std::string before = trial->Listing();
      for (const ActivityKind kind : kAllActivityKinds) {
        if (kind == broken) break;
        HOLDFAST_RETURN_IF_ERROR(
            MustSucceed(*trial, Operation::kProtect, kind, "before the failure"));
      }
      HOLDFAST_ASSIGN_OR_RETURN(const Call call,
                                trial->Run(Operation::kProtect, broken, {.bank_gone_at = n}));
      broke = call.broke;
      // A pre_finish that failed is not asked again; post has to do what it owed.
      HOLDFAST_RETURN_IF_ERROR(MustSucceed(*trial, Operation::kProtect, ActivityKind::kPost,
                                           fmt::format("after {} failed", NameOf(broken)), false));
      HOLDFAST_RETURN_IF_ERROR(
          MustBeAsBefore(*trial, before, "a protect that failed and its clean-up"));
    }
  }
  return Ok();
}

}  // namespace holdfast::plugins::conformance
