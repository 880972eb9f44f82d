#include "runtime/agent/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "plugins/sdk/json.h"
#include "tests/agent/agent_fixture.h"
#include "tests/agent/fake_mistral.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Reports : public ::testing::Test {
 protected:
  Reports() : store_(*JobStore::Open(folder_.path() / "agent")) {
    job_.report = R"({"exit":0,"message":"m"})";
    wall_.wall = job_.accepted;
  }
  ~Reports() override { Stop(); }
  Reports(const Reports&) = delete;
  Reports& operator=(const Reports&) = delete;

  // Jobs that have ended, and the one who reports them.
  void Begin(const std::vector<std::string>& ids) {
    std::vector<Job> jobs;
    for (const std::string& id : ids) {
      jobs.push_back(job_);
      jobs.back().id = id;
      jobs.back().ended_at = job_.accepted;
      EXPECT_TRUE(store_.Keep(jobs.back()));
    }
    table_.Restore(std::move(jobs));
    reporting_ = std::thread([this] { reporter_.Work(); });
  }
  void Stop() {
    table_.Stop();
    if (reporting_.joinable()) reporting_.join();
  }
  static void Eventually(const std::function<bool()>& happens) {
    for (int i = 0; i < 1000 && !happens(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  bool Has(const std::string& id) const {
    const auto views = table_.List();
    return std::any_of(views.begin(), views.end(),
                       [&id](const JobView& view) { return view.job.id == id; });
  }

  testing::TemporaryFolder folder_;
  KeptLog log_;
  JobStore store_;
  FakeMistral api_;
  testing::StillClock wall_;
  JobTable table_{store_, SystemClock(), log_, {}};
  Reporter reporter_{table_, api_, wall_, log_};
  std::thread reporting_;
  Job job_ = JobNamed(kOne);
  const std::string target_ = "/action_executions/" + kOne;
  const std::string list_ = "GET /action_executions?limit=1&fields=id";
};

TEST_F(Reports, BringTheLineAsAText) {
  api_.HasAction(kOne);
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kTaken);
  EXPECT_THAT(api_.lines(), ElementsAre("PUT " + target_));
  const auto body = ParseJson(api_.body(), "body");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->StringOr("state", ""), "SUCCESS");
  const auto output = ParseJson(body->StringOr("output", ""), "output");
  ASSERT_TRUE(output);
  EXPECT_EQ(output->StringOr("report", ""), job_.report);
  // And the log says what was.
  EXPECT_THAT(log_.text(), HasSubstr("reported a step"));
  EXPECT_THAT(log_.text(),
              HasSubstr(R"("exit_code":0,"id":")" + kOne + R"(","run":"r","step":"s")"));
}

TEST_F(Reports, SayWhyThereIsNoLine) {
  api_.HasAction(kOne);
  job_.report.clear();
  job_.failure = "ended by signal 9";
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kTaken);
  EXPECT_EQ(api_.body(), R"({"output":"{\"error\":\"ended by signal 9\"}","state":"ERROR"})");
}

TEST_F(Reports, AreTakenWhereTheAnswerSaysSo) {
  api_.HasAction(kOne);
  // A proxy, or anything else that answers with 200.
  for (const Value& answer :
       {Value(), Value(Value::Map{}), Value().Set("id", kTwo).Set("state", "SUCCESS"),
        Value().Set("state", "SUCCESS")}) {
    api_.AnswersAlways(target_, answer);
    EXPECT_NE(reporter_.Report(job_), Reporter::Fate::kTaken) << *DumpJson(answer);
  }
  api_.AnswersAlways(target_, Value().Set("id", kOne).Set("state", "RUNNING"));
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kRefused);
}

TEST_F(Reports, AreDroppedWhereTheActionHasEnded) {
  for (const char* const state : {"SUCCESS", "ERROR", "CANCELLED"}) {
    api_.HasAction(kOne, state);
    EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kDropped) << state;
  }
  EXPECT_THAT(log_.text(), HasSubstr("Mistral has the outcome of this step already (ERROR)"));
  // One question each.
  EXPECT_EQ(api_.lines().size(), 6U);
}

TEST_F(Reports, OfAnUnknownActionAreKept) {
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kUnknown);
  EXPECT_THAT(api_.lines(), ElementsAre("PUT " + target_, "GET " + target_, list_));
  EXPECT_THAT(log_.text(), HasSubstr("does not know this action execution"));
}

TEST_F(Reports, WaitForAnActionThatIsNotKnownYet) {
  Begin({kOne});
  Eventually([this] { return table_.List()[0].trouble == "Mistral does not know its action"; });
  EXPECT_EQ(table_.List()[0].trouble, "Mistral does not know its action");
  api_.HasAction(kOne);
  Eventually([this] { return !Has(kOne); });
  EXPECT_EQ(api_.StateOf(kOne), "SUCCESS");
}

TEST_F(Reports, OfAnActionThatHasNotBeenKnownForADayAreDropped) {
  wall_.wall = job_.accepted + std::chrono::hours(25);
  Begin({kOne});
  Eventually([this] { return !Has(kOne); });
  EXPECT_FALSE(Has(kOne));
  EXPECT_TRUE(store_.Load(log_)->empty());
}

TEST_F(Reports, WaitWhereNobodyKnowsAnything) {
  // A proxy, or an address that is none of Mistral.
  for (const ErrorCode code : {ErrorCode::kNotFound, ErrorCode::kDenied, ErrorCode::kUnavailable}) {
    api_.IsAway(code);
    EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kUnreachable);
  }
}

TEST_F(Reports, OfARunningActionAreTriedAgain) {
  api_.AnswersAlways(target_, Value().Set("id", kOne).Set("state", "RUNNING"));
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kRefused);
}

TEST_F(Reports, OfABrokenActionAreTriedAgain) {
  api_.AnswersAlways(target_, std::nullopt);
  EXPECT_EQ(reporter_.Report(job_), Reporter::Fate::kRefused);
}

TEST_F(Reports, DoNotWaitForOneThatIsNotTaken) {
  api_.AnswersAlways(target_, std::nullopt);
  std::vector<std::string> ids{kOne};
  for (int i = 2; i < 10; ++i) {
    ids.push_back("00000000-0000-4000-8000-00000000000" + std::to_string(i));
    api_.HasAction(ids.back());
  }
  const auto begin = std::chrono::steady_clock::now();
  Begin(ids);
  Eventually([this] { return table_.List().size() == 1; });
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  EXPECT_TRUE(Has(kOne));
  EXPECT_EQ(table_.List()[0].trouble, "Mistral does not take its report");
}

// Keystone's access rules may keep the agent from the list, and from nothing else.
TEST_F(Reports, DoNotWaitForOneAlsoWhereNothingElseMayBeAskedFor) {
  api_.HasNoList(ErrorCode::kDenied);
  api_.HasAction(kTwo);
  Begin({kOne, kTwo});
  Eventually([this] { return !Has(kTwo); });
  EXPECT_EQ(api_.StateOf(kTwo), "SUCCESS");
  EXPECT_TRUE(Has(kOne));
}

TEST_F(Reports, AreTriedUntilMistralIsThere) {
  api_.HasAction(kOne);
  api_.IsAway(ErrorCode::kUnavailable);
  Begin({kOne});
  Eventually([this] { return table_.List()[0].trouble == "Mistral does not answer"; });
  EXPECT_EQ(table_.List()[0].trouble, "Mistral does not answer");
  EXPECT_TRUE(table_.OldestUnreported());
  api_.IsAway(std::nullopt);
  Eventually([this] { return !Has(kOne); });
  EXPECT_EQ(api_.StateOf(kOne), "SUCCESS");
  EXPECT_FALSE(table_.OldestUnreported());
  Stop();
  EXPECT_TRUE(store_.Load(log_)->empty());
}

}  // namespace
}  // namespace holdfast::agent
