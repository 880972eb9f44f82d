#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast {

inline constexpr std::size_t kLongestSafeName = 24;

// What is left of a text in a name of ours that an engine reads: [a-z][a-z0-9-]*, at most
// kLongestSafeName bytes; "The Shöp!" -> "the-sh-p". Empty when nothing is left. Not unique: a hash
// goes with it.
std::string SafeName(std::string_view text);

}  // namespace holdfast
