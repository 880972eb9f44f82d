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
  std::vector<local::SourceFile> files{{"emitted.yaml", compiled.text}};
  for (const EmittedFile& child : compiled.children) files.push_back({child.name, child.text});
  HOLDFAST_ASSIGN_OR_RETURN(const auto definitions, mistral::ReadDefinitions(files));
  return verify::RunOf(definitions);
}

}  // namespace holdfast::compiler
