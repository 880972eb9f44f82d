#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

#include "plugins/net/redaction.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/net/url.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

class StillClock final : public Clock {
 public:
  WallTime Now() const override { return WallTime() + seconds(1'700'000'000) + steady_; }
  SteadyTime Steady() const override { return SteadyTime() + steady_; }
  milliseconds steady_{0};
};

// Gives the outcomes that it was told, one a call, and counts.
class ScriptedClient final : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override {
    ++calls;
    last_deadline = deadline;
    if (request.sink != nullptr && !into_sink.empty())
      std::ignore = request.sink->Write(AsBytes(into_sink));
    if (request.source != nullptr && from_source > 0) {
      std::string buffer(from_source, '\0');
      const auto n = ReadFully(*request.source,
                               std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
      sent.push_back(buffer.substr(0, *n));
    }
    if (outcomes.empty()) return HttpResponse{200, {}, "good"};
    Result<HttpResponse> next = std::move(outcomes.front());
    outcomes.pop_front();
    return next;
  }
  std::deque<Result<HttpResponse>> outcomes;
  std::string into_sink;
  std::size_t from_source = 0;
  std::vector<std::string> sent;
  SteadyTime last_deadline;
  int calls = 0;
};

class Retry : public ::testing::Test {
 protected:
  Result<HttpResponse> Send(HttpMethod method, std::optional<bool> repeatable = std::nullopt) {
    RetryingHttpClient client(
        inner_, clock_,
        [this](milliseconds wait, const Cancellation*) {
          waits_.push_back(wait);
          clock_.steady_ += wait;
          return !cancelled_in_wait_;
        },
        policy_, nullptr);
    HttpRequest request;
    request.method = method;
    request.url = "https://server.example/path";
    request.repeatable = repeatable;
    request.sink = sink_;
    request.source = source_;
    request.source_size = 4;
    request.rewind = rewind_;
    request.longest_silence = longest_silence_;
    request.passing_status = passing_status_;
    return client.Send(request, SteadyTime() + deadline_);
  }

  ScriptedClient inner_;
  StillClock clock_;
  std::vector<milliseconds> waits_;
  milliseconds deadline_ = std::chrono::hours(1);
  RetryPolicy policy_;
  ByteSink* sink_ = nullptr;
  ByteSource* source_ = nullptr;
  std::function<Status()> rewind_;
  milliseconds longest_silence_{0};
  int passing_status_ = 0;
  bool cancelled_in_wait_ = false;
};

TEST_F(Retry, WhatIsUnavailableIsSentAgain) {
  inner_.outcomes = {Unavailable("reset"), HttpResponse{503, {}, ""}, HttpResponse{500, {}, ""}};
  const auto response = Send(HttpMethod::kGet);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "good");
  EXPECT_EQ(inner_.calls, 4);
  EXPECT_EQ(waits_.size(), 3U);
}

TEST_F(Retry, WaitsGrowWithJitterAndStayBelowTheLongest) {
  for (int i = 0; i < 5; ++i) inner_.outcomes.emplace_back(HttpResponse{503, {}, ""});
  ASSERT_TRUE(Send(HttpMethod::kGet));
  ASSERT_EQ(waits_.size(), 5U);
  for (std::size_t i = 0; i < waits_.size(); ++i) {
    EXPECT_GE(waits_[i], milliseconds(125 << i));
    EXPECT_LE(waits_[i], milliseconds(250 << i));
  }
}

TEST_F(Retry, APostIsSentOnceUnlessNothingWasCarriedOut) {
  inner_.outcomes = {Unavailable("reset")};
  EXPECT_FALSE(Send(HttpMethod::kPost));
  EXPECT_EQ(inner_.calls, 1);
  inner_.outcomes = {HttpResponse{429, {{"Retry-After", "1"}}, ""}};
  EXPECT_TRUE(Send(HttpMethod::kPost)->ok());
  EXPECT_EQ(inner_.calls, 3);
  inner_.outcomes = {HttpResponse{503, {}, ""}};
  EXPECT_EQ(Send(HttpMethod::kPost)->status, 503);
}

TEST_F(Retry, APostThatMayBeRepeatedIs) {
  inner_.outcomes = {Unavailable("reset")};
  EXPECT_TRUE(Send(HttpMethod::kPost, true));
  EXPECT_EQ(inner_.calls, 2);
}

TEST_F(Retry, RetryAfterIsWaitedFor) {
  inner_.outcomes = {HttpResponse{429, {{"retry-after", "9"}}, ""}};
  ASSERT_TRUE(Send(HttpMethod::kGet));
  // And somewhat longer, each for itself.
  EXPECT_THAT(waits_, ElementsAre(AllOf(Ge(milliseconds(9125)), Le(milliseconds(9250)))));
}

TEST_F(Retry, ARetryAfterBeyondReasonIsNot) {
  inner_.outcomes = {HttpResponse{503, {{"Retry-After", "86400"}}, ""}};
  EXPECT_EQ(Send(HttpMethod::kGet)->status, 503);
  EXPECT_EQ(inner_.calls, 1);
}

TEST_F(Retry, ARequestMayNameAStatusThatPasses) {
  for (const int named : {0, 404}) {
    passing_status_ = named;
    inner_.outcomes = {HttpResponse{404, {}, ""}};
    inner_.calls = 0;
    const auto response = Send(HttpMethod::kPut);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, named == 0 ? 404 : 200);
    EXPECT_EQ(inner_.calls, named == 0 ? 1 : 2);
    inner_.outcomes.clear();
  }
}

TEST_F(Retry, NoTryBeginsBeyondTheWindowHoweverLateTheDeadlineIs) {
  policy_.window = seconds(1);
  for (int i = 0; i < 6; ++i) inner_.outcomes.emplace_back(Unavailable("reset"));
  EXPECT_FALSE(Send(HttpMethod::kPut));
  EXPECT_LT(clock_.steady_, seconds(1));
  EXPECT_GE(inner_.calls, 2);
}

TEST_F(Retry, NothingIsTriedBeyondTheDeadline) {
  deadline_ = milliseconds(700);
  for (int i = 0; i < 5; ++i) inner_.outcomes.emplace_back(Unavailable("reset"));
  EXPECT_FALSE(Send(HttpMethod::kGet));
  EXPECT_LT(clock_.steady_, milliseconds(700));
}

TEST_F(Retry, OneTryDoesNotGetTheTimeOfAll) {
  ASSERT_TRUE(Send(HttpMethod::kGet));
  EXPECT_EQ(inner_.last_deadline, SteadyTime() + seconds(25));
  deadline_ = seconds(3);
  ASSERT_TRUE(Send(HttpMethod::kGet));
  EXPECT_EQ(inner_.last_deadline, SteadyTime() + seconds(3));
}

TEST_F(Retry, TheLastOutcomeIsReturnedWhenTriesAreUsedUp) {
  for (int i = 0; i < 9; ++i) inner_.outcomes.emplace_back(HttpResponse{502, {}, "gone"});
  EXPECT_EQ(Send(HttpMethod::kGet)->status, 502);
  EXPECT_EQ(inner_.calls, 6);
}

TEST_F(Retry, ARefusalIsNotTriedAgain) {
  inner_.outcomes = {Error(ErrorCode::kDenied, "certificate")};
  EXPECT_FALSE(Send(HttpMethod::kGet));
  for (const int status : {400, 401, 403, 404, 409, 410, 422, 501}) {
    inner_.outcomes.emplace_back(HttpResponse{status, {}, ""});
    EXPECT_EQ(Send(HttpMethod::kGet)->status, status);
  }
  EXPECT_EQ(inner_.calls, 9);
}

TEST_F(Retry, WhatASinkHasAPartOfIsNotSentAgain) {
  StringSink sink(100);
  sink_ = &sink;
  inner_.into_sink = "part";
  inner_.outcomes = {Unavailable("ended early")};
  EXPECT_FALSE(Send(HttpMethod::kGet));
  EXPECT_EQ(inner_.calls, 1);
}

TEST_F(Retry, WhatWasReadFromASourceIsNotSentAgain) {
  MemorySource source("body");
  source_ = &source;
  inner_.from_source = 2;
  inner_.outcomes = {HttpResponse{503, {}, ""}};
  EXPECT_EQ(Send(HttpMethod::kPut)->status, 503);
  EXPECT_EQ(inner_.calls, 1);
  EXPECT_TRUE(waits_.empty());
}

TEST_F(Retry, ASourceThatWasNotReadIs) {
  MemorySource source("body");
  source_ = &source;
  inner_.outcomes = {Unavailable("no connection")};
  EXPECT_TRUE(Send(HttpMethod::kPut));
  EXPECT_EQ(inner_.calls, 2);
}

TEST_F(Retry, ASourceThatCanBeginAnewIsReadAgain) {
  MemorySource source("body");
  source_ = &source;
  rewind_ = [&] {
    source = MemorySource("body");
    return Ok();
  };
  inner_.from_source = 3;
  inner_.outcomes = {Unavailable("reset"), HttpResponse{503, {{"Retry-After", "3"}}, ""}};
  EXPECT_TRUE(Send(HttpMethod::kPut)->ok());
  EXPECT_THAT(inner_.sent, ElementsAre("bod", "bod", "bod"));
  EXPECT_GE(waits_.back(), seconds(3));
}

TEST_F(Retry, ASourceThatFailsToBeginAnewIsTheOutcome) {
  MemorySource source("body");
  source_ = &source;
  rewind_ = [] { return Corrupt("gone"); };
  inner_.from_source = 3;
  inner_.outcomes = {Unavailable("reset")};
  const auto response = Send(HttpMethod::kPut);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(inner_.calls, 1);
}

TEST_F(Retry, ACancelledWaitEndsWithTheLastOutcomeAndNoRewind) {
  MemorySource source("body");
  source_ = &source;
  int rewinds = 0;
  rewind_ = [&] {
    ++rewinds;
    return Ok();
  };
  inner_.from_source = 3;
  cancelled_in_wait_ = true;
  inner_.outcomes = {HttpResponse{503, {}, ""}};
  EXPECT_EQ(Send(HttpMethod::kPut)->status, 503);
  EXPECT_EQ(inner_.calls, 1);
  EXPECT_EQ(rewinds, 0);
}

TEST_F(Retry, WhatMayTakeLongHasAllTheTimeForOneTry) {
  deadline_ = seconds(3000);
  longest_silence_ = seconds(30);
  ASSERT_TRUE(Send(HttpMethod::kPut));
  EXPECT_EQ(inner_.last_deadline, SteadyTime() + seconds(3000));
  longest_silence_ = {};
  MemorySource source("body");
  source_ = &source;
  ASSERT_TRUE(Send(HttpMethod::kPut));
  EXPECT_EQ(inner_.last_deadline, SteadyTime() + seconds(3000));
}

TEST_F(Retry, HeadIsSentAgain) {
  inner_.outcomes = {Unavailable("reset")};
  EXPECT_TRUE(Send(HttpMethod::kHead));
  EXPECT_EQ(inner_.calls, 2);
}

TEST(RetryThreads, EightThreadsShareAClient) {
  class Failing final : public HttpClient {
   public:
    Result<HttpResponse> Send(const HttpRequest&, SteadyTime) override {
      if (++calls % 3 != 0) return HttpResponse{503, {}, ""};
      return HttpResponse{200, {}, ""};
    }
    std::atomic<int> calls{0};
  } inner;
  RetryingHttpClient client(
      inner, SystemClock(), [](milliseconds, const Cancellation*) { return true; },
      {.most_tries = 100}, nullptr);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      HttpRequest request;
      request.url = "http://server.example/";
      for (int i = 0; i < 200; ++i) good += client.Send(request, SteadyTime::max())->ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 1600);
}

TEST(RetryAfter, IsSecondsOrADate) {
  const WallTime now =
      std::chrono::system_clock::from_time_t(1'795'746'600);  // 2026-11-27T02:30:00Z
  EXPECT_EQ(RetryAfter({{"Retry-After", "7"}}, now), seconds(7));
  EXPECT_EQ(RetryAfter({{"retry-after", "Fri, 27 Nov 2026 02:30:05 GMT"}}, now), seconds(5));
  EXPECT_EQ(RetryAfter({{"Retry-After", "Fri, 27 Nov 2026 02:29:00 GMT"}}, now), seconds(0));
  EXPECT_EQ(RetryAfter({{"Retry-After", "soon"}}, now), std::nullopt);
  EXPECT_EQ(RetryAfter({{"Retry-After", "-1"}}, now), std::nullopt);
  EXPECT_EQ(RetryAfter({}, now), std::nullopt);
}

TEST(Url, IsReadIntoItsParts) {
  const auto url = ParseUrl("HTTPS://User:pw@Host.Example:8443/a/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->Origin(), "https://host.example:8443");
  EXPECT_EQ(url->user_info, "User:pw");
  EXPECT_EQ(url->target, "/a/b?c=d");
  EXPECT_EQ(ParseUrl("http://h")->port, 80);
  EXPECT_EQ(ParseUrl("https://[::1]:6443")->Origin(), "https://[::1]:6443");
  EXPECT_TRUE(ParseUrl("https://[::1]")->IsAddress());
  for (const char* wrong :
       {"", "host:80", "ftp://h", "http://", "http://h:0", "http://h:99999", "http://a b/",
        "http://h/a b", "http://[::1", "http://[x]/", "http://h/\x01"}) {
    EXPECT_FALSE(ParseUrl(wrong)) << wrong;
  }
  EXPECT_THAT(ParseUrl("x://user:hidden@h").error().Render(),
              ::testing::Not(::testing::HasSubstr("hidden")));
}

std::optional<std::string> Proxy(const std::string& url,
                                 std::map<std::string, std::string> variables) {
  return ProxyFor(*ParseUrl(url), [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(ProxyOfTheEnvironment, IsChosenByScheme) {
  EXPECT_EQ(Proxy("https://a.example", {{"HTTPS_PROXY", "http://p:1"}}), "http://p:1");
  EXPECT_EQ(Proxy("https://a.example", {{"https_proxy", "p:1"}}), "http://p:1");
  EXPECT_EQ(Proxy("https://a.example", {{"HTTP_PROXY", "http://p:1"}}), std::nullopt);
  EXPECT_EQ(Proxy("http://a.example", {{"HTTP_PROXY", "http://p:1"}}), "http://p:1");
  EXPECT_EQ(Proxy("http://a.example", {{"HTTP_PROXY", "http://p:1"}, {"REQUEST_METHOD", "GET"}}),
            std::nullopt);
}

TEST(ProxyOfTheEnvironment, IsNotForWhatNoProxyNames) {
  const auto through = [](const std::string& url, const std::string& none) {
    return Proxy(url, {{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", none}}).has_value();
  };
  EXPECT_FALSE(through("https://a.example", "b.example, a.example"));
  EXPECT_FALSE(through("https://x.a.example", "a.example"));
  EXPECT_FALSE(through("https://x.a.example", ".a.example"));
  EXPECT_TRUE(through("https://a.example", ".a.example"));
  EXPECT_TRUE(through("https://xa.example", "a.example"));
  EXPECT_FALSE(through("https://10.1.2.3", "10.0.0.0/8"));
  EXPECT_TRUE(through("https://11.1.2.3", "10.0.0.0/8"));
  EXPECT_FALSE(through("https://10.1.2.3", "10.1.2.2/31"));
  EXPECT_TRUE(through("https://10.1.2.4", "10.1.2.2/31"));
  EXPECT_TRUE(through("https://10.1.2.3", "10.1.2.3/33"));
  EXPECT_FALSE(through("https://a.example", "*"));
  EXPECT_FALSE(through("https://a.example:6443", "a.example:6443"));
  EXPECT_TRUE(through("https://a.example", "a.example:6443"));
  EXPECT_FALSE(through("https://127.0.0.1", ""));
  EXPECT_FALSE(through("https://[::1]", ""));
  EXPECT_FALSE(through("https://[0:0:0:0:0:0:0:1]", ""));
  EXPECT_FALSE(through("https://localhost", ""));
}

TEST(ProxyOfTheEnvironment, IsNotForAnIpv6AddressThatNoProxyNames) {
  const auto through = [](const std::string& none) {
    return Proxy("https://[fd00::1]:6443", {{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", none}})
        .has_value();
  };
  for (const char* covers : {"fd00::/8", "fd00::/128, FD00::/8", "fd00::1/128", "fd00::/127",
                             "::/0", "fd00::1", "fd00:0::1", "[fd00::1]", "[fd00::1]:6443"}) {
    EXPECT_FALSE(through(covers)) << covers;
  }
  for (const char* covers_not : {"fe80::/10", "fd00::/128", "fd00::1/129", "fd00::/", "0.0.0.0/0",
                                 "fd00::2", "[fd00::1]:443", "[fd00::1", "]:6443"}) {
    EXPECT_TRUE(through(covers_not)) << covers_not;
  }
  EXPECT_TRUE(Proxy("https://10.1.2.3", {{"HTTPS_PROXY", "http://p:1"}, {"NO_PROXY", "::/0"}}));
}

TEST(Redaction, TakesTokensOutOfWhatServersSay) {
  Redaction redaction;
  redaction.Add("abcdef0123");
  redaction.Add("x");
  EXPECT_EQ(redaction.Clean("token abcdef0123 of x"), "token *** of x");
  EXPECT_EQ(redaction.Clean("Authorization: Bearer eyJhbGciOi.x, then"),
            "Authorization: Bearer ***, then");
  EXPECT_EQ(redaction.Clean("red \x1b[31m"), "red \\x1b[31m");
  EXPECT_LE(redaction.Clean(std::string(10'000, 'a'), 100).size(), 110U);
}

TEST(PercentEncoding, LeavesOnlyWhatIsUnreserved) {
  EXPECT_EQ(PercentEncoded("a-b_c.d~/?& ="), "a-b_c.d~%2F%3F%26%20%3D");
}

}  // namespace
}  // namespace holdfast::net
