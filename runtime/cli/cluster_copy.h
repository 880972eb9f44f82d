#pragma once

#include <string>

#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// A run on a cluster as files of this machine, for commands that read a workflow file: the workflow as it was
// started, the templates that it refers to as they are there now, and its bundle out of the bank. In a folder of its
// own, which goes with this.
class ClusterCopy {
 public:
  // Of the run that `arguments.from_cluster` names. kNotFound for none, and where this machine has not its provider.
  static Result<ClusterCopy> Make(Session& session, const StepArguments& arguments);
  ClusterCopy(ClusterCopy&& other) noexcept;
  ClusterCopy& operator=(ClusterCopy&&) = delete;
  ~ClusterCopy();

  // `arguments` with the files of the copy, and where none was given the record and the id of the run: the Workflow's own,
  // of a child the one that its parameter names.
  StepArguments Over(StepArguments arguments) const;

 private:
  ClusterCopy() = default;
  std::string folder_;
  std::string templates_;  // empty: those that are installed
  std::string run_id_;
  std::string record_;
};

}  // namespace holdfast::cli
