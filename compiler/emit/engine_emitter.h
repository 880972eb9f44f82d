#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/workflow/workflow.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

struct EmitOptions {
  std::string kind = "workflow";              // workflow: started once; template: with a stable name
  std::uint32_t max_tasks_per_template = 200;  // Argo's own definitions refuse more
  std::string tool_version;                   // stands once in the file, for the reader
};

// An engine as the compiler sees it: how a workflow is written for it. One folder below
// compiler/emit each. Pure: the same workflow gives the same bytes. Thread-safe.
class EngineEmitter {
 public:
  virtual ~EngineEmitter() = default;
  virtual std::string_view name() const = 0;
  // The file's text. kInvalidInput (exit code 3) when the workflow is beyond what the engine takes.
  virtual Result<std::string> Emit(const EngineWorkflow& workflow, const EmitOptions& options) const = 0;
};

// Every engine that this build can write for.
const std::vector<std::unique_ptr<EngineEmitter>>& EngineEmitters();
// By name; kInvalidInput with those that there are.
Result<const EngineEmitter*> FindEngineEmitter(std::string_view name);

}  // namespace holdfast::compiler
