#pragma once

#include <string>
#include <string_view>

namespace holdfast::lint {

// What YAQL's parser, as Mistral 15 configures it (no delegates, "=>" for named arguments), says against an
// expression, which is what stands between <% and %>: its syntax alone, not whether its names and functions exist.
// Empty: nothing.
std::string YaqlFault(std::string_view expression);

}  // namespace holdfast::lint
