#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/error.h"

namespace holdfast::lint {

// What is wrong with a file for an engine, or would go wrong when it runs.
struct Finding {
  // The trap's stable name (docs/reference/lint.md).
  std::string trap;
  // kInvalidInput with file and line, the reason and what to do.
  Error error;
};

using Findings = std::vector<Finding>;

}  // namespace holdfast::lint
