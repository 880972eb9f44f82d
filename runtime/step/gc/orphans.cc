#include "runtime/step/gc/orphans.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/object_key.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/journal.h"
#include "runtime/store/listing.h"
#include "runtime/store/manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// The first `parts` parts of a key; empty when it has no more than those.
std::string Leading(const std::string& key, int parts) {
  std::size_t at = 0;
  for (int i = 0; i < parts; ++i) {
    at = key.find('/', at);
    if (at == std::string::npos) return {};
    ++at;
  }
  return key.substr(0, at - 1);
}

// All that have stored a segment of it.
void AddAttempts(const std::string& prefix, const StreamManifest& stream,
                 std::set<std::string>& named) {
  named.insert(prefix + stream.attempt);
  for (const auto& [number, attempt] : stream.adopted) named.insert(prefix + attempt);
}

// Of activities of several resources the journaled outcome commits the data (step_attempt.cc): a
// manifest follows from it, where the step is run again.
// `epochs`: those of the manifests that there are.
Status AddJournaled(const BankSection& section, const std::map<ResourceKey, std::uint64_t>& epochs,
                    std::set<std::string>& named) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, section.ListAll("journal/"));
  std::set<std::string> steps;
  for (const std::string& key : keys) {
    const std::string folder = Leading(key, 2);  // journal/<step>
    if (!folder.empty()) steps.insert(folder.substr(std::string_view("journal/").size()));
  }
  for (const std::string& step : steps) {
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal journal, ReadStepJournal(section, step));
    for (const Attempt& attempt : journal.attempts) {
      for (const ActivityOutcome& outcome : attempt.outcomes) {
        if (outcome.streams.is_null()) continue;
        const auto manifest = epochs.find(outcome.resource);
        if (manifest != epochs.end() && manifest->second >= outcome.epoch) continue;
        HOLDFAST_ASSIGN_OR_RETURN(const auto streams, StreamsFromValue(outcome.streams, step));
        for (const StreamManifest& stream : streams)
          AddAttempts(DataPrefix(outcome.resource) + "/", stream, named);
      }
    }
  }
  return Ok();
}

// Data of attempts that lost, in one checkpoint that nobody works on.
Status RemoveLostAttempts(const GcOptions& options, const Record& record,
                          std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto data, record.section().ListAll("data/"));
  if (data.empty()) return Ok();
  // Which attempts of which resource some manifest, of any epoch, names, or will name.
  std::set<std::string> named;
  std::map<ResourceKey, std::uint64_t> epochs;
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, record.Graph());
  for (const ResourceGraph::Node& node : graph.nodes()) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, NewestManifest(record.section(), node.key));
    if (!manifest) continue;
    const std::string prefix = DataPrefix(node.key) + "/";
    named.insert(prefix + manifest->attempt);
    for (const StreamManifest& stream : manifest->streams) AddAttempts(prefix, stream, named);
    epochs.emplace(node.key, manifest->epoch);
  }
  std::map<std::string, std::vector<std::string>> lost;
  for (const std::string& key : data) {
    const std::string attempt = Leading(key, 4);  // data/<type>/<id>/<attempt>
    if (!attempt.empty() && !named.contains(attempt)) lost[attempt].push_back(key);
  }
  // The journal, which is long, is asked only where something seems to be lost.
  if (lost.empty()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(AddJournaled(record.section(), epochs, named));
  std::erase_if(lost, [&](const auto& entry) { return named.contains(entry.first); });
  for (const auto& [attempt, keys] : lost) {
    actions.push_back(
        {fmt::format("checkpoint {}", record.id()),
         fmt::format("remove {} of the lost attempt {}", Counted(keys.size(), "object"), attempt),
         false});
    if (options.dry_run) continue;
    for (const std::string& key : keys)
      HOLDFAST_RETURN_IF_ERROR(record.section().DeleteIfPresent(key));
  }
  return Ok();
}

Status RemoveTombstone(const GcOptions& options, const BankSection& tenant, const Record& record,
                       std::vector<GcAction>& actions) {
  actions.push_back({fmt::format("checkpoint {}", record.id()), "remove the tombstone", false});
  if (options.dry_run) return Ok();
  // The states go last: as long as one is there the record is a deleted one.
  for (const std::string_view part : {"", "state/"}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll(part));
    for (const std::string& key : keys) {
      if (part.empty() && key.starts_with("state/")) continue;
      HOLDFAST_RETURN_IF_ERROR(record.section().DeleteIfPresent(key));
    }
  }
  // From the greatest token down: what is left after a crash is found by the next look.
  HOLDFAST_ASSIGN_OR_RETURN(const auto leases, tenant.ListAll(LeasePrefix(record.id())));
  for (auto at = leases.rbegin(); at != leases.rend(); ++at) {
    HOLDFAST_RETURN_IF_ERROR(tenant.DeleteIfPresent(*at));
  }
  return Ok();
}

// Objects of a record without a state, that no marker names: what a gc that was killed left of a
// tombstone, or a begin whose marker was removed.
Status RemoveRest(const StepEnvironment& env, const GcOptions& options, const Record& record,
                  std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, env.tenant.Exists(UnfinishedKey(record.id())));
  if (unfinished) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll());
  actions.push_back(
      {fmt::format("checkpoint {}", record.id()),
       fmt::format("remove {} of a record that never was", Counted(keys.size(), "object")), false});
  if (options.dry_run) return Ok();
  for (const std::string& key : keys)
    HOLDFAST_RETURN_IF_ERROR(record.section().DeleteIfPresent(key));
  return Ok();
}

// One record, on which nobody else may work.
Status RemoveOf(const StepEnvironment& env, const GcOptions& options, const Record& record,
                std::vector<GcAction>& actions) {
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
  if (states.empty()) return RemoveRest(env, options, record, actions);
  const StateEntry& state = states.back();
  if (deleted) {
    if (state.time + options.tombstone_age > env.clock.Now()) return Ok();
    return RemoveTombstone(options, env.tenant, record, actions);
  }
  if (state.state != RecordState::kAvailable && state.state != RecordState::kError) return Ok();
  HOLDFAST_RETURN_IF_ERROR(record.Graph());
  return RemoveLostAttempts(options, record, actions);
}

Status RemoveBundles(const StepEnvironment& env, const GcOptions& options,
                     const std::set<std::string>& named, std::vector<GcAction>& actions) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, env.tenant.ListAll("bundles/"));
  std::map<std::string, std::vector<std::string>> bundles;
  for (const std::string& key : keys) {
    const std::string folder = Leading(key, 2);
    if (!folder.empty()) bundles[folder.substr(std::string_view("bundles/").size())].push_back(key);
  }
  for (const auto& [sha256, files] : bundles) {
    if (named.contains(sha256)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const bool published, env.tenant.Exists(PublishedKey(sha256)));
    if (published) continue;
    bool old = true;
    for (const std::string& file : files) {
      const auto info = env.tenant.Stat(file);
      if (info) old = old && info->written + options.bundle_age <= env.clock.Now();
    }
    if (!old) continue;
    actions.push_back({"bundle " + sha256.substr(0, 12), "remove: no record names it", false});
    if (options.dry_run) continue;
    // bundle.json first: a bundle that is there is whole.
    HOLDFAST_RETURN_IF_ERROR(env.tenant.DeleteIfPresent(BundlePrefix(sha256) + "/bundle.json"));
    for (const std::string& file : files)
      HOLDFAST_RETURN_IF_ERROR(env.tenant.DeleteIfPresent(file));
  }
  return Ok();
}

}  // namespace

Status RemoveOrphans(const StepEnvironment& env, const GcOptions& options,
                     std::vector<GcAction>& actions) {
  std::set<std::string> bundles;
  bool all_known = true;
  for (const RecordKind kind : kAllRecordKinds) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListRecordIds(env.tenant, kind));
    for (const std::string& id : ids) {
      if (env.cancellation.is_set()) return CancelledError();
      HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(env.tenant, kind, id));
      HOLDFAST_ASSIGN_OR_RETURN(const auto bundle, record.BundleName());
      if (bundle) bundles.insert(*bundle);
      Status done = RemoveOf(env, options, record, actions);
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
  return RemoveBundles(env, options, bundles, actions);
}

}  // namespace holdfast::runtime
