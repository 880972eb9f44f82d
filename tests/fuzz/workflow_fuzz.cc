#include "runtime/local/workflow_file.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto workflow =
      local::ReadWorkflow({local::SourceFile{"fuzz.yaml", std::string(fuzz::TextOf(data, size))}});
  if (!workflow) {
    (void)workflow.error().Render();
    return 0;
  }
  fuzz::Require(workflow->entrypoint.template_index < workflow->templates.size(),
                "the entrypoint is a template of the file");
  for (const local::Template& entry : workflow->templates) {
    fuzz::Require(entry.dag.has_value() != entry.container.has_value(),
                  "a template is a DAG or a container");
    if (!entry.dag) continue;
    for (const local::Task& task : entry.dag->tasks) {
      fuzz::Require(task.call.template_index < workflow->templates.size(),
                    "a task's template is one of the file");
    }
  }
  (void)workflow->NameOfRun("0123456789");
  (void)local::ResolveParameters(*workflow, {});
  return 0;
}
