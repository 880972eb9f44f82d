#include "runtime/lint/argo_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "compiler/plan/cron_line.h"
#include "plugins/sdk/text.h"

namespace holdfast::lint {
namespace {

// The longest step of each field that a plan's schedule has.
constexpr std::array<std::string_view, 5> kLongestSteps{"59", "23", "31", "12", "7"};

// Is it one, and does Argo's reader take it for a number at all (64 bits)?
bool IsLongerStep(std::string_view step, std::string_view longest) {
  std::int64_t number = 0;
  std::int64_t limit = 0;
  std::from_chars(longest.data(), longest.data() + longest.size(), limit);
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), number);
  return error == std::errc() && end == step.data() + step.size() && number > limit;
}

struct PlainLine {
  std::string line;
  // The first part with a step that leaves its range at once.
  std::string single;
};

// A line without what Argo's reader of cron (parser.go of github.com/robfig/cron v3) takes and a plan's
// schedule does not have.
PlainLine AsInAPlan(std::string line) {
  std::replace(line.begin(), line.end(), '\t', ' ');
  std::replace(line.begin(), line.end(), '?', '*');
  if (line.starts_with('@')) return {std::move(line), ""};
  PlainLine out;
  std::size_t field = 0;
  for (const std::string_view text : Split(line, ' ')) {
    if (text.empty()) continue;
    std::vector<std::string> parts;
    for (const std::string_view part : Split(text, ',')) {
      if (part.empty()) continue;
      const std::size_t slash = part.find('/');
      if (slash != std::string_view::npos && field < kLongestSteps.size() &&
          IsLongerStep(part.substr(slash + 1), kLongestSteps[field])) {
        if (out.single.empty()) out.single = part;
        parts.push_back(std::string(part.substr(0, slash + 1)).append(kLongestSteps[field]));
      } else {
        parts.emplace_back(part);
      }
    }
    // Of commas alone nothing would be left. Argo's reader takes them, too, and never starts.
    if (field != 0) out.line += ' ';
    out.line += parts.empty() ? std::string(text) : Join(parts, ",");
    ++field;
  }
  return out;
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
  const PlainLine plain = AsInAPlan(line);
  if (plain.line.starts_with("@every ")) return Ok();
  HOLDFAST_RETURN_IF_ERROR(compiler::CheckCronLine(plain.line));
  if (NamesSeven(plain.line)) {
    return InvalidInput("Argo knows Sunday as 0, not as 7")
        .Hint(fmt::format("write '{}'", compiler::WithSundayAsZero(plain.line)));
  }
  if (plain.single.empty()) return Ok();
  return InvalidInput(
             fmt::format("the step of '{}' leaves its range at once: to Argo it is the first "
                         "value alone",
                         Printable(plain.single)))
      .Hint("write that value, or a step that comes to more");
}

// Of a run that is replaced; kInvalidInput where it has a clean-up in its onExit, or may have.
Status CheckReplaced(const Value& spec, const TemplateLookup& find_template) {
  constexpr std::string_view kHint =
      "Forbid leaves out a run that comes while the one before is still going on";
  const Value* const workflow = spec.Find("workflowSpec");
  if (workflow == nullptr || !workflow->is_map()) return Ok();
  const auto loses =
      InvalidInput("a run that is replaced is terminated, and its onExit cleans nothing up")
          .Hint(std::string(kHint));
  if (workflow->Find("onExit") != nullptr) return loses;
  const Value* const reference = workflow->Find("workflowTemplateRef");
  if (reference == nullptr || !reference->is_map()) return Ok();
  const Value* const made = find_template(reference->StringOr("name", ""));
  if (made == nullptr) {
    return InvalidInput(
               "a run that is replaced is terminated, and the template, which is not given, "
               "may have an onExit that then cleans nothing up")
        .Hint(std::string(kHint));
  }
  const Value* const its_spec = made->Find("spec");
  if (its_spec == nullptr || its_spec->Find("onExit") == nullptr) return Ok();
  return loses;
}

}  // namespace

Findings FindScheduleFaults(const local::SourceFile& source, const Value& document,
                            const ZoneCheck& check_zone, const TemplateLookup& find_template) {
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
      policy != nullptr && policy->is_string() && policy->AsString() == "Replace") {
    add(*policy, "concurrencyPolicy", CheckReplaced(*spec, find_template));
  }
  const Value* const zone = spec->Find("timezone");
  if (zone == nullptr || !zone->is_string() || zone->AsString().empty()) return found;
  // To Go, the zone of the machine that the controller runs on.
  if (check_zone && zone->AsString() != "Local")
    add(*zone, "timezone", check_zone(zone->AsString()));
  return found;
}

}  // namespace holdfast::lint
