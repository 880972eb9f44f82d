#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// What plugins hand to the bank besides data lies in the JSON objects of a record as one member of them: saved
// info, journal entries, the texts of errors and warnings. Where the provider has keys such a member NAME is
// encrypted: "sealed_NAME", the base64 of a segment (segment.h) that holds the value as JSON. It is bound to
// the whole key of its object and to a text that tells it from others of the same object (`where`), and
// equal values in one place are equal texts. All else in these objects, ids, names of resources, times,
// sizes, outcomes, stays readable: what lists, ends and collects records needs no key.

// The format number of objects that may hold such members instead of plain ones: an older build refuses them.
inline constexpr int kSealedFormat = 2;
// The one of the next object that is written below a section: kSealedFormat where it has keys, else 1.
int FormatFor(const BankSection& section);

// Sets the member, encrypted where `section` has keys. `key`: of the object, below the section.
Status SetSealed(Value& object, std::string_view member, Value value, const BankSection& section,
                 std::string_view key, std::string_view where = {});

// The member's value, whichever form it has; nullopt when it has none. kDenied names a key that is not there.
Result<std::optional<Value>> ReadSealed(const Value& object, std::string_view member,
                                        const BankSection& section, std::string_view key,
                                        std::string_view where = {});

// Is it there, encrypted?
bool IsSealed(const Value& object, std::string_view member);

// A text for people, "" when there is none: also where its key is not there, which it then says.
Result<std::string> ReadSealedText(const Value& object, std::string_view member,
                                   const BankSection& section, std::string_view key,
                                   std::string_view where = {});

}  // namespace holdfast::runtime
