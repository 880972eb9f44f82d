#pragma once

#include <optional>
#include <string_view>

#include "plugins/sdk/value.h"

namespace holdfast::lint {

// What an expression is that is written out, and stands alone: <% false %>, {{ 0 }}, <% not 'x' %>. To YAQL another
// word is a text, False too; to Jinja it is a variable. Nothing for all that a run decides.
std::optional<Value> ConstantIn(std::string_view text);

// The same of a field: its value, where that is no text.
std::optional<Value> ConstantOf(const Value& value);

// Whether Mistral takes it for true, as Python does: not false, null, 0 and the empty ones.
bool Holds(const Value& value);

}  // namespace holdfast::lint
