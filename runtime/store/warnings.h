#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// At most so many warnings of one activity are kept, each cut to so many bytes; the rest is
// counted.
inline constexpr std::size_t kWarningsKept = 20;
inline constexpr std::size_t kWarningBytes = 500;

// What an activity warned of: it went on, and its outcome is not all that its reader may expect.
struct Warnings {
  std::vector<std::string> lines;  // printable, one line each, in order
  std::uint64_t left_out = 0;      // how many more there were

  std::uint64_t total() const { return lines.size() + left_out; }
};

// Sets the members "warnings" and "warnings_left_out" of an object, where there is something to
// set; objects of before there were any lack them, and read as none. In an object of a section the lines are
// encrypted where the section has keys (sealed_member.h), and "warnings_sealed" says how many there are:
// where the key is not there, they count as left out. `key`: of the object, below the section; `where` tells
// them from others of the same object.
void SetWarnings(Value& object, const Warnings& warnings);
Status SetWarnings(Value& object, const Warnings& warnings, const BankSection& section,
                   std::string_view key, std::string_view where = {});
Result<Warnings> WarningsOf(const Value& object, const BankSection& section, std::string_view key,
                            std::string_view where = {});

}  // namespace holdfast::runtime
