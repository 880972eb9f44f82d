#include "runtime/step/rival.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/step/run_places.h"

namespace holdfast::runtime {
namespace {

// What a run of the bundle brings to rest. By what was compiled, not by the plugins of this
// provider: a bank may hold records of others.
Result<std::set<ResourceKey>> BroughtToRestBy(StoredBundle& bundle) {
  std::set<std::string_view> plugins;
  for (const PluginDescriptor& plugin : bundle.bundle().plugins) {
    if (plugin.quiesces) plugins.insert(plugin.name);
  }
  std::set<ResourceKey> keys;
  if (plugins.empty()) return keys;
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle.AllResources());
  for (const auto& [key, resource] : resources) {
    const bool prepares = !resource->StepOf(ActivityKind::kPre).empty();
    if (prepares && plugins.contains(resource->plugin)) keys.insert(key);
  }
  return keys;
}

// What a protect or restore has that another may get in the way of.
struct Claims {
  Operation operation = Operation::kProtect;
  std::string provider_id;
  std::set<ResourceKey> at_rest;
  RunPlaces places;
};

Result<Claims> ClaimsOf(const PluginLookup& protection, StoredBundle& bundle) {
  Claims claims;
  claims.operation = bundle.bundle().operation;
  claims.provider_id = bundle.bundle().provider_id;
  HOLDFAST_ASSIGN_OR_RETURN(claims.at_rest, BroughtToRestBy(bundle));
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle.AllResources());
  for (const auto& [key, entry] : resources) {
    const auto plugin = protection(key.type);
    if (!entry->HasSteps() || !plugin) continue;
    claims.places.Add(**plugin, claims.operation, entry->resource, entry->parameters);
  }
  return claims;
}

// Sets what of `mine` is in the way of `theirs`; false: nothing.
bool SetWhatMeets(const Claims& mine, const Claims& theirs, Rival& rival) {
  for (const ResourceKey& key : mine.at_rest) {
    if (!theirs.at_rest.contains(key)) continue;
    rival.resource = key;
    return true;
  }
  // Of another provider the places are perhaps another machine's; and who only reads disturbs nobody.
  if (mine.provider_id != theirs.provider_id) return false;
  if (mine.operation == Operation::kProtect && theirs.operation == Operation::kProtect)
    return false;
  const RunPlaces::Use* const meeting = mine.places.FindMeeting(theirs.places);
  if (meeting == nullptr) return false;
  rival.resource = meeting->resource;
  rival.place = meeting->place.str();
  return true;
}

// nullopt: it is no rival.
Result<std::optional<Rival>> AsRival(const BankSection& tenant, const PluginLookup& protection,
                                     const Unfinished& other, const Claims& mine) {
  Rival rival;
  rival.kind = other.kind;
  rival.record = other.record;
  HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, other.kind, other.record));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  // Ended, but for the marker.
  if (state && state->state != RecordState::kProtecting &&
      state->state != RecordState::kRestoring && state->state != RecordState::kError) {
    return std::optional<Rival>();
  }
  auto lease = CurrentLease(tenant, other.record);
  if (!lease) {
    // Damage: whoever it was may work on it.
    if (lease.error().code() != ErrorCode::kCorrupt) return std::move(lease).error();
    if (state) rival.run = state->run;
  } else {
    if (!*lease) return std::optional<Rival>();
    rival.lease = std::move(*lease);
    HOLDFAST_ASSIGN_OR_RETURN(rival.entry, RunThatHas(record, *rival.lease));
  }
  if (!rival.entry) {
    HOLDFAST_ASSIGN_OR_RETURN(rival.entry, NewestRunOn(record));
  }
  rival.run = rival.entry ? rival.entry->run : rival.lease ? rival.lease->run : rival.run;
  HOLDFAST_ASSIGN_OR_RETURN(rival.head, record.Head());
  if (!rival.head && !rival.entry) return std::optional<Rival>();
  rival.bundle = rival.head ? rival.head->bundle : rival.entry->bundle;
  auto bundle = StoredBundle::Open(tenant, rival.bundle);
  if (!bundle) {
    // Without it nobody, gc included, runs a step of it.
    if (bundle.error().code() == ErrorCode::kNotFound) return std::optional<Rival>();
    return std::move(bundle).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Claims theirs, ClaimsOf(protection, *bundle));
  rival.provider_id = rival.head ? rival.head->provider_id : theirs.provider_id;
  if (!SetWhatMeets(mine, theirs, rival)) return std::optional<Rival>();
  return std::optional<Rival>(std::move(rival));
}

}  // namespace

Result<std::optional<Rival>> FindRival(const BankSection& tenant, const PluginLookup& protection,
                                       const std::string& record, StoredBundle& bundle) {
  const Operation operation = bundle.bundle().operation;
  if (operation != Operation::kProtect && operation != Operation::kRestore)
    return std::optional<Rival>();
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(tenant));
  std::optional<Claims> mine;
  for (const Unfinished& other : unfinished) {
    const bool may_be = other.kind == RecordKind::kCheckpoint || other.kind == RecordKind::kRestore;
    if (!may_be || other.record == record) continue;
    if (!mine) {
      HOLDFAST_ASSIGN_OR_RETURN(mine, ClaimsOf(protection, bundle));
    }
    HOLDFAST_ASSIGN_OR_RETURN(auto rival, AsRival(tenant, protection, other, *mine));
    if (rival) return rival;
  }
  return std::optional<Rival>();
}

Error RivalError(const Rival& rival, WallTime now) {
  const std::string started_by = rival.entry && !rival.entry->started_by.empty()
                                     ? ", started by " + Printable(rival.entry->started_by) + ","
                                     : "";
  const std::string what =
      rival.place.empty()
          ? fmt::format(
                "brings {} to rest, too, and the {} {} is not ended: one of the two would "
                "let it go on while the other needs it at rest",
                Printable(rival.resource.str()), NameOf(rival.kind), rival.record)
          : fmt::format(
                "works on {}, too, which is that of {} here, and the {} {} is not ended: "
                "one of the two would read or overwrite what the other is only writing",
                rival.place, Printable(rival.resource.str()), NameOf(rival.kind), rival.record);
  Error error(ErrorCode::kLocked,
              fmt::format("run {}{} {}", rival.run.empty() ? "?" : rival.run, started_by, what));
  if (rival.gone(now)) {
    return std::move(error).Hint(
        "nobody works on it any more: holdfast gc brings it to its end; then run this again");
  }
  return std::move(error).Hint(fmt::format(
      "wait for its end{}, then run this again",
      rival.run.empty() ? "" : "; if its engine is dead: holdfast gc --run " + rival.run));
}

}  // namespace holdfast::runtime
