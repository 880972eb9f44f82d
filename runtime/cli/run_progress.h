#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "runtime/cli/output.h"
#include "runtime/local/engine.h"

namespace holdfast::cli {

// Shows a run while it lasts: on a terminal one line per running step and one of totals, rewritten
// in place about once a second, below the lines of what has ended; otherwise plain lines; with
// --json one object per event. One thread.
class RunProgress : public local::RunObserver {
 public:
  // `steps`: how many the workflow has, begin and end included.
  RunProgress(const Output& out, std::uint64_t steps) : out_(out), steps_(steps) {}

  void RunStarted(const local::RunStart& start) override;
  void StepStarted(const local::StepInfo& step) override;
  void StepProgress(const local::StepInfo& step, const Value& line) override;
  void StepEnded(const local::StepInfo& step, const local::StepEnd& end) override;
  void StillRunning() override;
  void TaskLeftOut(const local::NodeInfo& node) override;
  void Stopping(local::Shutdown shutdown) override;
  void RunEnded(const local::RunOutcome& outcome) override;

 private:
  struct Running {
    std::string shown;
    std::string text;
    std::uint64_t bytes = 0;  // done, as it said last
    std::chrono::steady_clock::time_point since;
  };
  void Say(const std::string& text);
  void Erase();
  void Draw();
  std::string Totals(std::chrono::steady_clock::time_point now) const;

  const Output& out_;
  std::uint64_t steps_;
  std::uint64_t ended_ = 0;        // of the steps: what will not run any more
  std::uint64_t ended_bytes_ = 0;  // that ended tries said they had done
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::map<std::string, Running> running_;  // by the step's name
  std::size_t drawn_ = 0;                   // lines on the terminal that Erase takes away
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace holdfast::cli
