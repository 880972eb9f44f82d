#pragma once

#include <array>
#include <string_view>

// What cron lines call months and days, whoever reads them.
namespace holdfast::compiler {

inline constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
inline constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};
// In days, of a leap year.
inline constexpr std::array<int, 12> kLongestMonth{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

}  // namespace holdfast::compiler
