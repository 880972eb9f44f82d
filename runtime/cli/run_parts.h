#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "plugins/engines/argo/workflow_service.h"
#include "plugins/engines/argo/workflow_status.h"
#include "runtime/cli/output.h"

namespace holdfast::cli {

// The parts of a large run, child Workflows that run its steps: who shows a run adds theirs to its own. One for each
// run that is shown; borrows both. One thread.
class RunParts {
 public:
  RunParts(engines::argo::WorkflowService& service, const Output& out)
      : service_(service), out_(out) {}

  // Adds the steps of its parts to a run that may have some. They are asked for again when the last answer is older than
  // the time that it took would justify, at once with `now`; one that is gone stays as it was seen last. Warns once where
  // the parts cannot be listed, or the nodes of one not be read.
  void AddTo(engines::RunStatus& run, bool now = true);

  // Every part is known, as far as it has been made, with its steps.
  bool complete() const { return complete_; }
  bool empty() const { return parts_.empty(); }

 private:
  void Look(const engines::RunStatus& run);

  engines::argo::WorkflowService& service_;
  const Output& out_;
  std::map<std::string, engines::RunStatus> parts_;  // by name
  std::set<std::string> warned_;
  std::chrono::steady_clock::time_point next_look_;
  bool complete_ = true;
};

}  // namespace holdfast::cli
