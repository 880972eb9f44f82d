#include "runtime/agent/step_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "plugins/sdk/json.h"
#include "tests/agent/agent_fixture.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kToken = "of-a-test-and-nothing-else";

class Service : public ::testing::Test {
 protected:
  Service() : store_(*JobStore::Open(folder_.path() / "agent")) {}

  static net::HttpHead Head(const std::string& method, const std::string& target,
                            const std::string& token = kToken) {
    net::HttpHead head;
    head.method = method;
    head.target = target;
    head.peer = "127.0.0.1";
    if (!token.empty()) head.headers["authorization"] = "Bearer " + token;
    if (method == "POST") head.headers["mistral-action-execution-id"] = kOne;
    return head;
  }
  // As the listener does it.
  net::HttpReply Ask(const net::HttpHead& head, const std::string& body = "") {
    if (auto refused = service_.Refuse(head)) return *refused;
    return service_.Answer(head, body);
  }
  static std::string BodyOf(const StepRequest& request) { return *DumpJson(ToValue(request)); }

  testing::TemporaryFolder folder_;
  testing::StillClock clock_;
  KeptLog log_;
  JobStore store_;
  JobTable table_{store_, clock_, log_, {.most_jobs = 2}};
  StepService service_{Secret(kToken), 20, table_, clock_, log_};
};

TEST_F(Service, AcceptsAStepOnce) {
  const auto head = Head("POST", "/v1/steps");
  for (int i = 0; i < 2; ++i) {
    const auto reply = Ask(head, BodyOf(StepNamed("a")));
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.body, R"({"accepted":")" + kOne + R"("})");
  }
  EXPECT_EQ(Ask(head, BodyOf(StepNamed("b"))).status, 409);
  EXPECT_EQ(table_.List().size(), 1U);
  EXPECT_EQ(Ask(Head("GET", "/v1/steps")).body,
            R"({"steps":[{"accepted":"1970-01-01T00:00:00.000Z","command":"run","id":")" + kOne +
                R"(","run":"r","state":"accepted","step":"a"}]})");
  ASSERT_TRUE(table_.TakeToRun());
  EXPECT_THAT(Ask(Head("GET", "/v1/steps")).body,
              HasSubstr(R"("running_since":"1970-01-01T00:00:00.000Z","state":"running")"));
}

TEST_F(Service, AsksForTheTokenBeforeAnythingElse) {
  for (const std::string& token : {std::string(), std::string("wrong"), kToken + "x",
                                   kToken.substr(1), std::string(kToken.size(), 'x')}) {
    for (const char* const target : {"/v1/steps", "/", "/v1/steps/x"}) {
      auto head = Head("POST", target, token);
      const auto reply = service_.Refuse(head);
      ASSERT_TRUE(reply) << token;
      EXPECT_EQ(reply->status, 401) << token << target;
      EXPECT_EQ(reply->headers.at("WWW-Authenticate"), "Bearer");
      EXPECT_THAT(reply->body, Not(HasSubstr(kToken)));
      clock_.steady += std::chrono::seconds(10);
    }
  }
  auto basic = Head("GET", "/v1/steps");
  basic.headers["authorization"] = "Basic " + kToken;
  EXPECT_EQ(Ask(basic).status, 401);
  basic.headers["authorization"] = "bearer  " + kToken + " ";
  EXPECT_EQ(Ask(basic).status, 200);
  EXPECT_THAT(log_.text(), Not(HasSubstr(kToken)));
}

TEST_F(Service, RefusesSoThatMistralNoticesIt) {
  auto head = Head("POST", "/v1/steps", "");
  const auto reply = service_.Refuse(head);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 401);
  EXPECT_EQ(reply->headers.at("Content-Type"),
            "text/plain; charset=\"holdfast-agent 401 this takes the agent's bearer token\"");
  EXPECT_EQ(reply->body, "holdfast-agent 401 this takes the agent's bearer token\n");
  head.headers.erase("mistral-action-execution-id");
  EXPECT_EQ(service_.Refuse(head)->body, R"({"error":"this takes the agent's bearer token"})");
  // Nothing in it ends the header, or the text in quotes.
  const auto wrong = Ask(Head("POST", "/v1/steps"), R"({"run":"r\"; x\r\ny: \\z ö"})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.headers.at("Content-Type").substr(strlen("text/plain; charset=\"")),
              ::testing::MatchesRegex("holdfast-agent 400 [^\"\\;]*\""));
}

TEST_F(Service, HasMistralNoticeAlsoWhatTheListenerRefuses) {
  const auto reply = service_.Shape(net::ErrorReply(413, "a body has at most 1.0 MiB"));
  EXPECT_EQ(reply.headers.at("Content-Type"),
            "text/plain; charset=\"holdfast-agent 413 a body has at most 1.0 MiB\"");
  EXPECT_EQ(reply.body, R"({"error":"a body has at most 1.0 MiB"})");
}

TEST_F(Service, SaysThatItLivesToEverybody) {
  EXPECT_EQ(Ask(Head("GET", "/v1/health", "")).body, R"({"status":"ok","unreported_seconds":0})");
  EXPECT_EQ(Ask(Head("POST", "/v1/health", "")).status, 405);
  EXPECT_EQ(Ask(Head("OPTIONS", "/v1/health", "")).status, 200);
  EXPECT_EQ(Ask(Head("OPTIONS", "/v1/health", "")).headers["Allow"], "GET, HEAD, OPTIONS");
}

TEST_F(Service, SaysHowLongAnOutcomeHasNotBeenReported) {
  Job job = JobNamed(kOne);
  clock_.wall = job.accepted;
  ASSERT_TRUE(Ask(Head("POST", "/v1/steps"), BodyOf(job.request)).status == 202);
  clock_.wall += std::chrono::seconds(100);
  auto running = table_.TakeToRun();
  running->report = R"({"exit":0})";
  table_.Ended(*running);
  clock_.wall += std::chrono::seconds(70);
  EXPECT_EQ(Ask(Head("GET", "/v1/health", "")).body, R"({"status":"ok","unreported_seconds":70})");
  ASSERT_TRUE(table_.TakeToReport());
  table_.ReportLater(kOne, {}, "Mistral does not answer");
  EXPECT_THAT(Ask(Head("GET", "/v1/steps")).body,
              HasSubstr(R"("ended":"2026-11-28T10:01:40.000Z")"));
  EXPECT_THAT(Ask(Head("GET", "/v1/steps")).body,
              HasSubstr(R"("trouble":"Mistral does not answer")"));
  table_.Done(kOne);
  EXPECT_EQ(Ask(Head("GET", "/v1/health", "")).body, R"({"status":"ok","unreported_seconds":0})");
}

TEST_F(Service, SaysThatItLivesAlsoWhenOthersGuess) {
  for (int i = 0; i < 100; ++i) Ask(Head("GET", "/v1/steps", "guess"));
  EXPECT_EQ(Ask(Head("GET", "/v1/health", "")).status, 200);
  int answered = 1;
  for (int i = 0; i < 100; ++i)
    answered += Ask(Head("GET", "/v1/health", "")).status == 200 ? 1 : 0;
  EXPECT_EQ(answered, 4);
}

TEST_F(Service, RefusesWhatItDoesNotHave) {
  EXPECT_EQ(Ask(Head("GET", "/")).status, 404);
  EXPECT_EQ(Ask(Head("GET", "/v1/steps?x=y")).status, 404);
  const auto reply = Ask(Head("DELETE", "/v1/steps"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("Allow"), "GET, POST");
  EXPECT_THAT(reply.body, HasSubstr(R"({"error":")"));
}

TEST_F(Service, WantsAnActionOfMistral) {
  auto head = Head("POST", "/v1/steps");
  head.headers["mistral-action-execution-id"] = "../../etc/passwd";
  const auto reply = service_.Refuse(head);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 400);
  head.headers.erase("mistral-action-execution-id");
  EXPECT_EQ(service_.Refuse(head)->status, 400);
}

TEST_F(Service, SaysWhichMemberIsWrong) {
  const auto reply = Ask(Head("POST", "/v1/steps"), R"({"run":"r","bundle":"b"})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("'bundle' is a SHA-256"));
  EXPECT_TRUE(table_.List().empty());
}

TEST_F(Service, TakesSoManyStepsAndNoMore) {
  auto head = Head("POST", "/v1/steps");
  EXPECT_EQ(Ask(head, BodyOf(StepNamed("a"))).status, 202);
  head.headers["mistral-action-execution-id"] = kTwo;
  EXPECT_EQ(Ask(head, BodyOf(StepNamed("a"))).status, 202);
  head.headers["mistral-action-execution-id"] = "00000000-0000-4000-8000-000000000003";
  const auto reply = Ask(head, BodyOf(StepNamed("a")));
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers.at("Retry-After"), "10");
}

TEST_F(Service, DoesNotSayWhereThingsLie) {
  std::filesystem::remove_all(folder_.path() / "agent" / "jobs");
  const auto reply = Ask(Head("POST", "/v1/steps"), BodyOf(StepNamed("a")));
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, Not(HasSubstr(folder_.path().string())));
  EXPECT_THAT(log_.text(), HasSubstr(folder_.path().string()));
}

TEST_F(Service, AnswersSoManyRequestsASecond) {
  const auto head = Head("GET", "/v1/steps");
  for (int i = 0; i < 40; ++i) EXPECT_EQ(Ask(head).status, 200);
  const auto reply = Ask(head);
  EXPECT_EQ(reply.status, 429);
  EXPECT_EQ(reply.headers.at("Retry-After"), "1");
  clock_.steady += std::chrono::milliseconds(100);
  EXPECT_EQ(Ask(head).status, 200);
  EXPECT_EQ(Ask(head).status, 200);
  EXPECT_EQ(Ask(head).status, 429);
}

TEST_F(Service, LetsNobodyWithoutTheTokenUseUpWhatOthersNeed) {
  int refused = 0;
  for (int i = 0; i < 100; ++i)
    refused += Ask(Head("GET", "/v1/steps", "guess")).status == 401 ? 1 : 0;
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(Ask(Head("GET", "/v1/steps")).status, 200);
}

}  // namespace
}  // namespace holdfast::agent
