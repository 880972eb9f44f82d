#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/verify/said_run.h"

namespace holdfast::verify {

// What holding a workflow's files to their bundle has shown.
struct Proof {
  std::size_t steps = 0;
  std::size_t order = 0;       // pairs of steps of which the bundle has one come after the other
  std::size_t added = 0;       // pairs that come after each other in the files alone: cuts add some
  std::size_t conditions = 0;  // that the files make of gates
  std::vector<std::string> faults;  // each one a sentence; at most kMostFaults
  std::size_t more_faults = 0;      // beyond those
  bool holds() const { return faults.empty(); }
};
inline constexpr std::size_t kMostFaults = 20;

// Proves by brute force, over every pair of steps and every condition, that the files do what the bundle says
// (design: semantics, "Order and gates"):
//   - they run each of its steps once, after `begin` and before `end`;
//   - whatever comes before another one in the bundle does so in the files, gates included;
//   - nothing keeps a step from being started that could run: each condition is one of its gates, or follows from
//     them. (That no step runs whose gates did not succeed is its own check in the journal.)
// Two engines' files of one bundle for which it holds say the same. Time and memory grow with the square of the
// steps: seconds for tens of thousands.
Proof Prove(const LoadedBundle& bundle, SaidRun run);

}  // namespace holdfast::verify
