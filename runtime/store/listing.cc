#include "runtime/store/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/checkpoint_contents.h"
#include "runtime/store/epoch_table.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listed_objects.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// The path that a restore is told to restore alone, by the convention that plugins share:
// parameter `only`, or `only_base64` for one that is no text. Empty: everything.
std::string OnlyOf(const Value& parameters) {
  if (!parameters.is_map()) return "";
  std::string only = parameters.StringOr("only", "");
  if (!only.empty()) return only;
  const std::string encoded = parameters.StringOr("only_base64", "");
  const auto bytes = FromBase64(encoded);
  return bytes ? *bytes : encoded;
}

// Of a checkpoint that was ended, and not deleted since, its saved graph belongs to it.
bool HasGraph(const RecordSummary& summary) {
  return summary.kind == RecordKind::kCheckpoint &&
         (summary.state == RecordState::kAvailable || summary.state == RecordState::kError);
}

// What the begin of the newest run that worked on the record found. A copy has no working state: its note is of
// the run that copied it.
Result<std::optional<DriftNote>> DriftOfNewestRun(const Record& record,
                                                  const std::vector<StateEntry>& states) {
  for (auto at = states.rbegin(); at != states.rend(); ++at) {
    if (IsWorking(at->state)) return record.Drift(at->run);
    if (at->state != RecordState::kAvailable) continue;
    HOLDFAST_ASSIGN_OR_RETURN(auto note, record.Drift(at->run));
    if (note) return note;
  }
  return std::optional<DriftNote>();
}

Result<std::optional<RecordSummary>> Summarise(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  if (states.empty()) return std::optional<RecordSummary>();  // its begin never ended
  RecordSummary summary;
  summary.id = record.id();
  summary.kind = record.kind();
  if (record.kind() == RecordKind::kCheckpoint) summary.checkpoint = record.id();
  summary.state = states.back().state;
  summary.reason = states.back().reason;
  summary.warnings = states.back().warnings;
  summary.created = states.front().time;
  summary.changed = states.back().time;
  if (record.kind() == RecordKind::kCheckpoint && summary.state != RecordState::kDeleted) {
    auto drift = DriftOfNewestRun(record, states);
    if (!drift && !IsDamage(drift.error())) return std::move(drift).error();
    // A note that is damaged is no reason to see nothing of the checkpoint, nor to take it for none.
    summary.drift =
        drift ? std::move(*drift)
              : DriftNote{"fail", "the note of it is damaged: " + drift.error().OneLine()};
  }
  if (record.kind() == RecordKind::kCheckpoint && summary.state != RecordState::kDeleted) {
    HOLDFAST_ASSIGN_OR_RETURN(summary.pin, ReadPin(record));
  }
  const auto bad = std::find_if(states.begin(), states.end(),
                                [](const StateEntry& state) { return !state.damage.empty(); });
  if (bad != states.end()) SetDamage(summary, Corrupt(bad->damage));
  auto head = record.Head();
  if (!head && !IsDamage(head.error())) return std::move(head).error();
  if (!head || !*head) {
    SetDamage(summary, head ? NoHead(record) : head.error());
  } else {
    summary.plan = (*head)->PlanName();
    summary.provider_id = (*head)->provider_id;
    summary.provider_name = (*head)->provider_name;
    summary.checkpoint = (*head)->checkpoint;
    summary.resources = (*head)->resources;
    summary.created = (*head)->created;
    summary.created_by = (*head)->created_by;
    summary.copied = (*head)->copied;
    if ((*head)->operation == Operation::kRestore && (*head)->parameters.is_map()) {
      for (const auto& [of, parameters] : (*head)->parameters.AsMap()) {
        if (std::string path = OnlyOf(parameters); !path.empty())
          summary.only.push_back({of, std::move(path)});
      }
    }
  }
  return std::optional<RecordSummary>(std::move(summary));
}

// Everything of it that is read to show it, or to compile from it: the first that is damaged.
Status CheckReadable(const Record& record, const RecordSummary& summary) {
  if (!summary.damage.empty()) {
    HOLDFAST_RETURN_IF_ERROR(record.States());
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
    if (!head) return NoHead(record);
    return Corrupt(summary.damage);
  }
  if (HasGraph(summary)) HOLDFAST_RETURN_IF_ERROR(record.Graph());
  return Ok();
}

// A deletion may have taken what is missed since the summary was made.
Result<bool> IsStillSo(const Record& record, const RecordSummary& summary) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  return !states.empty() && states.back().state == summary.state;
}

// The same of a graph alone, for lists: a large one is not read for that.
Status CheckSmallGraph(const Record& record, RecordSummary& summary) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 10U;
  if (!summary.damage.empty() || !HasGraph(summary)) return Ok();
  const auto info = record.section().Stat("graph");
  if (info && info->size > kMostBytes) return Ok();
  if (!info && info.error().code() != ErrorCode::kNotFound) return info.error();
  const auto graph = record.Graph();
  if (graph) return Ok();
  if (!IsDamage(graph.error())) return graph.error();
  HOLDFAST_ASSIGN_OR_RETURN(const bool still, IsStillSo(record, summary));
  if (still) SetDamage(summary, graph.error());
  return Ok();
}

// An end sets the state, writes the indices and removes its marker; a deletion begins with the
// marker and the state, and removes the indices before the data. One that is available, unmarked and in no
// index is therefore what a deletion left, with states that were lost or put back.
Status CheckIndexed(const Record& record, RecordSummary& summary) {
  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
  if (unfinished) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (!head) return Ok();  // deleted since
  HOLDFAST_ASSIGN_OR_RETURN(const bool indexed, IsIndexed(record, *head));
  if (indexed) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  if (states.empty() || states.back().state != summary.state) return Ok();  // deleted since
  SetDamage(summary, Corrupt(kInNoIndex));
  return Ok();
}

// What the indices name and is not there.
RecordSummary Lost(const std::string& id) {
  RecordSummary summary;
  summary.id = id;
  summary.checkpoint = id;
  SetDamage(summary, Corrupt("the indices name it, and nothing of it is there"));
  return summary;
}

// What the head of a damaged checkpoint does not say, as far as the index does.
Status AddFromIndex(const BankSection& tenant, std::vector<RecordSummary>& summaries) {
  const auto unknown = [](const RecordSummary& summary) {
    return !summary.damage.empty() && summary.plan.empty();
  };
  if (std::none_of(summaries.begin(), summaries.end(), unknown)) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const auto entries, ReadIndex(tenant, ""));
  for (RecordSummary& summary : summaries) {
    if (!unknown(summary)) continue;
    const auto entry = std::find_if(entries.begin(), entries.end(), [&](const IndexEntry& one) {
      return one.record == summary.id;
    });
    if (entry == entries.end()) continue;
    summary.plan = entry->plan;
    if (summary.created == WallTime{}) summary.created = entry->created;
  }
  return Ok();
}

// `manifests`: of the checkpoint that the record works on; `missing`: what that lacks.
Result<std::vector<ResourceReport>> ReportResources(
    const Record& record, const NewestManifests& manifests,
    const std::map<ResourceKey, std::string>& missing, StoredBundle& bundle,
    const std::string& table) {
  EpochTable epochs(record.section(), bundle, table);
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle.AllResources());
  std::map<std::string, StepJournal, std::less<>> journals;
  std::set<std::string_view> quiescing;
  if (record.kind() == RecordKind::kCheckpoint) {
    for (const PluginDescriptor& plugin : bundle.bundle().plugins) {
      if (plugin.quiesces) quiescing.insert(plugin.name);
    }
  }
  std::vector<ResourceReport> reports;
  for (const auto& [key, entry] : resources) {
    ResourceReport report;
    report.resource = entry->resource;
    report.plugin = entry->plugin;
    report.quiesces = quiescing.contains(entry->plugin);
    report.succeeded = true;
    if (record.kind() == RecordKind::kVerification) report.sample = SampleOf(entry->parameters);
    std::optional<WallTime> first;
    std::optional<WallTime> last;
    for (const ActivityKind kind : kAllActivityKinds) {
      const std::string& step = entry->StepOf(kind);
      if (step.empty()) continue;
      HOLDFAST_ASSIGN_OR_RETURN(report.epoch, epochs.Of(step, key));
      auto journal = journals.find(step);
      if (journal == journals.end()) {
        HOLDFAST_ASSIGN_OR_RETURN(StepJournal read, ReadStepJournal(record.section(), step));
        journal = journals.emplace(step, std::move(read)).first;
      }
      ActivityReport activity;
      activity.kind = kind;
      activity.step = step;
      activity.attempts = journal->second.attempts.size();
      if (const auto* const outcome = journal->second.Find(key, kind, report.epoch);
          outcome != nullptr) {
        activity.outcome = *outcome;
        if (outcome->sample) report.sample_read = outcome->sample;
        if (outcome->outcome != Outcome::kOmitted) {
          first = first ? std::min(*first, outcome->started) : outcome->started;
          last = last ? std::max(*last, outcome->ended) : outcome->ended;
        }
      }
      report.succeeded =
          report.succeeded && activity.outcome && activity.outcome->outcome == Outcome::kSucceeded;
      report.activities.push_back(std::move(activity));
    }
    for (std::uint64_t epoch = 1; report.quiesces && epoch < report.epoch; ++epoch) {
      std::vector<ActivityReport> before;
      for (const ActivityReport& now : report.activities) {
        const StepJournal& journal = journals.find(now.step)->second;
        const auto* const outcome = journal.Find(key, now.kind, epoch);
        if (outcome != nullptr)
          before.push_back({now.kind, now.step, *outcome, journal.attempts.size()});
      }
      report.earlier.push_back(std::move(before));
    }
    if (first)
      report.duration = std::chrono::duration_cast<std::chrono::milliseconds>(*last - *first);
    if (record.kind() == RecordKind::kCheckpoint) {
      HOLDFAST_ASSIGN_OR_RETURN(report.manifest, ReadManifest(record.section(), key, report.epoch));
    } else if (record.kind() != RecordKind::kDeletion) {
      // What is known of it besides: one that does not read back is what a verification is for.
      auto manifest = manifests.Of(key);
      if (manifest) report.manifest = std::move(*manifest);
    }
    const bool holds_data = report.manifest && !report.manifest->streams.empty();
    report.left_out =
        report.activities.empty() &&
        (missing.contains(key) || (record.kind() == RecordKind::kRestore && holds_data));
    if (record.kind() == RecordKind::kRestore) {
      report.only = OnlyOf(entry->parameters);
      HOLDFAST_ASSIGN_OR_RETURN(report.now, ReadNewResource(record.section(), key));
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

// Reads all of it: what is damaged is known at once.
Result<StoredBundle> OpenWhole(const BankSection& tenant, const std::string& sha256) {
  HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle, StoredBundle::Open(tenant, sha256));
  HOLDFAST_RETURN_IF_ERROR(bundle.AllSteps());
  return bundle;
}

// What a checkpoint holds, without its bundle.
Result<std::vector<ResourceReport>> ReportManifests(const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph graph, checkpoint.Graph());
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint));
  std::vector<ResourceReport> reports;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    ResourceReport report;
    report.resource = graph.ResourceAt(ResourceId{i});
    HOLDFAST_ASSIGN_OR_RETURN(report.manifest, manifests.Of(report.resource.key));
    if (report.manifest) {
      report.plugin = report.manifest->plugin;
      report.epoch = report.manifest->epoch;
    }
    report.succeeded = true;  // else the checkpoint were not available
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace

bool Passes(const RecordSummary& summary, const RecordFilter& filter) {
  const bool of_plan = filter.plan.empty() || summary.plan == filter.plan;
  const bool of_provider = filter.provider.empty() || summary.provider_id == filter.provider ||
                           summary.provider_name == filter.provider;
  const bool of_origin = filter.origin.empty() || summary.origin_id() == filter.origin;
  // Of what is damaged nobody knows what it would have been.
  if (!summary.damage.empty()) {
    return (of_plan || summary.plan.empty()) && (of_provider || summary.provider_id.empty()) &&
           (of_origin || summary.origin_id().empty());
  }
  return of_plan && of_provider && of_origin &&
         (!filter.since || summary.created >= *filter.since) &&
         (!filter.before || summary.created < *filter.before) &&
         (!filter.state || summary.state == *filter.state);
}

Result<std::vector<std::string>> ListRecordIds(const BankSection& tenant, RecordKind kind) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection folder,
                            tenant.Narrow(FolderOf(kind), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const auto parts, FirstParts(folder));
  std::vector<std::string> ids;
  for (const std::string& part : parts) {
    auto id = TextOfKeyPart(part);
    if (id) ids.push_back(std::move(*id));
  }
  return ids;
}

Result<std::vector<RecordSummary>> ListRecords(const BankSection& tenant, RecordKind kind,
                                               const RecordFilter& filter) {
  // The index before the records: what is only just being made is in neither, or in the second.
  const bool is_checkpoint = kind == RecordKind::kCheckpoint;
  std::set<std::string> indexed;
  if (is_checkpoint) {
    HOLDFAST_ASSIGN_OR_RETURN(indexed, ReadIndexedRecords(tenant));
  }
  std::set<std::string> ids = indexed;
  HOLDFAST_ASSIGN_OR_RETURN(auto all, ListRecordIds(tenant, kind));
  ids.insert(std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
  std::vector<RecordSummary> summaries;
  for (const std::string& id : ids) {
    HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, kind, id));
    HOLDFAST_ASSIGN_OR_RETURN(auto summary, Summarise(record));
    const bool is_indexed = indexed.contains(id);
    if (!summary && is_indexed) summary = Lost(id);
    if (!summary) continue;
    HOLDFAST_RETURN_IF_ERROR(CheckSmallGraph(record, *summary));
    if (is_checkpoint && summary->state == RecordState::kAvailable && !is_indexed)
      HOLDFAST_RETURN_IF_ERROR(CheckIndexed(record, *summary));
    summaries.push_back(std::move(*summary));
  }
  if (is_checkpoint) HOLDFAST_RETURN_IF_ERROR(AddFromIndex(tenant, summaries));
  std::erase_if(summaries, [&](const RecordSummary& one) { return !Passes(one, filter); });
  std::stable_sort(summaries.begin(), summaries.end(),
                   [](const auto& a, const auto& b) { return a.created < b.created; });
  return summaries;
}

Result<RecordReport> ShowRecord(const BankSection& tenant, RecordKind kind, const std::string& id,
                                bool details) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, kind, id));
  HOLDFAST_ASSIGN_OR_RETURN(auto summary, Summarise(record));
  if (!summary) {
    return NotFound(fmt::format("there is no {} {}", NameOf(kind), Printable(id)))
        .Hint(fmt::format("holdfast {} list", FolderOf(kind)));
  }
  if (details || !summary->damage.empty())
    HOLDFAST_RETURN_IF_ERROR(CheckReadable(record, *summary));
  RecordReport report;
  report.summary = std::move(*summary);
  HOLDFAST_ASSIGN_OR_RETURN(report.states, record.ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(report.drift, DriftOfNewestRun(record, report.states));
  const auto read = record.Head();
  if (!read && !IsDamage(read.error())) return read.error();
  if (!read || !*read) return report;  // of what was deleted
  const RecordHead* const head = &**read;
  report.operation = head->operation;
  report.bundle = head->bundle;
  if (!details || report.summary.state == RecordState::kDeleted) {
    if (kind == RecordKind::kCheckpoint || !details) return report;
  }
  auto bundle = OpenWhole(tenant, head->bundle);
  if (!bundle) {
    const bool gone = bundle.error().code() == ErrorCode::kNotFound;
    // What an available checkpoint holds does not depend on it.
    const bool available =
        kind == RecordKind::kCheckpoint && report.summary.state == RecordState::kAvailable;
    if (!gone && (bundle.error().code() != ErrorCode::kCorrupt || !available))
      return std::move(bundle).error();
    report.bundle_damage = bundle.error().OneLine();
    if (available) {
      HOLDFAST_ASSIGN_OR_RETURN(report.resources, ReportManifests(record));
    }
    return report;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(tenant, id));
  HOLDFAST_ASSIGN_OR_RETURN(const Record checkpoint,
                            Record::Open(tenant, RecordKind::kCheckpoint, head->checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(checkpoint));
  std::map<ResourceKey, std::string> missing;
  if (kind == RecordKind::kRestore || kind == RecordKind::kVerification) {
    HOLDFAST_ASSIGN_OR_RETURN(missing, MissingResources(tenant, head->checkpoint));
  }
  HOLDFAST_ASSIGN_OR_RETURN(report.resources, ReportResources(record, manifests, missing, *bundle,
                                                              lease ? lease->epochs : ""));
  report.graph_warnings = bundle->bundle().warnings;
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, bundle->AllSteps());
  for (const BundleStep* const step : steps) report.order.emplace(step->name, step->order);
  return report;
}

Result<RecordReport> ReportOfRun(const BankSection& tenant, std::string_view run, bool details) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(tenant, run));
  if (!entry) return NotFound(fmt::format("run {} never began", Printable(run)));
  return ShowRecord(tenant, entry->kind, entry->record, details);
}

Error NoHead(const Record& record) {
  // A begin writes graph and head before it sets a state.
  return Corrupt(fmt::format("the object {}/plan is missing", record.section().prefix()));
}

void SetDamage(RecordSummary& summary, const Error& error) {
  if (summary.state == RecordState::kDeleted) return;
  summary.damage = error.OneLine();
  // What is just being deleted is what it is.
  if (!IsWorking(summary.state)) summary.state = RecordState::kError;
}

Status CheckCheckpoint(const BankSection& tenant, RecordSummary& summary) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, summary.id));
  const Status readable = CheckReadable(record, summary);
  if (readable) return Ok();
  if (!IsDamage(readable.error())) return readable.error();
  SetDamage(summary, readable.error());
  return Ok();
}

std::map<std::string, const RecordSummary*> OriginsOf(
    const std::vector<RecordSummary>& checkpoints) {
  std::map<std::string, const RecordSummary*> origins;
  for (const RecordSummary& one : checkpoints) {
    if (!one.origin_id().empty()) origins[one.origin_id()] = &one;
  }
  return origins;
}

Result<std::string> OriginCalled(const std::vector<RecordSummary>& checkpoints,
                                 std::string_view id_or_name) {
  const auto origins = OriginsOf(checkpoints);
  std::string id(id_or_name);
  if (origins.contains(id)) return id;
  std::set<std::string> called;
  for (const RecordSummary& one : checkpoints) {
    if (one.origin_name() == id_or_name && !one.origin_id().empty()) called.insert(one.origin_id());
  }
  if (called.size() == 1) return *called.begin();
  std::vector<std::string> there;
  for (const auto& [origin, newest] : origins) {
    if (called.empty() || called.contains(origin))
      there.push_back(fmt::format("{} ({})", Printable(newest->origin_name()), Printable(origin)));
  }
  if (!called.empty()) {
    return InvalidInput(fmt::format("several providers that made checkpoints in the bank are "
                                    "called {}: {}",
                                    Printable(id), Join(there, ", ")))
        .Hint("name one by its id");
  }
  Error none =
      NotFound("no provider that made a checkpoint in the bank is called " + Printable(id));
  if (there.empty()) return none;
  return std::move(none).Hint("there are some of " + Join(there, ", "));
}

Result<std::vector<PlanStatus>> ReadPlanStatus(const BankSection& tenant, const RecordFilter& of,
                                               unsigned parallel,
                                               std::vector<RecordSummary>* damaged) {
  // Not by the index: a plan of which no checkpoint ever became available is the one to hear of.
  HOLDFAST_ASSIGN_OR_RETURN(auto found, ListCheckpoints(tenant, of));
  std::map<std::pair<std::string, std::string>, PlanStatus> newest;
  std::set<std::string> of_nobody;  // plans
  // The newest first: the first of a series that is good is the one.
  for (auto summary = found.rbegin(); summary != found.rend(); ++summary) {
    if (summary->state == RecordState::kDeleted) continue;
    PlanStatus* status = nullptr;
    if (!summary->plan.empty() && summary->origin_id().empty()) {
      of_nobody.insert(summary->plan);
    } else if (!summary->plan.empty()) {
      const auto [at, is_new] = newest.try_emplace({summary->plan, summary->origin_id()});
      status = &at->second;
      if (is_new) {
        status->plan = summary->plan;
        status->origin_id = summary->origin_id();
        status->origin_name = summary->origin_name();
      }
    }
    if (status != nullptr && status->checkpoint.empty() &&
        summary->state == RecordState::kAvailable) {
      HOLDFAST_RETURN_IF_ERROR(CheckCheckpoint(tenant, *summary));
      // A key that is not there is no damage: who only looks may have none.
      if (summary->damage.empty())
        HOLDFAST_RETURN_IF_ERROR(CheckContents(tenant, *summary, parallel));
      if (summary->damage.empty() && summary->state == RecordState::kAvailable) {
        status->checkpoint = summary->id;
        status->created = summary->created;
        status->warnings = summary->warnings;
        if (summary->drift && summary->drift->fails()) status->drift = summary->drift->text;
      }
    }
    if (!summary->damage.empty() && damaged != nullptr) damaged->push_back(*summary);
  }
  // Where it is damaged that is all there is of the plan: nothing to rely on.
  for (const std::string& plan : of_nobody) {
    const auto any = newest.lower_bound({plan, ""});
    if (any == newest.end() || any->first.first != plan) newest[{plan, ""}].plan = plan;
  }
  std::vector<PlanStatus> statuses;
  statuses.reserve(newest.size());
  for (auto& [series, status] : newest) statuses.push_back(std::move(status));
  return statuses;
}

namespace {

// Did an activity of the verification, which did not end well, fail? nullopt: it is damaged.
Result<std::optional<bool>> FoundFailure(const BankSection& tenant, const std::string& id) {
  const auto report = ShowRecord(tenant, RecordKind::kVerification, id);
  if (!report && IsDamage(report.error())) return std::optional<bool>();
  if (!report) return report.error();
  for (const ResourceReport& resource : report->resources) {
    for (const ActivityReport& activity : resource.activities) {
      if (activity.outcome && activity.outcome->outcome == Outcome::kFailed &&
          !activity.outcome->denied())
        return std::optional<bool>(true);
    }
  }
  return std::optional<bool>(false);
}

// When the checkpoint was copied to where it is; nullopt: it was not, or nobody knows.
Result<std::optional<WallTime>> CopiedAt(const BankSection& tenant, const std::string& id) {
  // What a record names that is no id is nothing that was copied.
  const auto checkpoint = Record::Open(tenant, RecordKind::kCheckpoint, id);
  if (!checkpoint) return std::optional<WallTime>();
  const auto head = checkpoint->Head();
  if (!head && !IsDamage(head.error())) return head.error();
  if (!head || !*head || !(*head)->copied) return std::optional<WallTime>();
  return std::optional((*head)->copied->time);
}

}  // namespace

Result<LastVerifications> ReadLastVerifications(const BankSection& tenant,
                                                std::string_view checkpoint, WallTime now) {
  HOLDFAST_ASSIGN_OR_RETURN(auto found, ListRecords(tenant, RecordKind::kVerification, {}));
  // By when they came to their end, newest first.
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.changed > b.changed; });
  LastVerifications last;
  std::map<std::string, std::optional<WallTime>, std::less<>> copied_at;
  std::set<std::string, std::less<>> settled;  // by one that was good in full
  for (RecordSummary& summary : found) {
    if (!checkpoint.empty() && summary.checkpoint != checkpoint) continue;
    // Of a damaged one nobody knows what it found.
    if (!summary.damage.empty()) continue;
    if (IsWorking(summary.state) || settled.contains(summary.checkpoint)) continue;
    const auto known = last.find(summary.checkpoint);
    if (known != last.end() && known->second.failed) continue;
    auto copied = copied_at.find(summary.checkpoint);
    if (copied == copied_at.end()) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto time, CopiedAt(tenant, summary.checkpoint));
      copied = copied_at.emplace(summary.checkpoint, time).first;
    }
    if (IsOfEarlierCopy(summary, copied->second)) continue;
    bool failed = false;
    if (summary.state != RecordState::kVerified) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto failure, FoundFailure(tenant, summary.id));
      if (!failure || !*failure) continue;
      failed = true;
    } else if (summary.reason.empty() && !IsInFuture(summary.changed, now)) {
      // One that ended well has a reason where it did not read everything.
      settled.insert(summary.checkpoint);
    }
    if (known != last.end() && !failed) continue;
    std::string key = summary.checkpoint;
    last.insert_or_assign(std::move(key), LastVerification{std::move(summary), failed});
  }
  return last;
}

namespace {

RecordHead HeadOf(const StoredBundle& bundle, const RecordSummary& summary) {
  RecordHead head;
  head.operation = bundle.bundle().operation;
  head.checkpoint = summary.id;
  head.bundle = bundle.sha256();
  head.provider_id = bundle.bundle().provider_id;
  head.provider_name = bundle.bundle().provider_name;
  head.plan = bundle.bundle().plan;
  head.parameters = bundle.bundle().parameters;
  head.resources = bundle.bundle().resources;
  head.created = summary.created;
  return head;
}

// Sets `nothing`. Of a bundle that is damaged nobody knows: everything was to be protected.
Status FindNothing(const BankSection& tenant, CheckpointSource& source) {
  if (source.plugins.size() == source.graph.size()) return Ok();
  auto bundle = StoredBundle::Open(tenant, source.head.bundle);
  if (bundle) {
    auto resources = bundle->AllResources();
    if (resources) {
      for (const auto& [key, resource] : *resources) {
        if (!source.plugins.contains(key) && !resource->HasSteps()) source.nothing.insert(key);
      }
      return Ok();
    }
    if (!IsDamage(resources.error()) && resources.error().code() != ErrorCode::kNotFound)
      return std::move(resources).error();
    return Ok();
  }
  if (!IsDamage(bundle.error()) && bundle.error().code() != ErrorCode::kNotFound)
    return std::move(bundle).error();
  return Ok();
}

// Head and graph of a checkpoint of which either is damaged, as its bundle has them.
Status TakeFromBundle(const Record& record, CheckpointSource& source) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto name, record.BundleName());
  if (!name) return NotFound("nothing says which bundle it was made from");
  HOLDFAST_ASSIGN_OR_RETURN(auto bundle, StoredBundle::Open(record.tenant(), *name));
  HOLDFAST_ASSIGN_OR_RETURN(source.graph, bundle.Graph());
  source.head = HeadOf(bundle, source.summary);
  return Ok();
}

}  // namespace

Result<CheckpointSource> ReadRecordGraph(const BankSection& tenant, const std::string& checkpoint,
                                         Damaged damaged) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(auto summary, Summarise(record));
  if (!summary) {
    return NotFound("there is no checkpoint " + Printable(checkpoint))
        .Hint("holdfast checkpoints list");
  }
  if (summary->state == RecordState::kDeleted) {
    return NotFound("the checkpoint " + Printable(checkpoint) + " was deleted");
  }
  CheckpointSource source;
  source.summary = std::move(*summary);
  Status readable = CheckReadable(record, source.summary);
  if (!readable) {
    Error error = std::move(readable).error();
    if (damaged != Damaged::kTakeFromBundle || !IsDamage(error)) return error;
    if (Status taken = TakeFromBundle(record, source); !taken) {
      if (!IsDamage(taken.error()) && taken.error().code() != ErrorCode::kNotFound)
        return std::move(taken).error();
      return std::move(error).Because(std::move(taken).error());
    }
    SetDamage(source.summary, error);
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(auto head, record.Head());
    if (!head) return NoHead(record);
    source.head = std::move(*head);
    HOLDFAST_ASSIGN_OR_RETURN(source.graph, record.Graph());
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(record));
  for (const ResourceGraph::Node& node : source.graph.nodes()) {
    auto manifest = manifests.Of(node.key);
    if (!manifest && damaged != Damaged::kRefuse && IsDamage(manifest.error())) {
      if (damaged == Damaged::kTakeFromBundle) SetDamage(source.summary, manifest.error());
      continue;
    }
    if (!manifest) return std::move(manifest).error();
    if (*manifest) source.plugins.emplace(node.key, (*manifest)->plugin);
  }
  if (damaged == Damaged::kLeaveManifests) HOLDFAST_RETURN_IF_ERROR(FindNothing(tenant, source));
  return source;
}

Result<std::map<ResourceKey, std::string>> MissingResources(const BankSection& tenant,
                                                            const std::string& checkpoint) {
  std::map<ResourceKey, std::string> missing;
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (!state || !head || state->state == RecordState::kDeleted) return missing;
  auto bundle = StoredBundle::Open(tenant, head->bundle);
  auto resources = bundle ? bundle->AllResources() : bundle.error();
  if (!resources) {
    if (resources.error().code() == ErrorCode::kNotFound || IsDamage(resources.error()))
      return missing;
    return std::move(resources).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(record));
  for (const auto& [key, resource] : *resources) {
    if (!resource->HasSteps()) continue;
    const auto manifest = manifests.Of(key);
    if (!manifest && !IsDamage(manifest.error())) return manifest.error();
    if (!manifest)
      missing.emplace(key, manifest.error().OneLine());
    else if (!*manifest)
      missing.emplace(key, "");
  }
  return missing;
}

}  // namespace holdfast::runtime
