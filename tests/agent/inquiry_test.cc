#include "runtime/agent/inquiry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/agent/agent_fixture.h"
#include "tests/agent/fake_mistral.h"

namespace holdfast::agent {
namespace {

const std::string kTask = "00000000-0000-4000-8000-0000000000a1";
const std::string kExecution = "00000000-0000-4000-8000-0000000000b1";
const std::string kOuterTask = "00000000-0000-4000-8000-0000000000a2";
const std::string kOuter = "00000000-0000-4000-8000-0000000000b2";

class Asks : public ::testing::Test {
 protected:
  Asks() : store_(*JobStore::Open(folder_.path() / "agent")) { EverythingGoesOn(); }
  void EverythingGoesOn() {
    api_.HasAction(kOne, "RUNNING", kTask);
    api_.Has("/tasks/" + kTask, Object("RUNNING", "workflow_execution_id", kExecution));
    api_.Has("/executions/" + kExecution, Object("RUNNING", "task_execution_id", kOuterTask));
    api_.Has("/tasks/" + kOuterTask, Object("RUNNING", "workflow_execution_id", kOuter));
    api_.Has("/executions/" + kOuter, Object("PAUSED", "task_execution_id", ""));
  }
  static Value Object(const std::string& state, const std::string& key, const std::string& id) {
    return Value().Set("state", state).Set(key, id);
  }

  testing::TemporaryFolder folder_;
  KeptLog log_;
  JobStore store_;
  FakeMistral api_;
  JobTable table_{store_, SystemClock(), log_, {}};
  Inquiry inquiry_{table_, api_};
};

TEST_F(Asks, ForAnActionWithAllThatItIsAPartOf) {
  EXPECT_EQ(inquiry_.Ask(kOne), Wanted::kYes);
  EXPECT_EQ(api_.lines().size(), 5U);
}

TEST_F(Asks, ForWhatHasEndedNoMore) {
  // An action is RUNNING after its task's timeout, and after a cancel.
  const std::vector<std::pair<std::string, Value>> ended{
      {"/action_executions/" + kOne, Object("ERROR", "task_execution_id", kTask)},
      {"/tasks/" + kTask, Object("ERROR", "workflow_execution_id", kExecution)},
      {"/executions/" + kExecution, Object("CANCELLED", "task_execution_id", kOuterTask)},
      {"/tasks/" + kOuterTask, Object("ERROR", "workflow_execution_id", kOuter)},
      {"/executions/" + kOuter, Object("SUCCESS", "task_execution_id", "")}};
  for (const auto& [target, object] : ended) {
    EverythingGoesOn();
    api_.Has(target, object);
    const bool is_action = target == ended.front().first;
    EXPECT_EQ(inquiry_.Ask(kOne), is_action ? Wanted::kNo : Wanted::kNotAbove) << target;
  }
}

TEST_F(Asks, ForATaskThatIsTriedAgain) {
  api_.Has("/tasks/" + kTask, Object("DELAYED", "workflow_execution_id", kExecution));
  EXPECT_EQ(inquiry_.Ask(kOne), Wanted::kYes);
}

TEST_F(Asks, ForWhatMistralDoesNotKnow) {
  EXPECT_EQ(inquiry_.Ask(kTwo), Wanted::kNotKnown);
  // Somebody else who says 404 is not asked.
  api_.HasNoList(ErrorCode::kNotFound);
  EXPECT_EQ(inquiry_.Ask(kTwo), Wanted::kNoAnswer);
}

TEST_F(Asks, AMistralThatIsAway) {
  api_.IsAway(ErrorCode::kUnavailable);
  EXPECT_EQ(inquiry_.Ask(kOne), Wanted::kNoAnswer);
  api_.IsAway(std::nullopt);
  api_.AnswersAlways("/executions/" + kExecution, std::nullopt);
  EXPECT_EQ(inquiry_.Ask(kOne), Wanted::kNoAnswer);
}

TEST_F(Asks, BeforeAStepOfAFormerLifeIsRun) {
  Job job = JobNamed(kOne, "a-pre");
  Job over = JobNamed(kTwo, "b-pre");
  ASSERT_TRUE(store_.Keep(job));
  ASSERT_TRUE(store_.Keep(over));
  api_.HasAction(kTwo, "ERROR");
  table_.Restore({over, job});
  std::thread asking([this] { inquiry_.Work(); });
  EXPECT_EQ(table_.TakeToRun()->id, kOne);
  EXPECT_EQ(table_.List().size(), 1U);
  table_.StopRunning();
  asking.join();
}

}  // namespace
}  // namespace holdfast::agent
