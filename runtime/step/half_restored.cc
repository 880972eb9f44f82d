#include "runtime/step/half_restored.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "plugins/sdk/text.h"
#include "runtime/step/run_places.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/indices.h"
#include "runtime/store/journal.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// May an attempt have done something of this activity? Not when it says that it was omitted, or kept out by
// somebody's lock.
bool MayHaveActed(const Attempt& attempt, const ResourceKey& resource, ActivityKind kind) {
  for (const ActivityOutcome& outcome : attempt.outcomes) {
    if (outcome.kind == kind && outcome.resource == resource)
      return outcome.outcome != Outcome::kOmitted;
  }
  return !attempt.result || attempt.result->how != "locked";
}

// Has the restore of a resource got so far that data may be written? Its pre, where it has more than that,
// only looks and refuses.
Result<bool> MayHaveWritten(const BankSection& record, const BundleResource& resource) {
  const ResourceKey& key = resource.resource.key;
  for (const ActivityKind kind : {ActivityKind::kPreFinish, ActivityKind::kParallel,
                                  ActivityKind::kPost, ActivityKind::kPre}) {
    const std::string& step = resource.StepOf(kind);
    if (step.empty()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal journal, ReadStepJournal(record, step));
    const bool acted =
        std::any_of(journal.attempts.begin(), journal.attempts.end(),
                    [&](const Attempt& attempt) { return MayHaveActed(attempt, key, kind); });
    if (acted) return true;
    // A post cleans up, and a pre prepares, where there is a parallel that writes.
    if (kind == ActivityKind::kParallel) return false;
  }
  return false;
}

// Where the restore of a record may have written.
Result<RunPlaces> PlacesWritten(const PluginLookup& protection, const BankSection& record,
                                StoredBundle& bundle) {
  RunPlaces written;
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle.AllResources());
  for (const auto& [key, entry] : resources) {
    const auto plugin = protection(key.type);
    if (!plugin) continue;
    RunPlaces own;
    own.Add(**plugin, Operation::kRestore, entry->resource, entry->parameters);
    if (own.empty()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const bool may_have, MayHaveWritten(record, *entry));
    if (may_have) written.Add(**plugin, Operation::kRestore, entry->resource, entry->parameters);
  }
  return written;
}

struct HalfRestored {
  std::string restore;
  std::string reason;  // why it did not end well
  WallTime ended;
  RunPlaces places;
};

// nullopt: it is of another provider, whose places are perhaps another machine's, or is not known any more,
// or ended well after all, or works again, which `begin` has looked at.
Result<std::optional<HalfRestored>> ReadHalfRestored(const StepEnvironment& env,
                                                     const std::string& restore) {
  const std::optional<HalfRestored> none;
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(env.tenant, RecordKind::kRestore, restore));
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  if (!head || head->provider_id != env.provider_id) return none;
  if (!state || state->state != RecordState::kError) return none;
  auto bundle = StoredBundle::Open(env.tenant, head->bundle);
  if (!bundle) {
    if (bundle.error().code() == ErrorCode::kNotFound) return none;
    return std::move(bundle).error();
  }
  HalfRestored half{restore, state->reason, state->time, {}};
  HOLDFAST_ASSIGN_OR_RETURN(half.places, PlacesWritten(env.protection, record.section(), *bundle));
  return std::optional<HalfRestored>(std::move(half));
}

// Those that can be read: a damaged record keeps nobody from a backup, but is said.
Result<std::vector<HalfRestored>> ReadAllHalfRestored(const StepEnvironment& env,
                                                      std::vector<std::string>& unreadable) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListHalfRestored(env.tenant));
  std::vector<HalfRestored> all;
  for (const std::string& id : ids) {
    auto half = ReadHalfRestored(env, id);
    if (!half && !IsDamage(half.error())) return std::move(half).error();
    if (!half)
      unreadable.push_back(id);
    else if (*half)
      all.push_back(std::move(**half));
  }
  return all;
}

}  // namespace

Status NoteEndOfRestore(const StepEnvironment& env, RunView& run, bool good) {
  const Record& record = run.record();
  HOLDFAST_ASSIGN_OR_RETURN(const RunPlaces written,
                            PlacesWritten(env.protection, record.section(), run.bundle()));
  if (!good) return written.empty() ? Ok() : MarkHalfRestored(record);
  HOLDFAST_RETURN_IF_ERROR(RemoveHalfRestored(env.tenant, record.id()));
  std::vector<std::string> unreadable;
  HOLDFAST_ASSIGN_OR_RETURN(const auto others, ReadAllHalfRestored(env, unreadable));
  for (const HalfRestored& other : others) {
    if (!written.Hold(other.places)) continue;
    HOLDFAST_RETURN_IF_ERROR(RemoveHalfRestored(env.tenant, other.restore));
  }
  return Ok();
}

Result<std::vector<std::string>> WarnOfHalfRestored(const StepEnvironment& env,
                                                    const ProtectionPlugin& plugin,
                                                    const Resource& resource,
                                                    const Value& parameters) {
  std::vector<std::string> warnings;
  RunPlaces mine;
  mine.Add(plugin, Operation::kProtect, resource, parameters);
  if (mine.empty()) return warnings;
  std::vector<std::string> unreadable;
  HOLDFAST_ASSIGN_OR_RETURN(const auto all, ReadAllHalfRestored(env, unreadable));
  for (const HalfRestored& half : all) {
    const RunPlaces::Use* const meeting = half.places.FindMeeting(mine);
    if (meeting == nullptr) continue;
    warnings.push_back(
        fmt::format("restore {} wrote to {} and did not end well on {}: what is protected may mix "
                    "two points in "
                    "time; restore it again, or 'holdfast restores accept {}' when it is whole",
                    half.restore, meeting->place.str(), FormatTime(half.ended), half.restore));
  }
  for (const std::string& id : unreadable) {
    warnings.push_back(fmt::format(
        "restore {} did not end well, and where it wrote cannot be read: what is protected may mix "
        "two points in time; 'holdfast restores accept {}' when it does not",
        id, id));
  }
  return warnings;
}

}  // namespace holdfast::runtime
