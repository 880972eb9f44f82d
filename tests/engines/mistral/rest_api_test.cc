#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/engines/mistral/access.h"
#include "plugins/engines/mistral/definitions.h"
#include "plugins/engines/mistral/executions.h"
#include "plugins/engines/mistral/rest_api.h"
#include "plugins/net/cpprest_client.h"
#include "tests/net/test_server.h"

// What the client sends to Mistral and to Keystone, and what it makes of faults that the real ones do not have on demand.
namespace holdfast::engines::mistral {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestConnection;
using testing::TestServer;

using Variables = std::map<std::string, std::string>;

net::Environment Of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
}

class MistralApi : public ::testing::Test {
 protected:
  using Serve = std::function<void(TestConnection&, const TestConnection::Request&)>;

  void Start(Serve serve) {
    server_ =
        std::make_unique<TestServer>([this, serve = std::move(serve)](TestConnection& connection) {
          TestConnection::Request request;
          while (connection.Read(request)) {
            {
              const std::lock_guard lock(mutex_);
              const auto token = request.headers.find("X-Auth-Token");
              lines_.push_back(request.method + " " + request.target +
                               (token == request.headers.end() ? "" : " as " + token->second));
              bodies_.push_back(request.body);
            }
            serve(connection, request);
          }
        });
  }

  std::unique_ptr<Api> Open(Variables variables) {
    auto access = AccessOf(Of(std::move(variables)));
    EXPECT_TRUE(access) << access.error().Render();
    ApiParts parts;
    parts.clock = &SystemClock();
    parts.call_deadline = std::chrono::seconds(20);
    auto api = MakeRestApi(std::move(*access), parts, &net::MakeCpprestClient,
                           [this](std::chrono::milliseconds wait, const Cancellation*) {
                             waits_.push_back(wait);
                             return true;
                           });
    EXPECT_TRUE(api);
    return std::move(*api);
  }
  Variables Plain() { return {{"OS_MISTRAL_URL", server_->Url("")}}; }
  Variables WithKeystone() {
    return {{"OS_AUTH_URL", server_->Url("/identity")},
            {"OS_USERNAME", "me"},
            {"OS_PASSWORD", "hidden-password"},
            {"OS_PROJECT_NAME", "shop"},
            {"OS_REGION_NAME", "one"}};
  }
  Variables WithToken() {
    return {{"OS_AUTH_URL", server_->Url("/identity")},
            {"OS_TOKEN", "given-token"},
            {"OS_REGION_NAME", "one"}};
  }
  // A token that Keystone gives out, and a catalog that says that Mistral is this server.
  void AnswerToken(TestConnection& connection, const std::string& token,
                   const std::string& expires = "2099-01-01T00:00:00",
                   const std::string& date = "Fri, 27 Nov 2026 02:30:00 GMT") {
    const std::string url = server_->Url("/mistral/v2");
    connection.Answer(
        201,
        R"({"token": {"expires_at": ")" + expires +
            R"(.000000Z", "project": {"id": "5", "name": "shop", "domain": {"id": "default", "name": "Default"}}, "catalog": [)"
            R"({"type": "workflowv2", "endpoints": [{"interface": "public", "region_id": "two", "url": "http://127.0.0.1:1/v2"},)"
            R"({"interface": "public", "region_id": "one", "url": ")" +
            url + R"("}]}]}})",
        "X-Subject-Token: " + token + "\r\nDate: " + date + "\r\n");
  }
  const std::vector<std::chrono::milliseconds>& waits() const { return waits_; }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

  std::mutex mutex_;
  std::vector<std::string> lines_;
  std::vector<std::string> bodies_;
  std::vector<std::chrono::milliseconds> waits_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(MistralApi, WithoutKeystoneTheUrlIsEnough) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(200, R"({"executions": []})");
  });
  const auto api = Open(Plain());
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_THAT(
      lines(),
      ElementsAre(::testing::StartsWith("GET /v2/executions?nulls=task_execution_id&fields=")));
  EXPECT_EQ(api->Place(),
            "Mistral at " + server_->Url("").substr(0, server_->Url("").find('/', 8)));
}

TEST_F(MistralApi, WhoTriesAgainItselfIsToldAtOnce) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(500, R"({"faultstring": "it has ended"})");
  });
  const auto api = Open(Plain());
  Call call;
  call.method = net::HttpMethod::kPut;
  call.target = "/action_executions/x";
  call.body = "{}";
  call.repeatable = false;
  EXPECT_EQ(api->Send(call).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(lines().size(), 1U);
  call.repeatable.reset();
  EXPECT_EQ(api->Send(call).error().code(), ErrorCode::kUnavailable);
  EXPECT_GT(lines().size(), 2U);
}

TEST_F(MistralApi, KeystoneSaysWhereItIsAndItsTokenIsUsedAgain) {
  Start([this](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "token-1");
    } else {
      connection.Answer(200, R"({"executions": []})");
    }
  });
  const auto api = Open(WithKeystone());
  ASSERT_TRUE(ListRuns(*api));
  ASSERT_TRUE(ListRuns(*api));
  ASSERT_EQ(lines().size(), 3U);
  EXPECT_EQ(lines()[0], "POST /identity/v3/auth/tokens");
  EXPECT_THAT(bodies()[0], HasSubstr(R"("password":"hidden-password")"));
  EXPECT_THAT(bodies()[0], HasSubstr(R"("project":{"domain":{"id":"default"},"name":"shop"})"));
  EXPECT_THAT(lines()[1], HasSubstr("GET /mistral/v2/executions"));
  EXPECT_THAT(lines()[1], ::testing::EndsWith(" as token-1"));
  EXPECT_THAT(lines()[2], ::testing::EndsWith(" as token-1"));
}

TEST_F(MistralApi, ATokenThatIsRefusedIsAskedForAnewOnce) {
  int tokens = 0;
  bool knows = true;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "token-" + std::to_string(++tokens));
    } else if (knows && request.headers.find("X-Auth-Token")->second != "token-1") {
      connection.Answer(200, R"({"executions": []})");
    } else {
      connection.Answer(401, R"({"error": {"message": "none: )" +
                                 request.headers.find("X-Auth-Token")->second + R"("}})");
    }
  });
  const auto api = Open(WithKeystone());
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 2);
  knows = false;
  const auto refused = ListRuns(*api);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(refused.error().Render(), Not(HasSubstr("token-5")));
  EXPECT_THAT(refused.error().Render(), HasSubstr("does Mistral ask the same Keystone"));
  EXPECT_EQ(tokens, 5);
}

// Keystone knows seconds: a token of the second in which it took others back is taken back itself.
TEST_F(MistralApi, ATokenThatIsBornRefusedIsAskedForAnewASecondLater) {
  int tokens = 0;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "token-" + std::to_string(++tokens));
    } else if (request.headers.find("X-Auth-Token")->second == "token-3") {
      connection.Answer(200, R"({"executions": []})");
    } else {
      connection.Answer(401, R"({"code": 401, "description": "none"})");
    }
  });
  const auto api = Open(WithKeystone());
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 3);
  EXPECT_THAT(waits(), ElementsAre(std::chrono::milliseconds(1'100)));
}

// As Mistral writes it, the whole token within.
TEST_F(MistralApi, AnErrorShowsNoPartOfALongToken) {
  const std::string token(280, 't');
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) return AnswerToken(connection, token);
    connection.Answer(
        401,
        R"({"code": 401, "title": "Unauthorized", "description": "Failed to validate access token: Auth token is invalid: )" +
            token + R"("})");
  });
  const auto refused = ListRuns(*Open(WithKeystone()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().Render(), HasSubstr("Auth token is invalid: *** (status 401)"));
  EXPECT_THAT(refused.error().Render(), Not(HasSubstr("tttttt")));
}

TEST_F(MistralApi, AnAnswerOfAnotherFormShowsNoPartOfALongToken) {
  const std::string token(280, 't');
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) return AnswerToken(connection, token);
    connection.Answer(403, "<html>a proxy says that it does not like your token " + token);
  });
  const auto refused = ListRuns(*Open(WithKeystone()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().Render(), HasSubstr("does not like your token ***"));
  EXPECT_THAT(refused.error().Render(), Not(HasSubstr("tttttt")));
}

// Our clock is none of Keystone's: what is left of a token, its answer says.
TEST_F(MistralApi, ATokenLastsAsLongAsItDoesByKeystonesClock) {
  int tokens = 0;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      // The first one is over in a second, of which it is used for three quarters.
      const bool first = ++tokens == 1;
      AnswerToken(connection, "token-" + std::to_string(tokens),
                  "2001-01-01T00:00:" + std::string(first ? "01" : "30"),
                  "Mon, 01 Jan 2001 00:00:00 GMT");
    } else {
      connection.Answer(200, R"({"executions": []})");
    }
  });
  const auto api = Open(WithKeystone());
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  ASSERT_TRUE(ListRuns(*api));
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 2) << "less than a minute is enough for a call";
}

TEST_F(MistralApi, ATokenOfWhichNothingIsLeftIsUsedUntilItIsRefused) {
  int tokens = 0;
  bool knows = true;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "token-" + std::to_string(++tokens), "2001-01-01T00:00:00",
                  "Mon, 01 Jan 2001 00:00:00 GMT");
    } else if (knows || request.headers.find("X-Auth-Token")->second == "token-2") {
      connection.Answer(200, R"({"executions": []})");
    } else {
      connection.Answer(401, "{}");
    }
  });
  const auto api = Open(WithKeystone());
  ASSERT_TRUE(ListRuns(*api));
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 1);
  knows = false;
  ASSERT_TRUE(ListRuns(*api));
  EXPECT_EQ(tokens, 2);
}

TEST_F(MistralApi, ATokenOfTheProjectIsUsedAsItIs) {
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "");
    } else {
      connection.Answer(200, R"({"executions": []})");
    }
  });
  auto variables = WithToken();
  for (const char* const project : {"shop", ""}) {
    variables["OS_PROJECT_NAME"] = project;
    ASSERT_TRUE(ListRuns(*Open(variables)));
  }
  EXPECT_THAT(
      lines(),
      ElementsAre("GET /identity/v3/auth/tokens as given-token", HasSubstr(" as given-token"),
                  "GET /identity/v3/auth/tokens as given-token", HasSubstr(" as given-token")));
}

TEST_F(MistralApi, ATokenOfAnotherProjectIsExchanged) {
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) {
      AnswerToken(connection, "token-1");
    } else {
      connection.Answer(200, R"({"executions": []})");
    }
  });
  auto variables = WithToken();
  variables["OS_PROJECT_NAME"] = "another";
  ASSERT_TRUE(ListRuns(*Open(variables)));
  EXPECT_THAT(lines(), ElementsAre("GET /identity/v3/auth/tokens as given-token",
                                   "POST /identity/v3/auth/tokens", HasSubstr(" as token-1")));
  EXPECT_THAT(bodies()[1], HasSubstr(R"("methods":["token"])"));
}

TEST_F(MistralApi, ATokenThatIsRefusedIsNotRenewed) {
  Start([&](TestConnection& connection, const TestConnection::Request&) {
    connection.Answer(401,
                      R"({"error": {"message": "The request you have made ...", "code": 401}})");
  });
  const auto refused = ListRuns(*Open(WithToken()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(refused.error().Render(), HasSubstr("does not know the token (OS_TOKEN"));
  EXPECT_EQ(lines().size(), 1U);
}

// Of a definition, the form of whose errors hangs on what the client takes: otherwise Mistral says 500, and nothing else.
TEST_F(MistralApi, ErrorsAreAskedForInJson) {
  std::string accept;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    if (request.method == "GET") return connection.Answer(404, R"({"faultstring": "not there"})");
    accept = request.headers.find("Accept")->second;
    connection.Answer(201, "{}");
  });
  ASSERT_TRUE(StoreWorkflow(*Open(Plain()), "w", "version: '2.0'\nw: {type: direct}\n",
                            [](const std::string&) { return Ok(); }));
  EXPECT_EQ(accept, "application/json, text/plain;q=0.5");
}

// Below another address nothing is there, as below Mistral's what somebody has deleted.
TEST_F(MistralApi, WhatIsNoMistralIsNotTakenForOneWithoutRuns) {
  struct Case {
    int status;
    std::string body;
    ErrorCode code;
  };
  // What the root of the API answers.
  const std::vector<Case> cases{
      {200, R"({"uri": "http://m/v2"})", ErrorCode::kNotFound},
      {404, R"({"code": 404, "title": "Not Found"})", ErrorCode::kInvalidInput},
      {300, R"({"versions": []})", ErrorCode::kInvalidInput},
      {200, R"({"versions": []})", ErrorCode::kInvalidInput},
      {200, "<html>", ErrorCode::kInvalidInput},
      // Who may not ask for it learns nothing from that.
      {401, "", ErrorCode::kNotFound},
      {403, "", ErrorCode::kNotFound},
      {503, "", ErrorCode::kNotFound},
  };
  for (const Case& each : cases) {
    Start([&each](TestConnection& connection, const TestConnection::Request& request) {
      const bool root = request.target.ends_with("/v2/");
      connection.Answer(root ? each.status : 404, root ? each.body : R"({"faultstring": "none"})");
    });
    lines_.clear();
    const auto api = Open({{"OS_MISTRAL_URL", server_->Url("/wrong")}});
    auto missing = RunReader(*api, "1").Read();
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), each.code) << each.status << " " << each.body;
    EXPECT_THAT(lines(), ElementsAre("GET /wrong/v2/executions/1", "GET /wrong/v2/"));
    if (each.code != ErrorCode::kInvalidInput) continue;
    EXPECT_THAT(missing.error().Render(), HasSubstr("/wrong/v2 does not speak version 2 of"));
    EXPECT_THAT(missing.error().hint(), HasSubstr("OS_MISTRAL_URL"));
    // Also not for one without the action, or without runs.
    EXPECT_EQ(RequireAction(*api, "holdfast.step").error().code(), ErrorCode::kInvalidInput);
    EXPECT_EQ(ListRuns(*api).error().code(), ErrorCode::kInvalidInput);
  }
}

// As Mistral 15 does below one of its own collections.
TEST_F(MistralApi, AnAddressBelowThatOfMistralIsNoServerThatIsBusy) {
  for (const int status : {400, 405, 500, 503}) {
    Start([status](TestConnection& connection, const TestConnection::Request& request) {
      connection.Answer(request.target.ends_with("/v2/") ? 404 : status, "");
    });
    const auto runs = ListRuns(*Open({{"OS_MISTRAL_URL", server_->Url("/v2/workflows")}}));
    ASSERT_FALSE(runs);
    EXPECT_EQ(runs.error().code(), ErrorCode::kInvalidInput) << status;
    EXPECT_THAT(runs.error().message(), HasSubstr("/v2/workflows/v2 does not speak version 2 of"));
    EXPECT_TRUE(runs.error().hint().ends_with(": " + server_->Url("/v2"))) << runs.error().hint();
  }
}

TEST_F(MistralApi, AMistralThatFailsMayAnswerLater) {
  Start([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    connection.Answer(503, "");
  });
  EXPECT_EQ(ListRuns(*Open(Plain())).error().code(), ErrorCode::kUnavailable);
}

TEST_F(MistralApi, WhatSpeaksNoHttpIsNoMistralThatIsAway) {
  server_ = std::make_unique<TestServer>(
      [](TestConnection& connection) { connection.Write("SSH-2.0-OpenSSH_9.2p1\r\n"); });
  for (const std::string scheme : {"http", "https"}) {
    const std::string url = scheme + server_->Url("").substr(server_->Url("").find("://"));
    auto runs = ListRuns(*Open({{"OS_MISTRAL_URL", url}}));
    ASSERT_FALSE(runs);
    EXPECT_EQ(runs.error().code(), ErrorCode::kInvalidInput) << runs.error().Render();
    EXPECT_THAT(runs.error().message(), HasSubstr("does not speak HTTP: it says 'SSH-2.0"));
    EXPECT_THAT(runs.error().hint(), HasSubstr("OS_MISTRAL_URL is where Mistral's API begins"));
  }
  auto variables = WithKeystone();
  auto runs = ListRuns(*Open(variables));
  ASSERT_FALSE(runs);
  EXPECT_EQ(runs.error().code(), ErrorCode::kInvalidInput) << runs.error().Render();
  EXPECT_THAT(runs.error().hint(), HasSubstr("OS_AUTH_URL is where Keystone is"));
  EXPECT_TRUE(waits_.empty()) << "it is asked again";
}

TEST_F(MistralApi, TheRootIsAskedForOnceAndWithTheToken) {
  Start([this](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) return AnswerToken(connection, "token-1");
    if (request.target == "/mistral/v2/")
      return connection.Answer(200, R"({"uri": "http://m/v2"})");
    connection.Answer(404, R"({"faultstring": "none"})");
  });
  const auto api = Open(WithKeystone());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(RequireAction(*api, "x").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(lines(),
              ElementsAre("POST /identity/v3/auth/tokens", "GET /mistral/v2/actions/x as token-1",
                          "GET /mistral/v2/ as token-1", "GET /mistral/v2/actions/x as token-1"));
}

TEST_F(MistralApi, WhatIsInTheCatalogMayBeAnotherService) {
  Start([this](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.starts_with("/identity")) return AnswerToken(connection, "token-1");
    connection.Answer(404, "");
  });
  const auto runs = ListRuns(*Open(WithKeystone()));
  ASSERT_FALSE(runs);
  EXPECT_EQ(runs.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(runs.error().hint(), HasSubstr("Keystone's catalog"));
}

TEST_F(MistralApi, AnAnswerWithoutAListIsNoEmptyList) {
  Start([](TestConnection& connection, const auto&) { connection.Answer(200, "{}"); });
  const auto runs = ListRuns(*Open(Plain()));
  ASSERT_FALSE(runs);
  EXPECT_EQ(runs.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(runs.error().Render(), HasSubstr("no list of executions"));
}

// An application credential may delete a cron trigger, and make none.
TEST_F(MistralApi, ATriggerIsLeftWhereNoneCanBeMade) {
  Start([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.method == "GET") {
      return connection.Answer(
          200,
          R"({"name": "t", "workflow_name": "w", "pattern": "1 1 * * *", "workflow_input": "{}", "workflow_params": "{}"})");
    }
    connection.Answer(
        500, R"_({"faultstring": "Authorization failed: You are not authorized. (HTTP 403)"})_");
  });
  const auto refused = StoreCronTrigger(
      *Open(Plain()),
      Value().Set("name", "t").Set("workflow_name", "w").Set("pattern", "2 2 * * *"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(refused.error().Render(), HasSubstr("as a user with a password"));
  EXPECT_THAT(lines(), ElementsAre("GET /v2/cron_triggers/t", "GET /v2/cron_triggers/t-trial",
                                   "POST /v2/cron_triggers"));
}

TEST_F(MistralApi, ATriggerOfAnotherWorkflowIsLeftAlone) {
  for (const std::string other : {"t", "t-trial"}) {
    lines_.clear();
    Start([other](TestConnection& connection, const TestConnection::Request& request) {
      if (request.method != "GET") return connection.Answer(500, "");
      const bool is_it = request.target.ends_with("/" + other);
      connection.Answer(
          200,
          R"({"name": "x", "pattern": "1 1 * * *", "workflow_input": "{}", "workflow_name": ")" +
              std::string(is_it ? "other" : "w") + R"(", "workflow_params": "{}"})");
    });
    const auto api = Open(Plain());
    const Value trigger =
        Value().Set("name", "t").Set("workflow_name", "w").Set("pattern", "2 2 * * *");
    const auto refused = StoreCronTrigger(*api, trigger);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
    EXPECT_THAT(refused.error().Render(), HasSubstr("there is another cron trigger " + other));
    EXPECT_THAT(refused.error().Render(), HasSubstr("it starts workflow other"));
    for (const std::string& line : lines()) EXPECT_THAT(line, HasSubstr("GET ")) << "written";
    // That one is asked before anything else is stored.
    EXPECT_EQ(CheckCronTrigger(*api, trigger).has_value(), other == "t-trial");
  }
}

// Of the same name, at the same times: Mistral deletes it after its last run.
TEST_F(MistralApi, ATriggerThatEndsIsNotTakenForOneThatDoesNot) {
  const auto stores_over = [this](const std::string& more) {
    Start([more](TestConnection& connection, const TestConnection::Request& request) {
      if (request.method == "DELETE") return connection.Answer(204, "");
      connection.Answer(
          request.method == "GET" ? 200 : 201,
          R"({"name": "t", "workflow_name": "w", "pattern": "1 1 * * *", "workflow_input": "{}", "workflow_params": "{}")" +
              more + "}");
    });
    const auto stored = StoreCronTrigger(
        *Open(Plain()),
        Value().Set("name", "t").Set("workflow_name", "w").Set("pattern", "1 1 * * *"));
    EXPECT_TRUE(stored) << stored.error().Render();
    return stored ? *stored : Stored::kCreated;
  };
  EXPECT_EQ(stores_over(R"(, "remaining_executions": null, "first_execution_time": null)"),
            Stored::kAsItWas);
  EXPECT_EQ(stores_over(R"(, "remaining_executions": 1)"), Stored::kChanged);
  EXPECT_EQ(stores_over(R"(, "first_execution_time": "2099-01-01 02:30:00")"), Stored::kChanged);
}

TEST_F(MistralApi, WhatKeystoneRefusesIsSaidWithoutThePassword) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(
        401, R"({"error": {"message": "no such user with hidden-password", "code": 401}})");
  });
  const auto refused = ListRuns(*Open(WithKeystone()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(refused.error().Render(), HasSubstr("Keystone does not know these credentials"));
  EXPECT_THAT(refused.error().Render(), Not(HasSubstr("hidden-password")));
}

TEST_F(MistralApi, ACatalogWithoutMistralSaysWhatItHas) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(
        201,
        R"({"token": {"expires_at": "2099-01-01T00:00:00.000000Z", "project": {"name": "shop"}, "catalog": [{"type": "volumev3",)"
        R"( "endpoints": [{"interface": "public", "region_id": "one", "url": "http://x"}]}]}})",
        "X-Subject-Token: token-1\r\n");
  });
  const auto refused = ListRuns(*Open(WithKeystone()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().Render(),
              HasSubstr("no public endpoint of type workflowv2 in region one"));
  EXPECT_THAT(refused.error().Render(), HasSubstr("it has volumev3 (public, one)"));
}

TEST_F(MistralApi, AnExecutionIsStartedOnceHoweverOftenTheAnswerIsLost) {
  int posts = 0;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    // Where nothing has answered yet, the client asks what is spoken there.
    if (request.method != "POST") return connection.Reset();
    if (++posts < 3) return connection.Reset();
    connection.Answer(201, R"({"id": "11111111-1111-4111-8111-111111111111"})");
  });
  const auto api = Open(Plain());
  const Status started = StartExecution(
      *api,
      {"11111111-1111-4111-8111-111111111111", "n-protect", {{"record", ""}}, "holdfast", "d"});
  ASSERT_TRUE(started) << started.error().Render();
  EXPECT_EQ(posts, 3);
  EXPECT_THAT(bodies().back(), HasSubstr(R"("input":"{\"record\":\"\"}")"));
  EXPECT_THAT(bodies().back(), HasSubstr(R"("params":"{\"env\":\"holdfast\",)"));
}

TEST_F(MistralApi, WhatAnotherOneHasStoredSinceIsNotStarted) {
  int posts = 0;
  Start([&](TestConnection& connection, const TestConnection::Request& request) {
    if (request.method == "GET") return connection.Answer(200, R"({"uri": "http://x/v2/"})");
    ++posts;
    connection.Answer(
        400,
        R"({"debuginfo": null, "faultcode": "Client", "faultstring": "Invalid input [name=n-protect, class=DirectWorkflowSpec, unexpected=['of-bundle-0123456789abcdef']]"})");
  });
  const auto api = Open(Plain());
  NewExecution execution;
  execution.id = "11111111-1111-4111-8111-111111111111";
  execution.workflow = "n-protect";
  execution.bundle_input = "of-bundle-0123456789abcdef";
  execution.inputs = {{"record", ""}, {execution.bundle_input, "true"}};
  const Status started = StartExecution(*api, execution);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(started.error().Render(), HasSubstr("another compile of the workflow n-protect"));
  EXPECT_THAT(bodies().front(), HasSubstr(R"(\"of-bundle-0123456789abcdef\":\"true\")"));
  EXPECT_EQ(posts, 1) << "it is not sent again";
}

TEST_F(MistralApi, ARefusalSaysWhatMistralSays) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(400, R"({"faultstring": "Invalid DSL: 'tasks' is a required property"})");
  });
  const auto api = Open(Plain());
  const auto refused = StoreWorkflow(*api, "w", "version: '2.0'\nw: {type: direct}\n",
                                     [](const std::string&) { return Ok(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(refused.error().Render(), HasSubstr("'tasks' is a required property"));
}

TEST_F(MistralApi, ADefinitionThatIsThereAsItIsIsLeftAlone) {
  Start([](TestConnection& connection, const TestConnection::Request&) {
    connection.Answer(
        200,
        R"({"name": "w", "updated_at": "2026-01-01 00:00:00", "definition": "version: '2.0'\n\nw:\n  type: direct\n  tasks: {a: {action: std.noop}}\n"})");
  });
  const auto api = Open(Plain());
  const auto stored = StoreWorkflow(
      *api, "w",
      "# a comment\nversion: '2.0'\nw:\n  tasks:\n    a: {action: std.noop}\n  type: direct\n",
      [](const std::string& there) {
        EXPECT_THAT(there, HasSubstr("type: direct"));
        return Error(ErrorCode::kConflict, "asked");
      });
  ASSERT_TRUE(stored) << stored.error().Render();
  EXPECT_EQ(*stored, Stored::kAsItWas);
  EXPECT_EQ(lines().size(), 1U);
  const auto other = StoreWorkflow(
      *api, "w", "version: '2.0'\nw: {type: reverse, tasks: {a: {action: std.noop}}}\n",
      [](const std::string& there) {
        EXPECT_THAT(there, HasSubstr("type: direct"));
        return Error(ErrorCode::kConflict, "asked");
      });
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message(), "asked");
}

TEST_F(MistralApi, WhatSomebodyElseHasJustStoredIsComparedBeforeItIsChanged) {
  bool there = false;
  Start([&there](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    if (request.method == "PUT") return connection.Answer(200, "{}");
    if (request.method == "POST") {
      there = true;
      return connection.Answer(409, R"({"faultstring": "Duplicate entry for WorkflowDefinition"})");
    }
    if (!there) return connection.Answer(404, R"({"faultstring": ""})");
    connection.Answer(
        200,
        R"({"name": "w", "updated_at": "2026-01-01 00:00:00", "definition": "version: '2.0'\nw: {type: direct}\n"})",
        "Date: Thu, 01 Jan 2026 01:00:00 GMT\r\n");
  });
  const auto api = Open(Plain());
  int asked = 0;
  const auto stored = StoreWorkflow(*api, "w", "version: '2.0'\nw: {type: reverse}\n",
                                    [&asked](const std::string& was) {
                                      EXPECT_THAT(was, HasSubstr("type: direct"));
                                      ++asked;
                                      return Ok();
                                    });
  ASSERT_TRUE(stored) << stored.error().Render();
  EXPECT_EQ(*stored, Stored::kChanged);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(lines().back(), "PUT /v2/workflows");
}

TEST_F(MistralApi, AStoredWorkflowIsAsOldAsItIsByMistralsClock) {
  Start([](TestConnection& connection, const TestConnection::Request& request) {
    const bool no_yaml = request.target.ends_with("/no-yaml");
    connection.Answer(
        200,
        no_yaml
            ? R"({"name": "no-yaml", "definition": "\t{"})"
            : R"({"name": "w", "created_at": "2026-01-01 00:00:00", "definition": "version: '2.0'\nw: {type: direct}\n"})",
        "Date: Thu, 01 Jan 2026 01:00:01 GMT\r\n");
  });
  const auto api = Open(Plain());
  const auto stored = StoredWorkflow(*api, "w");
  ASSERT_TRUE(stored && *stored);
  EXPECT_EQ((*stored)->age, std::chrono::seconds(3601));
  // What cannot be read is there all the same.
  const auto unreadable = StoredWorkflow(*api, "no-yaml");
  ASSERT_TRUE(unreadable && *unreadable);
  EXPECT_TRUE((*unreadable)->value.is_null());
  EXPECT_EQ((*unreadable)->age, std::nullopt);
}

TEST_F(MistralApi, TheTriggersOfAWorkflowAreFound) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(
        200,
        R"({"cron_triggers": [{"name": "b", "workflow_name": "w"}, {"name": "x", "workflow_name": "w.x"}, {"name": "a", "workflow_name": "w"}]})");
  });
  const auto names = CronTriggersOf(*Open(Plain()), "w");
  ASSERT_TRUE(names) << names.error().Render();
  EXPECT_THAT(*names, ElementsAre("a", "b"));
  EXPECT_THAT(lines(), ElementsAre("GET /v2/cron_triggers?workflow_name=w"));
}

TEST_F(MistralApi, WhatWouldBeStoredIsAskedWithoutStoringIt) {
  Start([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    if (request.target.ends_with("/new")) return connection.Answer(404, R"({"faultstring": ""})");
    connection.Answer(200, R"({"name": "w", "definition": "version: '2.0'\nw: {type: direct}\n"})");
  });
  const auto api = Open(Plain());
  const auto compare = [&](const std::string& name, const std::string& type) {
    return CompareWorkflow(*api, name, "version: '2.0'\n" + name + ": {type: " + type + "}\n",
                           [&type](const std::string&) -> Status {
                             if (type == "refused") return Error(ErrorCode::kConflict, "asked");
                             return Ok();
                           });
  };
  EXPECT_EQ(*compare("new", "refused"), Stored::kCreated);
  EXPECT_EQ(*compare("w", "direct"), Stored::kAsItWas);
  EXPECT_EQ(*compare("w", "reverse"), Stored::kChanged);
  EXPECT_EQ(compare("w", "refused").error().message(), "asked");
  for (const std::string& line : lines()) EXPECT_THAT(line, HasSubstr("GET ")) << "written";
}

TEST_F(MistralApi, WorkflowsAreFoundByTheBeginningOfTheirNames) {
  Start([](TestConnection& connection, const auto&) {
    connection.Answer(
        200, R"({"workflows": [{"name": "w.b"}, {"name": "my-w.c"}, {"name": "w.a"}, {}]})");
  });
  const auto names = WorkflowsNamed(*Open(Plain()), "w.");
  ASSERT_TRUE(names) << names.error().Render();
  EXPECT_THAT(*names, ElementsAre("w.a", "w.b"));
  EXPECT_THAT(lines(), ElementsAre("GET /v2/workflows?fields=id,name&name=has:w."));
}

TEST_F(MistralApi, AllThatADefinitionStartsIsFoundWithItsText) {
  Start([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    if (request.target.ends_with("/w.gone"))
      return connection.Answer(404, R"({"faultstring": ""})");
    connection.Answer(
        200,
        R"({"name": "w.a", "definition": "version: '2.0'\nw.a: {tasks: {x: {workflow: w.gone}, y: {workflow: w.a}}}\n"})");
  });
  const auto below = FindBelow(
      *Open(Plain()), Value().Set("tasks", Value().Set("t", Value().Set("workflow", "w.a"))));
  ASSERT_TRUE(below) << below.error().Render();
  EXPECT_THAT(below->missing, ElementsAre("w.gone"));
  ASSERT_EQ(below->stored.size(), 1U);
  EXPECT_THAT(below->stored.at("w.a").text, HasSubstr("version: '2.0'"));
  EXPECT_NE(below->stored.at("w.a").value.Find("tasks"), nullptr);
}

TEST_F(MistralApi, AWorkflowThatIsNotThereIsRemoved) {
  int status = 204;
  Start([&status](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target == "/v2/") return connection.Answer(200, R"({"uri": "http://m/v2"})");
    connection.Answer(status, status == 204 ? "" : R"({"faultstring": "no"})");
  });
  const auto api = Open(Plain());
  EXPECT_TRUE(DeleteWorkflow(*api, "w.a"));
  EXPECT_THAT(lines(), ElementsAre("DELETE /v2/workflows/w.a"));
  status = 404;
  EXPECT_TRUE(DeleteWorkflow(*api, "w.a"));
  status = 400;
  EXPECT_THAT(DeleteWorkflow(*api, "w.a").error().Render(), HasSubstr("removing workflow w.a"));
}

TEST(MistralAccess, SaysWhatIsMissing) {
  const auto message = [](Variables variables) {
    const auto access = AccessOf(Of(std::move(variables)));
    return access ? std::string("good") : access.error().Render();
  };
  EXPECT_THAT(message({}), HasSubstr("OS_MISTRAL_URL=http://HOST:8989/v2"));
  EXPECT_THAT(message({{"OS_MISTRAL_URL", "mistral:8989"}}), HasSubstr("OS_MISTRAL_URL"));
  EXPECT_THAT(message({{"OS_AUTH_URL", "http://k:5000"}}), HasSubstr("OS_USERNAME is not"));
  EXPECT_THAT(message({{"OS_AUTH_URL", "http://k:5000"}, {"OS_USERNAME", "me"}}),
              HasSubstr("OS_PASSWORD is not"));
  EXPECT_THAT(message({{"OS_AUTH_URL", "http://k:5000/v2.0"}, {"OS_USERNAME", "me"}}),
              HasSubstr("version 2 of Keystone"));
  EXPECT_THAT(message({{"OS_AUTH_URL", "http://k:5000"}, {"OS_APPLICATION_CREDENTIAL_ID", "i"}}),
              HasSubstr("OS_APPLICATION_CREDENTIAL_SECRET is not"));
  EXPECT_THAT(message({{"OS_MISTRAL_URL", "http://m/"}, {"OS_CACERT", "/nowhere/ca.pem"}}),
              HasSubstr("OS_CACERT"));
  EXPECT_THAT(message({{"OS_MISTRAL_URL", "http://m/"}, {"OS_INSECURE", "perhaps"}}),
              HasSubstr("true or false"));
  EXPECT_EQ(message({{"OS_AUTH_URL", "http://k:5000"}, {"OS_TOKEN", "t"}}), "good");
  EXPECT_EQ(AccessOf(Of({{"OS_MISTRAL_URL", "http://m:8989/v2/"}}))->url, "http://m:8989/v2");
  EXPECT_EQ(AccessOf(Of({{"OS_MISTRAL_URL", "http://m:8989"}, {"OS_INTERFACE", "internalURL"}}))
                ->interface,
            "internal");
}

}  // namespace
}  // namespace holdfast::engines::mistral
