#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// An object as a listing shows it, below a section.
struct ListedObject {
  std::string key;
  std::uint64_t size = 0;  // stored bytes
  WallTime written;        // by the bank's own clock
};

// Every object below `prefix` (a plain prefix of what follows the section's own), in the order of keys,
// page by page. An error of `each` ends it. A listing may lag: that something is not in it says nothing.
Status ForEachObject(const BankSection& section, std::string_view prefix,
                     const std::function<Status(ListedObject)>& each);

// The first parts of the keys of a section, each once ("a" of "a/b/c"), without listing what is below them.
Result<std::vector<std::string>> FirstParts(const BankSection& section);

// The first `parts` parts of a key; empty when it has no more than those.
std::string LeadingParts(const std::string& key, int parts);

}  // namespace holdfast::runtime
