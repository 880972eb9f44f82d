#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

// A count with its word for people: "1 step", "2 steps", "0 steps". `many` where the word does not
// take an s: Counted(n, "entry", "entries"), Counted(n, "problem stands", "problems stand").
std::string Counted(std::uint64_t count, std::string_view one, std::string_view many = {});

}  // namespace holdfast
