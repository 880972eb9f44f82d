#include "compiler/plan/cron_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
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

std::chrono::sys_seconds Utc(const CivilTime& time) {
  using namespace std::chrono;
  return sys_days(year(time.year) / time.month / time.day) + hours(time.hour) +
         minutes(time.minute);
}

std::vector<std::string> Next(std::string_view line, const CivilTime& now, std::size_t count = 3,
                              const ZoneClocks& clocks = {{{}, {}}}) {
  std::vector<std::string> out;
  for (const CivilTime& time : NextTimes(line, clocks, Utc(now), count)) out.push_back(time.str());
  return out;
}

using std::chrono::hours;

const ZoneClocks& Berlin() {
  static const ZoneClocks kClocks{{Utc({2026, 3, 29, 1}), hours(2)},
                                  {Utc({2026, 10, 25, 1}), hours(1)},
                                  {Utc({2027, 3, 28, 1}), hours(2)},
                                  {Utc({2027, 10, 31, 1}), hours(1)},
                                  {Utc({2028, 3, 26, 1}), hours(2)}};
  return kClocks;
}

// There the midnight before a Friday is left out.
const ZoneClocks& Cairo() {
  static const ZoneClocks kClocks{{Utc({2026, 10, 29, 21}), hours(2)},
                                  {Utc({2027, 4, 29, 22}), hours(3)},
                                  {Utc({2027, 10, 28, 21}), hours(2)}};
  return kClocks;
}

std::vector<std::string> Odd(std::string_view line, const CivilTime& now,
                             const ZoneClocks& clocks) {
  std::vector<std::string> out;
  for (const OddTime& odd : OddTimes(line, clocks, Utc(now)))
    out.push_back(odd.time.str() + ": " + std::to_string(odd.runs));
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

// As github.com/robfig/cron v3.0.1 answered, and as the table in Argo's cron-workflows.md has it.
TEST(CronLine, PassesATimeThatTheClocksLeaveOut) {
  EXPECT_THAT(Next("30 2 * * *", {2027, 3, 27, 0}, 3, Berlin()),
              ElementsAre("2027-03-27 02:30", "2027-03-29 02:30", "2027-03-30 02:30"));
  EXPECT_THAT(Next("30 2 28 3 *", {2026, 11, 28, 0}, 1, Berlin()), ElementsAre("2028-03-28 02:30"));
  EXPECT_THAT(
      Next("15,45 1-3 * * *", {2027, 3, 28, 0}, 4, Berlin()),
      ElementsAre("2027-03-28 01:15", "2027-03-28 01:45", "2027-03-28 03:15", "2027-03-28 03:45"));
}

TEST(CronLine, ComesTwiceWhereTheClocksShowATimeTwice) {
  EXPECT_THAT(Next("30 2 * * *", {2026, 10, 24, 12}, 3, Berlin()),
              ElementsAre("2026-10-25 02:30", "2026-10-25 02:30", "2026-10-26 02:30"));
  EXPECT_THAT(Next("30 3 * * *", {2026, 10, 24, 12}, 2, Berlin()),
              ElementsAre("2026-10-25 03:30", "2026-10-26 03:30"));
}

// Not what one would want: what that scheduler does.
TEST(CronLine, MissesADayWithoutAMidnight) {
  EXPECT_THAT(Next("0 3 * * fri", {2027, 4, 20}, 2, Cairo()),
              ElementsAre("2027-04-23 03:00", "2027-05-07 03:00"));
  EXPECT_THAT(Next("0 1 * * thu", {2027, 4, 28}, 3, Cairo()),
              ElementsAre("2027-04-29 01:00", "2027-04-30 01:00", "2027-05-06 01:00"));
  EXPECT_THAT(Next("0 3 * * *", {2027, 4, 29}, 2, Cairo()),
              ElementsAre("2027-04-29 03:00", "2027-04-30 03:00"));
}

TEST(OddTimes, AreThoseOfTheComingYear) {
  const CivilTime now{2026, 11, 28};
  EXPECT_THAT(Odd("30 2 * * *", now, Berlin()),
              ElementsAre("2027-03-28 02:30: 0", "2027-10-31 02:30: 2"));
  EXPECT_THAT(Odd("0,30 1,2,3 * * sun", now, Berlin()),
              ElementsAre("2027-03-28 02:00: 0", "2027-10-31 02:00: 2"));
  EXPECT_THAT(Odd("0 3 * * fri", now, Cairo()), ElementsAre("2027-04-30 03:00: 0"));
  EXPECT_THAT(Odd("@daily", now, Cairo()), ElementsAre("2027-04-30 00:00: 0"));
}

TEST(OddTimes, AreNoneOfOtherDaysHoursAndZones) {
  const CivilTime now{2026, 11, 28};
  for (const char* line :
       {"30 1 * * *", "30 3 * * *", "0 3 * * *", "59 1 * * *", "30 2 * * mon-sat", "30 2 1 * *",
        "30 * * * *", "30 1-5 * * *", "30 */2 * * *", "@daily"}) {
    EXPECT_THAT(Odd(line, now, Berlin()), ElementsAre()) << line;
  }
  EXPECT_THAT(Odd("30 2 * * *", now, {{{}, {}}}), ElementsAre());
}

TEST(OddTimes, AreAvoidedByAnHourNearby) {
  const CivilTime now{2026, 11, 28};
  EXPECT_EQ(WithoutOddTimes("30 2 * * 7", Berlin(), Utc(now)), "30 3 * * 7");
  EXPECT_EQ(WithoutOddTimes("30 2,3,14 * * *", Berlin(), Utc(now)), "30 1,3,14 * * *");
  EXPECT_EQ(WithoutOddTimes("@daily", Cairo(), Utc(now)), "0 1 * * *");
  EXPECT_EQ(WithoutOddTimes("0 3 * * fri", Cairo(), Utc(now)), "");  // no hour of that day
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

TEST(CronLine, KnowsTheDaysOfMarchThatMistralMisses) {
  const auto missed = [](const char* line) { return MissedInMarch(line); };
  using Days = std::vector<int>;
  EXPECT_EQ(missed("0 2 * * *"), Days{});
  EXPECT_EQ(missed("0 2 1-31 * *"), Days{});
  EXPECT_EQ(missed("0 2 1,15 * *"), Days{});
  EXPECT_EQ(missed("0 2 1,31 4-12 *"), Days{});
  EXPECT_EQ(missed("0 2 1,2,31 * *"), (Days{1, 2}));
  EXPECT_EQ(missed("0 2 */2 * *"), Days{1});
  EXPECT_EQ(missed("0 2 1,2,30 * *"), Days{1});
  EXPECT_EQ(missed("0 2 2,30 * *"), Days{});
  // Only after the 29th February.
  EXPECT_EQ(missed("0 2 1,29,31 * *"), Days{1});
}

TEST(CronLine, MeansTheSameToMistral) {
  EXPECT_EQ(ForCroniter("30 2 * * mon-fri"), "30 2 * * mon-fri");
  EXPECT_EQ(ForCroniter("@daily"), "@daily");
  EXPECT_EQ(ForCroniter("0  2 */1 * 5-7"), "0 2 * * 0,5,6");
  EXPECT_EQ(ForCroniter("0 2 * * 5/1"), "0 2 * * 5,6");
  EXPECT_EQ(ForCroniter("0,* 2 1 * *,7"), "* 2 1 * *");
  // A list of all days is another day beside a day of month to Argo, and a star to croniter.
  EXPECT_EQ(ForCroniter("0 2 1 * 0-6"), "0 2 * * *");
  EXPECT_EQ(ForCroniter("0 2 1-31 * mon"), "0 2 * * *");
  EXPECT_EQ(ForCroniter("0 2 1,15 * mon"), "0 2 1,15 * mon");
  // croniter starts nothing where one of the two never comes.
  EXPECT_EQ(ForCroniter("0 2 31 2 mon"), "0 2 * 2 mon");
  EXPECT_EQ(ForCroniter("0 2 29 2 mon"), "0 2 29 2 mon");
}

}  // namespace
}  // namespace holdfast::compiler
