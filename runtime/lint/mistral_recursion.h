#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/lint/mistral_reach.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// A task that starts a workflow whenever its own one runs; `text` names it.
struct MistralCall {
  std::string to;
  const Value* text = nullptr;
  bool certain = false;  // in every run; else in each that does not fail before
  bool caught = false;   // its failure is not the run's
};
std::vector<MistralCall> UnavoidableCalls(const MistralGraph& graph, const MistralReach& reach);

// A workflow with such calls, in the file that it stands in.
struct MistralCaller {
  std::string name;
  const local::SourceFile* source = nullptr;
  std::vector<MistralCall> calls;
};
// Workflows that start themselves, or each other in a circle: trap `circle`. The first such circle, with the number of
// the caller that it is found at; no finding where there is none.
struct MistralRecursion {
  std::size_t caller = 0;
  Findings found;
};
MistralRecursion CheckRecursion(const std::vector<MistralCaller>& callers);

}  // namespace holdfast::lint
