#include "runtime/cli/record_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/at_rest.h"
#include "runtime/cli/critical_path.h"

namespace holdfast::cli {

using runtime::ActivityOutcome;
using runtime::ActivityReport;
using runtime::Outcome;
using runtime::RecordReport;
using runtime::ResourceReport;

namespace {

bool Failed(const runtime::ActivityOutcome& outcome) {
  return outcome.outcome == Outcome::kFailed || outcome.outcome == Outcome::kHalfDone;
}

std::string_view StateOf(const ResourceReport& resource) {
  if (resource.left_out) return "left out";
  // Never the word of a verify that read every byte.
  if (resource.succeeded) return resource.sample ? "sampled" : "done";
  bool failed = false;
  bool open = false;
  for (const ActivityReport& activity : resource.activities) {
    if (!activity.outcome) {
      open = true;
    } else if (Failed(*activity.outcome)) {
      failed = true;
    }
  }
  if (failed) return "FAILED";
  return open ? "not done" : "omitted";
}

std::uint64_t WarningsOf(const ResourceReport& resource) {
  std::uint64_t sum = 0;
  for (const ActivityReport& activity : resource.activities) {
    if (activity.outcome) sum += activity.outcome->warnings.total();
  }
  return sum;
}

// What looks good and is not quite says so where one looks first.
std::string StateCell(const ResourceReport& resource) {
  std::string cell(StateOf(resource));
  if (!resource.only.empty()) cell += ", only " + resource.only;
  const std::string warnings = WarningCount(WarningsOf(resource));
  return cell + (warnings.empty() ? "" : ", " + warnings);
}

// At the end of a run: more lines would push its table away.
constexpr std::uint64_t kWarningsShown = 10;

void ShowWarnings(const Output& out, const RecordReport& report, Showing showing) {
  std::uint64_t all = report.graph_warnings.size();
  for (const ResourceReport& resource : report.resources) all += WarningsOf(resource);
  if (all == 0) return;
  const bool in_full = showing == Showing::kInFull;
  out.Line(WarningCount(all) + ":");
  std::uint64_t shown = 0;
  for (const std::string& line : report.graph_warnings) {
    if (!in_full && shown == kWarningsShown) break;
    out.Line("  resource graph: " + Printable(line));
    ++shown;
  }
  for (const ResourceReport& resource : report.resources) {
    for (const ActivityReport& activity : resource.activities) {
      if (!activity.outcome) continue;
      const std::string where =
          fmt::format("{} of {}", NameOf(activity.kind), Printable(resource.resource.key.str()));
      for (const std::string& line : activity.outcome->warnings.lines) {
        if (!in_full && shown == kWarningsShown) break;
        out.Line("  " + where + ": " + Printable(line));
        ++shown;
      }
      if (const std::uint64_t left_out = activity.outcome->warnings.left_out;
          in_full && left_out != 0) {
        out.Line(fmt::format("  {}: {} more were not kept; they stand in the log of step {}", where,
                             left_out, activity.step));
      }
    }
  }
  if (!in_full && all > shown)
    out.Line(fmt::format("  and {} more: holdfast show {}", all - shown, report.summary.id));
}

std::string Milliseconds(std::chrono::milliseconds duration) {
  return HumanDuration(std::chrono::duration<double>(duration).count());
}

// How long it was at rest in all, as far as that is over.
std::chrono::milliseconds TotalOf(const std::vector<AtRest>& rests) {
  std::chrono::milliseconds total{0};
  for (const AtRest& rest : rests) {
    if (rest.until) total += rest.length();
  }
  return total;
}

// "app was at rest for 2.0 s in all: 1.2 s in epoch 1, 800 ms in epoch 2"; empty when it never was.
std::string AtRestText(const ResourceReport& resource) {
  const std::vector<AtRest> rests = AtRestOf(resource);
  if (rests.empty()) return "";
  const bool still = !rests.back().until;
  std::vector<std::string> parts;
  for (const AtRest& rest : rests) {
    if (rest.until)
      parts.push_back(fmt::format("{} in epoch {}", Milliseconds(rest.length()), rest.epoch));
  }
  const std::string total = Milliseconds(TotalOf(rests));
  std::string text = resource.resource.name;
  if (still) {
    text += " is STILL at rest, since " + FormatTime(rests.back().since);
    return parts.empty() ? text : text + "; before that for " + Join(parts, ", ");
  }
  text += " was at rest for " + total;
  if (parts.size() > 1) return text + " in all: " + Join(parts, ", ");
  // Of the epoch that counts there is nothing to say where there never was another.
  return resource.epoch == 1 ? text : text + fmt::format(" in epoch {}", rests.back().epoch);
}

// What was written, restored or read: of what did not succeed nothing is known.
std::optional<std::uint64_t> BytesOf(const RecordReport& report, const ResourceReport& resource) {
  if (!resource.manifest || resource.activities.empty()) return std::nullopt;
  if (report.summary.kind != runtime::RecordKind::kCheckpoint && !resource.succeeded)
    return std::nullopt;
  return resource.manifest->bytes();
}

std::string BytesCell(const RecordReport& report, const ResourceReport& resource) {
  if (resource.sample_read) {
    return HumanSize(resource.sample_read->read) + " of " + HumanSize(resource.sample_read->of);
  }
  const auto bytes = BytesOf(report, resource);
  return bytes ? HumanSize(*bytes) : "";
}

// The keys that what a checkpoint holds of a resource is encrypted with.
std::set<std::string> KeysOf(const ResourceReport& resource) {
  return resource.manifest ? resource.manifest->KeyIds() : std::set<std::string>();
}

Value ResourceToValue(const RecordReport& report, const ResourceReport& resource) {
  Value::List activities;
  for (const ActivityReport& activity : resource.activities) {
    Value entry = Value().Set("activity", NameOf(activity.kind)).Set("step", activity.step);
    if (activity.outcome) {
      entry.Set("outcome", runtime::NameOf(activity.outcome->outcome))
          .Set("started", FormatTime(activity.outcome->started))
          .Set("ended", FormatTime(activity.outcome->ended))
          .Set("by", activity.outcome->by);
      if (!activity.outcome->error.empty()) entry.Set("error", Printable(activity.outcome->error));
      if (!activity.outcome->reason.empty())
        entry.Set("reason", Printable(activity.outcome->reason));
      runtime::SetWarnings(entry, activity.outcome->warnings);
    }
    activities.push_back(std::move(entry));
  }
  Value out = Value()
                  .Set("type", resource.resource.key.type)
                  .Set("id", resource.resource.key.id)
                  .Set("name", resource.resource.name)
                  .Set("plugin", resource.plugin)
                  .Set("state", StateOf(resource))
                  .Set("epoch", resource.epoch)
                  .Set("duration_ms", static_cast<std::int64_t>(resource.duration.count()))
                  .Set("activities", std::move(activities));
  if (const auto bytes = BytesOf(report, resource)) out.Set("bytes", *bytes);
  if (resource.manifest) out.Set("point_in_time", FormatTime(resource.manifest->point_in_time));
  if (const auto keys = KeysOf(resource); !keys.empty())
    out.Set("keys", Value::List(keys.begin(), keys.end()));
  if (resource.sample) {
    Value sample = Value().Set("percent", resource.sample->value);
    if (resource.sample_read)
      sample.Set("read", resource.sample_read->read).Set("of", resource.sample_read->of);
    out.Set("sample", std::move(sample));
  }
  if (resource.now) out.Set("now", resource.now->str());
  if (!resource.only.empty()) out.Set("only", Printable(resource.only));
  if (const auto rests = AtRestOf(resource); !rests.empty()) {
    Value::List list;
    for (const AtRest& rest : rests) {
      Value entry = Value().Set("epoch", rest.epoch).Set("since", FormatTime(rest.since));
      if (rest.until) {
        entry.Set("until", FormatTime(*rest.until))
            .Set("ms", static_cast<std::int64_t>(rest.length().count()));
      }
      list.push_back(std::move(entry));
    }
    out.Set("at_rest", std::move(list))
        .Set("at_rest_ms", static_cast<std::int64_t>(TotalOf(rests).count()));
    if (!rests.back().until) out.Set("at_rest_since", FormatTime(rests.back().since));
  }
  return out;
}

}  // namespace

Value RecordSummaryToValue(const runtime::RecordSummary& summary) {
  Value out = Value()
                  .Set("id", summary.id)
                  .Set("kind", runtime::NameOf(summary.kind))
                  .Set("state", StateWord(summary))
                  .Set("plan", summary.plan)
                  .Set("provider", summary.provider_name)
                  .Set("provider_id", summary.provider_id)
                  .Set("origin", Printable(summary.origin_name()))
                  .Set("origin_id", Printable(summary.origin_id()))
                  .Set("checkpoint", summary.checkpoint)
                  .Set("resources", summary.resources)
                  .Set("created", FormatTime(summary.created))
                  .Set("changed", FormatTime(summary.changed));
  if (!summary.reason.empty()) out.Set("reason", Printable(summary.reason));
  if (!summary.damage.empty()) out.Set("damage", Printable(summary.damage));
  if (!summary.only.empty()) {
    Value::List only;
    for (const runtime::OnlyPart& part : summary.only)
      only.push_back(Value().Set("of", part.of).Set("path", Printable(part.path)));
    out.Set("only", std::move(only));
  }
  if (summary.drift) {
    out.Set(
        "drift",
        Value().Set("policy", summary.drift->policy).Set("text", Printable(summary.drift->text)));
  }
  if (summary.warnings != 0) out.Set("warnings", summary.warnings);
  if (summary.copied) {
    out.Set("copied", Value()
                          .Set("from_provider", Printable(summary.copied->provider_name))
                          .Set("from_provider_id", Printable(summary.copied->provider_id))
                          .Set("from_bank", Printable(summary.copied->bank))
                          .Set("by", Printable(summary.copied->by))
                          .Set("time", FormatTime(summary.copied->time)));
  }
  if (summary.pin) {
    Value pin = Value();
    if (summary.pin->damage.empty()) {
      pin.Set("by", Printable(summary.pin->by))
          .Set("time", FormatTime(summary.pin->time))
          .Set("reason", Printable(summary.pin->reason));
    } else {
      pin.Set("damage", Printable(summary.pin->damage));
    }
    out.Set("pinned", std::move(pin));
  }
  return out;
}

std::uint64_t AllWarnings(const runtime::RecordSummary& summary) {
  return summary.warnings + (summary.drift && summary.drift->policy != "fail" ? 1 : 0);
}

std::string StateWord(const runtime::RecordSummary& summary) {
  if (!summary.damage.empty() && !IsWorking(summary.state)) return "damaged";
  return std::string(runtime::NameOf(summary.state));
}

std::string OnlyText(const runtime::RecordSummary& summary) {
  std::vector<std::string> parts;
  for (const runtime::OnlyPart& part : summary.only) parts.push_back(part.path + " of " + part.of);
  return parts.empty() ? "" : "only " + Printable(Join(parts, ", "));
}

std::string WhyNoSuccess(const Result<runtime::RecordReport>& report) {
  if (!report) {
    if (report.error().code() != ErrorCode::kNotFound) return {};
    return "the engine calls it a success, and the bank knows of no such run: nothing was done";
  }
  // Also of a checkpoint that was deleted since.
  for (const runtime::StateEntry& state : report->states) {
    if (state.state == runtime::GoodState(report->operation) || !state.damage.empty()) return {};
  }
  return fmt::format(
      "the engine calls it a success, and by the bank it is {}: rely on nothing of it",
      report->states.empty() ? "no record that has begun" : StateWord(report->summary));
}

std::string WarningCount(std::uint64_t warnings) {
  return warnings == 0 ? "" : Counted(warnings, "warning");
}

void ShowRecordReport(const Output& out, const RecordReport& report, Showing showing) {
  const runtime::RecordSummary& summary = report.summary;
  Value head = RecordSummaryToValue(summary);
  if (!report.graph_warnings.empty()) {
    Value::List list;
    for (const std::string& line : report.graph_warnings) list.emplace_back(Printable(line));
    head.Set("graph_warnings", std::move(list));
  }
  if (!report.bundle_damage.empty()) head.Set("bundle_damage", Printable(report.bundle_damage));
  out.Json("record", std::move(head));
  const std::uint64_t warnings = AllWarnings(summary);
  out.Line(fmt::format("{} {}: {}{}", runtime::NameOf(summary.kind), summary.id,
                       runtime::NameOf(summary.state),
                       warnings == 0 ? "" : ", " + WarningCount(warnings)));
  if (!summary.reason.empty()) out.Line("  " + Printable(summary.reason));
  out.Line(fmt::format("  plan {}, provider {}, made {}", Printable(summary.plan),
                       Printable(summary.provider_name), FormatTime(summary.created)));
  if (summary.copied) {
    out.Line(fmt::format("  copied from provider {} ({}) by {} on {}",
                         Printable(summary.copied->provider_name), Printable(summary.copied->bank),
                         Printable(summary.copied->by), FormatTime(summary.copied->time)));
    if (summary.origin_id() != summary.copied->provider_id) {
      out.Line(fmt::format("  which had it from elsewhere: it was made by provider {} ({})",
                           Printable(summary.origin_name()), Printable(summary.origin_id())));
    }
  }
  if (summary.pin) out.Line("  pinned " + summary.pin->str());
  if (summary.checkpoint != summary.id) out.Line("  of checkpoint " + summary.checkpoint);
  if (const std::string only = OnlyText(summary); !only.empty()) out.Line("  " + only);
  std::set<std::string> keys;
  for (const ResourceReport& resource : report.resources) keys.merge(KeysOf(resource));
  if (!keys.empty()) {
    out.Line(keys.size() == 1 ? "  encrypted with key " + *keys.begin()
                              : "  encrypted with the keys " +
                                    Join(std::vector<std::string>(keys.begin(), keys.end()), ", "));
  }
  if (!report.bundle_damage.empty()) {
    out.Line("  what its activities did is not known, for its bundle is damaged or gone: " +
             Printable(report.bundle_damage));
  }
  if (report.drift)
    out.Line("  drift (" + report.drift->policy + "): " + Printable(report.drift->text));

  const bool is_restore = report.operation == Operation::kRestore;
  std::vector<std::vector<std::string>> rows;
  for (const ResourceReport& resource : report.resources) {
    out.Json("record-resource", ResourceToValue(report, resource));
    rows.push_back({resource.resource.key.str(), StateCell(resource),
                    Milliseconds(resource.duration), BytesCell(report, resource),
                    resource.manifest ? FormatTime(resource.manifest->point_in_time) : ""});
    if (is_restore) rows.back().push_back(resource.now ? resource.now->str() : "");
  }
  if (!rows.empty()) {
    std::vector<std::string> heading{"RESOURCE", "STATE", "TOOK", "BYTES", "POINT IN TIME"};
    if (is_restore) heading.emplace_back("IS NOW");
    out.Table(heading, rows);
  }
  for (const ResourceReport& resource : report.resources) {
    if (const std::string text = AtRestText(resource); !text.empty()) out.Line(Printable(text));
  }
  for (const ResourceReport& resource : report.resources) {
    for (const ActivityReport& activity : resource.activities) {
      if (!activity.outcome || !Failed(*activity.outcome)) continue;
      const std::string text =
          fmt::format("{} of {} failed: {}", NameOf(activity.kind),
                      Printable(resource.resource.key.str()), Printable(activity.outcome->error));
      // The first few are the reason above.
      if (Printable(summary.reason).find(text) == std::string::npos) out.Line(text);
    }
  }
  ShowWarnings(out, report, showing);
  if (const auto path = CriticalPath(report); path.size() > 1)
    out.Line("critical path: " + Join(path, " -> "));
}

}  // namespace holdfast::cli
