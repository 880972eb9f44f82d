// A copy that begins while gc removes what an earlier copy, or a deletion, has left under the same id.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>

#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

// A bank in which something happens once, just before the first object with `part` in its key is deleted.
class MeanwhileBank final : public Bank {
 public:
  explicit MeanwhileBank(Bank& bank) : bank_(&bank) {}
  void BeforeDeletionOf(std::string part, std::function<void()> meanwhile) {
    part_ = std::move(part);
    meanwhile_ = std::move(meanwhile);
  }
  bool pending() const { return meanwhile_ != nullptr; }

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return bank_->Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    return bank_->CreateExclusive(key, value, settling);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    return bank_->Replace(key, value);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    return bank_->Get(key, sink, offset, length);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    return bank_->List(options);
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override { return bank_->Stat(key); }
  Status Delete(const ObjectKey& key) override {
    if (meanwhile_ && key.str().find(part_) != std::string::npos)
      std::exchange(meanwhile_, nullptr)();
    return bank_->Delete(key);
  }
  ExclusiveStrength strength() const override { return bank_->strength(); }
  std::string Describe() const override { return bank_->Describe(); }

 private:
  Bank* bank_;  // Not owned.
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

  WallTime time = *ParseTime("2026-11-24T01:00:00Z");
  TestClock clock{time};
  MemoryBank memory{clock};
  MeanwhileBank bank{memory};
  World source;
  World target{&bank};
};

TEST_F(GcBesideCopy, TakesNothingOfACopyOfWhatWasHalfCopied) {
  ASSERT_EQ(target.CopyFrom(source, "run-1").code, ExitCode::kOk);
  // As a copy leaves it that is killed before its state, and whose marker was taken away.
  const auto keys = *target.tenant.ListAll("checkpoints/run-1/");
  for (const std::string& key : keys) {
    const bool of_its_end = key.find("/state/") != std::string::npos ||
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
