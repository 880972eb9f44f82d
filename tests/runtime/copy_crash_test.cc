// A copy that is stopped at every write to either bank, and goes on, or never does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/fsck/fsck.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/rubbish.h"
#include "tests/runtime/copied_worlds.h"
#include "tests/runtime/sweep.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using Fault = testing::FaultyBank::Fault;

enum class Where { kSource, kTarget };

class CopyCrash : public ::testing::TestWithParam<std::tuple<Fault, Where>> {
 protected:
  // Several segments, so that there are some to go on with.
  static void Prepare(TwoBanks& banks) {
    banks.first.data.segment_size = banks.second.data.segment_size = std::uint64_t{1} << 20U;
    banks.first.contents["T::Volume#a"] = std::string(3'500'000, 'a');
    banks.first.raw["T::Volume#b"] = "not of a stream";
    banks.Protect();
  }
  static World& Struck(TwoBanks& banks) {
    return std::get<Where>(GetParam()) == Where::kSource ? banks.first : banks.second;
  }
  static std::uint64_t Changes() {
    TwoBanks banks;
    Prepare(banks);
    const std::uint64_t before = Struck(banks).bank.changes();
    EXPECT_EQ(banks.Copy().code, ExitCode::kOk);
    return Struck(banks).bank.changes() - before;
  }
  // Copies, and is dead at the n-th write.
  static void CopyUntil(TwoBanks& banks, std::uint64_t n) {
    World& struck = Struck(banks);
    struck.bank.Arm(std::get<Fault>(GetParam()), n, true);
    banks.Copy();
    EXPECT_TRUE(struck.bank.reached());
    struck.bank.Disarm();
    IsWholeOrNothing(banks.second);
  }
};

TEST_P(CopyCrash, AtEveryWriteRunAgainIsTheWholeCheckpoint) {
  const std::uint64_t changes = Changes();
  ASSERT_GT(changes, 3U);
  const Sweep sweep;
  for (std::uint64_t n = sweep.first(); n <= changes; n += sweep.stride()) {
    SCOPED_TRACE(n);
    TwoBanks banks;
    Prepare(banks);
    const auto original = *banks.first.tenant.ListAll();
    CopyUntil(banks, n);
    const auto again = banks.Copy();
    ASSERT_EQ(again.code, ExitCode::kOk) << again.text;
    EXPECT_TRUE(IsWholeOrNothing(banks.second));
    EXPECT_THAT(banks.second.Unfinished(), IsEmpty());
    EXPECT_THAT(banks.first.Unfinished(), IsEmpty());
    // The lease is given back: who wants to delete it need not wait.
    const auto lease = runtime::CurrentLease(banks.second.tenant, "run-1");
    EXPECT_TRUE((*lease)->released);
    banks.ExpectRestored("res-1");
    std::vector<runtime::GcAction> actions;
    for (World* const world : {&banks.first, &banks.second}) {
      world->CollectGarbage({}, &actions);
      for (const auto& action : actions)
        EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
    }
    EXPECT_TRUE(IsWholeOrNothing(banks.second));
    banks.ExpectRestored("res-2");
  }
}

TEST_P(CopyCrash, AtEveryWriteAndNeverAgainIsClearedByGc) {
  const std::uint64_t changes = Changes();
  const Sweep sweep;
  for (std::uint64_t n = sweep.first(); n <= changes; n += sweep.stride()) {
    SCOPED_TRACE(n);
    TwoBanks banks;
    Prepare(banks);
    CopyUntil(banks, n);
    for (World* const world : {&banks.first, &banks.second}) {
      world->now += runtime::kLeaseExpiry;
      std::vector<runtime::GcAction> actions;
      world->CollectGarbage({}, &actions);
      for (const auto& action : actions)
        EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
      EXPECT_THAT(world->Unfinished(), IsEmpty());
    }
    if (IsWholeOrNothing(banks.second)) {
      banks.ExpectRestored("res-1");
    } else {
      EXPECT_THAT(*banks.second.tenant.ListAll("checkpoints/"), IsEmpty());
    }
    // The original can be deleted again.
    const auto deleted =
        banks.first.RunAll("del-1", banks.first.Publish(Operation::kDelete, "run-1"));
    EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
  }
}

// What a gc that was killed has left of half a copy is no damage to anybody: the next gc removes it, and a copy can be made at any
// time.
TEST(HalfACopy, IsClearedWhereverAGcWasKilled) {
  TwoBanks all;
  all.Protect();
  ASSERT_EQ(all.Copy().code, ExitCode::kOk);
  // All that there is but its state, and what comes after that.
  const std::uint64_t of_copy = all.second.bank.changes() - 6;
  std::uint64_t left_behind = 0;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    TwoBanks banks;
    banks.Protect();
    World& world = banks.second;
    world.bank.Arm(Fault::kStopBefore, of_copy, true);
    banks.Copy();
    world.bank.Disarm();
    ASSERT_FALSE(world.StateOf("run-1"));
    const auto record =
        *runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-1");
    ASSERT_TRUE(record.RemoveUnfinished([] { return Ok(); }));
    world.now += runtime::kLeaseExpiry + std::chrono::hours(1);
    world.bank.Arm(Fault::kStopBefore, n, true);
    const Status removed = runtime::RemoveRest(record, {"gc-1", {}, world.clock});
    world.bank.Disarm();
    if (removed) break;
    world.now += std::chrono::minutes(11);
    const auto left = *world.tenant.ListAll("checkpoints/");
    if (left.empty()) continue;
    ++left_behind;
    runtime::FsckOptions options;
    options.run = "fsck-of-test";
    const auto report = runtime::Fsck(world.tenant, world.clock, options);
    ASSERT_TRUE(report) << report.error().Render();
    for (const auto& finding : report->findings)
      EXPECT_NE(finding.kind, runtime::FindingKind::kDamage) << finding.what;
    world.now += std::chrono::minutes(11);
    // Every other time a copy comes first.
    const bool is_copied = n % 2 == 0;
    if (is_copied) {
      const auto copied = banks.Copy();
      EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
      EXPECT_TRUE(IsWholeOrNothing(world));
    }
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    for (const auto& action : actions)
      EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
    if (is_copied) {
      banks.ExpectRestored("res-1");
    } else {
      EXPECT_THAT(*world.tenant.ListAll("checkpoints/"), IsEmpty());
    }
  }
  EXPECT_GT(left_behind, 15U);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, CopyCrash,
    ::testing::Combine(::testing::Values(Fault::kStopBefore, Fault::kStopAfter),
                       ::testing::Values(Where::kSource, Where::kTarget)),
    [](const auto& info) {
      return std::string(std::get<Fault>(info.param) == Fault::kStopBefore ? "StopBefore"
                                                                           : "StopAfter") +
             (std::get<Where>(info.param) == Where::kSource ? "InTheSource" : "InTheTarget");
    });

// One operation fails, or its answer is lost, and the bank is well again: reads, too.
TEST(CopyFaults, AtEveryOperationItFailsOrIsWholeAndGoesOn) {
  const Sweep sweep;
  for (const Where where : {Where::kSource, Where::kTarget}) {
    for (const Fault fault : {Fault::kFailOnce, Fault::kAnswerLost}) {
      for (std::uint64_t n = sweep.first();; n += sweep.stride()) {
        SCOPED_TRACE(::testing::Message()
                     << static_cast<int>(where) << " " << static_cast<int>(fault) << " " << n);
        TwoBanks banks;
        banks.Protect();
        World& struck = where == Where::kSource ? banks.first : banks.second;
        struck.bank.Arm(fault, n);
        const auto copied = banks.Copy();
        const bool reached = struck.bank.reached();
        struck.bank.Disarm();
        if (copied.code == ExitCode::kOk) {
          EXPECT_TRUE(IsWholeOrNothing(banks.second));
        } else {
          EXPECT_TRUE(reached) << copied.text;
          IsWholeOrNothing(banks.second);
          const auto again = banks.Copy();
          EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
          EXPECT_TRUE(IsWholeOrNothing(banks.second));
        }
        if (!reached) break;
      }
    }
  }
}

// Of one whose resources are in a later epoch, which its lease says through a table: at no moment does the lease of the
// copy name one that is not there.
TEST(CopyOfAResumedOne, StoppedAtEveryWriteHasTheTableOfItsEpochs) {
  const Sweep sweep;
  for (const Fault fault : {Fault::kStopBefore, Fault::kStopAfter}) {
    for (std::uint64_t n = sweep.first();; n += sweep.stride()) {
      SCOPED_TRACE(::testing::Message() << static_cast<int>(fault) << " " << n);
      TwoBanks banks;
      banks.bundle = banks.first.Publish();
      banks.first.script["parallel T::Volume#b"].fails = true;
      ASSERT_EQ(banks.first.RunAll("run-1", banks.bundle).code, ExitCode::kRunFailed);
      banks.first.script.clear();
      ASSERT_EQ(banks.first.RunAll("run-2", banks.bundle, "run-1").code, ExitCode::kOk);
      banks.second.bank.Arm(fault, n, true);
      banks.Copy();
      const bool reached = banks.second.bank.reached();
      banks.second.bank.Disarm();
      const auto expect_known = [&banks] {
        if (!IsWholeOrNothing(banks.second)) return;
        const auto record =
            *runtime::Record::Open(banks.second.tenant, runtime::RecordKind::kCheckpoint, "run-1");
        const auto manifests = runtime::NewestManifests::Open(record);
        ASSERT_TRUE(manifests) << manifests.error().Render();
        EXPECT_EQ(manifests->latest(), 2U);
        EXPECT_EQ(manifests->lost_epochs(), "");
      };
      expect_known();
      const auto again = banks.Copy();
      ASSERT_EQ(again.code, ExitCode::kOk) << again.text;
      expect_known();
      banks.ExpectRestored("res-1");
      if (!reached) break;
    }
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
