#include "plugins/exec/description.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

namespace {

constexpr std::chrono::seconds kDescribeDeadline{30};
constexpr std::string_view kExtra = "extra.";
constexpr std::string_view kParameters = "parameters.";

// Reads the parts of one description; errors name the executable.
class Reader {
 public:
  explicit Reader(const Executable& executable)
      : file_(fmt::format("description of {}", Printable(executable.name()))) {}

  const std::string& file() const { return file_; }
  Error Wrong(std::string message) const {
    return InvalidInput(std::move(message)).At({file_, 0, 0, {}, 1});
  }

  Status CheckKeys(const Value& map, std::string_view what,
                   const std::vector<std::string>& allowed) const {
    if (!map.is_map()) return Wrong(fmt::format("{} is a JSON object", what));
    for (const auto& [name, value] : map.AsMap()) {
      if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) continue;
      const std::string near = Nearest(name, allowed);
      Error error = Wrong(fmt::format("{} has no field '{}'", what, Printable(name)));
      if (near.empty()) return error;
      return std::move(error).Hint("did you mean '" + near + "'?");
    }
    return Ok();
  }

  // The objects of a list; none when it is absent.
  Result<Value::List> Objects(const Value& map, std::string_view key) const {
    const Value* const list = map.Find(key);
    if (list == nullptr) return Value::List();
    if (!list->is_list()) return Wrong(fmt::format("'{}' is a list", key));
    return list->AsList();
  }
  Result<std::string> Text(const Value& map, std::string_view key) const {
    const Value* const text = map.Find(key);
    if (text == nullptr) return std::string();
    if (!text->is_string()) return Wrong(fmt::format("'{}' is a text", key));
    return text->AsString();
  }
  Status CheckFlag(const Value& map, std::string_view key) const {
    const Value* const flag = map.Find(key);
    if (flag != nullptr && !flag->is_bool())
      return Wrong(fmt::format("'{}' is true or false", key));
    return Ok();
  }

 private:
  std::string file_;
};

// "/opt/x/key-value.py" -> "key_value": the section when the description names none.
std::string SectionOf(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  name = name.substr(0, name.find('.', 1));
  std::string out;
  for (const char c : name) {
    const bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool upper = c >= 'A' && c <= 'Z';
    out += lower ? c : (upper ? static_cast<char>(c - 'A' + 'a') : '_');
  }
  return out;
}

bool IsSection(std::string_view name) {
  return !name.empty() && name != "provider" &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

bool IsPlace(std::string_view place) {
  return (place.starts_with(kExtra) && place.size() > kExtra.size()) ||
         (place.starts_with(kParameters) && place.size() > kParameters.size());
}

// What stands in a place of a resource; nullptr when there is nothing.
const Value* FindPlace(std::string_view place, const Resource& resource, const Value& parameters) {
  if (place.starts_with(kExtra)) return resource.extra.Find(place.substr(kExtra.size()));
  return parameters.Find(place.substr(kParameters.size()));
}

// Calls `text` and `place` for the parts of a key template; false when a brace is not closed or a
// place is none.
template <class OnText, class OnPlace>
bool VisitTemplate(std::string_view key, OnText text, OnPlace place) {
  while (!key.empty()) {
    const std::size_t open = key.find('{');
    text(key.substr(0, open));
    if (open == std::string_view::npos) return true;
    const std::size_t close = key.find('}', open);
    if (close == std::string_view::npos) return false;
    if (!place(key.substr(open + 1, close - open - 1))) return false;
    key.remove_prefix(close + 1);
  }
  return true;
}

Result<ChoiceRule> RuleFromValue(const Reader& reader, const Value& value) {
  HOLDFAST_RETURN_IF_ERROR(reader.CheckKeys(
      value, "a choice", {"operation", "activity", "type", "when", "answer", "key"}));
  ChoiceRule rule;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string operation, reader.Text(value, "operation"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string activity, reader.Text(value, "activity"));
  rule.operation = ParseOperation(operation);
  rule.activity = ParseActivityKind(activity);
  if (!operation.empty() && !rule.operation) {
    return reader.Wrong(fmt::format("there is no operation '{}'", Printable(operation)));
  }
  if (!activity.empty() && !rule.activity) {
    return reader.Wrong(fmt::format("there is no activity '{}'", Printable(activity)));
  }
  HOLDFAST_ASSIGN_OR_RETURN(rule.type, reader.Text(value, "type"));
  if (const Value* const when = value.Find("when"); when != nullptr) {
    if (!when->is_map()) return reader.Wrong("'when' of a choice is a JSON object");
    for (const auto& [place, wanted] : when->AsMap()) {
      if (!IsPlace(place)) {
        return reader.Wrong(fmt::format(
            "'{}' in 'when' of a choice is not extra.NAME or parameters.NAME", Printable(place)));
      }
      rule.when.emplace_back(place, wanted);
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string answer, reader.Text(value, "answer"));
  HOLDFAST_ASSIGN_OR_RETURN(rule.key, reader.Text(value, "key"));
  if (answer == "none") {
    rule.answer = StepChoice::Kind::kNone;
  } else if (answer == "own") {
    rule.answer = StepChoice::Kind::kOwn;
  } else if (answer == "aggregate") {
    rule.answer = StepChoice::Kind::kAggregate;
  } else {
    return reader.Wrong(fmt::format("'{}' is no answer of a choice", Printable(answer)))
        .Hint("there are none, own and aggregate");
  }
  if ((rule.answer == StepChoice::Kind::kAggregate) == rule.key.empty()) {
    return reader.Wrong("a choice has a 'key' exactly when its answer is aggregate");
  }
  const bool good = VisitTemplate(
      rule.key, [](std::string_view) {},
      [](std::string_view place) { return place == "id" || IsPlace(place); });
  if (!good) {
    return reader.Wrong(fmt::format("the key '{}' of a choice cannot be read", Printable(rule.key)))
        .Hint("it is a text with {id}, {extra.NAME} or {parameters.NAME} in it");
  }
  return rule;
}

Result<ProtectableDescriptor> ProtectableFromValue(const Reader& reader, const Value& value,
                                                   const PluginDescriptor& plugin) {
  HOLDFAST_RETURN_IF_ERROR(
      reader.CheckKeys(value, "a protectable", {"type", "description", "parent_types"}));
  ProtectableDescriptor out;
  HOLDFAST_ASSIGN_OR_RETURN(out.type, reader.Text(value, "type"));
  HOLDFAST_ASSIGN_OR_RETURN(out.description, reader.Text(value, "description"));
  if (std::find(plugin.types.begin(), plugin.types.end(), out.type) == plugin.types.end()) {
    return reader.Wrong(
        fmt::format("its protectable of type '{}' is not among its 'types'", Printable(out.type)));
  }
  if (const Value* const parents = value.Find("parent_types"); parents != nullptr) {
    if (!parents->is_list()) return reader.Wrong("'parent_types' is a list of texts");
    for (const Value& parent : parents->AsList()) {
      if (!parent.is_string()) return reader.Wrong("'parent_types' is a list of texts");
      HOLDFAST_RETURN_IF_ERROR(CheckResourceKey({parent.AsString(), "any"}));
      out.parent_types.push_back(parent.AsString());
    }
  }
  out.settings_section = plugin.settings_section;
  return out;
}

// DescriptorFromValue reads what it knows and is silent about the rest; a mistyped field of an
// executable would then be a field without effect.
Status CheckForm(const Reader& reader, const Value& plugin) {
  HOLDFAST_RETURN_IF_ERROR(reader.CheckKeys(
      plugin, "'plugin'",
      {"description", "types", "settings_section", "settings", "operations", "saved_info",
       "post_acts_on_failure", "quiesces", "choices", "protectables", "checks"}));
  for (const std::string_view flag : {"post_acts_on_failure", "quiesces", "checks"}) {
    HOLDFAST_RETURN_IF_ERROR(reader.CheckFlag(plugin, flag));
  }
  const Value* const operations = plugin.Find("operations");
  if (operations == nullptr || !operations->is_map())
    return reader.Wrong("'operations' is a JSON object");
  for (const auto& [name, operation] : operations->AsMap()) {
    HOLDFAST_RETURN_IF_ERROR(reader.CheckKeys(operation,
                                              fmt::format("operation '{}'", Printable(name)),
                                              {"activities", "parameters", "empty_on_purpose"}));
    HOLDFAST_RETURN_IF_ERROR(reader.CheckFlag(operation, "empty_on_purpose"));
  }
  return Ok();
}

Status CheckMeaning(const Reader& reader, const PluginDescriptor& d) {
  if (d.types.empty()) return reader.Wrong("'types' names no resource type");
  for (const std::string& type : d.types) HOLDFAST_RETURN_IF_ERROR(CheckResourceKey({type, "any"}));
  if (std::set<std::string>(d.types.begin(), d.types.end()).size() != d.types.size()) {
    return reader.Wrong("'types' names one resource type twice");
  }
  if (!IsSection(d.settings_section)) {
    return reader
        .Wrong(fmt::format("'{}' is no name of a settings section", Printable(d.settings_section)))
        .Hint("say 'settings_section': a-z, 0-9 and '_', and not provider");
  }
  // Here, not in the registry: what that refuses would spoil every other provider of the process.
  for (const Operation operation : {Operation::kProtect, Operation::kRestore, Operation::kDelete}) {
    const OperationDescriptor& o = d.operation(operation);
    if (o.DefinesAny() || o.empty_on_purpose) continue;
    return reader.Wrong(fmt::format("it defines no activity of {}", NameOf(operation)))
        .Hint(
            "every plugin implements protect, restore and delete; one with nothing to do says "
            "\"empty_on_purpose\": true there");
  }
  return Ok();
}

// Whatever an executable does instead of describing itself (it ends without a word, dies, has an
// interpreter that does not exist), the provider file names what is no plugin: no bug of ours. Only
// what may be better the next time, and what somebody must permit, is something else.
Error AsInputFault(Error error) {
  if (error.code() == ErrorCode::kUnavailable || error.code() == ErrorCode::kDenied) return error;
  Error out = InvalidInput(error.message());
  if (!error.hint().empty()) out = std::move(out).Hint(error.hint());
  if (error.where()) out = std::move(out).At(*error.where());
  for (const Error& cause : error.causes()) out = std::move(out).Because(cause);
  return out;
}

}  // namespace

Result<Description> DescriptionFromValue(const Executable& executable, Value plugin) {
  const Reader reader(executable);
  HOLDFAST_RETURN_IF_ERROR(CheckForm(reader, plugin));
  Description out;
  plugin.Set("name", executable.name());
  HOLDFAST_ASSIGN_OR_RETURN(out.descriptor, DescriptorFromValue(plugin, reader.file()));
  PluginDescriptor& d = out.descriptor;
  if (d.settings_section.empty()) d.settings_section = SectionOf(executable.path());
  HOLDFAST_RETURN_IF_ERROR(CheckMeaning(reader, d));
  for (const Field& field : d.settings.fields) out.own_settings.push_back(field.name);
  for (const Schema& ours : {SchemaOf<CallSettings>(), SchemaOf<PollSettings>()}) {
    for (const Field& field : ours.fields) {
      for (const Field& theirs : d.settings.fields) {
        if (theirs.name != field.name) continue;
        return reader.Wrong(
            fmt::format("its setting '{}' is one that every exec plugin has already", field.name));
      }
    }
    d.settings.fields.insert(d.settings.fields.end(), ours.fields.begin(), ours.fields.end());
  }
  if (Status added = AddSampleParameter(d); !added) return reader.Wrong(added.error().message());
  HOLDFAST_ASSIGN_OR_RETURN(const Value::List choices, reader.Objects(plugin, "choices"));
  for (const Value& choice : choices) {
    HOLDFAST_ASSIGN_OR_RETURN(ChoiceRule rule, RuleFromValue(reader, choice));
    out.choices.push_back(std::move(rule));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const Value::List protectables, reader.Objects(plugin, "protectables"));
  for (const Value& protectable : protectables) {
    HOLDFAST_ASSIGN_OR_RETURN(ProtectableDescriptor descriptor,
                              ProtectableFromValue(reader, protectable, d));
    out.protectables.push_back(std::move(descriptor));
  }
  out.checks = plugin.BoolOr("checks", false);
  return out;
}

Result<Description> Describe(const Executable& executable, ProcessRunner& processes, Logger& log) {
  CallSpec spec;
  spec.call = Call::kDescribe;
  spec.request = Value(Value::Map{});
  spec.deadline = kDescribeDeadline;
  auto answer = executable.Ask(processes, log, spec);
  if (!answer) return AsInputFault(std::move(answer).error());
  const Value* const plugin = answer->result.Find("plugin");
  if (plugin == nullptr) {
    return InvalidInput(
        fmt::format("describe of {}: its result says no 'plugin'", Printable(executable.name())));
  }
  return DescriptionFromValue(executable, *plugin);
}

Result<StepChoice> ChooseByRules(const std::vector<ChoiceRule>& rules, Operation operation,
                                 ActivityKind kind, const Resource& resource,
                                 const Value& parameters) {
  const auto fits = [&](const ChoiceRule& rule) {
    if (rule.operation && *rule.operation != operation) return false;
    if (rule.activity && *rule.activity != kind) return false;
    if (!rule.type.empty() && rule.type != resource.key.type) return false;
    return std::all_of(rule.when.begin(), rule.when.end(), [&](const auto& condition) {
      const Value* const found = FindPlace(condition.first, resource, parameters);
      return found != nullptr && *found == condition.second;
    });
  };
  const auto rule = std::find_if(rules.begin(), rules.end(), fits);
  if (rule == rules.end() || rule->answer == StepChoice::Kind::kOwn) return StepChoice::Own();
  if (rule->answer == StepChoice::Kind::kNone) return StepChoice::None();
  std::string key;
  std::string missing;
  VisitTemplate(
      rule->key, [&](std::string_view text) { key += text; },
      [&](std::string_view place) {
        if (place == "id") {
          key += resource.key.id;
          return true;
        }
        const Value* const found = FindPlace(place, resource, parameters);
        if (found != nullptr && found->is_string()) {
          key += found->AsString();
        } else if (found != nullptr && found->is_int()) {
          key += std::to_string(found->AsInt());
        } else {
          missing = place;
        }
        return missing.empty();
      });
  if (missing.empty()) return StepChoice::Aggregate(std::move(key));
  return InvalidInput(fmt::format("{} has no text or number '{}', which its aggregation key needs",
                                  Printable(resource.key.str()), Printable(missing)));
}

}  // namespace holdfast::plugins::exec
