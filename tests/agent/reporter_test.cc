#include "runtime/agent/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "plugins/sdk/json.h"
#include "tests/agent/agent_fixture.h"

namespace holdfast::agent {
namespace {

using engines::mistral::Answer;
using engines::mistral::Call;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers in the order in which a test says.
class Scripted final : public engines::mistral::Api {
 public:
  std::string Place() const override { return "Mistral"; }
  Result<Answer> Send(const Call& call) override {
    lines.push_back((call.method == net::HttpMethod::kPut ? "PUT " : "GET ") + call.target);
    if (call.method == net::HttpMethod::kPut) body = call.body;
    if (answers.empty()) return Answer();
    Result<Answer> next = std::move(answers.front());
    answers.pop_front();
    return next;
  }
  void WillAnswer(Value value) {
    Answer answer;
    answer.body = std::move(value);
    answers.emplace_back(std::move(answer));
  }
  void WillFail(ErrorCode code) { answers.emplace_back(Error(code, "no")); }

  std::vector<std::string> lines;
  std::string body;
  std::deque<Result<Answer>> answers;
};

class Reports : public ::testing::Test {
 protected:
  Reports() : store_(*JobStore::Open(folder_.path() / "agent")) {
    job_.report = R"({"exit":0,"message":"m"})";
  }

  testing::TemporaryFolder folder_;
  KeptLog log_;
  JobStore store_;
  Scripted api_;
  JobTable table_{store_, SystemClock(), log_, 10};
  Reporter reporter_{table_, api_, log_};
  Job job_ = JobNamed(kOne);
  const std::string target_ = "/action_executions/" + kOne;
};

TEST_F(Reports, BringTheLineAsAText) {
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kTaken);
  EXPECT_THAT(api_.lines, ElementsAre("PUT " + target_));
  const auto body = ParseJson(api_.body, "body");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->StringOr("state", ""), "SUCCESS");
  const auto output = ParseJson(body->StringOr("output", ""), "output");
  ASSERT_TRUE(output);
  EXPECT_EQ(output->StringOr("report", ""), job_.report);
}

TEST_F(Reports, SayWhyThereIsNoLine) {
  job_.report.clear();
  job_.failure = "ended by signal 9";
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kTaken);
  EXPECT_EQ(api_.body, R"({"output":"{\"error\":\"ended by signal 9\"}","state":"ERROR"})");
}

TEST_F(Reports, AreDroppedWhereTheActionHasEnded) {
  for (const char* const state : {"SUCCESS", "ERROR", "CANCELLED"}) {
    api_.WillFail(ErrorCode::kUnavailable);
    api_.WillAnswer(Value().Set("state", state));
    EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kDropped) << state;
  }
  EXPECT_THAT(log_.text(), HasSubstr("Mistral has the outcome of this step already (ERROR)"));
}

TEST_F(Reports, AreDroppedWhereTheActionIsNotKnown) {
  api_.WillFail(ErrorCode::kNotFound);
  api_.WillFail(ErrorCode::kNotFound);
  api_.WillAnswer(Value().Set("action_executions", Value::List{}));
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kDropped);
  EXPECT_THAT(log_.text(), HasSubstr("does not know this action execution"));
}

TEST_F(Reports, WaitWhereNobodyKnowsAnything) {
  // A proxy, or an address that is none of Mistral.
  for (int i = 0; i < 3; ++i) api_.WillFail(ErrorCode::kNotFound);
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kUnreachable);
  for (int i = 0; i < 2; ++i) api_.WillFail(ErrorCode::kNotFound);
  api_.WillAnswer(Value().Set("hello", "world"));
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kUnreachable);
  for (int i = 0; i < 2; ++i) api_.WillFail(ErrorCode::kDenied);
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kUnreachable);
}

TEST_F(Reports, OfARunningActionAreTriedAgain) {
  api_.WillFail(ErrorCode::kUnavailable);
  api_.WillAnswer(Value().Set("state", "RUNNING"));
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kRefused);
}

TEST_F(Reports, AreTriedUntilMistralIsThere) {
  ASSERT_TRUE(table_.Accept(kOne, job_.request));
  auto job = table_.TakeToRun();
  ASSERT_TRUE(job);
  job->report = job_.report;
  for (int i = 0; i < 2; ++i) api_.WillFail(ErrorCode::kUnavailable);
  table_.Ended(*job);
  std::thread reporting([this] { reporter_.Work(); });
  for (int i = 0; i < 1000 && !table_.List().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(table_.List().empty());
  table_.Stop();
  reporting.join();
  EXPECT_THAT(api_.lines, ElementsAre("PUT " + target_, "GET " + target_, "PUT " + target_));
  EXPECT_TRUE(store_.Load(log_)->empty());
}

}  // namespace
}  // namespace holdfast::agent
