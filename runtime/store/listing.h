#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/schema.h"
#include "runtime/store/journal.h"
#include "runtime/store/manifest.h"
#include "runtime/store/pin.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// What users see of a bank: lists of checkpoints and other records, one record in full, and how
// fresh each plan is. All of it only reads; what a run is just writing shows as what it is then.

// That a restore was told to restore a part of a resource alone (parameter `only`).
struct OnlyPart {
  std::string of;    // "TYPE" or "TYPE#ID", as the parameters say it
  std::string path;  // below the resource; any bytes
};

// One record in a list.
struct RecordSummary {
  std::string id;
  RecordKind kind = RecordKind::kCheckpoint;
  RecordState state = RecordState::kError;
  std::string reason;          // of the state; may be empty
  std::uint64_t warnings = 0;  // of its activities and its graph, by its newest state
  std::string plan;            // the plan's name
  std::string provider_id;
  std::string provider_name;
  std::string checkpoint;  // that it works on; of a checkpoint its own id
  std::uint64_t resources = 0;
  std::vector<OnlyPart> only;      // of a restore; empty: whole resources
  WallTime created;                // its first begin
  std::optional<DriftNote> drift;  // of the newest run on a checkpoint
  WallTime changed;                // of its newest state
  std::optional<Pin> pin;          // of a checkpoint that is kept because somebody said so
  std::string created_by;
  std::optional<CopiedFrom> copied;  // of a checkpoint that was copied there
  // The provider that made the checkpoint, however often it was copied. A plan's checkpoints of one origin are a series:
  // machines may have plans of one name, and copies of both in one bank. Empty: nobody knows.
  const std::string& origin_id() const { return copied ? copied->origin_id : provider_id; }
  // As it was called when it was copied: the id says who it is.
  const std::string& origin_name() const { return copied ? copied->origin_name : provider_name; }
  // Why it cannot be relied on: which of its small objects (states, head, graph) is damaged, or
  // missing; one line. It is in no good state then, and plan and times are what else says them.
  // Empty: none is, as far as was read.
  std::string damage;
};

struct RecordFilter {
  std::string plan;                // empty: all
  std::string provider;            // id or name; empty: all
  std::string origin;              // id; empty: all
  std::optional<WallTime> since;   // created at or after
  std::optional<WallTime> before;  // created before
  std::optional<RecordState> state;
};

// Of one that is damaged nobody knows what it would have been: it passes every filter but those of
// another plan, another provider and another origin.
bool Passes(const RecordSummary& summary, const RecordFilter& filter);

// Every record of a kind, oldest first. Reads the small objects of a record, and of a checkpoint its
// graph unless that is large. One that is damaged keeps nobody from the others: it is in the list, with what is wrong, and
// passes every filter but that of another plan. So is one that the indices name and that is gone, and
// an available one that no index names.
Result<std::vector<RecordSummary>> ListRecords(const BankSection& tenant, RecordKind kind,
                                               const RecordFilter& filter);
inline Result<std::vector<RecordSummary>> ListCheckpoints(const BankSection& tenant,
                                                          const RecordFilter& filter) {
  return ListRecords(tenant, RecordKind::kCheckpoint, filter);
}

// What one activity came to. Without an outcome it has not run or did not end.
struct ActivityReport {
  ActivityKind kind = ActivityKind::kPre;
  std::string step;
  std::optional<ActivityOutcome> outcome;
  std::size_t attempts = 0;  // of its step
};

struct ResourceReport {
  Resource resource;
  std::string plugin;
  bool quiesces = false;  // in this operation: a protect by a plugin that brings to rest
  std::uint64_t epoch = 1;
  std::vector<ActivityReport> activities;  // in the order of ActivityKind
  // Of what quiesces: its activities in the epochs before that one, as far as they have outcomes;
  // the first epoch first.
  std::vector<std::vector<ActivityReport>> earlier;
  // What the checkpoint holds of it; of a restore and a verification the one that it works on, as
  // long as that is there.
  std::optional<ResourceManifest> manifest;
  std::optional<ResourceKey> now;  // of a restore: what it became
  std::string only;                // of a restore: the path that alone was wanted; empty: all of it
  bool succeeded = false;          // every activity did
  // Of a restore or verification: the checkpoint was to hold it and does not (--partial). Of a
  // restore, too: the checkpoint has data of it, and nothing was asked of it.
  bool left_out = false;
  // Of a verify that was to read only a sample: which share.
  std::optional<Percent> sample;
  std::optional<SampleRead> sample_read;  // and what that was, as far as its plugin opened it
  // From the first activity's start to the last one's end; zero when nothing ran.
  std::chrono::milliseconds duration{0};
};

// One record in full.
struct RecordReport {
  RecordSummary summary;
  Operation operation = Operation::kProtect;
  std::string bundle;
  // Of an available checkpoint whose bundle is damaged or gone: the error. Its resources are then those of
  // its graph, as their manifests have them, without what its activities did. Of others only where it is gone.
  std::string bundle_damage;
  std::vector<StateEntry> states;
  std::optional<DriftNote> drift;  // of its newest run
  // Of a protect: what was let pass when its graph was discovered. As empty as `resources`.
  std::vector<std::string> graph_warnings;
  std::vector<ResourceReport> resources;  // sorted by key; may be empty with a bundle_damage
  // By step: the steps that it comes after. As empty as `resources`.
  std::map<std::string, std::vector<std::string>, std::less<>> order;
};
// By id, of a kind; kNotFound. `details` off leaves out the resources.
Result<RecordReport> ShowRecord(const BankSection& tenant, RecordKind kind, const std::string& id,
                                bool details = true);
// The record that a run works on, as ShowRecord; kNotFound when the run never began.
Result<RecordReport> ReportOfRun(const BankSection& tenant, std::string_view run,
                                 bool details = true);

// Who made the checkpoints of a list: by id, with the newest one of each; `checkpoints` oldest first, as ListCheckpoints
// has them. Those of which nobody knows it are left out.
std::map<std::string, const RecordSummary*> OriginsOf(
    const std::vector<RecordSummary>& checkpoints);
// The id of the origin that is called so: its id, or a name that any of its checkpoints bears, for it may have been given
// another one since. kNotFound, or kInvalidInput where several are called so: both name those that there are.
Result<std::string> OriginCalled(const std::vector<RecordSummary>& checkpoints,
                                 std::string_view id_or_name);

// The newest available checkpoint of each series (a plan's of one origin) that there is a checkpoint of, in whatever state
// but deleted, or of `plan` (unless that is empty) alone. So a series ends with the deletion of its last one.
struct PlanStatus {
  std::string plan;
  std::string origin_id;  // empty: of all that there is nobody knows it
  std::string origin_name;
  std::string checkpoint;  // empty: it has none that is available
  WallTime created;
  std::uint64_t warnings = 0;  // of that checkpoint
  // Why the run that made it failed although all that is in its file was protected (drift: fail);
  // empty: it did not.
  std::string drift;
};
// Sorted by plan and origin. A damaged one never counts; those that were met go to `damaged`, unless that is nullptr.
// `of`: which checkpoints count. Of the one that is to count it is also looked whether what it holds is there
// (CheckContents), `parallel` resources at once.
Result<std::vector<PlanStatus>> ReadPlanStatus(const BankSection& tenant, const RecordFilter& of,
                                               unsigned parallel,
                                               std::vector<RecordSummary>* damaged = nullptr);

// The head of a record that has states is gone.
Error NoHead(const Record& record);
// What is damaged is nothing good: sets the summary's `damage`, and its state. What was deleted is what it is.
void SetDamage(RecordSummary& summary, const Error& error);
// Reads what a list does not, the whole graph of a checkpoint, and sets the summary's `damage`. Of what the
// checkpoint holds nothing is looked at: CheckContents does that.
Status CheckCheckpoint(const BankSection& tenant, RecordSummary& summary);

// The verification of a checkpoint that says what it is now: the newest that found something out (it
// verified what it was to, or an activity of it failed), but a failure stands until one that read
// every byte of all of it is good after it: what is stored never changes. One that was stopped, or
// still runs, says nothing about the checkpoint.
struct LastVerification {
  RecordSummary summary;
  bool failed = false;
};
// Is it of a copy that was deleted, and made anew under the same id at `copied` (nullopt: it is no copy)?
inline bool IsOfEarlierCopy(const RecordSummary& verification, std::optional<WallTime> copied) {
  return copied && verification.changed < *copied;
}
using LastVerifications = std::map<std::string, LastVerification, std::less<>>;
// By checkpoint; of `checkpoint` alone, or of all when that is empty. `now`: one whose time is more
// than kClockSkew after it was made by a clock that was wrong, and is after no failure. Those of an
// earlier copy are left out.
Result<LastVerifications> ReadLastVerifications(const BankSection& tenant,
                                                std::string_view checkpoint, WallTime now);

// Of clocks that agree; a time that is further in the future is of no use.
inline constexpr std::chrono::minutes kClockSkew{5};
inline bool IsInFuture(WallTime time, WallTime now) { return time > now + kClockSkew; }

// What restore, delete and verify of a checkpoint are compiled from.
struct CheckpointSource {
  RecordSummary summary;
  RecordHead head;
  ResourceGraph graph;
  // The plugin that protected each resource, by the manifests; a resource without one is absent.
  std::map<ResourceKey, std::string> plugins;
  // Which have none and were to have none: by its bundle nothing was done for them.
  std::set<ResourceKey> nothing;
};
// A damaged one is an error (kCorrupt) that names the object. A deletion takes what is damaged from the
// bundle instead, as far as that is there; summary.damage says so. With kLeaveManifests a resource
// whose manifest is damaged is as one that has none; the rest has to be whole.
enum class Damaged { kRefuse, kTakeFromBundle, kLeaveManifests };
Result<CheckpointSource> ReadRecordGraph(const BankSection& tenant, const std::string& checkpoint,
                                         Damaged damaged = Damaged::kRefuse);

// What the checkpoint was to hold and does not: resources with activities in its bundle and without
// a manifest that can be read, each with why (empty: there is none). Empty when it or its bundle is
// gone, or the bundle damaged: nobody knows.
Result<std::map<ResourceKey, std::string>> MissingResources(const BankSection& tenant,
                                                            const std::string& checkpoint);

// The ids of all records of a kind, sorted by their keys; skips from one to the next, so that a
// record's objects are not listed.
Result<std::vector<std::string>> ListRecordIds(const BankSection& tenant, RecordKind kind);

}  // namespace holdfast::runtime
