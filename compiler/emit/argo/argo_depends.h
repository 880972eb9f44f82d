#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/workflow/engine_workflow.h"

namespace holdfast::compiler {

// What the tasks of an Argo DAG template wait for: of one group of steps, in which other groups stand
// as tasks that call their templates.
//
// `depends` of a task = `g.Succeeded` for each gate that the file can name, and "has ended in any
// way" for each other task that it comes after: with up to four of them
//   (x.Succeeded || x.Failed || x.Errored || x.Omitted)
// and beyond that `!x.Daemoned`: Argo waits for every task that an expression names, and none of
// ours is a daemon. (x.Omitted matters: a task that was left out has ended, too.)
//
// Argo evaluates expressions of at most 10,000 nodes; a task beyond that ends in Error in mid-run.
// Such a step waits for pod-less tasks instead, which wait for a part each: `when: "false"` makes
// them Skipped once their part is over. They are not in `target`.
//   gate-<n>  all of its part have succeeded, else it is Omitted: `gate-<n>.Skipped` carries a
//             failure on
//   wait-<n>  all of its part have ended in any way
// A wait-<n> also stands between a group of many and many that wait for it: Argo's status has, for each
// of those, the ids of all in the group.
// The same tasks serve every task that waits for the same set of more than 8 gates, as the product
// of many parents and many children would be a large file otherwise; as far as max_tasks allows.
struct ArgoTask {
  enum class Kind : std::uint8_t { kBegin, kStep, kGroup, kBarrier };
  Kind kind = Kind::kStep;
  std::string name;
  std::vector<std::string> depends = {};  // operands, to be joined by &&; empty: depends on nothing
  std::string_view comment = {};          // of steps and groups
  std::string_view volume = {};           // of steps: the volume that its leaf template mounts
  bool separate = false;                  // of groups: a Workflow of its own
};

struct ArgoTasks {
  // In the first group `begin`, then the items in their order, barriers before their first use.
  std::vector<ArgoTask> tasks;
  bool short_form = false;  // `!x.Daemoned` occurs
  bool barriers = false;
};

// The result points into `workflow`.
ArgoTasks MakeArgoTasks(const EngineWorkflow& workflow, std::uint32_t group,
                        std::uint32_t max_tasks);

}  // namespace holdfast::compiler
