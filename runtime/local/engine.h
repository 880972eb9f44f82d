#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/local/phase.h"
#include "runtime/local/scheduler.h"

// The local engine: runs an Argo workflow file on this machine, each container step as a process.
// docs/reference/argo-subset.md says what of the language it runs.
namespace holdfast::local {

class StopSignals;

struct RunOptions {
  std::string file;                               // the workflow's file
  std::vector<std::string> template_folders;      // where referenced WorkflowTemplates are
  std::map<std::string, std::string> parameters;  // over the file's values
  std::string run_id;  // {{workflow.uid}}; empty = made at start. With resume: which run; empty =
                       // the latest
  std::string work_folder;  // empty = `<file>.run`; RunFolder says what is in it
  unsigned jobs = 0;  // most steps at once, beside the file's parallelism; 0 = as the file says
  // Tasks that get a free slot first: those for which something waits at rest.
  std::set<std::string> first;
  bool resume = false;  // go on with an interrupted run: same id, finished steps are not run again
  bool abandon_interrupted = false;  // start a new run although the latest was interrupted
  std::string step_binary;  // runs where a command is called holdfast-step, whatever its folder;
                            // empty = as written
  // Over the environment of this process and over `env` of the file.
  std::map<std::string, std::string> environment;
  std::chrono::milliseconds grace{std::chrono::seconds(30)};  // from SIGTERM to SIGKILL
  // They stop the run while it lasts: the first as Argo's Stop, the second as Terminate, the third
  // kills. Attended while it lasts. nullptr: no signal is caught.
  StopSignals* stop_signals = nullptr;
};

// A step that is being run: one try of one task.
struct StepInfo {
  std::string name;  // path below the workflow, "b.b-pre(0)"
  std::string task;  // the task's own name, "b-pre"
  std::string template_name;
  std::uint32_t attempt = 0;
  bool exit_handler = false;
  int pid = 0;
  std::string log_file;
};

struct StepEnd {
  Phase phase = Phase::kSucceeded;
  std::optional<int> exit_code;
  std::string message;
  double seconds = 0;
  bool retried = false;                      // another try follows
  std::chrono::milliseconds retry_after{0};  // this long from now
};

struct NodeOutcome {
  NodeInfo info;
  // Of pods that ran, and of tasks that were tried: the first start, the last end.
  std::optional<WallTime> start;
  std::optional<WallTime> end;
  std::string log_file;  // of pods that ran
};

struct RunOutcome {
  Phase phase = Phase::kSucceeded;  // the verdict: Succeeded, Failed or Error
  bool stopped = false;             // by a signal
  std::string run_id;
  std::string start_id;  // which start of it (run_start.h)
  std::string workflow_name;
  std::string run_folder;
  std::map<std::string, std::string> parameters;  // that it was started with
  WallTime start;
  WallTime end;
  std::string message;
  std::vector<NodeOutcome> nodes;  // all that came to anything, in the order of their making
};

struct RunStart {
  std::string run_id;
  std::string workflow_name;
  std::string run_folder;
  std::map<std::string, std::string> parameters;
  bool resumed = false;
};

// Is told what happens, on the thread of RunWorkflow. Does nothing by itself.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  virtual void RunStarted(const RunStart&) {}
  virtual void StepStarted(const StepInfo&) {}
  // A line {"message_type":"progress",...} of the step's log.
  virtual void StepProgress(const StepInfo&, const Value&) {}
  virtual void StepEnded(const StepInfo&, const StepEnd&) {}
  // Comes again and again while steps run, whether anything happened or not: several times a
  // second.
  virtual void StillRunning() {}
  // A task that was not run: Skipped, Omitted, or Failed or Error without a process.
  virtual void TaskLeftOut(const NodeInfo&) {}
  virtual void Stopping(Shutdown) {}
  // No step of it lives any more; stop signals are still attended.
  virtual void RunEnded(const RunOutcome&) {}
};

// Runs a workflow to its end. A run that fails is an outcome, not an error. Errors: what
// ReadWorkflowFile and ResolveParameters refuse (nothing was started then), kLocked when another
// engine works in the folder, kConflict when the latest run was interrupted (neither resume nor
// abandon_interrupted) or when the run to resume has ended, kNotFound when there is none, and a
// failure to write the state (the steps get SIGTERM; resume goes on from there).
Result<RunOutcome> RunWorkflow(const RunOptions& options, RunObserver& observer);

// The run that `resume` names, the latest unless run_id does; nullopt where there is none.
struct EarlierRun {
  std::string run_id;
  std::string start_id;  // as RunOutcome's; empty: an older build's
  WallTime start;        // as RunOutcome's
  // "Failed", ... when it has come to its end (also: was stopped); empty when it was interrupted.
  std::string phase;
};
Result<std::optional<EarlierRun>> FindEarlierRun(const RunOptions& options);

// "3f0e...": a random UUID, the id of a run that is not given one.
std::string MakeRunId();

}  // namespace holdfast::local
