#include "runtime/step/gc/orphans.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/store/bundle_use.h"
#include "runtime/store/claim.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/removal_hold.h"
#include "runtime/store/rubbish.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// Data of attempts that lost, in one checkpoint that nobody works on.
Status RemoveLostAttempts(const StepEnvironment& env, const GcOptions& options,
                          const Record& record, std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(LostData lost, FindLostData(record));
  if (lost.objects() > 0 && lost.without_manifest.empty() && !options.dry_run) {
    auto removed = RemoveLostData(record, RemovalOf(env));
    // A resume was faster: its end leaves the rest to the next gc.
    if (!removed && removed.error().code() == ErrorCode::kLocked) return Ok();
    if (!removed) return std::move(removed).error();
    lost = std::move(*removed);
  }
  if (!lost.without_manifest.empty()) {
    return Corrupt(fmt::format("the object {}/{} is missing", record.section().prefix(),
                               lost.without_manifest.begin()->second));
  }
  for (const auto& [attempt, objects] : lost.attempts) {
    actions.push_back({fmt::format("checkpoint {}", record.id()),
                       fmt::format("remove {} of the lost attempt {}",
                                   Counted(objects.size(), "object"), attempt),
                       false});
  }
  return Ok();
}

// Somebody was faster: what is there is theirs now, or is left to the next gc.
Status UnlessSomebodyWorksOnIt(Status removed, std::vector<GcAction>& actions) {
  if (removed || removed.error().code() != ErrorCode::kLocked) return removed;
  actions.pop_back();
  return Ok();
}

Status RemoveTombstoneOf(const StepEnvironment& env, const GcOptions& options, const Record& record,
                         std::vector<GcAction>& actions) {
  actions.push_back({fmt::format("checkpoint {}", record.id()), "remove the tombstone", false});
  if (options.dry_run) return Ok();
  return UnlessSomebodyWorksOnIt(RemoveTombstone(record, RemovalOf(env)), actions);
}

// What lies beside a tombstone that stays.
Status RemoveLeftOfDeletedOf(const StepEnvironment& env, const GcOptions& options,
                             const Record& record, std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  if (unfinished) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t objects, CountLeftOfDeleted(record));
  if (objects == 0) return Ok();
  actions.push_back({fmt::format("checkpoint {}", record.id()),
                     fmt::format("remove {} of what was deleted", Counted(objects, "object")),
                     false});
  if (options.dry_run) return Ok();
  return UnlessSomebodyWorksOnIt(RemoveLeftOfDeleted(record, RemovalOf(env)), actions);
}

// Objects of a record without a state, that no marker names: what a gc that was killed left of a
// tombstone, or a begin whose marker was removed.
Status RemoveRestOf(const StepEnvironment& env, const GcOptions& options, const Record& record,
                    std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  if (unfinished) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const bool rest, IsRest(record));
  if (!rest)
    return Corrupt(fmt::format("the object {}/{} is missing", record.section().prefix(),
                               StatePrefix() + NumberPart(1)));
  HOLDFAST_ASSIGN_OR_RETURN(const std::size_t objects, CountRest(record));
  if (objects == 0) return Ok();
  actions.push_back(
      {fmt::format("checkpoint {}", record.id()),
       fmt::format("remove {} of a record that never was", Counted(objects, "object")), false});
  if (options.dry_run) return Ok();
  return UnlessSomebodyWorksOnIt(RemoveRest(record, RemovalOf(env)), actions);
}

// With the lease of the checkpoint, so that no deletion begins meanwhile.
Status WriteIndicesHeld(const StepEnvironment& env, const Record& record, const RecordHead& head,
                        const Lease& lease) {
  // It was looked at before the lease was had.
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  if (unfinished || !state || state->state != RecordState::kAvailable) {
    return Error(ErrorCode::kLocked,
                 fmt::format("somebody works on the checkpoint {}", Printable(record.id())));
  }
  return WriteIndices(record, head, [&] { return CheckStillHeld(env.tenant, record.id(), lease); });
}

// Entries that an available checkpoint lacks: the begin of a deletion may have taken one while its end, or a gc, made the checkpoint
// available again. `indexed`: the keys of the entries that are listed.
Status WriteLostIndices(const StepEnvironment& env, const GcOptions& options, const Record& record,
                        const RecordHead& head, const std::vector<std::string>& indexed,
                        std::vector<GcAction>& actions) {
  std::size_t lost = 0;
  const auto keys = IndexKeys(record, head);
  for (const std::string& key : keys) {
    if (std::find(indexed.begin(), indexed.end(), key) != indexed.end()) continue;
    // A listing may lag.
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, env.tenant.Exists(key));
    if (!there) ++lost;
  }
  // Of one that a deletion has begun with no entry is there, and its `deleting` may be what was lost: that is damage, and stays so.
  if (lost == 0 || lost == keys.size()) return Ok();
  actions.push_back(
      {fmt::format("checkpoint {}", record.id()),
       fmt::format("write {} of the indices", Counted(lost, "missing entry", "missing entries")),
       false});
  if (options.dry_run) return Ok();
  const WallTime now = env.clock.Now();
  HOLDFAST_ASSIGN_OR_RETURN(const auto before, CurrentLease(env.tenant, record.id()));
  if (before && !before->gone(now))
    return UnlessSomebodyWorksOnIt(RecordHeldError(env.tenant, record.id(), *before), actions);
  auto lease =
      TakeLeaseToEnd(env.tenant, record.id(), RemovalOf(env).run, "", before, kRemovalExpiry, now);
  if (!lease) return UnlessSomebodyWorksOnIt(std::move(lease).error(), actions);
  Status written = WriteIndicesHeld(env, record, head, *lease);
  HOLDFAST_RETURN_IF_ERROR(ReleaseLease(env.tenant, record.id(), *lease));
  return UnlessSomebodyWorksOnIt(std::move(written), actions);
}

// One record, on which nobody else may work.
Status RemoveOf(const StepEnvironment& env, const GcOptions& options, const Record& record,
                const std::vector<std::string>& indexed, std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  const bool deleted = !states.empty() && states.back().state == RecordState::kDeleted;
  if (!deleted) {
    HOLDFAST_RETURN_IF_ERROR(record.States());
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
    if (!states.empty() && !head)
      return Corrupt(fmt::format("the object {}/plan is missing", record.section().prefix()));
  }
  if (record.kind() != RecordKind::kCheckpoint) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(env.tenant, record.id()));
  if (lease && !lease->gone(env.clock.Now())) return Ok();
  if (states.empty()) return RemoveRestOf(env, options, record, actions);
  const StateEntry& state = states.back();
  if (deleted) {
    HOLDFAST_RETURN_IF_ERROR(CheckHasItsLastState(record, state));
    if (state.time + options.tombstone_age > env.clock.Now())
      return RemoveLeftOfDeletedOf(env, options, record, actions);
    return RemoveTombstoneOf(env, options, record, actions);
  }
  if (state.state != RecordState::kAvailable && state.state != RecordState::kError) return Ok();
  HOLDFAST_RETURN_IF_ERROR(record.Graph());
  HOLDFAST_RETURN_IF_ERROR(RemoveLostAttempts(env, options, record, actions));
  if (state.state != RecordState::kAvailable) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (!head) return Ok();
  return WriteLostIndices(env, options, record, *head, indexed, actions);
}

// What is named by now, with what has just begun: the runs of what is not finished, whose records may not name it yet.
Result<std::optional<std::set<std::string>>> FindNamedBundles(const StepEnvironment& env) {
  std::set<std::string> named;
  for (const RecordKind kind : kAllRecordKinds) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListRecordIds(env.tenant, kind));
    for (const std::string& id : ids) {
      if (env.cancellation.is_set()) return CancelledError();
      HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(env.tenant, kind, id));
      HOLDFAST_ASSIGN_OR_RETURN(auto bundle, record.BundleName());
      if (bundle) {
        named.insert(std::move(*bundle));
        continue;
      }
      HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
      const bool matters = !states.empty() && states.back().state != RecordState::kDeleted;
      if (matters) return std::optional<std::set<std::string>>();
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(env.tenant));
  for (const Unfinished& one : unfinished) {
    const auto lease = CurrentLease(env.tenant, one.record);
    if (!lease && !IsDamage(lease.error())) return lease.error();
    if (!lease || !*lease) continue;
    const auto entry = ReadRun(env.tenant, (*lease)->run);
    if (!entry && !IsDamage(entry.error())) return entry.error();
    if (entry && *entry) named.insert((*entry)->bundle);
  }
  return std::optional(std::move(named));
}

Status RemoveUnnamedBundles(const StepEnvironment& env, const GcOptions& options,
                            const std::set<std::string>& named, std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto bundles,
      FindUnnamedBundles(env.tenant, named, options.bundle_age, env.clock.Now()));
  const auto tell = [&actions](const std::string& sha256) {
    actions.push_back({"bundle " + sha256.substr(0, 12), "remove: no record names it", false});
  };
  if (!options.dry_run) {
    return RemoveBundles(
        env.tenant, env.clock, bundles, options.bundle_age,
        [&env] { return FindNamedBundles(env); }, tell);
  }
  for (const auto& [sha256, keys] : bundles) tell(sha256);
  return Ok();
}

}  // namespace

Removal RemovalOf(const StepEnvironment& env) {
  return {"gc-" + NewAttemptId(1), {}, env.clock, &env.cancellation};
}

Status RemoveOrphans(const StepEnvironment& env, const GcOptions& options,
                     std::vector<GcAction>& actions) {
  std::set<std::string> bundles;
  bool all_known = true;
  HOLDFAST_ASSIGN_OR_RETURN(auto indices, ReadIndexKeys(env.tenant));
  for (const RecordKind kind : kAllRecordKinds) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListRecordIds(env.tenant, kind));
    for (const std::string& id : ids) {
      if (env.cancellation.is_set()) return CancelledError();
      HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(env.tenant, kind, id));
      HOLDFAST_ASSIGN_OR_RETURN(const auto bundle, record.BundleName());
      if (bundle) bundles.insert(*bundle);
      Status done = RemoveOf(env, options, record, indices[id], actions);
      if (done) continue;
      // One that is damaged keeps nobody from the others.
      if (!IsDamage(done.error())) return done;
      all_known = all_known && bundle.has_value();
      const std::string subject = fmt::format("{} {}", NameOf(kind), id);
      const bool told = std::any_of(actions.begin(), actions.end(), [&](const GcAction& action) {
        return action.subject == subject && action.failed;
      });
      if (!told) actions.push_back({subject, "is damaged: " + done.error().OneLine(), true});
    }
  }
  // Of a record that does not say which bundle it is of, any may be the one.
  if (!all_known) return Ok();
  return RemoveUnnamedBundles(env, options, bundles, actions);
}

}  // namespace holdfast::runtime
