#include "plugins/sdk/error.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/result.h"

namespace holdfast {
namespace {

TEST(Error, RendersPlaceLineCaretAndHint) {
  const Error error = InvalidInput("no plugin called 'volume-snapshto'")
                          .Hint("did you mean 'volume-snapshot'?")
                          .At({"os-infra.conf", 7, 10, "plugin = volume-snapshto", 15});
  EXPECT_EQ(error.Render(),
            "os-infra.conf:7:10: no plugin called 'volume-snapshto'\n"
            "7 | plugin = volume-snapshto\n"
            "  |          ^^^^^^^^^^^^^^^\n"
            "help: did you mean 'volume-snapshot'?");
  EXPECT_EQ(error.OneLine(),
            "os-infra.conf:7:10: no plugin called 'volume-snapshto' [did you mean "
            "'volume-snapshot'?]");
}

TEST(Error, PutsTheCaretBelowWhatTabsAndWideBytesShow) {
  const Error error = InvalidInput("bad").At({"f", 12, 5, "\t\xC3\xA9 x", 1});
  EXPECT_EQ(error.Render(), "f:12:5: bad\n12 |  \xC3\xA9 x\n   |    ^");
}

TEST(Error, ACaretBehindTheEndOfTheLineIsShownThere) {
  const Error error = InvalidInput("bad").At({"f", 1, 99, "ab", 1});
  EXPECT_EQ(error.Render(), "f:1:99: bad\n1 | ab\n  |   ^");
}

TEST(Error, SaysTheFileAloneWhenNoLineIsKnown) {
  EXPECT_EQ(InvalidInput("bad").At({"f", 0, 0, "", 1}).Render(), "f: bad");
}

TEST(Error, AddsContextInFrontAndKeepsTheCode) {
  const Error error = Unavailable("timed out").While("reading 'a'").While("starting");
  EXPECT_EQ(error.message(), "starting: reading 'a': timed out");
  EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
}

TEST(Error, ShowsCausesBelowEachOther) {
  const Error error = Internal("outer")
                          .Because(NotFound("middle").Because(Corrupt("inner")))
                          .Because(NotFound("b"));
  EXPECT_EQ(error.Render(), "outer\nbecause: middle\n  because: inner\nbecause: b");
  EXPECT_EQ(error.OneLine(), "outer; because: middle; because: inner; because: b");
}

TEST(Error, TenantTextCannotSteerATerminal) {
  const Error error = InvalidInput("name '\x1b[2J\r\n' is bad");
  EXPECT_EQ(error.Render(), "name '\\x1b[2J\\x0d\\x0a' is bad");
  EXPECT_EQ(error.OneLine(), "name '\\x1b[2J\\x0d\\x0a' is bad");
}

TEST(SystemErrorTest, ClassifiesByWhatCallersCanDo) {
  EXPECT_EQ(SystemError(EACCES, "x").code(), ErrorCode::kDenied);
  EXPECT_EQ(SystemError(ENOSPC, "x").code(), ErrorCode::kDenied);
  EXPECT_EQ(SystemError(ENOENT, "x").code(), ErrorCode::kNotFound);
  EXPECT_EQ(SystemError(EEXIST, "x").code(), ErrorCode::kConflict);
  EXPECT_EQ(SystemError(EAGAIN, "x").code(), ErrorCode::kUnavailable);
  EXPECT_EQ(SystemError(EIO, "x").code(), ErrorCode::kInternal);
  EXPECT_EQ(SystemError(ENOENT, "opening 'a'").message(), "opening 'a': No such file or directory");
}

Result<int> Half(int n) {
  if (n % 2 != 0) return InvalidInput("odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  HOLDFAST_ASSIGN_OR_RETURN(const int half, Half(n));
  HOLDFAST_RETURN_IF_ERROR(Half(half));
  return half / 2;
}

TEST(ResultTest, MacrosPassErrorsOn) {
  EXPECT_EQ(*Quarter(8), 2);
  ASSERT_FALSE(Quarter(6));
  EXPECT_EQ(Quarter(6).error().message(), "odd");
  EXPECT_FALSE(Quarter(7));
}

}  // namespace
}  // namespace holdfast
