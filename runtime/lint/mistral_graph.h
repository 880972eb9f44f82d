#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// A direct workflow's tasks and how they lead to each other, those of task-defaults among them. The workflow that it was
// read from outlives it; its fields are of the forms that they have to be.
struct MistralGraph {
  enum class On : std::uint8_t { kComplete, kSuccess, kError };
  enum class Taken : std::uint8_t { kAlways, kMaybe, kNever };  // by its condition alone
  struct Link {
    std::size_t from = 0;
    std::size_t to = 0;
    On on = On::kComplete;
    Taken taken = Taken::kAlways;
  };
  struct Task {
    std::string name;
    const Value* fields = nullptr;
    const Value* join =
        nullptr;  // null where there is none that counts: 0 is none; 1.0 is one that does not work
    bool can_succeed = true;  // whatever happens in the run; false only for what never does
    bool can_fail = true;
    bool error_handled = false;  // its failure is not the run's
    bool may_end_well = false;   // it leads to the command `succeed`
    bool may_end_badly = false;  // the same, to `fail`
    // The clause by which its failure is not the run's, whatever holds: an on-error with a link that is always taken, or one
    // that then leads to `succeed`. Null: there is none.
    const Value* excused_by = nullptr;
    std::vector<std::size_t> inbound;  // of `links`
    std::vector<std::size_t> outbound;
  };
  std::vector<Task> tasks;
  std::vector<Link> links;
  bool may_succeed_early = false;  // a link leads to the command of that name
  bool may_fail_early = false;     // the same
};

// The policy of a task: its own one, or that of task-defaults where its own is nothing. Null: neither has one.
const Value* PolicyOf(const Value& task, const Value* defaults, std::string_view name);

// Links to what is no task are found: trap `reference`; and links to a task that is called as a command is: `name`.
MistralGraph ReadGraph(const local::SourceFile& source, const Value& workflow, Findings& found);

}  // namespace holdfast::lint
