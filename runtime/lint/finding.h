#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/error.h"

namespace holdfast::lint {

enum class Severity : std::uint8_t {
  kError,  // the engine refuses it, or it goes wrong when it runs; or a limit of ours, which says so
  kWarning,  // the engine takes it and may well run it, but hardly as its author means it
};

// What is wrong with a file for an engine, or would go wrong when it runs.
struct Finding {
  // The trap's stable name (docs/reference/lint.md).
  std::string trap;
  // kInvalidInput with file and line, the reason and what to do.
  Error error;
  Severity severity = Severity::kError;
};

using Findings = std::vector<Finding>;

inline bool HasErrors(const Findings& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.severity == Severity::kError; });
}

}  // namespace holdfast::lint
