#include "plugins/net/token_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <map>
#include <thread>
#include <vector>

#include "plugins/net/token_http_client.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SteadyTime In(milliseconds time) { return std::chrono::steady_clock::now() + time; }

SessionToken Token(const std::string& id, std::optional<seconds> left = std::nullopt) {
  SessionToken out;
  out.token.id = id;
  out.left = left;
  return out;
}

class Session : public ::testing::Test {
 protected:
  Session() { clock_.steady = SteadyTime(seconds(1000)); }
  TokenSession Make(std::optional<seconds> left) {
    return TokenSession(
        [this, left](SteadyTime, const Cancellation*) -> Result<SessionToken> {
          const int n = ++asked_;
          if (failure_) return *failure_;
          return Token("token-" + std::to_string(n), left);
        },
        clock_);
  }
  static std::string IdOf(TokenSession& session) {
    const auto token = session.Current(In(seconds(10)), nullptr);
    return token ? (*token)->token.id : token.error().OneLine();
  }

  testing::StillClock clock_;
  std::atomic<int> asked_{0};
  std::optional<Error> failure_;
};

TEST_F(Session, ATokenIsUsedUntilItsLastMinute) {
  TokenSession session = Make(seconds(3600));
  EXPECT_EQ(asked_, 0);
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1000 + 3539));
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1000 + 3540));
  EXPECT_EQ(IdOf(session), "token-2");
}

TEST_F(Session, AShortOneIsUsedForThreeQuartersOfItsTime) {
  TokenSession session = Make(seconds(40));
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1029));
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1030));
  EXPECT_EQ(IdOf(session), "token-2");
}

TEST_F(Session, OneOfWhichNobodySaysHowLongItLivesIsUsedUntilItIsRefused) {
  TokenSession session = Make(std::nullopt);
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(std::chrono::hours(24 * 365));
  const auto first = session.Current(In(seconds(10)), nullptr);
  EXPECT_EQ((*first)->token.id, "token-1");
  session.Refuse(*first);
  EXPECT_EQ(IdOf(session), "token-2");
  // Who comes later with what was refused before.
  session.Refuse(*first);
  EXPECT_EQ(IdOf(session), "token-2");
}

TEST_F(Session, AGoodTokenIsEnoughWhileNobodyGivesAnother) {
  TokenSession session = Make(seconds(3600));
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1000 + 3550));
  failure_ = Unavailable("nobody there");
  EXPECT_EQ(IdOf(session), "token-1");
  clock_.steady = SteadyTime(seconds(1000 + 3600));
  EXPECT_THAT(IdOf(session), HasSubstr("nobody there"));
  failure_ = Error(ErrorCode::kDenied, "who?");
  EXPECT_THAT(IdOf(session), HasSubstr("who?"));
}

TEST_F(Session, EightThreadsAskOnce) {
  std::latch all(8);
  TokenSession session(
      [&](SteadyTime, const Cancellation*) -> Result<SessionToken> {
        ++asked_;
        all.wait();
        return Token("one");
      },
      clock_);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      all.count_down();
      good += IdOf(session) == "one" ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(asked_, 1);
}

TEST_F(Session, EightThreadsWhoseTokenWasRefusedAskOnce) {
  TokenSession session = Make(std::nullopt);
  const auto refused = session.Current(In(seconds(10)), nullptr);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      session.Refuse(*refused);
      good += IdOf(session) == "token-2" ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 8);
  EXPECT_EQ(asked_, 2);
}

// One thread asks and waits for `answer`; the test goes on when it does.
class Asking {
 public:
  explicit Asking(const Clock& clock)
      : session(
            [this](SteadyTime, const Cancellation* cancellation) -> Result<SessionToken> {
              if (++asked > 1) return Token("second");
              begun_.set_value();
              auto answer = answer_.get_future().get();
              if (cancellation != nullptr && cancellation->is_set())
                return Unavailable("cancelled");
              return answer;
            },
            clock),
        thread_([this] { outcome = session.Current(In(seconds(60)), &cancellation); }) {
    begun_.get_future().wait();
  }
  void Answer(Result<SessionToken> answer) {
    answer_.set_value(std::move(answer));
    thread_.join();
  }

 private:
  std::promise<void> begun_;
  std::promise<Result<SessionToken>> answer_;

 public:
  std::atomic<int> asked{0};
  Cancellation cancellation;
  std::optional<Result<TokenSession::Pointer>> outcome;
  TokenSession session;

 private:
  std::thread thread_;
};

TEST_F(Session, WhoWaitsIsBoundByItsOwnDeadlineAndCancellation) {
  Asking asking(clock_);
  const auto late = asking.session.Current(In(milliseconds(50)), nullptr);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(late.error().message(), HasSubstr("deadline"));
  Cancellation cancellation;
  cancellation.Set();
  const auto cancelled = asking.session.Current(In(seconds(60)), &cancellation);
  ASSERT_FALSE(cancelled);
  EXPECT_THAT(cancelled.error().message(), HasSubstr("cancelled"));
  asking.Answer(Token("first"));
  EXPECT_EQ(IdOf(asking.session), "first");
  EXPECT_EQ(asking.asked, 1);
}

TEST_F(Session, WhoWaitsFailsWithWhatTheOneThatAsksFailsWith) {
  Asking asking(clock_);
  auto waiting = std::async(std::launch::async, [&] { return IdOf(asking.session); });
  // So that it waits, as a rule; where it comes later, it asks itself.
  waiting.wait_for(milliseconds(200));
  asking.Answer(Error(ErrorCode::kDenied, "who?"));
  const std::string got = waiting.get();
  EXPECT_THAT(got, HasSubstr(asking.asked == 1 ? "who?" : "second"));
}

TEST_F(Session, WhereTheOneThatAsksIsCancelledTheNextAsks) {
  Asking asking(clock_);
  auto waiting = std::async(std::launch::async, [&] { return IdOf(asking.session); });
  asking.cancellation.Set();
  asking.Answer(Token("first"));
  EXPECT_FALSE(*asking.outcome);
  EXPECT_EQ(waiting.get(), "second");
}

TEST_F(Session, WhileAnotherIsAskedForAGoodTokenIsUsed) {
  std::promise<void> begun;
  std::promise<void> go_on;
  TokenSession session(
      [&](SteadyTime, const Cancellation*) -> Result<SessionToken> {
        if (++asked_ == 1) return Token("old", seconds(3600));
        begun.set_value();
        go_on.get_future().wait();
        return Token("new", seconds(3600));
      },
      clock_);
  EXPECT_EQ(IdOf(session), "old");
  clock_.steady = SteadyTime(seconds(1000 + 3550));
  auto asking = std::async(std::launch::async, [&] { return IdOf(session); });
  begun.get_future().wait();
  EXPECT_EQ(IdOf(session), "old");
  go_on.set_value();
  EXPECT_EQ(asking.get(), "new");
  EXPECT_EQ(IdOf(session), "new");
}

// --- The client --------------------------------------------------------------------------------------

// Takes the tokens that it was told, and answers 401 to others.
class Guarded final : public HttpClient {
 public:
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime) override {
    const std::string token = request.headers.at("X-Auth-Token");
    std::string body(request.body);
    if (request.source != nullptr) {
      body.resize(request.source_size);
      body.resize(
          *ReadFully(*request.source, std::as_writable_bytes(std::span(body.data(), body.size()))));
    }
    const std::lock_guard lock(mutex_);
    seen.push_back(token + " " + body);
    return HttpResponse{token == taken ? 200 : 401, {}, body};
  }
  std::mutex mutex_;
  std::string taken;
  std::vector<std::string> seen;
};

class Tokens : public Session {
 protected:
  Result<HttpResponse> Send(HttpRequest request) {
    TokenHttpClient client(inner_, session_, [this](milliseconds wait, const Cancellation*) {
      waits_.push_back(wait);
      return true;
    });
    request.url = "http://server.example/";
    return client.Send(request, In(seconds(60)));
  }
  HttpRequest Post(std::string_view body) {
    HttpRequest request;
    request.method = HttpMethod::kPost;
    request.body = body;
    return request;
  }

  TokenSession session_ = Make(std::nullopt);
  Guarded inner_;
  std::vector<milliseconds> waits_;
};

TEST_F(Tokens, GoIntoEachRequest) {
  inner_.taken = "token-1";
  EXPECT_EQ(Send(Post("a"))->status, 200);
  EXPECT_EQ(Send(Post("b"))->status, 200);
  EXPECT_THAT(inner_.seen, ElementsAre("token-1 a", "token-1 b"));
}

TEST_F(Tokens, OneThatIsRefusedIsReplacedAndTheRequestSentAgain) {
  inner_.taken = "token-2";
  EXPECT_EQ(Send(Post("a"))->status, 200);
  EXPECT_THAT(inner_.seen, ElementsAre("token-1 a", "token-2 a"));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(Tokens, OneOfTheSameSecondIsReplacedInTheNext) {
  inner_.taken = "token-3";
  EXPECT_EQ(Send(Post("a"))->status, 200);
  EXPECT_THAT(waits_, ElementsAre(milliseconds(1100)));
}

TEST_F(Tokens, AServiceWhoseKeystoneIsBusyIsAskedOnceMore) {
  inner_.taken = "token-4";
  EXPECT_EQ(Send(Post("a"))->status, 200);
  EXPECT_THAT(waits_, ElementsAre(milliseconds(1100), milliseconds(5000)));
}

TEST_F(Tokens, TheLastRefusalIsReturned) {
  inner_.taken = "none";
  EXPECT_EQ(Send(Post("a"))->status, 401);
  EXPECT_EQ(inner_.seen.size(), 4U);
}

TEST_F(Tokens, ASourceIsSentAgainIfItCanBeginAnew) {
  inner_.taken = "token-2";
  MemorySource source("body");
  HttpRequest request = Post("");
  request.source = &source;
  request.source_size = 4;
  EXPECT_EQ(Send(request)->status, 401);
  // But the next one has the next token.
  source = MemorySource("body");
  EXPECT_EQ(Send(request)->status, 200);
  inner_.taken = "token-3";
  source = MemorySource("body");
  request.rewind = [&] {
    source = MemorySource("body");
    return Ok();
  };
  EXPECT_EQ(Send(request)->status, 200);
  EXPECT_THAT(inner_.seen,
              ElementsAre("token-1 body", "token-2 body", "token-2 body", "token-3 body"));
}

TEST_F(Tokens, WhatAskingFailsWithIsReturned) {
  failure_ = Error(ErrorCode::kDenied, "who?");
  const auto response = Send(Post("a"));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kDenied);
  EXPECT_TRUE(inner_.seen.empty());
}

TEST_F(Tokens, EightThreadsShareAClient) {
  inner_.taken = "token-2";
  TokenHttpClient client(inner_, session_, RealWait());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      HttpRequest request = Post("a");
      for (int i = 0; i < 50; ++i) good += client.Send(request, In(seconds(60)))->ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(asked_, 2);
}

}  // namespace
}  // namespace holdfast::net
