#pragma once

#include <string>
#include <vector>

#include "tests/engines/random_case.h"
#include "tests/engines/run_truth.h"

namespace holdfast::testing_engines {

// Holds what happened to the definition of links, gates, clean-ups and verdict. One line for each
// violation, empty when all is well. Activities are judged one by one, each by what is recorded of
// its gates: together that is a forecast of the whole run.
//
// `trace` has the events of this run only. A post that `end` or gc made for a killed step comes
// later than the steps that were ordered after it: such a pair is not held to the order, those
// among the clean-ups are.
struct CheckedRun {
  const RandomCase& c;
  const RunTruth& truth;
  const std::vector<TraceEvent>& trace;
  // Every step had its chance: nothing but `end` was cut off (not after gc alone).
  bool whole = true;
  // The engine died: a try that it took with it may have used up an injected failure.
  bool disturbed = false;
};
std::vector<std::string> CheckRun(const CheckedRun& run);

}  // namespace holdfast::testing_engines
