#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "plugins/conformance/plugin_checks.h"
#include "plugins/conformance/trial.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::conformance {
namespace {

constexpr std::string_view kUnknown = "no_such_name_is_known";

struct NamedSchema {
  std::string name;
  const Schema* schema;
};

std::vector<NamedSchema> SchemasOf(const PluginDescriptor& descriptor) {
  std::vector<NamedSchema> schemas{{"settings", &descriptor.settings}};
  for (const Operation operation : kAllOperations) {
    schemas.push_back({fmt::format("parameters of {}", NameOf(operation)),
                       &descriptor.operation(operation).parameters});
  }
  if (descriptor.has_saved_info) schemas.push_back({"saved info", &descriptor.saved_info});
  return schemas;
}

bool IsFieldName(std::string_view name) {
  return !name.empty() && name.size() <= 100 && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Status CheckField(const Field& field, std::set<std::string>& names, const std::string& where) {
  const std::string place = fmt::format("'{}' of the {}", Printable(field.name), where);
  if (!IsFieldName(field.name)) return Internal(place + " is no name of a-z, 0-9 and '_'");
  if (!names.insert(field.name).second) return Internal(place + " is there twice");
  for (const std::string& alias : field.aliases) {
    if (!names.insert(alias).second)
      return Internal(place + " has an alias that is taken: " + Printable(alias));
  }
  if (Trim(field.description).empty()) return Internal(place + " has no description");
  if (Printable(field.description) != field.description) {
    return Internal(place + " has a description that is not one printable line");
  }
  if (field.minimum && field.maximum && *field.minimum > *field.maximum) {
    return Internal(place + " has a minimum above its maximum");
  }
  if (field.required && !field.default_value.is_null()) {
    return Internal(place + " is required and has a default");
  }
  return Ok();
}

Status ComesBack(const Value& value, const Result<PluginDescriptor>& back, std::string_view way) {
  if (!back)
    return Error(back.error()).While(fmt::format("the descriptor does not come back {}", way));
  if (DescriptorToValue(*back) != value) {
    return Internal(fmt::format("the descriptor comes back {} as another one", way));
  }
  return Ok();
}

// Names that a tenant may choose to do harm with.
std::vector<Resource> HostileResources(const Resource& resource) {
  std::vector<Resource> all{resource};
  for (const std::string_view text :
       {"../../../etc/passwd", "; rm -rf / #", "a\nb: {{workflow.name}}", "\x1b[31mred\x07",
        "%s%n%d", "'\"`$(reboot)`\"'", "\xff\xfe", "-rf", "{{=1+1}}"}) {
    Resource hostile = resource;
    hostile.key.id = std::string(text);
    hostile.name = std::string(text);
    all.push_back(hostile);
    hostile.extra = Value(Value::Map{});
    hostile.extra.Set("path", text).Set("name", text).Set(text, Value::List{Value(), true, text});
    hostile.parents.push_back(
        {{"Other::Type", std::string(text)}, std::string(text), hostile.extra});
    all.push_back(std::move(hostile));
  }
  Resource large = resource;
  large.key.id = std::string(1024, 'x');
  large.name = std::string(100'000, 'n');
  all.push_back(std::move(large));
  return all;
}

// What Validate said, one fault a line.
std::string Said(const std::vector<ParameterFault>& faults) {
  std::string text;
  for (const ParameterFault& fault : faults) {
    text +=
        fmt::format("{}[{}]: {}\n", fault.parameter, fault.item.value_or(0), fault.error.OneLine());
  }
  return text;
}

// Can a user find what the fault is about?
Status CheckFault(const ParameterFault& fault, const Schema& parameters) {
  HOLDFAST_RETURN_IF_ERROR(CheckErrorText(fault.error));
  if (fault.error.code() != ErrorCode::kInvalidInput) {
    return Internal(fmt::format("its code is {}, not {}", NameOf(fault.error.code()),
                                NameOf(ErrorCode::kInvalidInput)));
  }
  const bool known =
      std::any_of(parameters.fields.begin(), parameters.fields.end(),
                  [&fault](const Field& field) { return field.name == fault.parameter; });
  if (fault.parameter.empty() || known) return Ok();
  return Internal(fmt::format("there is no parameter '{}'", Printable(fault.parameter)));
}

}  // namespace

Status DescriptorSurvivesAsData(const PluginUnderTest& plugin, const PluginCheckOptions&) {
  const Value value = DescriptorToValue(plugin.entry->descriptor);
  HOLDFAST_RETURN_IF_ERROR(ComesBack(value, DescriptorFromValue(value, "descriptor"), "from data"));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, DumpJson(value));
  HOLDFAST_ASSIGN_OR_RETURN(const Value read, ParseJson(text, "descriptor.json"));
  return ComesBack(value, DescriptorFromValue(read, "descriptor.json"), "from JSON");
}

Status SchemasAreWhole(const PluginUnderTest& plugin, const PluginCheckOptions&) {
  for (const auto& [name, schema] : SchemasOf(plugin.entry->descriptor)) {
    if (schema->version < 1)
      return Internal(fmt::format("the {} have version {}", name, schema->version));
    std::set<std::string> names;
    for (const Field& field : schema->fields)
      HOLDFAST_RETURN_IF_ERROR(CheckField(field, names, name));
    const Value value = SchemaToValue(*schema);
    const auto back = SchemaFromValue(value, "schema");
    if (!back)
      return Error(back.error()).While(fmt::format("the {} do not come back from data", name));
    if (SchemaToValue(*back) != value) {
      return Internal(fmt::format("the {} come back from data as another schema", name));
    }
    HOLDFAST_RETURN_IF_ERROR(DumpJson(SchemaToJsonSchema(*schema)));
  }
  return Ok();
}

Status DefaultsPassTheirOwnSchema(const PluginUnderTest& plugin, const PluginCheckOptions&) {
  for (const auto& [name, schema] : SchemasOf(plugin.entry->descriptor)) {
    // Each alone: what is required has no default, and must not hide a wrong one.
    for (const Field& field : schema->fields) {
      if (field.default_value.is_null()) continue;
      Schema one;
      one.fields.push_back(field);
      Value value(Value::Map{});
      value.Set(field.name, field.default_value);
      HOLDFAST_RETURN_IF_ERROR(CheckAgainstSchema(one, value, "", "defaults of the " + name));
    }
  }
  return Ok();
}

Status UnknownSettingsAndParametersAreRefused(const PluginUnderTest& plugin,
                                              const PluginCheckOptions&) {
  for (const auto& [name, schema] : SchemasOf(plugin.entry->descriptor)) {
    Schema optional = *schema;
    for (Field& field : optional.fields) field.required = false;
    Value value(Value::Map{});
    value.Set(kUnknown, "x");
    const auto checked = CheckAgainstSchema(optional, value, "", name);
    if (checked) return Internal(fmt::format("the {} take a name that nobody knows", name));
    if (checked.error().OneLine().find(kUnknown) == std::string::npos) {
      return Internal(fmt::format("the {} refuse an unknown name without naming it: {}", name,
                                  checked.error().OneLine()));
    }
  }
  return Ok();
}

Status EveryOperationIsDefinedOrEmptyOnPurpose(const PluginUnderTest& plugin,
                                               const PluginCheckOptions&) {
  for (const Operation operation : kAllOperations) {
    const OperationDescriptor& described = plugin.entry->descriptor.operation(operation);
    if (described.DefinesAny() && described.empty_on_purpose) {
      return Internal(fmt::format("{} is empty on purpose and has activities", NameOf(operation)));
    }
    if (!described.DefinesAny() && !described.empty_on_purpose && operation != Operation::kVerify) {
      return Internal(
          fmt::format("{} has no activities and is not empty on purpose", NameOf(operation)));
    }
  }
  return Ok();
}

Status ObjectsAgreeWithTheDescriptor(const PluginUnderTest& plugin,
                                     const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, trial->MakePlugin());
  const PluginDescriptor& registered = plugin.entry->descriptor;
  const PluginDescriptor& described = object->descriptor();
  if (described.name != registered.name) {
    return Internal(fmt::format("it is registered as '{}' and calls itself '{}'", registered.name,
                                Printable(described.name)));
  }
  if (DescriptorToValue(described) != DescriptorToValue(trial->descriptor())) {
    return Internal("two objects with the same settings describe themselves differently");
  }
  // Settings may narrow what a plugin does, never widen it: compiling rests on the descriptor.
  for (const Operation operation : kAllOperations) {
    for (const ActivityKind kind : kAllActivityKinds) {
      if (described.operation(operation).Defines(kind) &&
          !registered.operation(operation).Defines(kind)) {
        return Internal(fmt::format("it defines {}, of which its registration says nothing",
                                    NameOfActivity(operation, kind)));
      }
    }
  }
  if (!registered.types.empty()) {
    for (const std::string& type : described.types) {
      if (std::find(registered.types.begin(), registered.types.end(), type) ==
          registered.types.end()) {
        return Internal(
            fmt::format("it protects {}, of which its registration says nothing", Printable(type)));
      }
    }
  }
  for (const std::string& type : described.types)
    HOLDFAST_RETURN_IF_ERROR(CheckResourceKey({type, "any"}));
  const PollSettings& poll = object->poll_settings();
  if (poll.poll_interval.count() < 1 || poll.activity_timeout.count() < 1 ||
      poll.poll_interval_max.count() < 1) {
    return Internal("its poll settings are none");
  }
  return Ok();
}

Status ChoosingIsAPureFunction(const PluginUnderTest& plugin, const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, trial->MakePlugin());
  HOLDFAST_ASSIGN_OR_RETURN(const auto other, trial->MakePlugin());
  const std::vector<Resource> resources = HostileResources(trial->resource());
  for (const Operation operation : kAllOperations) {
    HOLDFAST_ASSIGN_OR_RETURN(const Value parameters, trial->CheckedParameters(operation));
    for (const ActivityKind kind : kAllActivityKinds) {
      if (!trial->descriptor().operation(operation).Defines(kind)) continue;
      const std::string activity = NameOfActivity(operation, kind);
      std::vector<Result<StepChoice>> first;
      for (const Resource& resource : resources) {
        first.push_back(object->Choose(operation, kind, resource, parameters));
        const auto& choice = first.back();
        if (!choice) {
          if (Status text = CheckErrorText(choice.error()); !text) return text;
          continue;
        }
        if (choice->kind == StepChoice::Kind::kAggregate && choice->key.empty()) {
          return Internal(activity + ": it aggregates under an empty key");
        }
      }
      // In another order, of the same object and of another one.
      for (std::size_t i = resources.size(); i-- > 0;) {
        for (ProtectionPlugin* const asked : {object.get(), other.get()}) {
          const auto again = asked->Choose(operation, kind, resources[i], parameters);
          if (again.has_value() != first[i].has_value() || (again && !(*again == *first[i]))) {
            return Internal(fmt::format("{}: it chose differently for the same resource '{}'",
                                        activity, Printable(resources[i].key.id)));
          }
        }
      }
    }
  }
  return Ok();
}

Status ValidatingIsAPureFunction(const PluginUnderTest& plugin, const PluginCheckOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto trial, Trial::Make(plugin, options));
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, trial->MakePlugin());
  HOLDFAST_ASSIGN_OR_RETURN(const auto other, trial->MakePlugin());
  const std::string before = trial->Listing();
  const std::vector<Resource> resources = HostileResources(trial->resource());
  for (const Operation operation : kAllOperations) {
    const OperationDescriptor& described = trial->descriptor().operation(operation);
    if (!described.DefinesAny()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Value parameters, trial->CheckedParameters(operation));
    std::vector<std::string> first;
    for (const Resource& resource : resources) {
      const auto faults = object->Validate(operation, resource, parameters);
      for (const ParameterFault& fault : faults) {
        if (Status good = CheckFault(fault, described.parameters); !good) {
          return std::move(good).error().While(
              fmt::format("a fault in the parameters of {}", NameOf(operation)));
        }
      }
      first.push_back(Said(faults));
    }
    if (plugin.sample != nullptr && !first.front().empty()) {
      return Internal(fmt::format("it refuses the sample's parameters of {}: {}", NameOf(operation),
                                  Printable(first.front())));
    }
    // In another order, of the same object and of another one.
    for (std::size_t i = resources.size(); i-- > 0;) {
      for (const ProtectionPlugin* const asked : {object.get(), other.get()}) {
        if (Said(asked->Validate(operation, resources[i], parameters)) != first[i]) {
          return Internal(fmt::format("{}: it found other faults in the same parameters of '{}'",
                                      NameOf(operation), Printable(resources[i].key.id)));
        }
      }
    }
  }
  if (trial->Listing() != before) return Internal("validating parameters changed something");
  return Ok();
}

}  // namespace holdfast::plugins::conformance
