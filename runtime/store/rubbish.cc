#include "runtime/store/rubbish.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plugins/sdk/context.h"
#include "plugins/sdk/text.h"
#include "runtime/data/segment_names.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/indices.h"
#include "runtime/store/journal.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

void AddSegments(const ResourceKey& resource, const StreamManifest& stream,
                 std::set<std::string>& named) {
  const std::string prefix = DataPrefix(resource) + "/";
  for (std::size_t i = 0; i < stream.segments.size(); ++i)
    named.insert(prefix + SegmentKey(stream, i));
}

// What a checkpoint has of its resources.
struct Held {
  std::set<std::string> named;                  // keys of segments
  std::set<std::string> raw;                    // prefixes of what plugins put, which nobody lists
  std::map<ResourceKey, std::uint64_t> epochs;  // of the manifests that there are
  // "<type>/<id>" of manifests of what the graph does not have: nobody knows what they name.
  std::set<std::string> unknown;
};

// "T/a" of "resources/T/a/..." and of "data/T/a/..."; empty where there is none.
std::string ResourceOfKey(const std::string& key) {
  const std::string of = LeadingParts(key, 3);
  return of.empty() ? of : of.substr(of.find('/') + 1);
}

// `with_data`: the resources of which there is data, as ResourceOfKey has them.
Result<Held> ReadHeld(const Record& checkpoint, const std::set<std::string>& with_data) {
  Held held;
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, checkpoint.section().ListAll("resources/"));
  std::map<std::string, std::uint64_t> listed;
  for (const std::string& key : keys) {
    const auto epoch = EpochOfManifestKey(key);
    const std::string of = ResourceOfKey(key);
    if (!key.ends_with("/manifest") || of.empty()) continue;
    std::uint64_t& newest = listed[of];
    newest = std::max(newest, epoch.value_or(0));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, checkpoint.Graph());
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint));
  std::set<std::string> known;
  for (const ResourceGraph::Node& node : graph.nodes()) {
    const std::string of = ResourceOfKey(ResourcePrefix(node.key) + "/");
    known.insert(of);
    const auto at = listed.find(of);
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest,
                              manifests.Of(node.key, at == listed.end() ? 0 : at->second));
    if (at != listed.end()) listed.erase(at);
    if (!manifest) continue;
    for (const StreamManifest& stream : manifest->streams)
      AddSegments(node.key, stream, held.named);
    held.raw.insert(RawPrefix(node.key, manifest->attempt));
    held.epochs.emplace(node.key, manifest->epoch);
  }
  for (const auto& [of, epoch] : listed) held.unknown.insert(of);
  for (const std::string& of : with_data) {
    if (known.contains(of) || held.unknown.contains(of)) continue;
    const std::uint64_t last = std::max<std::uint64_t>(manifests.latest(), 1);
    for (std::uint64_t epoch = 1; epoch <= last; ++epoch) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const bool there, checkpoint.section().Exists(
                                fmt::format("resources/{}/{}/manifest", of, NumberPart(epoch))));
      if (there) held.unknown.insert(of);
    }
  }
  return held;
}

// Of the bundle, where that is not gone.
struct BundleFacts {
  std::map<ResourceKey, ActivityKind>
      finalising;  // which activity of each resource writes its manifest
  std::set<std::string> steps;
};

// Of a bundle that is damaged this is an error: nothing is taken for rubbish until it is mended.
Result<BundleFacts> ReadBundleFacts(const Record& checkpoint) {
  BundleFacts facts;
  HOLDFAST_ASSIGN_OR_RETURN(const auto name, checkpoint.BundleName());
  if (!name) return facts;
  auto bundle = StoredBundle::Open(checkpoint.tenant(), *name);
  if (!bundle && bundle.error().code() == ErrorCode::kNotFound) return facts;
  if (!bundle) return std::move(bundle).error();
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle->AllResources());
  for (const auto& [key, resource] : resources)
    facts.finalising.emplace(key, FinalisingKind(*resource));
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, bundle->AllSteps());
  for (const BundleStep* const step : steps) facts.steps.insert(step->name);
  return facts;
}

// Of activities of several resources the journaled outcome commits the data (step_attempt.cc): a
// manifest follows from it, where the step is run again. Of all others the manifest is there before the outcome.
Status AddJournaled(const Record& checkpoint, Held& held, LostData& lost) {
  const BankSection& section = checkpoint.section();
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, section.ListAll("journal/"));
  HOLDFAST_ASSIGN_OR_RETURN(BundleFacts facts, ReadBundleFacts(checkpoint));
  const auto finalises = [&](const ActivityOutcome& outcome) {
    const auto kind = facts.finalising.find(outcome.resource);
    return outcome.kind ==
           (kind == facts.finalising.end() ? ActivityKind::kParallel : kind->second);
  };
  // A step's journal may not be listed yet.
  std::set<std::string> steps = std::move(facts.steps);
  for (const std::string& key : keys) {
    const std::string folder = LeadingParts(key, 2);  // journal/<step>
    if (!folder.empty()) steps.insert(folder.substr(std::string_view("journal/").size()));
  }
  for (const std::string& step : steps) {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal journal, ReadStepJournal(section, step));
    for (const Attempt& attempt : journal.attempts) {
      for (const ActivityOutcome& outcome : attempt.outcomes) {
        if (outcome.streams.is_null() && !finalises(outcome)) continue;
        const auto manifest = held.epochs.find(outcome.resource);
        if (manifest != held.epochs.end() && manifest->second >= outcome.epoch) continue;
        held.raw.insert(RawPrefix(outcome.resource, attempt.claim.attempt));
        if (!outcome.streams.is_null()) {
          HOLDFAST_ASSIGN_OR_RETURN(const auto streams, StreamsFromValue(outcome.streams, step));
          for (const StreamManifest& stream : streams)
            AddSegments(outcome.resource, stream, held.named);
        } else if (outcome.outcome == Outcome::kSucceeded) {
          lost.without_manifest[outcome.resource] = ManifestKey(outcome.resource, outcome.epoch);
        }
      }
    }
  }
  return Ok();
}

void EraseNamed(const Held& held, LostData& lost) {
  for (auto& [attempt, objects] : lost.attempts) {
    std::erase_if(objects, [&](const ListedObject& object) {
      return held.named.contains(object.key) || held.raw.contains(LeadingParts(object.key, 5));
    });
  }
  std::erase_if(lost.attempts, [](const auto& entry) { return entry.second.empty(); });
}

// Calls `remove` with the lease of the record, and gives that back.
template <class Remove>
auto UnderHold(const Record& record, const Removal& removal, const Remove& remove)
    -> decltype(remove(std::declval<RemovalHold&>())) {
  HOLDFAST_ASSIGN_OR_RETURN(RemovalHold hold, RemovalHold::Take(record, removal.run, removal.clock,
                                                                removal.cancellation));
  auto removed = remove(hold);
  Status released = hold.Release();
  if (removed && !released) return std::move(released).error();
  return removed;
}

Error SomebodyWorksOn(const Record& record) {
  return {ErrorCode::kLocked,
          fmt::format("somebody works on {} {}", NameOf(record.kind()), Printable(record.id()))};
}

Result<LostData> RemoveHeld(const Record& checkpoint, const Removal& removal, RemovalHold& hold) {
  // It was looked at before the lease was had.
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, checkpoint.IsUnfinished());
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, checkpoint.State());
  if (unfinished || !state ||
      (state->state != RecordState::kAvailable && state->state != RecordState::kError)) {
    return SomebodyWorksOn(checkpoint);
  }
  HOLDFAST_ASSIGN_OR_RETURN(LostData lost, FindLostData(checkpoint));
  if (!lost.without_manifest.empty()) {
    lost.attempts.clear();
    return lost;
  }
  // What was written last in the bank tells what time it is there.
  HOLDFAST_ASSIGN_OR_RETURN(const ObjectInfo now, checkpoint.tenant().Stat(LeaseKey(
                                                      checkpoint.id(), hold.lease().token)));
  for (auto& [attempt, objects] : lost.attempts) {
    std::erase_if(objects, [&](const ListedObject& object) {
      return object.written + removal.min_age > now.written;
    });
    for (const ListedObject& object : objects) HOLDFAST_RETURN_IF_ERROR(hold.Delete(object.key));
  }
  std::erase_if(lost.attempts, [](const auto& entry) { return entry.second.empty(); });
  return lost;
}

}  // namespace

std::uint64_t LostData::objects() const {
  std::uint64_t count = 0;
  for (const auto& [attempt, objects] : attempts) count += objects.size();
  return count;
}

Result<LostData> FindLostData(const Record& checkpoint, bool every_journal) {
  LostData lost;
  // The data before the manifests: what is written meanwhile is not in the listing.
  HOLDFAST_RETURN_IF_ERROR(
      ForEachObject(checkpoint.section(), "data/", [&](ListedObject object) -> Status {
        const std::string attempt = LeadingParts(object.key, 4);  // data/<type>/<id>/<attempt>
        if (!attempt.empty()) lost.attempts[attempt].push_back(std::move(object));
        return Ok();
      }));
  if (lost.attempts.empty() && !every_journal) return lost;
  std::set<std::string> with_data;
  for (const auto& [attempt, objects] : lost.attempts) with_data.insert(ResourceOfKey(attempt));
  HOLDFAST_ASSIGN_OR_RETURN(Held held, ReadHeld(checkpoint, with_data));
  std::erase_if(lost.attempts, [&](const auto& entry) {
    return held.unknown.contains(ResourceOfKey(entry.first));
  });
  EraseNamed(held, lost);
  // The journal, which is long, is asked only where something seems to be lost.
  if (lost.attempts.empty() && !every_journal) return lost;
  HOLDFAST_RETURN_IF_ERROR(AddJournaled(checkpoint, held, lost));
  EraseNamed(held, lost);
  return lost;
}

Result<LostData> RemoveLostData(const Record& checkpoint, const Removal& removal) {
  return UnderHold(checkpoint, removal,
                   [&](RemovalHold& hold) { return RemoveHeld(checkpoint, removal, hold); });
}

namespace {

// Of a checkpoint without a state. A copy makes its only one last: what was never copied to its end, nobody has lost.
Result<bool> IsHalfCopy(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal journal,
                            ReadStepJournal(record.section(), kCopyStep));
  return !journal.attempts.empty() &&
         std::none_of(journal.attempts.begin(), journal.attempts.end(), [](const Attempt& attempt) {
           return attempt.result && attempt.result->exit_code == 0;
         });
}

Result<bool> IsNamedByAnIndex(const Record& checkpoint) {
  const auto head = checkpoint.Head();
  if (!head && !IsDamage(head.error())) return head.error();
  if (head && *head) return IsIndexed(checkpoint, **head);
  // What is gone may be listed still.
  HOLDFAST_ASSIGN_OR_RETURN(const auto indices, ReadIndexKeys(checkpoint.tenant()));
  const auto found = indices.find(checkpoint.id());
  if (found == indices.end()) return false;
  for (const std::string& key : found->second) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, checkpoint.tenant().Exists(key));
    if (there) return true;
  }
  return false;
}

// Is anything there of a resource? What is gone may be listed still, and what is there not yet.
Result<bool> HoldsResources(const Record& record) {
  for (const std::string_view part : {"data/", "resources/"}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll(part));
    for (const std::string& key : keys) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool there, record.section().Exists(key));
      if (there) return true;
    }
  }
  if (record.kind() != RecordKind::kCheckpoint) return false;
  const auto graph = record.Graph();
  if (!graph && !IsDamage(graph.error())) return graph.error();
  if (!graph) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(record));
  for (const ResourceGraph::Node& node : graph->nodes()) {
    const auto manifest = manifests.Of(node.key);
    if (!manifest && !IsDamage(manifest.error())) return manifest.error();
    if (!manifest || *manifest) return true;
  }
  return false;
}

}  // namespace

Result<bool> IsRest(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.StateNumbers());
  if (states.empty() && record.kind() == RecordKind::kCheckpoint) {
    // That comes after the state, and goes before it.
    HOLDFAST_ASSIGN_OR_RETURN(const bool indexed, IsNamedByAnIndex(record));
    if (indexed) return false;
    HOLDFAST_ASSIGN_OR_RETURN(const bool half_copy, IsHalfCopy(record));
    if (half_copy) return true;
  }
  // A begin makes its state before anything of a resource, and a deletion takes all of that before its state.
  HOLDFAST_ASSIGN_OR_RETURN(const bool holds, HoldsResources(record));
  if (holds) return false;
  if (states.empty()) return true;
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.ReadState(states.back()));
  return state && state->state == RecordState::kDeleted;
}

namespace {

Status RemoveRestHeld(const Record& record, RemovalHold& hold) {
  // It was looked at before the lease was had.
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(const bool rest, IsRest(record));
  if (unfinished || !states.empty() || !rest) {
    return SomebodyWorksOn(record);
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto keys, record.section().ListAll());
  // The claims of a copy go last, and the greatest first: killed before, the next one still finds half a copy, and a copy that
  // comes meanwhile what it may not adopt. (Without them something of a resource would be what a lost state has left.)
  const auto claims = std::stable_partition(keys.begin(), keys.end(), [](const std::string& key) {
    return !key.starts_with(ClaimPrefix(kCopyStep));
  });
  std::reverse(claims, keys.end());
  for (const std::string& key : keys) HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
  return Ok();
}

bool IsOfTombstone(std::string_view key) { return key == "plan" || key.starts_with("state/"); }

// It was looked at before the lease was had.
Status CheckStillDeleted(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  if (states.empty() || states.back().state != RecordState::kDeleted)
    return SomebodyWorksOn(record);
  return CheckHasItsLastState(record, states.back());
}

Status RemoveLeftOfDeletedHeld(const Record& record, RemovalHold& hold) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  if (unfinished) return SomebodyWorksOn(record);
  HOLDFAST_RETURN_IF_ERROR(CheckStillDeleted(record));
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll());
  for (const std::string& key : keys) {
    if (!IsOfTombstone(key)) HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
  }
  return Ok();
}

Status RemoveTombstoneHeld(const Record& record, RemovalHold& hold) {
  HOLDFAST_RETURN_IF_ERROR(CheckStillDeleted(record));
  // The states go last: as long as one is there the record is a deleted one.
  for (const std::string_view part : {"", "state/"}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll(part));
    for (const std::string& key : keys) {
      if (part.empty() && key.starts_with("state/")) continue;
      HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
    }
  }
  return Ok();
}

Status RemoveLeftOfABeginHeld(const Record& record, RemovalHold& hold) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool is_left, IsLeftOfABegin(record));
  if (!is_left) return SomebodyWorksOn(record);
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll());
  for (const std::string& key : keys) HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
  // Before the lease is given back: after that it would be that of whoever begins.
  return hold.DeleteMarkers(record);
}

Result<std::size_t> CountObjects(const Record& record, bool with_tombstone) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll());
  std::size_t count = 0;
  for (const std::string& key : keys) {
    if (!with_tombstone && IsOfTombstone(key)) continue;
    // What is gone may be listed still, for a while.
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, record.section().Exists(key));
    if (there) ++count;
  }
  return count;
}

}  // namespace

Result<std::size_t> CountRest(const Record& record) { return CountObjects(record, true); }

Result<std::size_t> CountLeftOfDeleted(const Record& record) { return CountObjects(record, false); }

Result<bool> HasLostItsLastState(const Record& deleted) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool indexed, IsNamedByAnIndex(deleted));
  if (!indexed) return false;
  return HoldsResources(deleted);
}

Status CheckHasItsLastState(const Record& deleted, const StateEntry& last) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool lost, HasLostItsLastState(deleted));
  if (!lost) return Ok();
  return Corrupt(fmt::format("the object {}/{} is missing", deleted.section().prefix(),
                             StatePrefix() + NumberPart(last.number + 1)));
}

Status RemoveStatesBehindAGap(RemovalHold& hold) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, hold.record().ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(const auto numbers, hold.record().StateNumbers());
  // From the greatest down: none of them is ever the next of those that are read.
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    if (*number > states.size())
      HOLDFAST_RETURN_IF_ERROR(hold.Delete(StatePrefix() + NumberPart(*number)));
  }
  return Ok();
}

Status RemoveLeftOfDeleted(const Record& record, const Removal& removal) {
  return UnderHold(record, removal,
                   [&record](RemovalHold& hold) { return RemoveLeftOfDeletedHeld(record, hold); });
}

Status RemoveRest(const Record& record, const Removal& removal) {
  return UnderHold(record, removal,
                   [&record](RemovalHold& hold) { return RemoveRestHeld(record, hold); });
}

Result<bool> IsLeftOfABegin(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll());
  for (const std::string& key : keys) {
    if (key != "graph" && !key.starts_with("state/") && !key.starts_with("journal/end/"))
      return false;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  HOLDFAST_ASSIGN_OR_RETURN(const bool holds, HoldsResources(record));
  return !head && !holds;
}

Status RemoveLeftOfABegin(const Record& record, const Removal& removal) {
  return UnderHold(record, removal,
                   [&record](RemovalHold& hold) { return RemoveLeftOfABeginHeld(record, hold); });
}

Status RemoveTombstone(const Record& record, const Removal& removal) {
  return UnderHold(record, removal,
                   [&record](RemovalHold& hold) { return RemoveTombstoneHeld(record, hold); });
}

Result<std::map<std::string, std::vector<std::string>>> FindUnnamedBundles(
    const BankSection& tenant, const std::set<std::string>& named, std::chrono::seconds min_age,
    WallTime now) {
  struct Found {
    std::vector<std::string> keys;
    bool old = true;
    bool published = false;
  };
  std::map<std::string, Found> found;
  HOLDFAST_RETURN_IF_ERROR(ForEachObject(tenant, "bundles/", [&](ListedObject object) -> Status {
    const std::string folder = LeadingParts(object.key, 2);
    if (folder.empty()) return Ok();
    const std::string sha256 = folder.substr(std::string_view("bundles/").size());
    if (named.contains(sha256)) return Ok();
    Found& bundle = found[sha256];
    bundle.old = bundle.old && object.written + min_age <= now;
    bundle.published = bundle.published || object.key == PublishedKey(sha256);
    bundle.keys.push_back(std::move(object.key));
    return Ok();
  }));
  std::map<std::string, std::vector<std::string>> unnamed;
  for (auto& [sha256, bundle] : found) {
    if (!bundle.old || bundle.published) continue;
    // A listing may lag.
    HOLDFAST_ASSIGN_OR_RETURN(const bool published, tenant.Exists(PublishedKey(sha256)));
    if (!published) unnamed.emplace(sha256, std::move(bundle.keys));
  }
  return unnamed;
}

}  // namespace holdfast::runtime
