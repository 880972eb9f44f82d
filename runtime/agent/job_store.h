#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"
#include "runtime/agent/step_job.h"

namespace holdfast::agent {

// The steps that an agent has accepted and not yet reported, on its disk: FOLDER/jobs/ID.json, one file each. What is
// accepted is kept before that is said, and what a step has reported is kept before it is passed on: so neither a crash
// nor a restart loses a step. In FOLDER/progress/ID its process says how far it has come. One agent a folder. Keep and Forget of
// different jobs may be called at once.
class JobStore {
 public:
  // Makes the folder, for its user alone. kLocked when another agent has it, kDenied when others may write there.
  static Result<JobStore> Open(const std::string& folder);

  // Of a file that is no job: an error in the log; it stays, for somebody to look at. Where its name says which action it was
  // of, it goes to jobs/broken, and that action has a job in its place which says that it was lost.
  Result<std::vector<Job>> Load(Logger& log) const;
  // Durable when it returns. The errors of WriteFileDurably.
  Status Keep(const Job& job) const;
  // Not durable: reported once more after a crash, it is found to be known.
  Status Forget(const std::string& id) const;

  // The file that the process of a step says its progress in; it goes with the step.
  std::string ProgressFileOf(const std::string& id) const;
  // What it has said last ("40/100"); empty: nothing.
  std::string ProgressOf(const std::string& id) const;

 private:
  JobStore(std::string folder, std::string progress_folder, OwnedDescriptor lock)
      : folder_(std::move(folder)),
        progress_folder_(std::move(progress_folder)),
        lock_(std::move(lock)) {}
  std::string PathOf(const std::string& id) const;
  // Of a file that cannot be read.
  Result<Job> ReplaceBroken(const std::string& path, const std::string& id) const;

  // Removes the progress of what is not among them.
  void DropOtherProgress(const std::vector<Job>& jobs) const;

  std::string folder_;  // of the jobs
  std::string progress_folder_;
  OwnedDescriptor lock_;
};

}  // namespace holdfast::agent
