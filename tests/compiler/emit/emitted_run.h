#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "compiler/compile.h"
#include "plugins/sdk/result.h"
#include "runtime/local/workflow.h"
#include "runtime/verify/precedence.h"

namespace holdfast::compiler {

using verify::Precedence;

// A template of emitted files that other steps stand in, or a child Workflow.
struct EmittedGroup {
  std::uint32_t template_index = 0;
  std::uint32_t parent = 0;  // the group that calls it; of the first one: itself
  // Those of the steps that stand in it, or in groups in it.
  std::uint32_t first_step = 0;
  std::uint32_t end_step = 0;
};

// What emitted files say, read back: nothing in here comes from the compiler but its texts.
struct EmittedRun {
  std::vector<std::string> steps;    // names; each group's together
  std::vector<std::uint32_t> nodes;  // by step: its node in the order
  std::vector<std::uint32_t> group_of_step;
  std::vector<EmittedGroup> groups;  // each before those in it
  // What waits for what to end, through all templates and children; not sorted yet. A group begins when
  // its task does, and ends with its targets.
  Precedence order;
};
EmittedRun RunOf(const local::Workflow& workflow);

}  // namespace holdfast::compiler
