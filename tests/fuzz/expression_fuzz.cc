// What stands inside the texts of a workflow file: expressions, `depends`, {{...}} tags.
#include <map>
#include <string>

#include "runtime/local/depends.h"
#include "runtime/local/expression.h"
#include "runtime/local/text_template.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::local;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  static const std::map<std::string, std::string, std::less<>> variables{
      {"lastRetry.exitCode", "75"}, {"lastRetry.status", "Failed"}, {"a", "1"}, {"retries", "2"}};
  const Lookup lookup = [](std::string_view name) -> const std::string* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : &found->second;
  };
  if (const auto expression = Expression::Parse(text); expression) {
    (void)expression->Evaluate(lookup);
    (void)expression->EvaluateBool(lookup);
  }
  if (const auto filled = TextTemplate::Parse(text); filled) {
    (void)filled->Fill(lookup);
    (void)filled->Variables();
  }
  static const DependsExpression::TaskNumbers tasks{{"a", 0}, {"b", 1}, {"begin", 2}, {"a-pre", 3}};
  const auto depends = DependsExpression::Parse(text, tasks);
  if (!depends) return 0;
  const auto always = [](Phase phase) { return [phase](std::uint32_t) { return phase; }; };
  (void)depends->Evaluate(always(Phase::kFailed));
  const auto required = depends->RequiredSuccesses();
  for (const std::uint32_t task : required) {
    fuzz::Require(!depends->Evaluate([task](std::uint32_t other) {
      return other == task ? Phase::kFailed : Phase::kSucceeded;
    }),
                  "without a required success it is not true");
  }
  return 0;
}
