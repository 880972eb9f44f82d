#include "compiler/plan/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::compiler {
namespace {

using ::testing::ElementsAre;

TEST(CronLine, AcceptsWhatCronHas) {
  for (const char* line : {"* * * * *", "0 2 * * *", "*/15 0-6,22,23 1,15 jan-MAR,12 mon-fri",
                           "0 0 29 2 *", "5-50/5 * * * 7", "0  2  * * *", "0 2 30 2 1",
                           "0 2 30 2 */2", "5/1 * * * *", "@daily", "@annually"}) {
    const Status status = CheckCronLine(line);
    EXPECT_TRUE(status) << line << ": " << (status ? "" : status.error().Render());
  }
}

TEST(CronLine, RefusesWhatItDoesNotHave) {
  for (const char* line : {"",
                           "* * * *",
                           "* * * * * *",
                           "60 * * * *",
                           "* 24 * * *",
                           "* * 0 * *",
                           "* * 32 * *",
                           "* * * 13 *",
                           "* * * * 8",
                           "*/0 * * * *",
                           "1- * * * *",
                           "-1 * * * *",
                           "1,,2 * * * *",
                           "a * * * *",
                           "5-1 * * * *",
                           "0 0 31 2,4,6 *",
                           "@nightly",
                           "@",
                           "1/ * * * *",
                           "* * * * 7/1",
                           "30 2 30 2 */1",
                           "30 2 30 2 1,*",
                           "* * * feb-jan *"}) {
    EXPECT_FALSE(CheckCronLine(line)) << line;
  }
}

std::vector<std::string> Next(std::string_view line, const CivilTime& now, std::size_t count = 3) {
  std::vector<std::string> out;
  for (const CivilTime& time : NextTimes(line, now, count)) out.push_back(time.str());
  return out;
}

TEST(CronLine, SaysWhenItComesNext) {
  const CivilTime now{2026, 11, 28, 4, 30};  // a Saturday
  EXPECT_THAT(Next("30 4 * * *", now),
              ElementsAre("2026-11-29 04:30", "2026-11-30 04:30", "2026-12-01 04:30"));
  EXPECT_THAT(Next("31,29 4-5 * * *", now),
              ElementsAre("2026-11-28 04:31", "2026-11-28 05:29", "2026-11-28 05:31"));
  EXPECT_THAT(Next("30 2 * * mon-fri", now),
              ElementsAre("2026-11-30 02:30", "2026-12-01 02:30", "2026-12-02 02:30"));
  EXPECT_THAT(Next("0 0 * * 7", now), Next("@weekly", now));
  EXPECT_THAT(Next("0 0 * * 7", now),
              ElementsAre("2026-11-29 00:00", "2026-12-06 00:00", "2026-12-13 00:00"));
  EXPECT_THAT(Next("0 0 29 2 *", now),
              ElementsAre("2028-02-29 00:00", "2032-02-29 00:00", "2036-02-29 00:00"));
  // Either day.
  EXPECT_THAT(Next("0 0 1 * sun", now),
              ElementsAre("2026-11-29 00:00", "2026-12-01 00:00", "2026-12-06 00:00"));
  EXPECT_THAT(Next("@yearly", now, 1), ElementsAre("2027-01-01 00:00"));
  EXPECT_THAT(Next("@hourly", now, 1), ElementsAre("2026-11-28 05:00"));
}

// As github.com/robfig/cron v3.0.1 answered.
TEST(CronLine, TakesAStepOfOneForAStar) {
  const CivilTime now{2026, 11, 28, 4, 30};  // a Saturday
  EXPECT_THAT(Next("0 2 1 * */1", now),
              ElementsAre("2026-12-01 02:00", "2027-01-01 02:00", "2027-02-01 02:00"));
  EXPECT_THAT(Next("0 2 */1 * 1", now),
              ElementsAre("2026-11-30 02:00", "2026-12-07 02:00", "2026-12-14 02:00"));
  EXPECT_THAT(Next("0 2 *,7 * 1", now),
              ElementsAre("2026-11-30 02:00", "2026-12-07 02:00", "2026-12-14 02:00"));
  // A longer one is a list of days: either day.
  EXPECT_THAT(Next("0 2 */15 * 1", now),
              ElementsAre("2026-11-30 02:00", "2026-12-01 02:00", "2026-12-07 02:00"));
}

TEST(CronLine, CountsFromANumberWithAStepToTheEnd) {
  const CivilTime now{2026, 11, 28, 4, 30};  // a Saturday
  EXPECT_THAT(Next("58/1 2 * * *", now),
              ElementsAre("2026-11-29 02:58", "2026-11-29 02:59", "2026-11-30 02:58"));
  EXPECT_THAT(Next("5 20/2 * * *", now),
              ElementsAre("2026-11-28 20:05", "2026-11-28 22:05", "2026-11-29 20:05"));
  EXPECT_THAT(Next("0 2 * * 5/1", now),
              ElementsAre("2026-12-04 02:00", "2026-12-05 02:00", "2026-12-11 02:00"));
}

TEST(CronLine, KnowsSundayAsZeroWhereASchedulerDoes) {
  EXPECT_EQ(WithSundayAsZero("0 2 * * 7"), "0 2 * * 0");
  EXPECT_EQ(WithSundayAsZero("0 2 * * 5-7"), "0 2 * * 0,5,6");
  EXPECT_EQ(WithSundayAsZero("0  2 * * 0,7"), "0 2 * * 0");
  EXPECT_EQ(WithSundayAsZero("0 2 * * mon-fri"), "0 2 * * mon-fri");
  EXPECT_EQ(WithSundayAsZero("*/5 * * * *"), "*/5 * * * *");
  EXPECT_EQ(WithSundayAsZero("@daily"), "@daily");
  EXPECT_EQ(WithSundayAsZero("0 2 1 * */1"), "0 2 1 * *");
  EXPECT_EQ(WithSundayAsZero("0 2 1 * *,7"), "0 2 1 * *");
  EXPECT_EQ(WithSundayAsZero("0 2 1 * */7"), "0 2 1 * 0");
  EXPECT_EQ(WithSundayAsZero("0 2 1 * 5/1"), "0 2 1 * 5/1");
}

}  // namespace
}  // namespace holdfast::compiler
