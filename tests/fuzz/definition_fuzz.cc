#include "runtime/lint/mistral_lint.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/mistral/definition_owner.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const local::SourceFile source{"fuzz.yaml", std::string(fuzz::TextOf(data, size))};
  for (const lint::Finding& finding : lint::LintMistral({source})) {
    fuzz::Require(!finding.trap.empty(), "a finding has a trap");
    (void)finding.error.Render();
  }
  fuzz::Require(!mistral::IsMistralFile(source.text) || !mistral::IsTriggerFile(source.text),
                "a file is one of the two");
  const auto definitions = mistral::ReadDefinitions(source);
  if (!definitions) {
    (void)definitions.error().Render();
    return 0;
  }
  for (const mistral::Definition& definition : *definitions) {
    for (const mistral::Task& task : definition.tasks)
      fuzz::Require(definition.Find(task.name) == &task, "a task is found by its name");
    const mistral::DefinitionOwner owner = mistral::OwnerOf(source.text, definition.name);
    fuzz::Require(mistral::IsSameOwner(owner, owner, owner.whole) != owner.is_unknown(),
                  "what is known is the same as itself, and nothing else is");
    (void)owner.str();
  }
  return 0;
}
