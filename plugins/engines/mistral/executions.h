#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/engines/mistral/api.h"
#include "plugins/engines/run_status.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// Runs as Mistral has them: executions of workflows, with those of their sub-workflows.
namespace holdfast::engines::mistral {

// RunStatus::shutdown of an execution that somebody has cancelled.
inline constexpr std::string_view kCancelled = "Cancel";

// The line of `holdfast-step --report`, as it is the result of an action.
struct StepReport {
  int exit_code = 0;
  std::string message;   // why it failed
  std::string log;       // HOST:FILE
  std::string log_tail;  // the end of that file, of a step that failed
};
// What the agent's refusal of a step begins with where it becomes the result of an action
// (runtime/agent/step_service.cc): then a status, and why.
inline constexpr std::string_view kRefusalMark = "holdfast-agent ";

// nullopt for what is none: of a step whose process did not come to its end, or that never began.
std::optional<StepReport> ParseStepReport(std::string_view result);

struct NewExecution {
  std::string
      id;  // a UUID that is chosen by whoever starts it: so starting it again makes no second one
  std::string workflow;
  std::map<std::string, std::string> inputs;  // over the workflow's own
  std::string environment;                    // by its name
  std::string description;
  // That one of the inputs which only the definitions of one bundle have; empty: there is none.
  std::string bundle_input = {};
};
// A random one.
std::string NewExecutionId();

// Starts it, or finds that it was. Its id is that of the run. kUnavailable where the definition that is there does not have
// its `bundle_input`: it is another compile's, and nothing was started.
Status StartExecution(Api& api, const NewExecution& execution);
// Again: success. What runs goes on until it notices that it has lost the run's lease. kConflict where it has ended otherwise.
Status CancelExecution(Api& api, const std::string& id, const std::string& why);

// The runs that Mistral knows, of one workflow or of all (an empty name): executions of workflows with an input `bundle` that
// are not parts of another one. Without their steps (RunStatus::steps_listed), the oldest first.
Result<std::vector<RunStatus>> ListRuns(Api& api, const std::string& workflow = {});

// Reads one run again and again: what has ended is asked for once. One thread; borrows the API.
class RunReader {
 public:
  // `id` of an execution, or of one of its sub-workflows.
  RunReader(Api& api, std::string id) : api_(api), id_(std::move(id)) {}

  // Steps in the order in which Mistral made them: one that has not begun is not there. Those of a sub-workflow stand where
  // their task does, behind its name. A `gate` and a `verdict` are no steps unless they are what went wrong.
  // A run has succeeded only when its `end` has: who may change executions can call any of them a success.
  // kNotFound: there is no such execution.
  Result<RunStatus> Read();
  // Whether a process may still be at work on a step of a run that was read, whatever became of its execution: no result of its
  // last try has come.
  Result<bool> IsAtWork(const StepStatus& step);
  // Executions of sub-workflows that go on, of a run that was read.
  std::vector<std::string> GoingOn() const;
  // What a try of a step has reported, of a run that was read; nullopt: nothing, or nothing yet.
  Result<std::optional<StepReport>> ReportOf(const StepStatus& step, const StepTry& attempt);

 private:
  struct Task {
    std::string id;
    std::string name;
    std::string type;
    std::string state;
    std::string state_info;
    std::string started;
    std::string finished;
    int tries = 1;
  };
  Result<std::vector<Task>> TasksOf(const std::string& execution, bool final);
  // `final`: the execution has ended.
  Status AddSteps(const std::string& execution, bool final, const std::string& prefix, int depth,
                  RunStatus& out);
  Result<StepStatus> StepOf(const Task& task);
  Status AddTries(const Task& task, StepStatus& step);

  Api& api_;
  std::string id_;
  // Of executions below, by the task that started them: id and state.
  struct Below {
    std::string id;
    std::string state;
    std::string info;
  };
  std::map<std::string, Below> below_;
  std::map<std::string, std::vector<Task>> ended_;  // the tasks of executions that have ended
  std::map<std::string, StepStatus> tried_;         // of tasks that have ended: with their tries
  std::map<std::string, Task> by_path_;             // the tasks that are steps
  std::map<std::string, StepReport> reports_;       // by StepTry::node
};

// Calls `see` with the run as it is now, then with each new look at it, until that returns false. A server that is away for
// up to `patience` is borne; the pauses grow with the time that a look takes. kUnavailable when `cancellation` is set.
Status FollowExecution(Api& api, const std::string& id, std::chrono::milliseconds patience,
                       const ApiParts& parts, const std::function<bool(RunStatus status)>& see);

}  // namespace holdfast::engines::mistral
