#pragma once

#include <string>

#include "runtime/lint/finding.h"

namespace holdfast::lint {

// As the .found files have findings.
inline std::string Said(const Findings& findings) {
  std::string said;
  for (const Finding& finding : findings)
    said += std::string(finding.severity == Severity::kWarning ? "warning: " : "") + "[" +
            finding.trap + "] " + finding.error.Render() + "\n";
  return said;
}

}  // namespace holdfast::lint
