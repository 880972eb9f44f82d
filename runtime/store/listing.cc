#include "runtime/store/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/epoch_table.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"

namespace holdfast::runtime {
namespace {

// The path that a restore is told to restore alone, by the convention that plugins share:
// parameter `only`, or `only_base64` for one that is no text. Empty: everything.
std::string OnlyOf(const Value& parameters) {
  if (!parameters.is_map()) return "";
  std::string only = parameters.StringOr("only", "");
  if (!only.empty()) return only;
  const std::string encoded = parameters.StringOr("only_base64", "");
  auto bytes = FromBase64(encoded);
  return bytes ? std::move(*bytes) : encoded;
}

Result<std::optional<RecordSummary>> Summarise(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.States());
  if (states.empty()) return std::optional<RecordSummary>();  // its begin never ended
  RecordSummary summary;
  summary.id = record.id();
  summary.kind = record.kind();
  summary.state = states.back().state;
  summary.reason = states.back().reason;
  summary.warnings = states.back().warnings;
  summary.created = states.front().time;
  summary.changed = states.back().time;
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (head) {
    summary.plan = head->PlanName();
    summary.provider_id = head->provider_id;
    summary.provider_name = head->provider_name;
    summary.checkpoint = head->checkpoint;
    summary.resources = head->resources;
    summary.created = head->created;
    summary.created_by = head->created_by;
    if (head->operation == Operation::kRestore && head->parameters.is_map()) {
      for (const auto& [of, parameters] : head->parameters.AsMap()) {
        if (std::string path = OnlyOf(parameters); !path.empty())
          summary.only.push_back({of, std::move(path)});
      }
    }
  }
  return std::optional<RecordSummary>(std::move(summary));
}

// What the begin of the newest run that worked on the record found.
Result<std::optional<DriftNote>> DriftOfNewestRun(const Record& record,
                                                  const std::vector<StateEntry>& states) {
  for (auto at = states.rbegin(); at != states.rend(); ++at) {
    if (IsWorking(at->state)) return record.Drift(at->run);
  }
  return std::optional<DriftNote>();
}

bool Passes(const RecordSummary& summary, const RecordFilter& filter) {
  return (filter.plan.empty() || summary.plan == filter.plan) &&
         (filter.provider.empty() || summary.provider_id == filter.provider ||
          summary.provider_name == filter.provider) &&
         (!filter.since || summary.created >= *filter.since) &&
         (!filter.before || summary.created < *filter.before) &&
         (!filter.state || summary.state == *filter.state);
}

Result<std::vector<std::string>> Candidates(const BankSection& tenant, RecordKind kind,
                                            const RecordFilter& filter) {
  if (kind != RecordKind::kCheckpoint || filter.state != RecordState::kAvailable) {
    return ListRecordIds(tenant, kind);
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto entries, ReadIndex(tenant, filter.plan));
  std::vector<std::string> ids;
  for (const IndexEntry& entry : entries) ids.push_back(entry.record);
  return ids;
}

// `checkpoint`: the section of the one that the record works on; `missing`: what that lacks.
Result<std::vector<ResourceReport>> ReportResources(const Record& record,
                                                    const BankSection& checkpoint,
                                                    const std::set<ResourceKey>& missing,
                                                    StoredBundle& bundle,
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
      const std::string& step = entry->steps[static_cast<std::size_t>(kind)];
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
      auto manifest = NewestManifest(checkpoint, key);
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

}  // namespace

Result<std::vector<std::string>> ListRecordIds(const BankSection& tenant, RecordKind kind) {
  const std::string own = tenant.prefix() + "/";
  const std::string folder = own + std::string(FolderOf(kind)) + "/";
  ListOptions options;
  options.prefix = folder;
  options.limit = 1;
  std::vector<std::string> ids;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto page, tenant.bank().List(options));
    if (page.empty()) return ids;
    const std::string rest = page.front().key.str().substr(folder.size());
    const std::string part = rest.substr(0, rest.find('/'));
    auto id = TextOfKeyPart(part);
    if (id) ids.push_back(std::move(*id));
    // '~' sorts after every byte that a key may have: the next listing starts behind this record.
    options.marker = folder + part + "/~";
  }
}

Result<std::vector<RecordSummary>> ListRecords(const BankSection& tenant, RecordKind kind,
                                               const RecordFilter& filter) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto ids, Candidates(tenant, kind, filter));
  std::vector<RecordSummary> summaries;
  for (const std::string& id : ids) {
    HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, kind, id));
    HOLDFAST_ASSIGN_OR_RETURN(auto summary, Summarise(record));
    if (summary && Passes(*summary, filter)) summaries.push_back(std::move(*summary));
  }
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
  RecordReport report;
  report.summary = std::move(*summary);
  HOLDFAST_ASSIGN_OR_RETURN(report.states, record.States());
  HOLDFAST_ASSIGN_OR_RETURN(report.drift, DriftOfNewestRun(record, report.states));
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (!head) return report;
  report.operation = head->operation;
  report.bundle = head->bundle;
  if (!details || report.summary.state == RecordState::kDeleted) {
    if (kind == RecordKind::kCheckpoint || !details) return report;
  }
  auto bundle = StoredBundle::Open(tenant, head->bundle);
  if (!bundle) {
    if (bundle.error().code() == ErrorCode::kNotFound) return report;
    return std::move(bundle).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(tenant, id));
  HOLDFAST_ASSIGN_OR_RETURN(
      const BankSection checkpoint,
      tenant.Narrow(RecordPrefix(RecordKind::kCheckpoint, head->checkpoint), SectionAccess::kRead));
  std::set<ResourceKey> missing;
  if (kind == RecordKind::kRestore || kind == RecordKind::kVerification) {
    HOLDFAST_ASSIGN_OR_RETURN(missing, MissingResources(tenant, head->checkpoint));
  }
  HOLDFAST_ASSIGN_OR_RETURN(report.resources, ReportResources(record, checkpoint, missing, *bundle,
                                                              lease ? lease->epochs : ""));
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, bundle->AllSteps());
  for (const BundleStep* const step : steps) report.order.emplace(step->name, step->order);
  return report;
}

Result<RecordReport> ReportOfRun(const BankSection& tenant, std::string_view run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(tenant, run));
  if (!entry) return NotFound(fmt::format("run {} never began", Printable(run)));
  return ShowRecord(tenant, entry->kind, entry->record);
}

Result<std::vector<PlanStatus>> ReadPlanStatus(const BankSection& tenant, std::string_view plan) {
  // Not by the index: a plan of which no checkpoint ever became available is the one to hear of.
  RecordFilter filter;
  filter.plan = std::string(plan);
  HOLDFAST_ASSIGN_OR_RETURN(const auto found, ListCheckpoints(tenant, filter));
  std::map<std::string, PlanStatus> newest;
  for (const RecordSummary& summary : found) {
    if (summary.plan.empty() || summary.state == RecordState::kDeleted) continue;
    PlanStatus& status = newest[summary.plan];
    status.plan = summary.plan;
    if (summary.state != RecordState::kAvailable) continue;
    if (status.checkpoint.empty() || status.created <= summary.created) {
      status = {summary.plan, summary.id, summary.created, summary.warnings, ""};
    }
  }
  std::vector<PlanStatus> statuses;
  statuses.reserve(newest.size());
  for (auto& [name, status] : newest) {
    if (!status.checkpoint.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                                Record::Open(tenant, RecordKind::kCheckpoint, status.checkpoint));
      HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.States());
      HOLDFAST_ASSIGN_OR_RETURN(auto drift, DriftOfNewestRun(record, states));
      if (drift && drift->policy == "fail") status.drift = std::move(drift->text);
    }
    statuses.push_back(std::move(status));
  }
  return statuses;
}

Result<std::map<std::string, LastVerification, std::less<>>> ReadLastVerifications(
    const BankSection& tenant, std::string_view checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(auto found, ListRecords(tenant, RecordKind::kVerification, {}));
  // By when they came to their end, newest first.
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.changed > b.changed; });
  std::map<std::string, LastVerification, std::less<>> last;
  for (RecordSummary& summary : found) {
    if (!checkpoint.empty() && summary.checkpoint != checkpoint) continue;
    if (IsWorking(summary.state) || last.contains(summary.checkpoint)) continue;
    bool failed = false;
    if (summary.state != RecordState::kVerified) {
      HOLDFAST_ASSIGN_OR_RETURN(const RecordReport report,
                                ShowRecord(tenant, RecordKind::kVerification, summary.id));
      for (const ResourceReport& resource : report.resources) {
        for (const ActivityReport& activity : resource.activities) {
          failed = failed || (activity.outcome && activity.outcome->outcome == Outcome::kFailed);
        }
      }
      if (!failed) continue;
    }
    std::string key = summary.checkpoint;
    last.emplace(std::move(key), LastVerification{std::move(summary), failed});
  }
  return last;
}

Result<CheckpointSource> ReadRecordGraph(const BankSection& tenant, const std::string& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(auto summary, Summarise(record));
  HOLDFAST_ASSIGN_OR_RETURN(auto head, record.Head());
  if (!summary || !head) {
    return NotFound("there is no checkpoint " + Printable(checkpoint))
        .Hint("holdfast checkpoints list");
  }
  if (summary->state == RecordState::kDeleted) {
    return NotFound("the checkpoint " + Printable(checkpoint) + " was deleted");
  }
  CheckpointSource source;
  source.summary = std::move(*summary);
  source.head = std::move(*head);
  HOLDFAST_ASSIGN_OR_RETURN(source.graph, record.Graph());
  for (const ResourceGraph::Node& node : source.graph.nodes()) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, NewestManifest(record.section(), node.key));
    if (manifest) source.plugins.emplace(node.key, manifest->plugin);
  }
  return source;
}

Result<std::set<ResourceKey>> MissingResources(const BankSection& tenant,
                                               const std::string& checkpoint) {
  std::set<ResourceKey> missing;
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
  if (!state || !head || state->state == RecordState::kAvailable ||
      state->state == RecordState::kDeleted) {
    return missing;
  }
  auto bundle = StoredBundle::Open(tenant, head->bundle);
  if (!bundle) {
    if (bundle.error().code() == ErrorCode::kNotFound) return missing;
    return std::move(bundle).error();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, bundle->AllResources());
  for (const auto& [key, resource] : resources) {
    const auto& steps = resource->steps;
    if (std::all_of(steps.begin(), steps.end(), [](const auto& step) { return step.empty(); }))
      continue;
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, NewestManifest(record.section(), key));
    if (!manifest) missing.insert(key);
  }
  return missing;
}

}  // namespace holdfast::runtime
