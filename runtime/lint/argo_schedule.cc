#include "runtime/lint/argo_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "compiler/plan/cron_line.h"
#include "plugins/sdk/text.h"

namespace holdfast::lint {
namespace {

// What Argo's reader of cron (github.com/robfig/cron) takes and a plan's schedule does not have.
std::string AsInAPlan(std::string line) {
  std::replace(line.begin(), line.end(), '\t', ' ');
  std::replace(line.begin(), line.end(), '?', '*');
  return line;
}

// Is 7 one of the days of week, and not only what a step comes to?
bool NamesSeven(std::string_view line) {
  if (line.starts_with('@')) return false;
  line = Trim(line);
  for (const std::string_view part : Split(line.substr(line.rfind(' ') + 1), ',')) {
    const std::string_view range = part.substr(0, part.find('/'));
    if (range == "7" || range.starts_with("7-") || range.ends_with("-7")) return true;
  }
  return false;
}

// kInvalidInput with the reason.
Status CheckLine(const std::string& line) {
  const std::string plain = AsInAPlan(line);
  if (plain.starts_with("@every ")) return Ok();
  HOLDFAST_RETURN_IF_ERROR(compiler::CheckCronLine(plain));
  if (!NamesSeven(plain)) return Ok();
  return InvalidInput("Argo knows Sunday as 0, not as 7")
      .Hint(fmt::format("write '{}'", compiler::WithSundayAsZero(plain)));
}

// Whether what it starts cleans up in its onExit, or may: a template is another object.
bool MayCleanUp(const Value& spec) {
  const Value* const workflow = spec.Find("workflowSpec");
  return workflow != nullptr && workflow->is_map() &&
         (workflow->Find("onExit") != nullptr || workflow->Find("workflowTemplateRef") != nullptr);
}

}  // namespace

Findings FindScheduleFaults(const local::SourceFile& source, const Value& document,
                            const ZoneCheck& check_zone) {
  Findings found;
  const Value* const spec = document.Find("spec");
  if (spec == nullptr) return found;
  const auto add = [&](const Value& value, std::string_view field, const Status& checked) {
    if (checked) return;
    found.push_back({"schedule", source
                                     .At(value.position(),
                                         fmt::format("'{}': {}", field, checked.error().message()),
                                         value.AsString().size())
                                     .Hint(checked.error().hint())});
  };
  if (const Value* const lines = spec->Find("schedules"); lines != nullptr && lines->is_list()) {
    for (const Value& line : lines->AsList()) {
      if (line.is_string()) add(line, "schedules", CheckLine(line.AsString()));
    }
  }
  if (const Value* const policy = spec->Find("concurrencyPolicy");
      policy != nullptr && policy->is_string() && policy->AsString() == "Replace" &&
      MayCleanUp(*spec)) {
    add(*policy, "concurrencyPolicy",
        InvalidInput("a run that is replaced is terminated, and its onExit cleans nothing up")
            .Hint("Forbid leaves out a run that comes while the one before is still going on"));
  }
  const Value* const zone = spec->Find("timezone");
  if (zone == nullptr || !zone->is_string() || zone->AsString().empty()) return found;
  // To Go, the zone of the machine that the controller runs on.
  if (check_zone && zone->AsString() != "Local")
    add(*zone, "timezone", check_zone(zone->AsString()));
  return found;
}

}  // namespace holdfast::lint
