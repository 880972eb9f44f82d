#include "runtime/retention/retention_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/retention/zone_clocks.h"

namespace holdfast::testing_retention {
namespace {

using runtime::ApplyRetention;
using runtime::RetainedCheckpoint;
using runtime::RetentionRules;
using runtime::RetentionVerdict;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

RetainedCheckpoint Available(std::string id, const std::string& created) {
  RetainedCheckpoint one;
  one.id = std::move(id);
  one.created = At(created);
  return one;
}

// One that is called so at each of these times, oldest first: "a", "b", ...
std::vector<RetainedCheckpoint> AllAt(const std::vector<std::string>& times) {
  std::vector<RetainedCheckpoint> all;
  for (const std::string& time : times)
    all.push_back(Available(std::string(1, static_cast<char>('a' + all.size())), time));
  return all;
}

// The ids that are kept, newest first.
std::string Kept(const std::vector<RetainedCheckpoint>& all, const RetentionRules& rules,
                 const runtime::AheadOfUtc& zone = Utc) {
  std::string kept;
  for (const RetentionVerdict& verdict : ApplyRetention(all, rules, zone)) {
    if (verdict.kept) kept += (kept.empty() ? "" : " ") + verdict.id;
  }
  return kept;
}

// Why one is kept, or goes ("goes" then comes first).
std::vector<std::string> WhyOf(const std::string& id, const std::vector<RetainedCheckpoint>& all,
                               const RetentionRules& rules, const runtime::AheadOfUtc& zone = Utc) {
  for (RetentionVerdict& verdict : ApplyRetention(all, rules, zone)) {
    if (verdict.id != id) continue;
    if (!verdict.kept) verdict.reasons.insert(verdict.reasons.begin(), "goes");
    return verdict.reasons;
  }
  return {};
}

TEST(Retention, LastKeepsTheNewest) {
  const auto all = AllAt({"2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z"});
  EXPECT_EQ(Kept(all, {.last = 2}), "c b");
  EXPECT_THAT(WhyOf("b", all, {.last = 2}), ElementsAre("last 2: 2nd"));
  EXPECT_THAT(WhyOf("a", all, {.last = 2}), ElementsAre("goes", "last 2: it is the 3rd"));
}

TEST(Retention, TheNewestOfADayIsKeptAndDaysWithoutOneAreNotCounted) {
  const auto all = AllAt({"2026-11-01T02:00:00Z", "2026-11-01T03:00:00Z", "2026-11-20T01:00:00Z",
                          "2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z"});
  EXPECT_EQ(Kept(all, {.daily = 2}), "e d");
  EXPECT_EQ(Kept(all, {.daily = 3}), "e d b");
  EXPECT_THAT(WhyOf("c", all, {.daily = 2}), ElementsAre("goes", "daily 2026-11-20: d is newer"));
  EXPECT_THAT(WhyOf("b", all, {.daily = 2}),
              ElementsAre("goes", "daily 2026-11-01: 2 days are newer"));
  EXPECT_THAT(WhyOf("b", all, {.daily = 1}),
              ElementsAre("goes", "daily 2026-11-01: 1 day is newer"));
}

TEST(Retention, RulesDoNotShareAndEachSaysWhy) {
  const auto all = AllAt({"2026-11-23T02:00:00Z", "2026-11-28T02:00:00Z", "2026-11-29T02:00:00Z"});
  const RetentionRules rules{.last = 1, .daily = 1, .weekly = 1};
  EXPECT_EQ(Kept(all, rules), "c");
  EXPECT_THAT(WhyOf("c", all, rules),
              ElementsAre("last 1: 1st", "daily 2026-11-29", "weekly 2026-W48"));
  EXPECT_THAT(WhyOf("a", all, rules),
              ElementsAre("goes", "last 1: it is the 3rd", "daily 2026-11-23: 1 day is newer",
                          "weekly 2026-W48: c is newer"));
}

TEST(Retention, AWeekIsOfTheYearOfItsThursday) {
  // 2026 ends with week 53, which goes on in 2027; 2027's first day is a Friday.
  const auto all = AllAt({"2026-12-27T02:00:00Z", "2026-12-28T02:00:00Z", "2027-01-03T02:00:00Z",
                          "2027-01-04T02:00:00Z", "2029-12-31T02:00:00Z"});
  EXPECT_EQ(Kept(all, {.weekly = 4}), "e d c a");
  EXPECT_THAT(WhyOf("a", all, {.weekly = 4}), ElementsAre("weekly 2026-W52"));
  EXPECT_THAT(WhyOf("c", all, {.weekly = 4}), ElementsAre("weekly 2026-W53"));
  EXPECT_THAT(WhyOf("d", all, {.weekly = 4}), ElementsAre("weekly 2027-W01"));
  EXPECT_THAT(WhyOf("e", all, {.weekly = 4}), ElementsAre("weekly 2030-W01"));
}

TEST(Retention, AYearBeginsWithTheClocksOfTheZone) {
  const auto all = AllAt({"2026-12-31T22:30:00Z", "2026-12-31T23:30:00Z"});
  EXPECT_EQ(Kept(all, {.yearly = 2}, Berlin), "b a");
  EXPECT_THAT(WhyOf("b", all, {.yearly = 2}, Berlin), ElementsAre("yearly 2027"));
  EXPECT_EQ(Kept(all, {.yearly = 1, .within = {}}, Utc), "b");
  EXPECT_EQ(Kept(all, {.monthly = 2}, Berlin), "b a");
  EXPECT_THAT(WhyOf("a", all, {.monthly = 2}, Berlin), ElementsAre("monthly 2026-12"));
}

TEST(Retention, ADayOfTwentyThreeOrTwentyFiveHoursIsOneDay) {
  // In Berlin 29 March has 23 hours, from 23:00Z to 22:00Z, and 25 October 25.
  const auto spring = AllAt({"2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z",
                             "2026-03-29T22:00:00Z"});
  EXPECT_EQ(Kept(spring, {.daily = 3}, Berlin), "d c a");
  const auto autumn = AllAt({"2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z",
                             "2026-10-25T23:00:00Z"});
  EXPECT_EQ(Kept(autumn, {.daily = 3}, Berlin), "d c a");
}

TEST(Retention, AnHourThatTheClocksShowTwiceIsTwoHours) {
  const auto all = AllAt({"2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
                          "2026-10-25T02:30:00Z"});
  EXPECT_EQ(Kept(all, {.hourly = 3}, Berlin), "d c b");
  EXPECT_THAT(WhyOf("b", all, {.hourly = 3}, Berlin), ElementsAre("hourly 2026-10-25 02:00+02:00"));
  EXPECT_THAT(WhyOf("c", all, {.hourly = 3}, Berlin), ElementsAre("hourly 2026-10-25 02:00+01:00"));
  EXPECT_THAT(WhyOf("d", all, {.hourly = 3}, StJohns),
              ElementsAre("hourly 2026-10-25 00:00-02:30"));
}

TEST(Retention, ADayThatTheClocksBeginTwiceIsOneDay) {
  // There 2026-10-25 began, after a minute it was 23:01 of the day before, and an hour later it began again.
  const auto all = AllAt({"2026-10-25T02:29:00Z", "2026-10-25T02:30:30Z", "2026-10-25T02:45:00Z",
                          "2026-10-25T03:45:00Z"});
  EXPECT_EQ(Kept(all, {.daily = 2}, StJohns), "d c");
  EXPECT_THAT(WhyOf("c", all, {.daily = 2}, StJohns), ElementsAre("daily 2026-10-24"));
  EXPECT_THAT(WhyOf("b", all, {.daily = 2}, StJohns),
              ElementsAre("goes", "daily 2026-10-25: d is newer"));
}

TEST(Retention, OfOneTimeTheGreaterIdIsTheNewer) {
  auto all = AllAt({"2026-11-29T02:00:00Z", "2026-11-29T02:00:00Z", "2026-11-29T02:00:00Z"});
  EXPECT_EQ(Kept(all, {.last = 1}), "c");
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(Kept(all, {.last = 2}), "c b");
}

TEST(Retention, WithFewerThanTheyAreToBeTheOldestIsKept) {
  const auto all = AllAt({"2026-03-01T02:00:00Z", "2026-05-31T02:00:00Z", "2026-11-29T02:00:00Z"});
  EXPECT_EQ(Kept(all, {.yearly = 5}), "c a");
  EXPECT_THAT(WhyOf("a", all, {.yearly = 5}),
              ElementsAre("yearly 5: the oldest, with only 1 year"));
  EXPECT_EQ(Kept(all, {.yearly = 1}), "c");
  EXPECT_EQ(Kept(all, {.monthly = 2}), "c b");
}

TEST(Retention, WithinIsCountedFromTheNewest) {
  const auto all = AllAt({"2020-11-01T02:00:00Z", "2020-11-02T01:59:59Z", "2020-11-02T02:00:00Z",
                          "2020-11-03T02:00:00Z"});
  const RetentionRules rules{.within = std::chrono::hours(24)};
  EXPECT_EQ(Kept(all, rules), "d c");
  EXPECT_THAT(WhyOf("c", all, rules), ElementsAre("within 24 h of the newest"));
  EXPECT_THAT(WhyOf("b", all, rules), ElementsAre("goes", "not within 24 h of the newest"));
}

TEST(Retention, WhatIsNotAvailableIsKeptAndTakesNobodysPlace) {
  auto all = AllAt({"2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z",
                    "2026-11-04T02:00:00Z"});
  all[0].not_available = "error";
  all[0].failed = true;
  all[2].not_available = "error";
  all[2].failed = true;
  all[3].not_available = "protecting";
  const RetentionRules rules{.last = 1};
  EXPECT_EQ(Kept(all, rules), "d c b a");
  EXPECT_THAT(WhyOf("b", all, rules), ElementsAre("last 1: 1st", "the last available one"));
  EXPECT_THAT(WhyOf("d", all, rules), ElementsAre("not available: protecting"));
  std::map<std::string, bool> left_over;
  for (const RetentionVerdict& verdict : ApplyRetention(all, rules, Utc))
    left_over[verdict.id] = verdict.left_over;
  // One that is younger than what is kept may be somebody's to look into.
  EXPECT_THAT(left_over,
              ::testing::UnorderedElementsAre(std::pair("a", true), std::pair("b", false),
                                              std::pair("c", false), std::pair("d", false)));
}

TEST(Retention, OfNothingAvailableNothingIsLeftOver) {
  auto all = AllAt({"2026-11-01T02:00:00Z"});
  all[0].not_available = "error";
  all[0].failed = true;
  const auto verdicts = ApplyRetention(all, {.last = 1}, Utc);
  ASSERT_EQ(verdicts.size(), 1U);
  EXPECT_FALSE(verdicts[0].left_over);
  EXPECT_THAT(ApplyRetention({}, {.last = 1}, Utc), IsEmpty());
}

TEST(Retention, WhatIsPinnedOrInUseIsKeptAndCounts) {
  auto all = AllAt({"2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z", "2026-11-03T02:00:00Z",
                    "2026-11-04T02:00:00Z"});
  all[0].pinned = true;
  all[0].pin = "before the move";
  all[1].used_by = "restore r";
  all[3].pinned = true;
  EXPECT_EQ(Kept(all, {.last = 1}), "d b a");
  EXPECT_THAT(WhyOf("a", all, {.last = 1}), ElementsAre("pinned: before the move"));
  EXPECT_THAT(WhyOf("b", all, {.last = 1}), ElementsAre("in use: restore r"));
  EXPECT_THAT(WhyOf("d", all, {.last = 1}), ElementsAre("pinned", "last 1: 1st"));
}

TEST(Retention, WithoutARuleEverythingIsKept) {
  const auto all = AllAt({"2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z"});
  EXPECT_FALSE(RetentionRules{}.any());
  EXPECT_EQ(Kept(all, {}), "b a");
  EXPECT_THAT(WhyOf("a", all, {}), ElementsAre("there is no rule"));
}

TEST(Retention, RulesComeFromAPlansValue) {
  const Value retention = Value()
                              .Set("last", 3)
                              .Set("daily", 7)
                              .Set("weekly", 0)
                              .Set("yearly", 200)
                              .Set("within", std::int64_t{172'800'000});
  const RetentionRules rules =
      runtime::RetentionRulesOf(Value().Set("name", "shop").Set("retention", retention));
  EXPECT_EQ(rules.str(), "last 3, daily 7, yearly 200, within 48 h");
  EXPECT_TRUE(rules.any());
  EXPECT_FALSE(runtime::RetentionRulesOf(Value().Set("name", "shop")).any());
}

}  // namespace
}  // namespace holdfast::testing_retention
