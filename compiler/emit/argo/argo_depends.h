#pragma once

#include <string>
#include <vector>

#include "compiler/workflow/engine_workflow.h"

namespace holdfast::compiler {

// What the tasks of an Argo DAG wait for.
//
// `depends` of a step = `g.Succeeded` for each gate that the file can name, and "has ended in any
// way" for each other step that it comes after: with up to four of them
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
// The same tasks serve every step that waits for the same set of more than 8 gates, as the product
// of many parents and many children would be a large file otherwise.
struct ArgoTask {
  std::string name;
  bool barrier = false;                // a pod-less task
  std::vector<std::string> depends;    // operands, to be joined by &&; empty: depends on nothing
  const WorkflowStep* step = nullptr;  // not of `begin` and barriers
};

struct ArgoTasks {
  // `begin`, then steps in their order, barriers before their first use
  std::vector<ArgoTask> tasks;
  bool short_form = false;  // `!x.Daemoned` occurs
  bool barriers = false;
};

// The result points into `workflow`.
ArgoTasks MakeArgoTasks(const EngineWorkflow& workflow);

}  // namespace holdfast::compiler
