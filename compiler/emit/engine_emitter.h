#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/workflow/engine_workflow.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// workflow: started once. template: with a stable name, for GitOps and schedules.
enum class WorkflowKind { kWorkflow, kTemplate };

// Beside the items of one group there are `begin` and `end`.
inline constexpr std::uint32_t kFewestTasks = kFewestItems + 2;

struct EmitOptions {
  WorkflowKind kind = WorkflowKind::kWorkflow;
  // Argo's own definitions refuse more than 200 tasks in one template; at least kFewestItems.
  std::uint32_t max_tasks_per_template = 200;
  // What a cluster takes in one object, with the room that the state of a run needs; at least
  // kFewestTasks. What is more becomes runs of their own that the first one starts.
  std::uint32_t max_tasks_per_workflow = 1500;
  std::string tool_version;  // "holdfast 0.1.0": stands once in the file
};

struct EmittedFile {
  std::string name;
  std::string text;
};

struct EmittedWorkflow {
  std::string text;  // what is started
  // What that starts in turn, in a folder beside it; empty where there is none.
  std::vector<EmittedFile> children;
  // What the engine cannot do for the plan, for people.
  std::vector<std::string> notes;
};

// An engine as the compiler sees it: how a workflow is written for it. One folder below
// compiler/emit each. Pure: the same workflow gives the same bytes. Thread-safe.
class EngineEmitter {
 public:
  virtual ~EngineEmitter() = default;
  virtual std::string_view name() const = 0;
  // For CutIntoGroups.
  virtual GroupLimits LimitsOf(const EmitOptions& options) const = 0;
  // Marks the groups that stand in a file and a run of their own, where one would be larger than the engine
  // takes; puts groups together for that. Before they are described. `dag` is what the groups were cut from.
  virtual void Divide(EngineWorkflow& workflow, const ActivityDag& dag,
                      const EmitOptions& options) const = 0;
  // The files' texts. kInvalidInput when one is beyond what the engine takes.
  virtual Result<EmittedWorkflow> Emit(const EngineWorkflow& workflow,
                                       const EmitOptions& options) const = 0;
  // The text of what starts the template of a workflow by its schedule, which it has.
  virtual Result<std::string> EmitSchedule(const EngineWorkflow& workflow,
                                           const EmitOptions& options) const = 0;
};

// By name; kInvalidInput (did you mean) naming those that this build can write for.
Result<std::unique_ptr<EngineEmitter>> MakeEngineEmitter(std::string_view name);
std::vector<std::string> EngineNames();

}  // namespace holdfast::compiler
