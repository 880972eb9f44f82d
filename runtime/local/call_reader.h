#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/workflow.h"

// The parts of a workflow file that stand in many places: texts, names, parameters, calls.
namespace holdfast::local {

// A scalar with its {{...}} tags; `what` names it in errors.
Result<PlacedText> ReadText(const SourceFile& source, const Value& value, std::string_view what);

// The member `key` of a map: a text that is not empty.
Result<std::string> RequiredName(const SourceFile& source, const Value& map, std::string_view what,
                                 std::string_view key = "name");

// `template` or `templateRef` of a task or hook, and its `arguments`. Not resolved yet.
Result<TemplateCall> ReadCall(const SourceFile& source, const Value& value, std::string_view what);

// Reads the `parameters` of `arguments` or `inputs`; an absent list is empty.
Result<std::vector<Parameter>> ReadParameters(const SourceFile& source, const Value* value,
                                              std::string_view what);

}  // namespace holdfast::local
