// A copy that begins while gc removes what an earlier copy, or a deletion, has left under the same id.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "plugins/sdk/forwarding_bank.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

// A bank in which something happens once, just before the first object with `part` in its key is deleted.
class MeanwhileBank final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;
  void BeforeDeletionOf(std::string part, std::function<void()> meanwhile) {
    part_ = std::move(part);
    meanwhile_ = std::move(meanwhile);
  }
  bool pending() const { return meanwhile_ != nullptr; }

  Status Delete(const ObjectKey& key) override {
    if (meanwhile_ && key.str().find(part_) != std::string::npos)
      std::exchange(meanwhile_, nullptr)();
    return ForwardingBank::Delete(key);
  }

 private:
  std::string part_;
  std::function<void()> meanwhile_;
};

class GcBesideCopy : public ::testing::Test {
 protected:
  GcBesideCopy() {
    source.provider_id = "provider-2";
    for (World* const one : {&source, &target}) {
      one->Add("T::App#shop");
      one->Add("T::Volume#a", {"T::App#shop"});
    }
    EXPECT_EQ(source.RunAll("run-1", source.Publish()).code, ExitCode::kOk);
  }
  void CollectGarbage() {
    std::vector<runtime::GcAction> actions;
    target.now += std::chrono::hours(24 * 60);
    target.CollectGarbage({}, &actions);
  }
  // Whatever gc did: what is called available is whole, and the copy can be made.
  void ExpectWholeOrNothing() {
    if (target.StateOf("run-1") == RecordState::kAvailable) ExpectWhole("verify-1");
    target.now += std::chrono::hours(1);
    const World::Outcome again = target.CopyFrom(source, "run-1");
    EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
    ExpectWhole("verify-2");
  }
  void ExpectWhole(const std::string& run) {
    const World::Outcome verified = target.RunAll(run, target.Publish(Operation::kVerify, "run-1"));
    EXPECT_EQ(verified.code, ExitCode::kOk) << verified.text;
  }

  testing::MovedTime<WallTime> time = *ParseTime("2026-11-24T01:00:00Z");
  TestClock clock{time};
  MemoryBank memory{clock};
  MeanwhileBank bank{memory};
  World source;
  World target{&bank};
};

TEST_F(GcBesideCopy, TakesNothingOfACopyOfWhatWasHalfCopied) {
  ASSERT_EQ(target.CopyFrom(source, "run-1").code, ExitCode::kOk);
  // As a copy leaves it that is killed before its state, and whose marker was taken away.
  const auto keys = *target.tenant.ListAll();
  for (const std::string& key : keys) {
    const bool of_its_end = key.find("/state/") != std::string::npos ||
                            key.starts_with("indices/by-") ||
                            (key.find("/copy/") != std::string::npos && key.ends_with("/result"));
    if (of_its_end) {
      ASSERT_TRUE(target.tenant.Delete(key));
    }
  }
  bank.BeforeDeletionOf("checkpoints/run-1/", [this] { target.CopyFrom(source, "run-1"); });
  CollectGarbage();
  EXPECT_FALSE(bank.pending()) << "gc removed nothing: the case shows nothing";
  ExpectWholeOrNothing();
}

TEST_F(GcBesideCopy, TakesNothingOfACopyOfWhatWasDeleted) {
  ASSERT_EQ(target.CopyFrom(source, "run-1").code, ExitCode::kOk);
  ASSERT_EQ(target.RunAll("delete-1", target.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  bank.BeforeDeletionOf("checkpoints/run-1/", [this] { target.CopyFrom(source, "run-1"); });
  CollectGarbage();
  EXPECT_FALSE(bank.pending()) << "gc removed nothing: the case shows nothing";
  ExpectWholeOrNothing();
}

}  // namespace
}  // namespace holdfast::testing_runtime
