#include "runtime/mistral/definition_owner.h"

#include <algorithm>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::mistral {
namespace {

namespace words = mistral_words;

constexpr std::string_view kTagOfOurs = "holdfast.";

// Empty where it is not there, or there are two.
std::string TagOf(const Value::List& tags, std::string_view name) {
  std::string found;
  for (const Value& tag : tags) {
    if (!tag.AsString().starts_with(name)) continue;
    if (!found.empty()) return {};
    found = tag.AsString().substr(name.size());
  }
  return found;
}

DefinitionOwner OfTags(const Value::List& tags) {
  DefinitionOwner out;
  out.operation = TagOf(tags, words::kOperationTag);
  out.plan = TagOf(tags, words::kPlanTag);
  out.provider = TagOf(tags, words::kProviderTag);
  if (out.operation.empty() || out.plan.empty() || out.provider.empty()) return {};
  return out;
}

// "Protect of plan nightly: 92 steps ...", or ", checkpoint ...": each restore is of another one, under one name.
DefinitionOwner OfHead(std::string_view said) {
  constexpr std::string_view kOfPlan = " of plan ";
  said = said.substr(0, std::min(said.find(": "), said.find(", checkpoint ")));
  const std::size_t at = said.find(kOfPlan);
  if (at == said.npos || at == 0) return {};
  DefinitionOwner out;
  out.operation = said.substr(0, at);
  if (out.operation.front() >= 'A' && out.operation.front() <= 'Z')
    out.operation.front() = static_cast<char>(out.operation.front() - 'A' + 'a');
  out.plan = said.substr(at + kOfPlan.size());
  return out;
}

DefinitionOwner OfComments(std::string_view text) {
  // Of a part: "Compiled by Holdfast. NAME starts it: ...".
  constexpr std::string_view kOfAPart = "Compiled by Holdfast. ";
  constexpr std::string_view kStarts = " starts it";
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string_view before;
  for (const std::string_view whole_line : Split(text, '\n')) {
    const std::string_view line = Trim(whole_line);
    if (line.empty() || line == "---") continue;
    if (!line.starts_with('#')) break;
    const std::string_view said = Trim(line.substr(1));
    if (said.starts_with(kOfAPart) && said.find(kStarts) != said.npos) {
      DefinitionOwner out;
      out.whole = said.substr(kOfAPart.size(), said.find(kStarts) - kOfAPart.size());
      return out;
    }
    if (said.starts_with("Compiled by Holdfast:")) return OfHead(before);
    before = said;
  }
  return {};
}

// The default of an input.
std::string InputOf(const Value& definition, std::string_view name) {
  const Value* const inputs = definition.Find("input");
  std::string found;
  if (inputs == nullptr || !inputs->is_list()) return found;
  for (const Value& input : inputs->AsList()) {
    if (input.is_map()) found = input.StringOr(name, found);
  }
  return found;
}

}  // namespace

std::string DefinitionOwner::str() const {
  if (!whole.empty()) return "a part of " + whole;
  std::string out = operation + " of plan " + plan;
  if (!out.empty() && out.front() >= 'a' && out.front() <= 'z')
    out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return provider.empty() ? out : out + " for provider " + provider;
}

Value::List OwnerTags(const Value& tags) {
  Value::List out;
  if (!tags.is_list()) return out;
  for (const Value& tag : tags.AsList()) {
    if (tag.is_string() && tag.AsString().starts_with(kTagOfOurs)) out.push_back(tag);
  }
  std::sort(out.begin(), out.end(),
            [](const Value& a, const Value& b) { return a.AsString() < b.AsString(); });
  return out;
}

DefinitionOwner OwnerOf(std::string_view text, const std::string& name) {
  const auto parsed = ParseYaml(text, "definition");
  const Value* const definition = parsed && parsed->is_map() ? parsed->Find(name) : nullptr;
  if (definition == nullptr || !definition->is_map()) return {};
  const Value* const tags = definition->Find("tags");
  const Value::List ours = tags == nullptr ? Value::List() : OwnerTags(*tags);
  if (!ours.empty()) return OfTags(ours);
  DefinitionOwner out = OfComments(text);
  if (!out.plan.empty()) out.provider = InputOf(*definition, "provider");
  return out;
}

bool IsSameOwner(const DefinitionOwner& stored, const DefinitionOwner& wanted,
                 std::string_view whole) {
  if (stored.is_unknown()) return false;
  if (!stored.whole.empty()) return stored.whole == whole;
  return stored.operation == wanted.operation && stored.plan == wanted.plan &&
         (stored.provider.empty() || wanted.provider.empty() || stored.provider == wanted.provider);
}

}  // namespace holdfast::mistral
