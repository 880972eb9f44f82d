#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// What a Workflow object of Argo says of a run, as its controller (4.x) writes it. Pure: no network.
namespace holdfast::engines::argo {

// A field of our own in the status of a workflow whose compressed nodes could not be read: why. (What decompresses them
// brings libraries that most commands do without, and reading a status is not to need them.)
inline constexpr std::string_view kNodesUnreadable = "holdfast/nodes-unreadable";

// The label by which the parts of a large run are found, the child Workflows that its own one starts; its value is the
// run (templates/argo). They have a parameter `run` with the same.
inline constexpr std::string_view kPartOfRunLabel = "holdfast/run";
// The leaf template of a task that starts one.
inline constexpr std::string_view kPartTemplate = "child";

// Of a workflow or a node. kNone: it has none; of a step: no node, so nothing has begun it.
enum class Phase { kNone, kPending, kRunning, kSucceeded, kFailed, kError, kSkipped, kOmitted };
std::string_view NameOf(Phase phase);  // "Pending"; "" for kNone
bool IsFinal(Phase phase);

// One pod of a step.
struct StepTry {
  std::string node;  // its id, which ends the pod's name
  std::string pod;
  Phase phase = Phase::kNone;
  std::optional<int> exit_code;
  std::string message;
  std::string started;   // RFC 3339, as Argo wrote it; empty: not yet
  std::string finished;  // empty: not yet
  // The engine gave it up (Stop, a deadline), and its pod has not ended: it may still write.
  bool dying() const { return IsFinal(phase) && phase != Phase::kSucceeded && finished.empty(); }
};

// A step: a task that has no tasks of its own, whatever Argo makes of it (Pod, Retry with a pod for each
// try, Skipped ...).
struct StepStatus {
  std::string path;           // below the workflow: "a-pre", "region-b.b-pre", "onExit.end"
  std::string workflow;       // the part that runs it (AddPart); empty: the workflow that was read
  std::string task;           // its last part
  std::string template_name;  // of its templateRef, where it has one
  Phase phase = Phase::kNone;
  std::optional<int> exit_code;
  std::string message;   // why it is so: of the last try, where that says something
  std::string progress;  // "40/100", as it reported itself; empty: it did not
  std::string started;
  std::string finished;
  std::vector<StepTry> tries;  // first to last; none where no pod was made
  bool exit_handler = false;
  bool between_tries = false;  // the next one has not begun

  bool ended() const { return IsFinal(phase); }
  // Not where it did nothing because something before it had not succeeded (exit code 20).
  bool failed() const;
};

struct WorkflowStatus {
  std::string name;
  std::string name_space;
  std::string uid;  // the run, where this is no part of one
  // The run that this is a part of: no run itself, nor has it a record. Empty: it is a run.
  std::string part_of;
  std::string resource_version;
  std::string created;
  std::string started;
  std::string finished;
  std::string message;
  std::string shutdown;  // spec.shutdown: "", "Stop", "Terminate"
  std::string from_template;
  Phase phase = Phase::kNone;
  std::map<std::string, std::string> parameters;  // of the workflow, with those of its template
  // In the order of the file: a nested DAG's where its task stands, the exit handler's last. Those that the
  // file does not know (it is not in the object) come behind, by the time they began.
  std::vector<StepStatus> steps;
  // Why the nodes cannot be read (they are damaged, too large, or kept in Argo's database); empty: they can. `steps`
  // is empty then, and all else is as it is.
  std::string nodes_unreadable;

  // The controller is through with it: also with the exit handler.
  bool ended() const { return IsFinal(phase) && !finished.empty(); }
  // Pods that were given up and still run.
  std::vector<const StepTry*> dying() const;
  const StepStatus* Find(std::string_view path_or_task) const;
  // The run: of a part, that of the whole.
  const std::string& run() const { return part_of.empty() ? uid : part_of; }
  // The record that the run works on: the parameter, else the run itself.
  std::string record() const;
  // It may have parts: a task starts one, or nobody sees its tasks.
  bool MayHaveParts() const;
};

// kInvalidInput for what is no Workflow. Nodes that are still compressed are those that node_archive.h could not read.
Result<WorkflowStatus> ReadWorkflowStatus(const Value& workflow);

// Puts the steps of a part behind the run's own and before its exit handler's; their paths then begin with the part's
// name, without that of the run.
void AddPart(WorkflowStatus& run, const WorkflowStatus& part);

// Of a run that has ended: the exit code of `holdfast run` for the same verdict. 0 succeeded, 6 stopped,
// begin's own code when that was refused, else 5.
int VerdictOf(const WorkflowStatus& status);

}  // namespace holdfast::engines::argo
