#include "plugins/net/keystone_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "plugins/net/swift_v1_auth.h"

// Who gives out the tokens of a session: Keystone, or Swift's own auth.
namespace holdfast::net {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Answers by method and path; what it has no answer for is a test's fault.
class Scripted final : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime) override {
    const std::string line = std::string(NameOf(request.method)) + " " + request.url;
    lines.push_back(line);
    bodies.emplace_back(request.body);
    headers.push_back(request.headers);
    std::vector<HttpResponse>& next = answers[line];
    if (next.empty()) return Internal("no answer for " + line);
    HttpResponse answer = next.front();
    if (next.size() > 1) next.erase(next.begin());
    return answer;
  }
  std::map<std::string, std::vector<HttpResponse>> answers;
  std::vector<std::string> lines;
  std::vector<std::string> bodies;
  std::vector<HttpHeaders> headers;
};

// Of long ago by our clock, and made an hour before its end.
HttpResponse TokenOf(const std::string& id, const std::string& project,
                     const std::string& date = "Sat, 24 Nov 2001 12:00:00 GMT") {
  return {201,
          {{"X-Subject-Token", id}, {"Date", date}},
          R"({"token": {"expires_at": "2001-11-24T13:00:00.000000Z", "catalog": [])" +
              (project.empty() ? "" : R"(, "project": {"id": "x", "name": ")" + project + "\"}") +
              "}}"};
}

class Keystone : public ::testing::Test {
 protected:
  static constexpr const char* kTokens = "POST http://cloud.example:5000/v3/auth/tokens";
  static constexpr const char* kProjects = "GET http://cloud.example:5000/v3/auth/projects";

  Keystone() {
    identity_.auth_url = "http://cloud.example:5000/v3";
    identity_.user = "demo";
    identity_.password = "hidden-password";
  }
  Result<SessionToken> Ask() {
    if (!ask_) ask_ = KeystoneTokens(client_, identity_, "project");
    return ask_(SteadyTime(), nullptr);
  }

  Scripted client_;
  KeystoneIdentity identity_;
  AskForToken ask_;
};

TEST_F(Keystone, ATokenHasTheProjectThatWasNamed) {
  identity_.project = "shop";
  client_.answers[kTokens] = {TokenOf("one", "shop")};
  const auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->token.id, "one");
  EXPECT_EQ(token->left, seconds(3600));
  EXPECT_EQ(client_.lines.size(), 1U);
  EXPECT_THAT(client_.bodies[0], HasSubstr(R"("name":"shop")"));
}

TEST_F(Keystone, OrElseTheUsersDefault) {
  client_.answers[kTokens] = {TokenOf("one", "default-of-demo")};
  const auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->token.project, "default-of-demo");
  EXPECT_EQ(client_.lines.size(), 1U);
}

TEST_F(Keystone, OrElseTheOnlyOneWhichStays) {
  client_.answers[kTokens] = {TokenOf("unscoped", ""), TokenOf("one", "shop")};
  client_.answers[kProjects] = {
      {200, {}, R"({"projects": [{"id": "p0", "name": "old", "enabled": false},
                                              {"id": "p1", "name": "shop", "enabled": true}]})"}};
  auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->token.id, "one");
  EXPECT_THAT(client_.lines, ElementsAre(kTokens, kProjects, kTokens));
  EXPECT_EQ(client_.headers[1].at("X-Auth-Token"), "unscoped");
  EXPECT_THAT(client_.bodies[2], HasSubstr(R"("scope":{"project":{"id":"p1"}})"));
  client_.lines.clear();
  token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_THAT(client_.lines, ElementsAre(kTokens));
}

TEST_F(Keystone, OfSeveralOneIsToBeNamed) {
  client_.answers[kTokens] = {TokenOf("unscoped", "")};
  client_.answers[kProjects] = {
      {200, {}, R"({"projects": [{"id": "p1", "name": "shop"}, {"id": "p2", "name": "bank"}]})"}};
  const auto token = Ask();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(token.error().message(), HasSubstr("shop, bank"));
  EXPECT_THAT(token.error().hint(), HasSubstr("project = shop"));
}

TEST_F(Keystone, WithoutAnyItIsDenied) {
  client_.answers[kTokens] = {TokenOf("unscoped", "")};
  client_.answers[kProjects] = {{200, {}, R"({"projects": []})"}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kDenied);
  client_.answers[kProjects] = {{503, {}, "busy"}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kUnavailable);
  client_.answers[kProjects] = {{200, {}, "[]"}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kCorrupt);
}

// Whatever our clock says: ATokenHasTheProjectThatWasNamed.
TEST_F(Keystone, OneOfWhichNothingIsLeftIsUsedUntilItIsRefused) {
  client_.answers[kTokens] = {TokenOf("one", "shop", "Sat, 24 Nov 2001 13:00:00 GMT")};
  auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->left, std::nullopt);
  // Who does not say what time it is.
  client_.answers[kTokens] = {TokenOf("one", "shop", "")};
  token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->left, std::nullopt);
}

TEST_F(Keystone, OneThatWasGivenIsUsedUntilItIsRefused) {
  identity_.user.clear();
  identity_.password.clear();
  identity_.token = "given";
  client_.answers["GET http://cloud.example:5000/v3/auth/tokens"] = {TokenOf("", "shop")};
  const auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(token->token.id, "given");
  EXPECT_EQ(token->left, std::nullopt);
}

class SwiftV1 : public ::testing::Test {
 protected:
  static constexpr const char* kAuth = "GET http://swift.example:8080/auth/v1.0";
  Result<SessionToken> Ask() {
    return SwiftV1Tokens(client_, {"http://swift.example:8080/auth/v1.0", "test:tester",
                                   "hidden-key"})(SteadyTime(), nullptr);
  }
  Scripted client_;
};

TEST_F(SwiftV1, ATokenComesWithTheAccountsUrl) {
  client_.answers[kAuth] = {{200,
                             {{"X-Auth-Token", "AUTH_tk1"},
                              {"X-Storage-Url", "http://swift.example:8080/v1/AUTH_test"},
                              {"X-Auth-Token-Expires", "86399"}},
                             ""}};
  const auto token = Ask();
  ASSERT_TRUE(token) << token.error().Render();
  EXPECT_EQ(client_.headers[0].at("X-Auth-User"), "test:tester");
  EXPECT_EQ(client_.headers[0].at("X-Auth-Key"), "hidden-key");
  EXPECT_EQ(token->token.id, "AUTH_tk1");
  EXPECT_EQ(token->left, seconds(86399));
  const std::string_view types[] = {"object-store"};
  EXPECT_EQ(token->token.EndpointOf(types, "public", ""), "http://swift.example:8080/v1/AUTH_test");
}

TEST_F(SwiftV1, WhoIsNotKnownIsDenied) {
  client_.answers[kAuth] = {{401, {}, "hidden-key is wrong"}};
  const auto token = Ask();
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(token.error().Render(), Not(HasSubstr("hidden")));
}

TEST_F(SwiftV1, AnAnswerWithoutTokenOrUrlIsNone) {
  client_.answers[kAuth] = {{200, {{"X-Auth-Token", "AUTH_tk1"}}, ""}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kCorrupt);
  client_.answers[kAuth] = {
      {200, {{"X-Storage-Url", "http://swift.example:8080/v1/AUTH_test"}}, ""}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kCorrupt);
  client_.answers[kAuth] = {{503, {}, ""}};
  EXPECT_EQ(Ask().error().code(), ErrorCode::kUnavailable);
}

TEST(WhoseAuth, IsFoundByThePathOrTheVersionDocument) {
  Scripted client;
  const auto find = [&](const std::string& url) {
    return FindSwiftAuth(client, url, SteadyTime(), nullptr);
  };
  EXPECT_EQ(find("http://h:8080/auth/v1.0"), SwiftAuth::kV1);
  EXPECT_EQ(find("http://h:8080/auth/v1.0/"), SwiftAuth::kV1);
  EXPECT_TRUE(client.lines.empty());
  client.answers["GET http://h:5000/v3"] = {{200, {}, R"({"version": {"id": "v3.14"}})"}};
  EXPECT_EQ(find("http://h:5000"), SwiftAuth::kKeystone);
  EXPECT_EQ(find("http://h:5000/v3/"), SwiftAuth::kKeystone);
  EXPECT_EQ(find("http://h:5000/v2.0").error().code(), ErrorCode::kInvalidInput);
  client.answers["GET http://web/v3"] = {{200, {}, "<html>"}};
  EXPECT_EQ(find("http://web").error().code(), ErrorCode::kInvalidInput);
  client.answers["GET http://web/v3"] = {{404, {}, R"({"version": {"id": "v3.14"}})"}};
  EXPECT_EQ(find("http://web").error().code(), ErrorCode::kInvalidInput);
  client.answers["GET http://web/v3"] = {{503, {}, ""}};
  EXPECT_EQ(find("http://web").error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace holdfast::net
