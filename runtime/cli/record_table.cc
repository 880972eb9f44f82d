#include "runtime/cli/record_table.h"

#include <fmt/format.h>

#include <algorithm>

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

std::string Milliseconds(std::chrono::milliseconds duration) {
  return HumanDuration(std::chrono::duration<double>(duration).count());
}

std::chrono::milliseconds LengthOf(const AtRest& rest) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(*rest.until - rest.since);
}

std::string BytesOf(const ResourceReport& resource) {
  if (resource.manifest) return HumanSize(resource.manifest->bytes());
  if (!resource.sample_read) return "";
  return HumanSize(resource.sample_read->read) + " of " + HumanSize(resource.sample_read->of);
}

Value ResourceToValue(const ResourceReport& resource) {
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
  if (resource.manifest) {
    out.Set("bytes", resource.manifest->bytes())
        .Set("point_in_time", FormatTime(resource.manifest->point_in_time));
  }
  if (resource.sample) {
    Value sample = Value().Set("percent", resource.sample->value);
    if (resource.sample_read)
      sample.Set("read", resource.sample_read->read).Set("of", resource.sample_read->of);
    out.Set("sample", std::move(sample));
  }
  if (resource.now) out.Set("now", resource.now->str());
  if (const auto rest = AtRestOf(resource)) {
    if (rest->until) {
      out.Set("at_rest_ms", static_cast<std::int64_t>(LengthOf(*rest).count()));
    } else {
      out.Set("at_rest_since", FormatTime(rest->since));
    }
  }
  return out;
}

}  // namespace

Value RecordSummaryToValue(const runtime::RecordSummary& summary) {
  Value out = Value()
                  .Set("id", summary.id)
                  .Set("kind", runtime::NameOf(summary.kind))
                  .Set("state", runtime::NameOf(summary.state))
                  .Set("plan", summary.plan)
                  .Set("provider", summary.provider_name)
                  .Set("provider_id", summary.provider_id)
                  .Set("checkpoint", summary.checkpoint)
                  .Set("resources", summary.resources)
                  .Set("created", FormatTime(summary.created))
                  .Set("changed", FormatTime(summary.changed));
  if (!summary.reason.empty()) out.Set("reason", Printable(summary.reason));
  return out;
}

void ShowRecordReport(const Output& out, const RecordReport& report) {
  const runtime::RecordSummary& summary = report.summary;
  out.Json("record", RecordSummaryToValue(summary));
  out.Line(fmt::format("{} {}: {}", runtime::NameOf(summary.kind), summary.id,
                       runtime::NameOf(summary.state)));
  if (!summary.reason.empty()) out.Line("  " + Printable(summary.reason));
  out.Line(fmt::format("  plan {}, provider {}, made {}", Printable(summary.plan),
                       Printable(summary.provider_name), FormatTime(summary.created)));
  if (summary.checkpoint != summary.id) out.Line("  of checkpoint " + summary.checkpoint);
  if (report.drift)
    out.Line("  drift (" + report.drift->policy + "): " + Printable(report.drift->text));

  const bool is_restore = report.operation == Operation::kRestore;
  std::vector<std::vector<std::string>> rows;
  for (const ResourceReport& resource : report.resources) {
    out.Json("record-resource", ResourceToValue(resource));
    rows.push_back({resource.resource.key.str(), std::string(StateOf(resource)),
                    Milliseconds(resource.duration), BytesOf(resource),
                    is_restore
                        ? (resource.now ? resource.now->str() : "")
                        : (resource.manifest ? FormatTime(resource.manifest->point_in_time) : "")});
  }
  if (!rows.empty()) {
    out.Table({"RESOURCE", "STATE", "TOOK", "BYTES", is_restore ? "IS NOW" : "POINT IN TIME"},
              rows);
  }
  for (const ResourceReport& resource : report.resources) {
    const auto rest = AtRestOf(resource);
    if (!rest) continue;
    const std::string name = Printable(resource.resource.name);
    if (rest->until) {
      out.Line(fmt::format("{} was at rest for {}", name, Milliseconds(LengthOf(*rest))));
    } else {
      out.Line(fmt::format("{} is STILL at rest, since {}", name, FormatTime(rest->since)));
    }
  }
  for (const ResourceReport& resource : report.resources) {
    for (const ActivityReport& activity : resource.activities) {
      if (!activity.outcome || !Failed(*activity.outcome)) continue;
      out.Line(fmt::format("{} of {} failed: {}", NameOf(activity.kind),
                           Printable(resource.resource.key.str()),
                           Printable(activity.outcome->error)));
    }
  }
  if (const auto path = CriticalPath(report); path.size() > 1)
    out.Line("critical path: " + Join(path, " -> "));
}

}  // namespace holdfast::cli
