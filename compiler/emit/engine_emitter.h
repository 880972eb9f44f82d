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

struct EmitOptions {
  WorkflowKind kind = WorkflowKind::kWorkflow;
  // Argo's own definitions refuse more than 200 tasks in one template; at least kFewestItems.
  std::uint32_t max_tasks_per_template = 200;
  // What a cluster takes in one object, with the room that the state of a run needs.
  std::uint32_t max_tasks_per_workflow = 1500;
  std::string tool_version;  // "holdfast 0.1.0": stands once in the file
};

// An engine as the compiler sees it: how a workflow is written for it. One folder below
// compiler/emit each. Pure: the same workflow gives the same bytes. Thread-safe.
class EngineEmitter {
 public:
  virtual ~EngineEmitter() = default;
  virtual std::string_view name() const = 0;
  // The file's text. kInvalidInput when the workflow is beyond what the engine takes.
  virtual Result<std::string> Emit(const EngineWorkflow& workflow,
                                   const EmitOptions& options) const = 0;
  // The text of what starts the template of a workflow by its schedule, which it has.
  virtual Result<std::string> EmitSchedule(const EngineWorkflow& workflow,
                                           const EmitOptions& options) const = 0;
};

// By name; kInvalidInput (did you mean) naming those that this build can write for.
Result<std::unique_ptr<EngineEmitter>> MakeEngineEmitter(std::string_view name);
std::vector<std::string> EngineNames();

}  // namespace holdfast::compiler
