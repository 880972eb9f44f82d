#pragma once

#include <string>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/value.h"

namespace holdfast::verify {

// A value of a file, as faults show it.
inline std::string TextOf(const Value& value) {
  return Printable(DumpJson(value).value_or("what is no JSON"));
}

}  // namespace holdfast::verify
