#include "runtime/local/call_reader.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

using Names = std::string_view;

constexpr std::array<Names, 2> kRefRead{"name", "template"};
constexpr std::array<Names, 1> kRefRefused{"clusterScope"};
constexpr std::array<Names, 1> kArgumentsRead{"parameters"};
constexpr std::array<Names, 1> kArgumentsRefused{"artifacts"};
constexpr std::array<Names, 3> kParameterRead{"name", "value", "default"};
constexpr std::array<Names, 2> kParameterIgnored{"description", "enum"};
constexpr std::array<Names, 2> kParameterRefused{"valueFrom", "globalName"};

Result<std::vector<NamedText>> ReadArguments(const SourceFile& source, const Value& owner) {
  std::vector<NamedText> arguments;
  HOLDFAST_ASSIGN_OR_RETURN(const Value* map, MapField(source, owner, "arguments"));
  if (map == nullptr) return arguments;
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, *map, {"'arguments'", kArgumentsRead, {}, kArgumentsRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, *map, "parameters"));
  if (list == nullptr) return arguments;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(CheckFields(
        source, element, {"an argument", kParameterRead, kParameterIgnored, kParameterRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(std::string name, RequiredName(source, element, "an argument"));
    const Value* value = element.Find("value");
    if (value == nullptr)
      return source.At(element.position(),
                       fmt::format("argument '{}' has no 'value'", Printable(name)));
    HOLDFAST_ASSIGN_OR_RETURN(
        PlacedText text, ReadText(source, *value, fmt::format("argument '{}'", Printable(name))));
    for (const NamedText& other : arguments) {
      if (other.name == name)
        return source.At(element.position(), fmt::format("argument '{}' is given twice", name));
    }
    arguments.push_back({std::move(name), std::move(text)});
  }
  return arguments;
}

}  // namespace

Result<PlacedText> ReadText(const SourceFile& source, const Value& value, std::string_view what) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, TextOfScalar(source, value, what));
  auto parsed = TextTemplate::Parse(text);
  if (!parsed) {
    return source.At(value.position(), fmt::format("{}: {}", what, parsed.error().message()))
        .Hint(parsed.error().hint());
  }
  return PlacedText{std::move(*parsed), value.position()};
}

Result<std::string> RequiredName(const SourceFile& source, const Value& map, std::string_view what,
                                 std::string_view key) {
  const Value* name = map.Find(key);
  if (name == nullptr) return source.At(map.position(), fmt::format("{} has no '{}'", what, key));
  if (!name->is_string() || name->AsString().empty()) {
    return source
        .At(name->position(), fmt::format("the {} of {} is a text that is not empty", key, what))
        .Hint("quote what YAML would read as a number, a truth or nothing");
  }
  return name->AsString();
}

Result<TemplateCall> ReadCall(const SourceFile& source, const Value& value, std::string_view what) {
  TemplateCall call;
  const Value* name = value.Find("template");
  HOLDFAST_ASSIGN_OR_RETURN(const Value* ref, MapField(source, value, "templateRef"));
  if ((name != nullptr) == (ref != nullptr)) {
    return source.At(value.position(),
                     fmt::format("{} needs either 'template' or 'templateRef'", what));
  }
  if (ref != nullptr) {
    HOLDFAST_RETURN_IF_ERROR(
        CheckFields(source, *ref, {"'templateRef'", kRefRead, {}, kRefRefused}));
    HOLDFAST_ASSIGN_OR_RETURN(call.document, RequiredName(source, *ref, "a templateRef"));
    HOLDFAST_ASSIGN_OR_RETURN(call.name, RequiredName(source, *ref, "a templateRef", "template"));
    call.position = ref->Find("template")->position();
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(call.name, RequiredName(source, value, what, "template"));
    call.position = name->position();
  }
  HOLDFAST_ASSIGN_OR_RETURN(call.arguments, ReadArguments(source, value));
  return call;
}

Result<std::vector<Parameter>> ReadParameters(const SourceFile& source, const Value* value,
                                              std::string_view what) {
  std::vector<Parameter> parameters;
  if (value == nullptr) return parameters;
  HOLDFAST_RETURN_IF_ERROR(
      CheckFields(source, *value, {what, kArgumentsRead, {}, kArgumentsRefused}));
  HOLDFAST_ASSIGN_OR_RETURN(const Value* list, ListField(source, *value, "parameters"));
  if (list == nullptr) return parameters;
  for (const Value& element : list->AsList()) {
    HOLDFAST_RETURN_IF_ERROR(CheckFields(
        source, element, {"a parameter", kParameterRead, kParameterIgnored, kParameterRefused}));
    Parameter parameter;
    parameter.position = element.position();
    HOLDFAST_ASSIGN_OR_RETURN(parameter.name, RequiredName(source, element, "a parameter"));
    const Value* given =
        element.Find("value") != nullptr ? element.Find("value") : element.Find("default");
    if (given != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(
          parameter.value,
          ReadText(source, *given, fmt::format("parameter '{}'", Printable(parameter.name))));
    }
    for (const Parameter& other : parameters) {
      if (other.name == parameter.name) {
        return source.At(element.position(),
                         fmt::format("there are two parameters '{}'", Printable(parameter.name)));
      }
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

}  // namespace holdfast::local
