#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "plugins/engines/argo/follow.h"
#include "plugins/sdk/json.h"
#include "tests/sdk/still_clock.h"

// A list-watch over a server whose every answer is told.
namespace holdfast::engines::argo {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::ElementsAre;

Value Workflow(const std::string& version, const std::string& uid = "u") {
  return Value()
      .Set("kind", "Workflow")
      .Set("metadata", Value().Set("name", "w").Set("uid", uid).Set("resourceVersion", version));
}
WatchEvent Changed(const std::string& version, const std::string& uid = "u") {
  return {WatchEvent::Kind::kChanged, Workflow(version, uid), version, ""};
}
WatchEvent Bookmark(const std::string& version) {
  return {WatchEvent::Kind::kBookmark, Value(), version, ""};
}
WatchEvent Expired() { return {WatchEvent::Kind::kExpired, Value(), "", "too old"}; }
WatchEvent Failed() { return {WatchEvent::Kind::kFailed, Value(), "", "etcd is away"}; }

class Follow : public ::testing::Test {
 protected:
  struct Watched {
    std::vector<WatchEvent> events;
    Status end = Ok();
  };

  // Until the version `last` is seen.
  Status Run(const std::string& last) {
    WatchSource source;
    source.list = [this](const std::string&) -> Result<Listed> {
      said_.push_back("list");
      if (lists_.empty()) return Listed{std::nullopt, "0"};
      auto next = std::move(lists_.front());
      lists_.pop_front();
      return next;
    };
    source.watch = [this](const std::string&, const std::string& version,
                          const std::function<Status(const WatchEvent&)>& take) -> Status {
      said_.push_back("watch " + version);
      if (watches_.empty()) return Error(ErrorCode::kInternal, "nothing is left to say");
      Watched next = std::move(watches_.front());
      watches_.pop_front();
      for (const WatchEvent& event : next.events) HOLDFAST_RETURN_IF_ERROR(take(event));
      return next.end;
    };
    return FollowWorkflow(
        source, "w", patience_, clock_,
        [this](milliseconds wait, const Cancellation*) {
          clock_.steady += wait;
          ++waits_;
          return true;
        },
        &cancellation_,
        [&](const Value& workflow) {
          seen_.push_back(workflow.Find("metadata")->StringOr("resourceVersion", ""));
          return seen_.back() != last;
        });
  }

  std::deque<Result<Listed>> lists_{Listed{Workflow("5"), "7"}};
  std::deque<Watched> watches_;
  std::vector<std::string> said_;
  std::vector<std::string> seen_;
  testing::StillClock clock_;
  Cancellation cancellation_;
  milliseconds patience_ = minutes(5);
  int waits_ = 0;
};

TEST_F(Follow, BeginsWithTheStateAsItIsAndWatchesFromTheList) {
  watches_ = {{{Changed("8"), Changed("9")}}};
  ASSERT_TRUE(Run("9"));
  EXPECT_THAT(seen_, ElementsAre("5", "8", "9"));
  EXPECT_THAT(said_, ElementsAre("list", "watch 7"));
}

TEST_F(Follow, WhoHasSeenEnoughAtOnceWatchesNothing) {
  ASSERT_TRUE(Run("5"));
  EXPECT_THAT(said_, ElementsAre("list"));
}

TEST_F(Follow, AWatchThatEndsIsMadeAgainFromTheNewestVersion) {
  watches_ = {{{Changed("8")}}, {{Bookmark("20")}}, {{}}, {{Changed("21")}}};
  ASSERT_TRUE(Run("21"));
  EXPECT_THAT(said_, ElementsAre("list", "watch 7", "watch 8", "watch 20", "watch 20"));
}

TEST_F(Follow, AfterAWatchThatBroughtNothingNewTheLastStateIsShownAgain) {
  watches_ = {{{Changed("8")}},
              {{Bookmark("20")}},
              {{Changed("8")}, Unavailable("silent")},
              {{}, Unavailable("refused")},
              {{Changed("21")}}};
  ASSERT_TRUE(Run("21"));
  EXPECT_THAT(seen_, ElementsAre("5", "8", "8", "8", "21"));
}

TEST_F(Follow, AConnectionThatIsLostIsMadeAgain) {
  watches_ = {
      {{Changed("8")}, Unavailable("reset")}, {{}, Unavailable("refused")}, {{Changed("9")}}};
  ASSERT_TRUE(Run("9"));
  EXPECT_THAT(seen_, ElementsAre("5", "8", "9"));
  EXPECT_THAT(said_, ElementsAre("list", "watch 7", "watch 8", "watch 8"));
}

TEST_F(Follow, AVersionThatIsTooOldBeginsWithAList) {
  lists_.emplace_back(Listed{Workflow("30"), "31"});
  watches_ = {{{Changed("8"), Expired()}}, {{Changed("32")}}};
  ASSERT_TRUE(Run("32"));
  EXPECT_THAT(seen_, ElementsAre("5", "8", "30", "32"));
  EXPECT_THAT(said_, ElementsAre("list", "watch 7", "list", "watch 31"));
}

TEST_F(Follow, ALineThatCannotBeReadBeginsWithAList) {
  lists_.emplace_back(Listed{Workflow("30"), "31"});
  watches_ = {{{}, Corrupt("no JSON")}, {{Changed("32")}}};
  EXPECT_TRUE(Run("32"));
}

TEST_F(Follow, TheSameStateIsShownOnce) {
  lists_.emplace_back(Listed{Workflow("8"), "10"});
  watches_ = {{{Changed("8"), Expired()}}, {{Changed("8"), Changed("9")}}};
  ASSERT_TRUE(Run("9"));
  EXPECT_THAT(seen_, ElementsAre("5", "8", "9"));
}

TEST_F(Follow, AServerThatIsAwayIsWaitedForAndNotForever) {
  for (int i = 0; i < 1000; ++i) watches_.push_back({{}, Unavailable("refused")});
  const Status followed = Run("9");
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code(), ErrorCode::kUnavailable);
  EXPECT_GT(clock_.steady.time_since_epoch(), minutes(5));
  EXPECT_LT(clock_.steady.time_since_epoch(), minutes(6));
}

TEST_F(Follow, WhatIsHeardBeginsThePatienceAnew) {
  watches_.push_back({{}, Unavailable("refused")});
  for (int i = 0; i < 40; ++i) {
    for (int lost = 0; lost < 10; ++lost) watches_.push_back({{}, Unavailable("refused")});
    watches_.push_back({{Bookmark(std::to_string(100 + i))}, Unavailable("reset")});
  }
  watches_.push_back({{Changed("500")}});
  EXPECT_TRUE(Run("500"));
  EXPECT_GT(clock_.steady.time_since_epoch(), minutes(6));
}

TEST_F(Follow, AFailureOnTheStreamIsTriedAgain) {
  watches_ = {{{Failed()}}, {{Changed("9")}}};
  ASSERT_TRUE(Run("9"));
  EXPECT_THAT(said_, ElementsAre("list", "watch 7", "watch 7"));
}

TEST_F(Follow, AWatchThatEndsAtOnceIsNotAskedForWithoutAPause) {
  for (int i = 0; i < 20; ++i) watches_.push_back({{}});
  watches_.push_back({{Changed("9")}});
  ASSERT_TRUE(Run("9"));
  EXPECT_GE(waits_, 20);
}

TEST_F(Follow, ADeletedWorkflowIsNotFound) {
  watches_ = {{{{WatchEvent::Kind::kDeleted, Workflow("9"), "9", ""}}}};
  const Status followed = Run("never");
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().code(), ErrorCode::kNotFound);
}

TEST_F(Follow, OneThatWasDeletedBetweenTwoWatchesIsNotFoundEither) {
  watches_ = {{{Expired()}}};
  EXPECT_EQ(Run("never").error().code(), ErrorCode::kNotFound);
}

TEST_F(Follow, AnotherWorkflowOfTheSameNameIsNotTheSame) {
  watches_ = {{{Changed("8"), Changed("9", "another")}}};
  EXPECT_EQ(Run("never").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(seen_, ElementsAre("5", "8"));
}

TEST_F(Follow, ARefusalIsAnErrorAtOnce) {
  watches_ = {{{}, Error(ErrorCode::kDenied, "no")}};
  EXPECT_EQ(Run("never").error().code(), ErrorCode::kDenied);
  EXPECT_EQ(waits_, 0);
}

TEST_F(Follow, IsCancelled) {
  watches_ = {{{Changed("8")}, Unavailable("cancelled")}};
  cancellation_.Set();
  EXPECT_EQ(Run("never").error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(waits_, 0);
}

TEST(WatchLine, IsThatOfEitherServer) {
  const auto plain =
      ReadWatchLine(R"({"type": "MODIFIED", "object": {"metadata": {"resourceVersion": "7"}}})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->kind, WatchEvent::Kind::kChanged);
  EXPECT_EQ(plain->resource_version, "7");
  const auto server = ReadWatchLine(
      R"(data: {"result": {"type": "DELETED", "object": {"metadata": {"resourceVersion": "8"}}}})");
  ASSERT_TRUE(server);
  EXPECT_EQ(server->kind, WatchEvent::Kind::kDeleted);
  EXPECT_EQ(ReadWatchLine(R"({"type": "ERROR", "object": {"code": 410, "message": "gone"}})")->kind,
            WatchEvent::Kind::kExpired);
  EXPECT_EQ(ReadWatchLine(R"({"type": "ERROR", "object": {"code": 500, "message": "etcd"}})")->kind,
            WatchEvent::Kind::kFailed);
  EXPECT_EQ(ReadWatchLine(R"({"error": {"grpc_code": 14, "message": "away"}})")->kind,
            WatchEvent::Kind::kFailed);
  EXPECT_EQ(
      ReadWatchLine(R"({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})")
          ->kind,
      WatchEvent::Kind::kBookmark);
  for (const char* const line :
       {"", "x", "[]", "{}", R"({"type": "NEW", "object": {}})", R"({"type": "ADDED"})"})
    EXPECT_EQ(ReadWatchLine(line).error().code(), ErrorCode::kCorrupt) << line;
}

TEST(WatchLine, IsCutFromWhateverPiecesTheStreamComesIn) {
  std::vector<std::string> lines;
  LineSink sink(
      [&](std::string_view line) {
        lines.emplace_back(line);
        return Ok();
      },
      10);
  for (const char* const piece : {"on", "e\n", "\n", "two\nthr", "ee\n", "cut off"})
    ASSERT_TRUE(sink.Write(AsBytes(piece)));
  EXPECT_THAT(lines, ElementsAre("one", "two", "three"));
  EXPECT_EQ(sink.Write(AsBytes("longer than ten")).error().code(), ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace holdfast::engines::argo
