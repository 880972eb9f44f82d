#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/exit_code.h"

// What an engine says of a run that it was given, whichever engine it is. Pure: no network.
namespace holdfast::engines {

// Of a run or a step, in Argo's words. kNone: it has none; of a step: nothing has begun it.
enum class Phase { kNone, kPending, kRunning, kSucceeded, kFailed, kError, kSkipped, kOmitted };
std::string_view NameOf(Phase phase);  // "Pending"; "" for kNone
bool IsFinal(Phase phase);

// One try of a step.
struct StepTry {
  std::string
      node;  // the engine's id: Argo's ends the pod's name, Mistral's is of an action execution
  std::string pod;  // of Argo
  Phase phase = Phase::kNone;
  std::optional<int> exit_code;
  std::string message;
  std::string started;   // RFC 3339, as the engine wrote it; empty: not yet
  std::string finished;  // empty: not yet
  // The engine gave it up (Stop, a deadline), and its pod has not ended: it may still write.
  bool dying() const { return IsFinal(phase) && phase != Phase::kSucceeded && finished.empty(); }
};

// A step: a task that has no tasks of its own, whatever the engine makes of it (Argo: Pod, Retry with a pod for
// each try, Skipped ...).
struct StepStatus {
  std::string path;      // below the workflow: "a-pre", "region-b.b-pre", "onExit.end"
  std::string workflow;  // the part that runs it (argo::AddPart); empty: the workflow that was read
  std::string task;      // its last part
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

struct RunStatus {
  std::string name;
  // What commands find it by: the name of Argo's Workflow, which is there once; the id of Mistral's execution.
  std::string handle;
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
  std::string
      environment;  // of Mistral: the name of the one that it was started with; empty: not known
  bool paused = false;  // by somebody, who may let it go on
  Phase phase = Phase::kNone;
  std::map<std::string, std::string> parameters;  // of the workflow, with those of its template
  // In the order of the file: a nested DAG's where its task stands, the exit handler's last. Those that the
  // file does not know (it is not in the object) come behind, by the time they began.
  std::vector<StepStatus> steps;
  bool steps_listed = true;  // false: nobody has asked for them
  // Why the nodes cannot be read (they are damaged, too large, or kept in Argo's database); empty: they can. `steps`
  // is empty then, and all else is as it is.
  std::string nodes_unreadable;

  // The engine is through with it: also with the exit handler.
  bool ended() const { return IsFinal(phase) && !finished.empty(); }
  // Pods that were given up and still run.
  std::vector<const StepTry*> dying() const;
  const StepStatus* Find(std::string_view path_or_task) const;
  // The run: of a part, that of the whole.
  const std::string& run() const { return part_of.empty() ? uid : part_of; }
  // The record that the run works on: the parameter, else the run itself.
  std::string record() const;
};

// Of a run that has ended: the exit code of `holdfast run` for the same verdict. 0 succeeded, 6 stopped,
// begin's own code when that was refused, else 5.
int VerdictOf(const RunStatus& status);

}  // namespace holdfast::engines
