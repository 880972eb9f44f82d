#include "compiler/plan/cron_line.h"
#include "compiler/plan/parameter_set.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/json.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  if (const auto plan = compiler::ParsePlan(text, "fuzz.yaml"); plan) {
    fuzz::Require(compiler::IsPlanName(plan->name), "a plan's name is one");
    fuzz::Require(!plan->resources.empty(), "a plan names a resource");
    fuzz::Require(DumpJson(plan->value).has_value(), "a plan can be kept in a bundle");
    (void)compiler::PolicyOf(plan->value);
  } else {
    (void)plan.error().Render();
  }
  if (const auto parameters = compiler::ParseParameters(text, "fuzz.yaml"); !parameters) {
    (void)parameters.error().Render();
  }
  (void)compiler::CheckCronLine(text);
  return 0;
}
