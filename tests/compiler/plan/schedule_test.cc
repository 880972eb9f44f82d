#include "compiler/plan/schedule.h"

#include <gtest/gtest.h>

namespace holdfast::compiler {
namespace {

TEST(CronLine, AcceptsWhatCronHas) {
  for (const char* line :
       {"* * * * *", "0 2 * * *", "*/15 0-6,22,23 1,15 jan-MAR,12 mon-fri", "0 0 29 2 *",
        "5-50/5 * * * 7", "0  2  * * *", "0 2 30 2 1", "@daily", "@annually"}) {
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
                           "* * * feb-jan *"}) {
    EXPECT_FALSE(CheckCronLine(line)) << line;
  }
}

}  // namespace
}  // namespace holdfast::compiler
