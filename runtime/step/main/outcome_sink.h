#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/result.h"
#include "runtime/step/main/options.h"
#include "runtime/step/main/shown_reason.h"

namespace holdfast::runtime {

// How an engine learns of a step beside its exit code. Made at the start of the program, told at its end.
//
// Termination log (Kubernetes): the reason of a failure goes into the file HOLDFAST_TERMINATION_LOG, which Argo
// copies into the status of the Workflow.
//
// Report (--report; Mistral over ssh, and the agent, see no exit code, and std.ssh may hang on much stderr):
// stdout is exactly one line, {"exit":N,"message":"...","log":"HOST:FILE"}, the program itself exits 0, and
// everything else that it or what it starts prints goes to the file LOG-DIR/RUN/STEP.log. Of a step that failed the line
// has the end of that, too ("log_tail", of at most 2,000 bytes of it, in whole lines where there are some), where names
// may be seen. Who sees no such line
// knows that the step did not come to its end. One thread.
class OutcomeSink {
 public:
  explicit OutcomeSink(std::string termination_log)
      : termination_log_(std::move(termination_log)) {}
  OutcomeSink(const OutcomeSink&) = delete;
  OutcomeSink& operator=(const OutcomeSink&) = delete;
  ~OutcomeSink();

  // From now on a report is what is told. Before anything is printed. Also for arguments that cannot be
  // parsed: then there is no log file.
  void Report();
  // Sends what is printed to the step's log file. Folders are made. kDenied or kUnavailable, with the path.
  Status OpenLog(const StepOptions& options);

  // See ShownReason.
  void AskBundle(const BankSection& tenant, const std::string& bundle);

  // What the program exits with. That something cannot be told is no failure of the step's own.
  int Tell(ExitCode code, std::string_view why) const;

 private:
  std::string termination_log_;  // empty: none
  int report_ = -1;              // where the report goes: the stdout that the program was given
  std::string log_file_;
  std::uint64_t log_begin_ = 0;  // what this process has written stands behind it
  ShownReason reason_;
};

// The folder of the log files: --log-dir, HOLDFAST_LOG_DIR; /var/log/holdfast for root, else
// $XDG_STATE_HOME/holdfast/log (~/.local/state/holdfast/log).
std::string LogFolder(const StepOptions& options);

}  // namespace holdfast::runtime
