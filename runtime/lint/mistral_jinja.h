#pragma once

#include <string>
#include <string_view>

namespace holdfast::lint {

// What the parser of Jinja 3.1 says against a text with {{ }} or {% %} in it: its syntax alone, not whether its names
// and filters exist. Of statements it knows if, for and set; a text with others passes. Empty: nothing.
std::string JinjaFault(std::string_view text);

}  // namespace holdfast::lint
