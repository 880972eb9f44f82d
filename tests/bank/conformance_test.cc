#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

#include "plugins/banks/conformance/bank_suite.h"
#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/banks/memory/memory_bank.h"
#include "plugins/sdk/forwarding_bank.h"
#include "tests/bank/temporary_folder.h"

namespace holdfast {
namespace {

// One test per check and bank, named after both.
class BankConformance : public ::testing::TestWithParam<BankCheck> {};

std::string NameOfCheck(const ::testing::TestParamInfo<BankCheck>& info) {
  return std::string(info.param.name);
}

TEST_P(BankConformance, Memory) {
  MemoryBank bank;
  const BankCheckResult result = RunBankCheck(bank, GetParam(), "t/local/check");
  EXPECT_TRUE(result.outcome) << result.outcome.error().Render();
}

TEST_P(BankConformance, Filesystem) {
  const testing::TemporaryFolder folder;
  auto bank = OpenFilesystemBank(folder.path() / "bank");
  ASSERT_TRUE(bank) << bank.error().Render();
  const BankCheckResult result = RunBankCheck(**bank, GetParam(), "t/local/check");
  EXPECT_TRUE(result.outcome) << result.outcome.error().Render();
  // Nothing of ours stays, no temporary file either.
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "bank"));
}

INSTANTIATE_TEST_SUITE_P(Every, BankConformance,
                         ::testing::ValuesIn(BankChecks().begin(), BankChecks().end()),
                         NameOfCheck);

// A bank that breaks one promise each: the suite must see it.
class Overwriting final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;
  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    std::ignore = inner_.Delete(key);
    return inner_.Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling) override {
    return inner_.Replace(key, value);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    ListOptions other = options;
    other.direction = ListDirection::kAscending;
    return inner_.List(other);
  }
  Status Delete(const ObjectKey& key) override {
    std::ignore = inner_.Delete(key);
    return Ok();
  }
  ExclusiveStrength strength() const override { return ExclusiveStrength::kAtomic; }
  std::string Describe() const override { return "a bank that overwrites"; }
};

TEST(BankSuite, SeesABankThatBreaksItsPromises) {
  MemoryBank memory;
  Overwriting bank(memory);
  std::vector<std::string> failed;
  for (const BankCheckResult& result : RunBankChecks(bank, "t/local/check")) {
    if (!result.outcome) failed.push_back(result.name);
  }
  for (const char* expected :
       {"PutNeverOverwrites", "CreateExclusiveNeverOverwrites", "ListsAreOrderedByTheWholeKey",
        "PagesJoinToTheWholeList", "WhatIsNotThereIsNotFound", "OneOfManyCreatorsWins",
        "TheLastKeyOfASeriesIsFound", "ALongListingIsWhole"}) {
    EXPECT_NE(std::find(failed.begin(), failed.end(), expected), failed.end()) << expected;
  }
}

// Whoever reads at the wrong moment sees a part of a value; afterwards all is well.
class HalfWritten final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling) override {
    HOLDFAST_RETURN_IF_ERROR(inner_.Replace(key, value.substr(0, value.size() / 2)));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return inner_.Replace(key, value);
  }
  ExclusiveStrength strength() const override { return ExclusiveStrength::kSettled; }
};

TEST(BankSuite, SeesAHalfWrittenValueThatIsThereForAMomentAlone) {
  MemoryBank memory;
  HalfWritten bank(memory);
  const auto check =
      std::find_if(BankChecks().begin(), BankChecks().end(), [](const BankCheck& each) {
        return each.name == std::string_view("CreatorsThatDoNotWaitMixNothing");
      });
  ASSERT_NE(check, BankChecks().end());
  const BankCheckResult result = RunBankCheck(bank, *check, "t/local/check");
  ASSERT_FALSE(result.outcome);
  EXPECT_NE(result.outcome.error().message().find("a reader saw what nobody wrote"),
            std::string::npos)
      << result.outcome.error().Render();
}

TEST(BankSuite, ReportsEveryCheckOnce) {
  MemoryBank bank;
  std::vector<std::string> before;
  const auto results = RunBankChecks(bank, "t/local/check", {},
                                     [&](std::string_view name) { before.emplace_back(name); });
  ASSERT_EQ(results.size(), BankChecks().size());
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_EQ(before[i], results[i].name);
}

}  // namespace
}  // namespace holdfast
