#include "tests/bank/faulty_bank.h"

#include <gtest/gtest.h>

#include "plugins/banks/memory/memory_bank.h"

namespace holdfast::testing {
namespace {

ObjectKey Key(std::string_view text) { return *ObjectKey::Parse(text); }

TEST(FaultyBank, FailsTheArmedOperationOnlyAndLeavesNoTrace) {
  MemoryBank memory;
  FaultyBank bank(memory);
  bank.Arm(FaultyBank::Fault::kFailOnce, 2);
  EXPECT_TRUE(PutBytes(bank, Key("a"), "1"));
  const Status failed = PutBytes(bank, Key("b"), "2");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(memory.Stat(Key("b")));
  EXPECT_TRUE(bank.reached());
  EXPECT_TRUE(PutBytes(bank, Key("b"), "2"));
  EXPECT_EQ(bank.operations(), 3U);
}

TEST(FaultyBank, LosesTheAnswerOfAnOperationThatTookEffect) {
  MemoryBank memory;
  FaultyBank bank(memory);
  bank.Arm(FaultyBank::Fault::kAnswerLost, 1);
  EXPECT_FALSE(PutBytes(bank, Key("a"), "1"));
  EXPECT_TRUE(memory.Stat(Key("a")));
}

TEST(FaultyBank, DoesNothingMoreOnceItStopped) {
  MemoryBank memory;
  FaultyBank bank(memory);
  bank.Arm(FaultyBank::Fault::kStopAfter, 2, /*changes_only=*/true);
  EXPECT_TRUE(PutBytes(bank, Key("a"), "1"));
  EXPECT_TRUE(bank.Stat(Key("a")));  // does not count
  EXPECT_FALSE(PutBytes(bank, Key("b"), "2"));
  EXPECT_FALSE(PutBytes(bank, Key("c"), "3"));
  EXPECT_FALSE(bank.Stat(Key("a")));
  EXPECT_TRUE(memory.Stat(Key("b")));
  EXPECT_FALSE(memory.Stat(Key("c")));
}

}  // namespace
}  // namespace holdfast::testing
