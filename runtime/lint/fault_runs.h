#pragma once

#include <cstdint>
#include <vector>

#include "runtime/local/workflow.h"

namespace holdfast::lint {

// A task whose `depends` is met whether another has succeeded or failed, and is not after one more
// way in which that other may end: somebody forgot it.
struct MissingOutcome {
  std::uint32_t task = 0;
  std::uint32_t other = 0;
  local::Phase phase = local::Phase::kError;  // kError, kSkipped or kOmitted

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const MissingOutcome&, const MissingOutcome&) = default;
};

struct FaultFindings {
  // The tasks that may run and fail (or end in Error) while the template succeeds all the same.
  std::vector<std::uint32_t> masked;
  std::vector<MissingOutcome> missing;
  // Both by task.
};

// Works out what Argo's scheduler would do with a DAG template in every run in which one task fails,
// or ends in Error, and nothing else goes wrong; 64 runs at once, in memory that does not grow with
// their number. (The verdict of a DAG is that of its targets; one that did not run stands for what
// came before it.) Quadratic in the tasks, over 64.
// Exit hooks are not looked at, and a `when` of which nobody knows yet counts as true.
FaultFindings PlayFaults(const local::DagTemplate& dag);

}  // namespace holdfast::lint
