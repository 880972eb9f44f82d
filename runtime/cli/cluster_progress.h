#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/operation.h"
#include "runtime/cli/output.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

// Shows a run that a cluster makes, one line for each resource: printed when what it is in changes; on a terminal
// those that are being worked on stand below, rewritten in place. With --json an object for each step that begins
// or ends, as `run` has them. Where the bank can be read, its bundle says which resource a step is for and its
// journal why one failed; without, each step has its line. One thread.
class ClusterProgress {
 public:
  ClusterProgress(const Output& out, std::optional<BankSection> bank)
      : out_(out), bank_(std::move(bank)) {}

  // The state as it is now, with the steps of its parts; what has not changed since is not said again. `all_steps`: a step
  // that is not there has not begun. Without, the journal says what became of those, of a run that has up to
  // kMostStepsWithJournal; of a larger one a line says that nothing does.
  void Show(const engines::RunStatus& status, bool all_steps);
  static constexpr std::size_t kMostStepsWithJournal = 2'000;
  // Takes what stands below away.
  void End();

 private:
  struct Part {  // a step, in the line of its resource
    std::string step;
    std::string what;  // "pre", "parallel"; empty: the step has the line for itself
  };
  struct Row {
    std::string name;
    std::vector<Part> parts;
    std::string state;  // as it was shown, roughly
    bool done = false;  // that was shown
  };

  void ReadBundle(const engines::RunStatus& status);
  void ReadReasons(const engines::RunStatus& status);
  void ReadJournal(const engines::RunStatus& status);
  void ReadProgress(const engines::RunStatus& status);
  void AddJournaled(const runtime::ActivityReport& activity);
  void AddRows(const engines::RunStatus& status);
  struct State {
    std::string text;  // empty: nothing to show
    // With tenths of how far it is: who has no terminal wants no line for each hundredth.
    std::string rough;
    std::string why;  // its end: ": REASON"; empty: it has none
    std::string key;  // of the reason: the step that gives it, and what that makes of the line
    bool active = false;
    bool done = false;  // all of it, and well
  };
  State StateOf(const Row& row,
                const std::map<std::string, const engines::StepStatus*>& steps) const;
  std::string Why(const engines::StepStatus& step) const;
  void SayEvents(const engines::RunStatus& status);
  void Erase();

  const Output& out_;
  std::optional<BankSection> bank_;
  bool bundle_read_ = false;
  std::vector<Row> rows_;
  std::set<std::string> in_rows_;               // steps
  std::map<std::string, std::string> reasons_;  // by step, of the journal: why an activity failed
  std::set<std::string> asked_for_;             // tries whose reason was looked for
  // By step, as far as the journal says it: for steps that no workflow lists.
  std::map<std::string, engines::StepStatus> journal_;
  std::set<std::string> told_;                   // reasons that a line has said
  std::map<std::string, std::string> said_;      // by step: what was said of it last
  std::map<std::string, std::string> progress_;  // by step that runs: what its claim says
  std::chrono::steady_clock::time_point next_progress_;
  std::uint64_t bundle_steps_ = 0;
  std::chrono::steady_clock::time_point next_journal_;
  bool too_large_said_ = false;
  bool stopping_said_ = false;
  bool paused_said_ = false;
  std::size_t drawn_ = 0;
};

}  // namespace holdfast::cli
