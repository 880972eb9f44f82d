#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/checkpoint_choice.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/duration_option.h"
#include "runtime/cli/file_listing.h"
#include "runtime/cli/origin_names.h"
#include "runtime/cli/own_steps.h"
#include "runtime/cli/record_table.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/indices.h"
#include "runtime/store/layout.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

using runtime::RecordKind;
using runtime::RecordState;
using runtime::RecordSummary;

namespace {

// A bank to read and whose it is.
struct OwnBank {
  BankSection tenant;
  std::string provider_id;
  unsigned parallel = 1;
};
Result<OwnBank> ReadableOwnBank(Session& session, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, session.OpenProvider(name));
  HOLDFAST_ASSIGN_OR_RETURN(BankSection tenant,
                            session.TenantSection(*provider, SectionAccess::kRead));
  return OwnBank{std::move(tenant), provider->config().id, ParallelOf(*provider)};
}

Result<BankSection> ReadableBank(Session& session, const std::string& name) {
  HOLDFAST_ASSIGN_OR_RETURN(OwnBank bank, ReadableOwnBank(session, name));
  return std::move(bank.tenant);
}

// What its last verification found, when that is not good; when the checkpoint was last read back
// in full, and when last as a sample after that.
Status ShowVerifications(const Output& out, const BankSection& tenant, const RecordSummary& of,
                         WallTime now) {
  const std::string& checkpoint = of.id;
  std::optional<WallTime> copied;
  if (of.copied) copied = of.copied->time;
  HOLDFAST_ASSIGN_OR_RETURN(const auto found,
                            runtime::ListRecords(tenant, RecordKind::kVerification, {}));
  const RecordSummary* full = nullptr;
  const RecordSummary* sample = nullptr;
  for (const RecordSummary& summary : found) {
    if (summary.checkpoint != checkpoint || runtime::IsOfEarlierCopy(summary, copied)) continue;
    out.Json("verification", RecordSummaryToValue(summary));
    if (summary.state != RecordState::kVerified) continue;
    // One that ended well has a reason only where it read a sample.
    if (summary.reason.empty()) {
      full = &summary;
      sample = nullptr;
    } else {
      sample = &summary;
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto last,
                            runtime::ReadLastVerifications(tenant, checkpoint, now));
  const auto newest = last.find(checkpoint);
  const bool failed = newest != last.end() && newest->second.failed;
  if (failed) {
    const RecordSummary& summary = newest->second.summary;
    out.Line(fmt::format("last verified: {}, FAILED: {}; holdfast show {}",
                         FormatTime(summary.changed), Printable(summary.reason), summary.id));
  }
  if (full != nullptr) out.Line("verified in full: " + FormatTime(full->changed));
  if (sample != nullptr)
    out.Line("verified: " + FormatTime(sample->changed) + ", " + Printable(sample->reason));
  if (full == nullptr && sample == nullptr && !failed) out.Line("not verified yet");
  return Ok();
}

// Its warnings, and what its begin found of the resource graph.
std::string WarningsCell(const RecordSummary& summary) {
  const std::uint64_t count = AllWarnings(summary);
  std::string drift = summary.drift && summary.drift->fails() ? "DRIFT" : "";
  if (count == 0) return drift;
  return std::to_string(count) + (drift.empty() ? "" : ", " + drift);
}

// Why it is kept, as far as somebody said.
std::string PinCell(const RecordSummary& summary) {
  if (!summary.pin) return "";
  return summary.pin->reason.empty() ? "pinned" : Printable(summary.pin->reason);
}

void WarnOfDamage(const Output& out, const RecordSummary& summary, std::string_view what) {
  const std::string plan = summary.plan.empty() ? "" : " of plan " + summary.plan;
  out.Warn(fmt::format("{} {}{} {}, for it is damaged: {}", runtime::NameOf(summary.kind),
                       summary.id, plan, what, summary.damage));
}

// A text as the value of a label. Plan names are [a-z0-9-]; those of providers may be anything.
std::string LabelText(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : Printable(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Of what the provider made itself the plan's name alone.
std::string LabelsOf(const runtime::PlanStatus& plan, const std::string& provider_id) {
  std::string labels = "plan=" + LabelText(plan.plan);
  if (plan.origin_id.empty() || plan.origin_id == provider_id) return labels;
  return labels + ",origin=" + LabelText(plan.origin_name) +
         ",origin_id=" + LabelText(plan.origin_id);
}

// A text file for the node exporter: metrics in the order of their first value, each with a head.
class Metrics {
 public:
  // One value, of what the labels name, or (none) of all.
  void Add(std::string_view name, std::string_view help, std::string_view labels,
           std::int64_t value) {
    auto at = std::find_if(metrics_.begin(), metrics_.end(),
                           [name](const auto& metric) { return metric.first == name; });
    if (at == metrics_.end()) {
      metrics_.emplace_back(name, fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help));
      at = std::prev(metrics_.end());
    }
    at->second += labels.empty() ? fmt::format("{} {}\n", name, value)
                                 : fmt::format("{}{{{}}} {}\n", name, labels, value);
  }
  std::string Text() const {
    std::string text;
    for (const auto& [name, lines] : metrics_) text += lines;
    return text;
  }

 private:
  std::vector<std::pair<std::string, std::string>> metrics_;
};

// What a restore that ended well did not restore: it was told so, or the checkpoint did not hold it.
std::string NoteOf(const RecordSummary& restore) {
  std::string text = OnlyText(restore);
  if (restore.state != RecordState::kRestored || restore.reason.empty()) return text;
  return text + (text.empty() ? "" : "; ") + restore.reason;
}

// That the newest of these, which are oldest first, is no other machine's than the one that is meant.
Status CheckIsOfOneOrigin(const std::vector<RecordSummary>& found, const std::string& plan) {
  std::vector<RecordSummary> whole;
  std::copy_if(found.begin(), found.end(), std::back_inserter(whole),
               [](const RecordSummary& one) { return one.damage.empty(); });
  const auto origins = runtime::OriginsOf(whole);
  if (origins.size() < 2) return Ok();
  std::vector<std::string> lines;
  lines.reserve(origins.size());
  for (const auto& [id, newest] : origins) {
    lines.push_back(fmt::format("{} ({}), newest {} of {}", Printable(newest->origin_name()),
                                Printable(id), newest->id, FormatTime(newest->created)));
  }
  return InvalidInput(fmt::format("which checkpoint is the latest{} cannot be said: several "
                                  "providers made those that are there: {}",
                                  plan.empty() ? "" : " of plan " + Printable(plan),
                                  Join(lines, "; ")))
      .Hint("--origin PROVIDER says whose is meant, by name or id; or name a checkpoint by its id");
}

int ShowOne(Session& session, const BankSection& tenant, RecordKind kind, const std::string& id) {
  const auto report = runtime::ShowRecord(tenant, kind, id);
  if (!report) return session.out().Fail(report.error());
  ShowRecordReport(session.out(), *report, Showing::kInFull);
  if (kind != RecordKind::kCheckpoint) return 0;
  if (auto status =
          ShowVerifications(session.out(), tenant, report->summary, session.clock().Now());
      !status)
    return session.out().Fail(status.error());
  return 0;
}

}  // namespace

Result<std::string> ChooseCheckpoint(const Output& out, const BankSection& tenant,
                                     const std::string& provider_id, OfOthers of_others,
                                     const WantedCheckpoint& wanted, WallTime now) {
  if (wanted.text != "latest") return wanted.text;
  const std::string& plan = wanted.plan;
  HOLDFAST_ASSIGN_OR_RETURN(auto found, runtime::ListCheckpoints(tenant, {}));
  const bool has_own = std::any_of(found.begin(), found.end(), [&](const RecordSummary& one) {
    return one.provider_id == provider_id;
  });
  std::string origin;
  if (!wanted.origin.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(origin, runtime::OriginCalled(found, wanted.origin));
  }
  runtime::RecordFilter filter;
  filter.plan = plan;
  filter.state = RecordState::kAvailable;
  const auto fails = [&filter](const RecordSummary& one) { return !runtime::Passes(one, filter); };
  std::erase_if(found, fails);
  // The newest of each other provider.
  std::map<std::string, RecordSummary> others;
  for (const RecordSummary& one : found) {
    if (one.damage.empty() && one.provider_id != provider_id) others[one.provider_id] = one;
  }
  filter.provider = provider_id;
  if (of_others == OfOthers::kTakeWhenAlone && !has_own && others.size() == 1) {
    filter.provider = others.begin()->first;
    out.Warn(
        fmt::format("the bank has no checkpoint of this provider; those of provider {} ({}) "
                    "are taken",
                    Printable(others.begin()->second.provider_name), Printable(filter.provider)));
  }
  filter.origin = std::move(origin);
  std::erase_if(found, fails);
  if (wanted.origin.empty()) HOLDFAST_RETURN_IF_ERROR(CheckIsOfOneOrigin(found, plan));
  for (auto newest = found.rbegin(); newest != found.rend(); ++newest) {
    if (newest->damage.empty()) HOLDFAST_RETURN_IF_ERROR(runtime::CheckCheckpoint(tenant, *newest));
    if (newest->damage.empty() && runtime::IsInFuture(newest->created, now)) {
      const auto before =
          std::find_if(std::next(newest), found.rend(), [now](const RecordSummary& one) {
            return one.damage.empty() && !runtime::IsInFuture(one.created, now);
          });
      return InvalidInput(
                 fmt::format("which checkpoint is the latest cannot be said: {} was made in the "
                             "future, on {} (it is {} now), by a clock that was wrong",
                             newest->id, FormatTime(newest->created), FormatTime(now)))
          .Hint(before == found.rend()
                    ? "name a checkpoint by its id: 'holdfast checkpoints list' shows them"
                    : fmt::format("name the one that is meant by its id; the newest that is not in "
                                  "the future is {}, of {}",
                                  before->id, FormatTime(before->created)));
    }
    if (newest->damage.empty()) return newest->id;
    WarnOfDamage(out, *newest, "is not taken as the latest");
  }
  std::string none = plan.empty() ? "there is no available checkpoint"
                                  : "plan " + Printable(plan) + " has no available checkpoint";
  if (!wanted.origin.empty()) none += " that " + Printable(wanted.origin) + " made";
  if (others.empty())
    return NotFound(none).Hint("'holdfast checkpoints list' shows those that there are");
  const RecordSummary& other = others.begin()->second;
  return NotFound(none + " of this provider")
      .Hint(fmt::format(
          "the bank has some of provider {} ({}): if that is meant, name it by its id; the "
          "newest is {}, of {}",
          Printable(other.provider_name), Printable(other.provider_id), other.id,
          FormatTime(other.created)));
}

int ListCheckpoints(Session& session, const CheckpointsArguments& arguments) {
  const auto bank = ReadableOwnBank(session, arguments.provider);
  if (!bank) return session.out().Fail(bank.error());
  auto found = runtime::ListCheckpoints(bank->tenant, {});
  if (!found) return session.out().Fail(found.error());
  runtime::RecordFilter filter;
  filter.plan = arguments.plan;
  if (!arguments.origin.empty()) {
    auto origin = runtime::OriginCalled(*found, arguments.origin);
    if (!origin) return session.out().Fail(origin.error());
    filter.origin = std::move(*origin);
  }
  std::erase_if(*found, [&](const auto& one) { return !runtime::Passes(one, filter); });
  std::reverse(found->begin(), found->end());
  if (!arguments.all)
    std::erase_if(*found, [](const auto& one) { return one.state == RecordState::kDeleted; });
  const bool of_several = std::any_of(found->begin(), found->end(), [&](const auto& one) {
    return one.provider_id != found->front().provider_id;
  });
  std::vector<std::string> titles{"CHECKPOINT", "STATE",     "PLAN",
                                  "CREATED",    "RESOURCES", "WARNINGS"};
  // What a provider made itself, the column before says.
  OriginNames origins("");
  bool of_copies = false;
  for (const RecordSummary& one : *found) {
    origins.Add(one.origin_id(), one.origin_name());
    of_copies = of_copies || one.origin_id() != one.provider_id;
  }
  if (of_copies) titles.insert(titles.begin() + 3, "ORIGIN");
  if (of_several) titles.insert(titles.begin() + 3, "PROVIDER");
  const bool of_pinned =
      std::any_of(found->begin(), found->end(), [](const auto& one) { return one.pin; });
  if (of_pinned) titles.emplace_back("PINNED");
  std::vector<std::vector<std::string>> rows;
  for (const RecordSummary& summary : *found) {
    session.out().Json("checkpoint", RecordSummaryToValue(summary));
    rows.push_back({summary.id, StateWord(summary), summary.plan, FormatTime(summary.created),
                    std::to_string(summary.resources), WarningsCell(summary)});
    if (of_copies)
      rows.back().insert(rows.back().begin() + 3,
                         origins.Of(summary.origin_id(), summary.origin_name()));
    if (of_several) rows.back().insert(rows.back().begin() + 3, summary.provider_name);
    if (of_pinned) rows.back().push_back(PinCell(summary));
  }
  if (rows.empty()) {
    session.out().Say("no checkpoints");
  } else {
    session.out().Table(titles, rows);
  }
  for (const RecordSummary& summary : *found) {
    if (!summary.damage.empty()) WarnOfDamage(session.out(), summary, "is of no use");
  }
  return 0;
}

int ShowCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  const auto bank = ReadableOwnBank(session, arguments.provider);
  if (!bank) return session.out().Fail(bank.error());
  const BankSection& tenant = bank->tenant;
  const auto id = ChooseCheckpoint(
      session.out(), tenant, bank->provider_id, OfOthers::kTakeWhenAlone,
      {arguments.checkpoint, arguments.plan, arguments.origin}, session.clock().Now());
  if (!id) return session.out().Fail(id.error());
  return ShowOne(session, tenant, RecordKind::kCheckpoint, *id);
}

int ShowRecordById(Session& session, const ShowArguments& arguments) {
  const auto tenant = ReadableBank(session, arguments.provider);
  if (!tenant) return session.out().Fail(tenant.error());
  for (const RecordKind kind : {RecordKind::kCheckpoint, RecordKind::kRestore,
                                RecordKind::kVerification, RecordKind::kDeletion}) {
    const auto found = runtime::ShowRecord(*tenant, kind, arguments.record, false);
    if (found) return ShowOne(session, *tenant, kind, arguments.record);
    if (found.error().code() != ErrorCode::kNotFound) return session.out().Fail(found.error());
  }
  return session.out().Fail(
      NotFound("no checkpoint, restore, verification or deletion is called " +
               Printable(arguments.record))
          .Hint("'holdfast checkpoints list' and 'holdfast restores list' show what there is"));
}

int ListCheckpointFiles(Session& session, const CheckpointsArguments& arguments) {
  const Output& out = session.out();
  const auto bank = ReadableOwnBank(session, arguments.provider);
  if (!bank) return out.Fail(bank.error());
  const BankSection& tenant = bank->tenant;
  const auto id = ChooseCheckpoint(
      session.out(), tenant, bank->provider_id, OfOthers::kTakeWhenAlone,
      {arguments.checkpoint, arguments.plan, arguments.origin}, session.clock().Now());
  if (!id) return out.Fail(id.error());
  const auto report = runtime::ShowRecord(tenant, RecordKind::kCheckpoint, *id);
  if (!report) return out.Fail(report.error());
  const auto section =
      tenant.Narrow(runtime::RecordPrefix(RecordKind::kCheckpoint, *id), SectionAccess::kRead);
  if (!section) return out.Fail(section.error());
  bool listed = false;
  for (const runtime::ResourceReport& resource : report->resources) {
    if (!arguments.resource.empty() && resource.resource.key.str() != arguments.resource) continue;
    if (!resource.manifest) continue;
    for (const runtime::StreamManifest& stream : resource.manifest->streams) {
      if (stream.name != kFileListing) continue;
      if (arguments.resource.empty()) out.Line(Printable(resource.resource.key.str()) + ":");
      if (auto status = PrintFileListing(out, *section, *resource.manifest, stream); !status)
        return out.Fail(status.error());
      listed = true;
    }
  }
  if (!listed && !report->bundle_damage.empty() && report->resources.empty()) {
    return out.Fail(Corrupt("what the checkpoint holds is not known, for its bundle is gone: " +
                            Printable(report->bundle_damage)));
  }
  if (!report->bundle_damage.empty()) {
    out.Warn("the bundle of checkpoint " + Printable(*id) +
             " is damaged or gone: " + Printable(report->bundle_damage));
  }
  if (!listed) {
    return out.Fail(
        NotFound(arguments.resource.empty() ? "the checkpoint holds no listing of files"
                                            : "the checkpoint holds no listing of files for " +
                                                  Printable(arguments.resource))
            .Hint("'holdfast checkpoints show' names its resources; directories have listings"));
  }
  return 0;
}

int CheckpointStatus(Session& session, const CheckpointsArguments& arguments) {
  const Output& out = session.out();
  const auto max_age = DurationOption("--max-age", arguments.max_age);
  if (!max_age) return out.Fail(max_age.error());
  const auto bank = ReadableOwnBank(session, arguments.provider);
  if (!bank) return out.Fail(bank.error());
  const BankSection& tenant = bank->tenant;
  const WallTime now = session.clock().Now();
  auto origin = ChooseOrigin(tenant, bank->provider_id, arguments.origin);
  if (!origin) return out.Fail(origin.error());
  runtime::RecordFilter filter;
  filter.plan = arguments.plan;
  filter.provider = bank->provider_id;
  filter.origin = std::move(*origin);
  std::vector<RecordSummary> damaged;
  auto plans = runtime::ReadPlanStatus(tenant, filter, bank->parallel, &damaged);
  if (!plans) return out.Fail(plans.error());
  // A plan that was asked for and has nothing is the worst case, not an empty answer.
  if (plans->empty() && !arguments.plan.empty()) {
    runtime::PlanStatus none;
    none.plan = arguments.plan;
    none.origin_id = filter.origin;
    none.origin_name = arguments.origin;
    plans->push_back(std::move(none));
  }
  OriginNames origins(bank->provider_id);
  for (const runtime::PlanStatus& plan : *plans) origins.Add(plan.origin_id, plan.origin_name);

  const auto verifications = runtime::ReadLastVerifications(tenant, "", now);
  if (!verifications) return out.Fail(verifications.error());

  bool all_fresh = !plans->empty();
  std::vector<std::vector<std::string>> rows;
  Metrics metrics;
  metrics.Add(
      "holdfast_plans",
      "How many plans the other metrics are about; one of several origins counts as several.", "",
      static_cast<std::int64_t>(plans->size()));
  metrics.Add("holdfast_damaged_checkpoints",
              "How many checkpoints, of these plans or of none that is known, are damaged.", "",
              static_cast<std::int64_t>(damaged.size()));
  for (const RecordSummary& summary : damaged) {
    out.Json("damaged-checkpoint", RecordSummaryToValue(summary));
    WarnOfDamage(out, summary, "does not count");
  }
  for (const runtime::PlanStatus& plan : *plans) {
    const bool has = !plan.checkpoint.empty();
    const auto age = has ? std::chrono::duration_cast<std::chrono::milliseconds>(now - plan.created)
                         : std::chrono::milliseconds(0);
    // Of a clock that was wrong: how old it is, nobody knows.
    const bool in_future = has && runtime::IsInFuture(plan.created, now);
    const bool fresh = has && !in_future && age <= *max_age;
    const auto verification = verifications->find(plan.checkpoint);
    const bool verified = verification != verifications->end();
    // Young, and known not to read back: nothing to rely on.
    const bool failed = verified && verification->second.failed;
    // What the plan's file names is protected; what is there is not.
    const bool drifted = !plan.drift.empty();
    all_fresh = all_fresh && fresh && !failed && !drifted;
    const std::string labels = LabelsOf(plan, bank->provider_id);
    const std::string name = origins.to_be_shown() && !plan.origin_id.empty()
                                 ? plan.plan + " of " + origins.Of(plan.origin_id, plan.origin_name)
                                 : plan.plan;
    Value datum = Value()
                      .Set("plan", plan.plan)
                      .Set("origin", Printable(plan.origin_name))
                      .Set("origin_id", Printable(plan.origin_id))
                      .Set("fresh", fresh)
                      .Set("drifted", drifted);
    if (drifted) datum.Set("drift", Printable(plan.drift));
    if (in_future) datum.Set("in_future", true);
    if (has) {
      datum.Set("checkpoint", plan.checkpoint)
          .Set("created", FormatTime(plan.created))
          .Set("age_ms", static_cast<std::int64_t>(age.count()))
          .Set("warnings", plan.warnings);
    }
    if (verified) {
      datum.Set("last_verification", RecordSummaryToValue(verification->second.summary))
          .Set("verification_failed", failed);
    }
    out.Json("plan-status", std::move(datum));
    rows.push_back({plan.plan, has ? plan.checkpoint : "none",
                    !has ? "-"
                    : in_future
                        ? "in the future"
                        : HumanDuration(std::max(std::chrono::duration<double>(age), {}).count()),
                    !has       ? "-"
                    : verified ? FormatTime(verification->second.summary.changed)
                               : "never",
                    failed    ? "VERIFY FAILED"
                    : drifted ? "DRIFTED"
                    : fresh   ? "fresh"
                              : "NOT FRESH"});
    if (origins.to_be_shown())
      rows.back().insert(rows.back().begin() + 1, origins.Of(plan.origin_id, plan.origin_name));
    if (in_future) {
      out.Warn(
          fmt::format("checkpoint {} of plan {} was made in the future, on {} (it is {} now): a "
                      "clock was, or is, wrong; make a new one, and delete what is not to be "
                      "the latest",
                      plan.checkpoint, name, FormatTime(plan.created), FormatTime(now)));
    }
    if (drifted) {
      out.Warn(fmt::format("the run that made checkpoint {} of plan {} failed: there is drift: {}",
                           plan.checkpoint, name, plan.drift));
    }
    if (failed) {
      out.Warn(fmt::format("the last verification of checkpoint {} of plan {} failed: {}",
                           plan.checkpoint, name, verification->second.summary.reason));
    }
    const auto seconds = [](WallTime time) {
      return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    };
    metrics.Add("holdfast_plan_has_checkpoint", "Whether a plan has an available checkpoint.",
                labels, has ? 1 : 0);
    metrics.Add("holdfast_newest_checkpoint_timestamp_seconds",
                "When the newest available checkpoint of a plan was made; 0: there is none.",
                labels, has ? seconds(plan.created) : 0);
    metrics.Add("holdfast_checkpoint_fresh",
                "Whether the newest checkpoint of a plan is young enough.", labels, fresh ? 1 : 0);
    metrics.Add("holdfast_checkpoint_warnings", "Warnings of a plan's newest checkpoint.", labels,
                static_cast<std::int64_t>(plan.warnings));
    metrics.Add("holdfast_checkpoint_verified_timestamp_seconds",
                "When a plan's newest checkpoint was last verified, well or not; 0: never.", labels,
                verified ? seconds(verification->second.summary.changed) : 0);
    metrics.Add("holdfast_checkpoint_verification_failed",
                "Whether the last verification of a plan's newest checkpoint failed.", labels,
                failed ? 1 : 0);
    metrics.Add("holdfast_checkpoint_drifted",
                "Whether the run that made a plan's newest checkpoint failed because the resource "
                "graph is not the plan's any more.",
                labels, drifted ? 1 : 0);
  }
  if (rows.empty()) out.Say("there is no checkpoint of any plan");
  std::vector<std::string> titles{"PLAN", "CHECKPOINT", "AGE", "VERIFIED", "STATE"};
  if (origins.to_be_shown()) titles.insert(titles.begin() + 1, "ORIGIN");
  if (!rows.empty()) out.Table(titles, rows);
  if (!arguments.prometheus.empty()) {
    if (auto status = session.files().Write(arguments.prometheus, metrics.Text()); !status)
      return out.Fail(status.error());
  }
  return static_cast<int>(all_fresh ? ExitCode::kOk : ExitCode::kNotFresh);
}

int ListRestores(Session& session, const RestoresArguments& arguments) {
  const auto tenant = ReadableBank(session, arguments.provider);
  if (!tenant) return session.out().Fail(tenant.error());
  auto found = runtime::ListRecords(*tenant, RecordKind::kRestore, {});
  if (!found) return session.out().Fail(found.error());
  std::reverse(found->begin(), found->end());
  std::vector<std::vector<std::string>> rows;
  for (const RecordSummary& summary : *found) {
    session.out().Json("restore", RecordSummaryToValue(summary));
    rows.push_back({summary.id, StateWord(summary), summary.plan, FormatTime(summary.created),
                    summary.checkpoint,
                    summary.warnings == 0 ? "" : std::to_string(summary.warnings),
                    NoteOf(summary)});
  }
  if (rows.empty()) {
    session.out().Say("no restores");
  } else {
    session.out().Table({"RESTORE", "STATE", "PLAN", "CREATED", "CHECKPOINT", "WARNINGS", "NOTE"},
                        rows);
  }
  for (const RecordSummary& summary : *found) {
    if (!summary.damage.empty()) WarnOfDamage(session.out(), summary, "cannot be shown");
  }
  return 0;
}

int ShowRestore(Session& session, const RestoresArguments& arguments) {
  const auto tenant = ReadableBank(session, arguments.provider);
  if (!tenant) return session.out().Fail(tenant.error());
  return ShowOne(session, *tenant, RecordKind::kRestore, arguments.restore);
}

int AcceptRestore(Session& session, const RestoresArguments& arguments) {
  const Output& out = session.out();
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const auto tenant = (*provider)->tenant_section(SectionAccess::kDelete, BankUse::kRead);
  if (!tenant) return out.Fail(tenant.error());
  const auto half = runtime::ListHalfRestored(*tenant);
  if (!half) return out.Fail(half.error());
  if (std::find(half->begin(), half->end(), arguments.restore) == half->end()) {
    const auto known = runtime::ShowRecord(*tenant, RecordKind::kRestore, arguments.restore, false);
    if (!known) return out.Fail(known.error());
    out.Say("restore " + arguments.restore + " left nothing half restored: nothing to accept");
    return 0;
  }
  if (auto removed = runtime::RemoveHalfRestored(*tenant, arguments.restore); !removed)
    return out.Fail(removed.error());
  out.Json("accepted", Value().Set("restore", arguments.restore));
  out.Say("where restore " + arguments.restore +
          " wrote is taken as whole: a protect does not warn of it any more");
  return 0;
}

}  // namespace holdfast::cli
