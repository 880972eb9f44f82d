#include "tests/compiler/emit/read_run.h"

#include "runtime/mistral/definition_file.h"
#include "tests/compiler/emit/argo_simulation.h"

namespace holdfast::compiler {

Result<verify::SaidRun> ReadRun(const std::string& engine, const CompiledWorkflow& compiled) {
  if (engine == "argo") {
    HOLDFAST_ASSIGN_OR_RETURN(const local::Workflow workflow,
                              ReadEmitted(compiled.text, compiled.children));
    return verify::RunOf(workflow);
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto definitions,
                            mistral::ReadDefinitions({"emitted.yaml", compiled.text}));
  for (const EmittedFile& child : compiled.children) {
    HOLDFAST_ASSIGN_OR_RETURN(auto more, mistral::ReadDefinitions({child.name, child.text}));
    for (mistral::Definition& definition : more) definitions.push_back(std::move(definition));
  }
  return verify::RunOf(definitions);
}

}  // namespace holdfast::compiler
