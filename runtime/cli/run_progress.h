#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>

#include "runtime/cli/output.h"
#include "runtime/local/engine.h"

namespace holdfast::cli {

// Shows a run while it lasts: on a terminal one line per running step, rewritten in place, below
// the lines of what has ended; otherwise plain lines; with --json one object per event. One thread.
class RunProgress final : public local::RunObserver {
 public:
  explicit RunProgress(const Output& out) : out_(out) {}

  void RunStarted(const local::RunStart& start) override;
  void StepStarted(const local::StepInfo& step) override;
  void StepProgress(const local::StepInfo& step, const Value& line) override;
  void StepEnded(const local::StepInfo& step, const local::StepEnd& end) override;
  void TaskLeftOut(const local::NodeInfo& node) override;
  void Stopping(local::Shutdown shutdown) override;
  void RunEnded(const local::RunOutcome& outcome) override;

 private:
  struct Running {
    std::string shown;
    std::string text;
    std::chrono::steady_clock::time_point since;
  };
  void Say(const std::string& text);
  void Erase();
  void Draw();

  const Output& out_;
  std::map<std::string, Running> running_;  // by the step's name
  std::size_t drawn_ = 0;                   // lines on the terminal that Erase takes away
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace holdfast::cli
