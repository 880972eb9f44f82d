// `limit` and `activeDeadlineSeconds` of a template may come from variables, as the leaf templates of
// compiled workflows have them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/local/workflow_file.h"
#include "tests/local_engine/engine_fixture.h"

namespace holdfast::local {
namespace {

using testing::HasSubstr;

class VariableLimits : public EngineTest {
 protected:
  // A step that counts its tries in the file `out` and says "try again".
  void WriteRetried(const std::string& retries) {
    Write(
        "      - {name: a, template: again}\n",
        Script(
            "again", "echo x >> $OUT\nexit 75",
            "    retryStrategy: {limit: '{{workflow.parameters.retries}}', retryPolicy: Always}\n"),
        "  arguments: {parameters: [{name: retries, value: '" + retries + "'}]}\n");
  }
};

TEST_F(VariableLimits, RetriesAreAsManyAsTheParameterSays) {
  WriteRetried("2");
  EXPECT_EQ(Run().phase, Phase::kFailed);
  EXPECT_EQ(Read("out"), "x\nx\nx\n");
}

TEST_F(VariableLimits, TheGivenParameterGoesOverTheFiles) {
  WriteRetried("2");
  options_.parameters["retries"] = "0";
  EXPECT_EQ(Run().phase, Phase::kFailed);
  EXPECT_EQ(Read("out"), "x\n");
}

TEST_F(VariableLimits, AParameterThatIsNoNumberIsRefusedBeforeAnythingStarts) {
  WriteRetried("many");
  const auto outcome = RunWorkflow(options_, *this);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(outcome.error().message(), HasSubstr("not 'many'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/out"));
}

// What only the task tells is not known before.
TEST_F(VariableLimits, AnInputThatIsNoNumberIsAnErrorOfTheTask) {
  Write("      - {name: a, template: again, arguments: {parameters: [{name: n, value: many}]}}\n",
        Script("again", "exit 75",
               "    inputs: {parameters: [{name: n}]}\n"
               "    retryStrategy: {limit: '{{inputs.parameters.n}}', retryPolicy: Always}\n"));
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kError);
  EXPECT_THAT(Find(outcome, "a")->info.message, HasSubstr("not 'many'"));
}

TEST_F(VariableLimits, ADeadlineComesFromAnInput) {
  Write(
      "      - {name: a, template: long, arguments: {parameters: [{name: seconds, value: '1'}]}}\n",
      Script("long", "exec sleep 600",
             "    inputs: {parameters: [{name: seconds}]}\n"
             "    activeDeadlineSeconds: '{{inputs.parameters.seconds}}'\n"));
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_EQ(PhaseOf(outcome, "a"), "Failed");
}

TEST_F(VariableLimits, AnUnknownVariableIsRefusedBeforeAnythingStarts) {
  Write("      - {name: a, template: s}\n",
        Script("s", "true", "    activeDeadlineSeconds: '{{workflow.parameters.nobody}}'\n"));
  const auto read = ReadWorkflowFile(options_.file, {});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().Render(),
              HasSubstr("there is no variable '{{workflow.parameters.nobody}}' here"));
}

}  // namespace
}  // namespace holdfast::local
