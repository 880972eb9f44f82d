#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/local/step_list.h"

namespace holdfast::cli {

// A template that a step waits for as a whole, though it needs only some of the steps in it.
struct AddedWait {
  std::string task;        // that calls the template
  std::size_t steps = 0;   // in it
  std::size_t needed = 0;  // of them, as the activities' order has it
  std::string because_of;  // the template that the step stands in and that waits; empty: the step
};

// What a step waits for in a file that was cut into templates beyond the order of its activities.
struct AddedOrder {
  std::vector<std::string> steps;  // every step, as the file lists them
  std::vector<AddedWait> waits;    // why: each direct wait that brings any of them
};

// `steps`: of the file; `step`: one of them. Nothing where the file is not cut.
AddedOrder FindAddedOrder(const LoadedBundle& bundle, const std::vector<local::ListedStep>& steps,
                          const local::ListedStep& step);

// For people: several lines, printable, with a newline at the end; empty when there is nothing.
std::string Render(const AddedOrder& added);

}  // namespace holdfast::cli
