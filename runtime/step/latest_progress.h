#pragma once

#include <mutex>
#include <string>

#include "plugins/sdk/activity.h"

namespace holdfast::runtime {

// How far the activity that runs has come, for those who are not on its thread: its heartbeat writes it into the claim, and
// whoever has started the process may have named a file for it, which is written here: Argo's executor reads one, and
// the agent. Nothing depends on it: a file that cannot be written is none. Thread-safe.
class LatestProgress {
 public:
  // What another process has left in the file goes.
  explicit LatestProgress(std::string file);

  // Of another activity: nothing is known yet.
  void Forget() { Set(""); }
  void Take(const Progress& progress);
  std::string Text() const;  // "40/100"; empty: not known

 private:
  void Set(std::string text);

  const std::string file_;  // empty: none
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace holdfast::runtime
