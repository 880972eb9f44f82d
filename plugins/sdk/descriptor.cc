#include "plugins/sdk/descriptor.h"

#include <algorithm>

#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

Error Wrong(const Value& at, std::string_view file, std::string message) {
  return InvalidInput(std::move(message))
      .At({std::string(file), at.position().line, at.position().column, {}, 1});
}

Result<std::vector<std::string>> Texts(const Value& map, std::string_view key,
                                       std::string_view file) {
  std::vector<std::string> out;
  const Value* const list = map.Find(key);
  if (list == nullptr) return out;
  if (!list->is_list()) return Wrong(*list, file, "'" + std::string(key) + "' is a list of texts");
  for (const Value& item : list->AsList()) {
    if (!item.is_string())
      return Wrong(item, file, "'" + std::string(key) + "' is a list of texts");
    out.push_back(item.AsString());
  }
  return out;
}

Result<OperationDescriptor> OperationFromValue(const Value& value, std::string_view file) {
  OperationDescriptor out;
  if (!value.is_map()) return Wrong(value, file, "an operation is a map");
  HOLDFAST_ASSIGN_OR_RETURN(const auto activities, Texts(value, "activities", file));
  for (const std::string& name : activities) {
    const auto kind = ParseActivityKind(name);
    if (!kind) return Wrong(value, file, "there is no activity '" + Printable(name) + "'");
    out.activities[static_cast<std::size_t>(*kind)] = true;
  }
  out.empty_on_purpose = value.BoolOr("empty_on_purpose", false);
  if (const Value* const parameters = value.Find("parameters"); parameters != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(out.parameters, SchemaFromValue(*parameters, file));
  }
  return out;
}

}  // namespace

bool OperationDescriptor::DefinesAny() const {
  return std::any_of(activities.begin(), activities.end(), [](bool defined) { return defined; });
}

Value DescriptorToValue(const PluginDescriptor& d) {
  Value operations{Value::Map{}};
  for (const Operation operation : kAllOperations) {
    const OperationDescriptor& o = d.operation(operation);
    Value::List kinds;
    for (const ActivityKind kind : kAllActivityKinds) {
      if (o.Defines(kind)) kinds.emplace_back(NameOf(kind));
    }
    Value entry =
        Value().Set("activities", std::move(kinds)).Set("parameters", SchemaToValue(o.parameters));
    if (o.empty_on_purpose) entry.Set("empty_on_purpose", true);
    operations.Set(NameOf(operation), std::move(entry));
  }
  Value out = Value()
                  .Set("name", d.name)
                  .Set("description", d.description)
                  .Set("types", Value::List(d.types.begin(), d.types.end()))
                  .Set("settings_section", d.settings_section)
                  .Set("settings", SchemaToValue(d.settings))
                  .Set("operations", std::move(operations))
                  .Set("post_acts_on_failure", d.post_acts_on_failure)
                  .Set("quiesces", d.quiesces);
  if (!d.aliases.empty()) out.Set("aliases", Value::List(d.aliases.begin(), d.aliases.end()));
  if (!d.shared_sections.empty()) {
    out.Set("shared_sections", Value::List(d.shared_sections.begin(), d.shared_sections.end()));
  }
  if (d.has_saved_info) out.Set("saved_info", SchemaToValue(d.saved_info));
  return out;
}

Result<PluginDescriptor> DescriptorFromValue(const Value& value, std::string_view file) {
  if (!value.is_map()) return Wrong(value, file, "a plugin's descriptor is a map");
  PluginDescriptor out;
  out.name = value.StringOr("name", "");
  if (out.name.empty()) return Wrong(value, file, "a plugin's descriptor needs a 'name'");
  out.description = value.StringOr("description", "");
  HOLDFAST_ASSIGN_OR_RETURN(out.aliases, Texts(value, "aliases", file));
  HOLDFAST_ASSIGN_OR_RETURN(out.types, Texts(value, "types", file));
  out.settings_section = value.StringOr("settings_section", "");
  HOLDFAST_ASSIGN_OR_RETURN(out.shared_sections, Texts(value, "shared_sections", file));
  if (const Value* const settings = value.Find("settings"); settings != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(out.settings, SchemaFromValue(*settings, file));
  }
  if (const Value* const operations = value.Find("operations"); operations != nullptr) {
    if (!operations->is_map()) return Wrong(*operations, file, "'operations' is a map");
    for (const auto& [name, entry] : operations->AsMap()) {
      const auto operation = ParseOperation(name);
      if (!operation) return Wrong(entry, file, "there is no operation '" + Printable(name) + "'");
      HOLDFAST_ASSIGN_OR_RETURN(out.operation(*operation), OperationFromValue(entry, file));
    }
  }
  if (const Value* const saved = value.Find("saved_info"); saved != nullptr) {
    out.has_saved_info = true;
    HOLDFAST_ASSIGN_OR_RETURN(out.saved_info, SchemaFromValue(*saved, file));
  }
  out.post_acts_on_failure = value.BoolOr("post_acts_on_failure", true);
  out.quiesces = value.BoolOr("quiesces", false);
  return out;
}

}  // namespace holdfast
