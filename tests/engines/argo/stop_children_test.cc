#include "runtime/step/main/stop_children.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/sdk/still_clock.h"

// What an exit handler waits for, over a cluster whose every answer is told.
namespace holdfast::runtime {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Value Child(const std::string& name, const std::string& phase) {
  Value status = Value().Set("phase", phase);
  if (phase != "Running" && phase != "Pending") status.Set("finishedAt", "2026-01-02T03:04:05Z");
  return Value()
      .Set("kind", "Workflow")
      .Set("metadata", Value().Set("name", name))
      .Set("spec", Value())
      .Set("status", std::move(status));
}

Value With(Value child, const std::string& key, Value value) {
  child.MutableMap()["status"].Set(key, std::move(value));
  return child;
}

// Given up by the engine, and its pod has not ended.
Value WithAPodThatDies(Value child) {
  Value pod = Value()
                  .Set("id", "w-1")
                  .Set("name", "w.copy")
                  .Set("displayName", "copy")
                  .Set("type", "Pod")
                  .Set("phase", "Failed")
                  .Set("startedAt", "2026-01-02T03:04:05Z");
  return With(std::move(child), "nodes", Value().Set("w-1", std::move(pod)));
}

Value Compressed(Value child) {
  return With(std::move(child), "compressedNodes", "H4sIbm9uc2Vuc2U=");
}
Value KeptElsewhere(Value child) {
  return With(std::move(child), "offloadNodeStatusVersion", "fnv:1");
}

class StopChildrenTest : public ::testing::Test, protected engines::argo::WorkflowService {
 protected:
  Status Stop(std::deque<std::vector<Value>> looks) {
    looks_ = std::move(looks);
    return StopChildren(
        *this, "run-1", milliseconds(60'000), clock_,
        [this](milliseconds pause) { clock_.steady += pause; }, log_);
  }

  std::deque<std::vector<Value>> looks_;  // the last one stays
  std::vector<std::string> stopped_;
  std::size_t looked_ = 0;

 private:
  class Silent final : public Logger {
   public:
    void Log(LogLevel, std::string_view, const Value&) override {}
  };

  const std::string& name_space() const override { return name_space_; }
  std::string Place() const override { return "a place"; }
  Result<Value> Create(engines::argo::ObjectKind, const Value&,
                       engines::argo::CreateMode) override {
    return Error(ErrorCode::kInternal, "nothing is made here");
  }
  Result<Value> Get(engines::argo::ObjectKind, const std::string& name) override {
    return Error(ErrorCode::kNotFound, name);
  }
  Result<std::vector<Value>> List(engines::argo::ObjectKind, const std::string& labels) override {
    EXPECT_EQ(labels, "holdfast/run=run-1");
    ++looked_;
    std::vector<Value> now = looks_.front();
    if (looks_.size() > 1) looks_.pop_front();
    return now;
  }
  Status ShutDown(const std::string& workflow, engines::argo::Shutdown how) override {
    EXPECT_EQ(how, engines::argo::Shutdown::kStop);
    stopped_.push_back(workflow);
    return Ok();
  }
  Status Follow(const std::string&, milliseconds, const See&) override { return Ok(); }
  Status ReadLog(const std::string&, const std::string&, bool, ByteSink&) override { return Ok(); }

  std::string name_space_ = "backups";
  testing::StillClock clock_;
  Silent log_;
};

TEST_F(StopChildrenTest, EachIsStoppedOnceAndWaitedForUntilItsPodsAreGone) {
  const Status status = Stop({{Child("one", "Running"), Child("two", "Succeeded")},
                              {Child("one", "Running"), Child("two", "Succeeded")},
                              {WithAPodThatDies(Child("one", "Failed")), Child("two", "Succeeded")},
                              {Child("one", "Failed"), Child("two", "Succeeded")}});
  EXPECT_TRUE(status) << status.error().Render();
  EXPECT_THAT(stopped_, ElementsAre("one"));
  EXPECT_EQ(looked_, 5U);
}

TEST_F(StopChildrenTest, OneThatIsMadeAtTheMomentOfTheStopIsStoppedToo) {
  const Status status = Stop({{}, {Child("late", "Pending")}, {Child("late", "Failed")}});
  EXPECT_TRUE(status) << status.error().Render();
  EXPECT_THAT(stopped_, ElementsAre("late"));
}

TEST_F(StopChildrenTest, APodThatDoesNotEndKeepsFromCleaningUp) {
  const Status status = Stop({{WithAPodThatDies(Child("one", "Failed"))}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(status.error().message(), HasSubstr("1 child Workflow of the run run-1"));
}

TEST_F(StopChildrenTest, AChildWhosePodsCannotBeSeenKeepsFromCleaningUpWhenTheOthersAreStopped) {
  for (const char* const phase : {"Failed", "Succeeded"}) {
    for (Value (*hide)(Value) : {&Compressed, &KeptElsewhere}) {
      stopped_.clear();
      const Status status = Stop({{hide(Child("dark", phase)), Child("one", "Running")},
                                  {hide(Child("dark", phase)), Child("one", "Failed")}});
      ASSERT_FALSE(status) << phase;
      EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
      EXPECT_THAT(status.error().message(),
                  HasSubstr("the child Workflow dark: the workflow's nodes"));
      EXPECT_THAT(stopped_, ElementsAre("one"));
    }
  }
}

// Of a step that was tried again: the first try was given up, and a later one succeeded.
TEST_F(StopChildrenTest, OneThatSucceededIsWaitedForWhileATryOfItDies) {
  const Status status =
      Stop({{WithAPodThatDies(Child("one", "Succeeded"))}, {Child("one", "Succeeded")}});
  EXPECT_TRUE(status) << status.error().Render();
  EXPECT_THAT(stopped_, IsEmpty());
  EXPECT_EQ(looked_, 3U);
}

}  // namespace
}  // namespace holdfast::runtime
