#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/step_process.h"

namespace holdfast::local {

// The folder in which the local engine keeps its runs of one file:
//
//   lock                 held (flock) by the engine that works here
//   latest               the id of the last run that was started
//   RUN/state.jsonl      what happened, one JSON object a line, in order; only ever appended to
//   RUN/logs/STEP.log    stdout and stderr of a step's tries
//
// A line is written whole and on the disk before what follows from it is done. A torn last line
// (the engine was killed while it wrote) counts as not written.
class RunFolder {
 public:
  // Makes the folder and takes its lock; kLocked when another engine works here.
  static Result<RunFolder> Open(const std::string& folder);

  // The id of the latest run; empty when there is none.
  Result<std::string> LatestRun() const;

  // Makes the folder of a new run, with `head` as the first line of its state, and makes it the
  // latest. kConflict when there is a run of that id.
  Status StartRun(const std::string& run, const Value& head);
  // Opens the state of a run to go on with it, and returns its lines. kNotFound when there is no
  // such run, kCorrupt when a line that is not the last is damaged.
  Result<std::vector<Value>> ResumeRun(const std::string& run);
  // The lines of a run's state, without touching it.
  Result<std::vector<Value>> ReadRun(const std::string& run) const;

  // Appends a line to the state; with `durable`, returns when it is on the disk.
  Status Append(const Value& line, bool durable);

  // The log file of a step of the open run.
  std::string LogFile(std::string_view step) const;
  const std::string& folder() const { return folder_; }
  std::string run_folder() const;

 private:
  explicit RunFolder(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
  std::string run_;
  Descriptor lock_;
  Descriptor state_;
};

}  // namespace holdfast::local
