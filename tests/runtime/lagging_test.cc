// Listings that lag behind: what is there is not listed yet, what is gone is listed still. Nothing that is good is called
// damaged for that, and nothing that is used is removed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/fsck/fsck.h"
#include "runtime/store/epoch_table.h"
#include "runtime/store/indices.h"
#include "runtime/store/listing.h"
#include "runtime/store/manifest.h"
#include "runtime/store/rubbish.h"
#include "tests/bank/lagging_bank.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Lagging : public ::testing::Test {
 protected:
  Lagging() {
    other.provider_id = "provider-2";
    for (World* const one : {&world, &other}) {
      one->Add("T::App#shop");
      one->Add("T::Volume#a", {"T::App#shop"});
      one->Add("T::Group#g1");
      one->Add("T::Group#g2");
    }
  }
  // Of all listings: what has this in its key.
  void Hide(const std::string& part) {
    lagging.Hide([part](const std::string& key) { return key.find(part) != std::string::npos; });
  }
  void HideAll() {
    lagging.Hide([](const std::string&) { return true; });
  }
  void ShowAll() { lagging.Hide(nullptr); }

  void Protect(const std::string& run) {
    ASSERT_EQ(world.RunAll(run, world.Publish()).code, ExitCode::kOk);
  }
  // The checkpoint `run-1`, of which the volume's data is of a second epoch, and the first one's is still there.
  void ProtectInTwoEpochs() {
    const std::string bundle = world.Publish();
    world.contents["T::Volume#a"] = "of the first epoch";
    world.script["post T::Volume#a"].fails = true;
    ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
    world.script.clear();
    world.contents["T::Volume#a"] = "of the second epoch";
    ASSERT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
    ASSERT_TRUE(
        *world.tenant.Exists("checkpoints/run-1/resources/T@3A@3AVolume/a/000001/manifest"));
    ASSERT_TRUE(
        *world.tenant.Exists("checkpoints/run-1/resources/T@3A@3AVolume/a/000002/manifest"));
  }
  World::Outcome Verify(const std::string& run, const std::string& checkpoint) {
    return world.RunAll(run, world.Publish(Operation::kVerify, checkpoint));
  }
  World::Outcome Restore(const std::string& run, const std::string& checkpoint) {
    return world.RunAll(run, world.Publish(Operation::kRestore, checkpoint));
  }
  std::vector<runtime::Finding> Check() {
    runtime::FsckOptions options;
    options.run = "fsck";
    options.min_age = std::chrono::seconds(0);
    options.dry_run = false;
    const auto report = runtime::Fsck(world.tenant, world.clock, options);
    EXPECT_TRUE(report) << report.error().Render();
    return report ? report->findings : std::vector<runtime::Finding>();
  }
  static std::string Text(const std::vector<runtime::Finding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
      if (finding.kind != runtime::FindingKind::kDamage) continue;
      text += finding.what + ": " + finding.text + "\n";
    }
    return text;
  }
  // gc, once everything is as old as it has to be.
  std::string CollectGarbage() {
    std::vector<runtime::GcAction> actions;
    world.now += std::chrono::hours(48);
    world.CollectGarbage({}, &actions);
    std::string failed;
    for (const auto& action : actions) {
      if (action.failed) failed += action.subject + ": " + action.action + "\n";
    }
    return failed;
  }
  std::vector<std::string> Objects(const std::string& below) {
    // Past the lag.
    const auto section =
        BankSection::Open(memory, "t/local", SectionAccess::kRead, KeysOfEveryWorld());
    return *section->ListAll(below);
  }

  testing::MovedTime<WallTime> time = *ParseTime("2026-11-24T01:00:00Z");
  TestClock clock{time};
  MemoryBank memory{clock};
  testing::LaggingBank lagging{memory};
  World world{&lagging};
  World other;
};

TEST_F(Lagging, ACheckpointOfWhichNothingIsListedIsVerifiedAndRestored) {
  Protect("run-1");
  Hide("/resources/");
  EXPECT_EQ(Verify("verify-1", "run-1").code, ExitCode::kOk);
  EXPECT_EQ(Restore("restore-1", "run-1").code, ExitCode::kOk);
  HideAll();
  EXPECT_EQ(Verify("verify-2", "run-1").code, ExitCode::kOk);
  EXPECT_EQ(Restore("restore-2", "run-1").code, ExitCode::kOk);
  const auto missing = runtime::MissingResources(world.tenant, "run-1");
  ASSERT_TRUE(missing);
  EXPECT_THAT(*missing, IsEmpty());
}

TEST_F(Lagging, OfTwoEpochsTheNewestCountsAlsoWhereTheFirstAloneIsListed) {
  ProtectInTwoEpochs();
  for (const char* const hidden : {"/000002/", "/resources/", "/epochs/"}) {
    SCOPED_TRACE(hidden);
    Hide(hidden);
    EXPECT_EQ(Restore(std::string("restore") + std::to_string(world.calls.size()), "run-1").code,
              ExitCode::kOk)
        << "the second epoch's bytes are those that the plugin expects";
    EXPECT_EQ(Verify("verify" + std::to_string(world.calls.size()), "run-1").code, ExitCode::kOk);
  }
}

// Not a lag: what a lease has said is lost, and what is known says less than there is.
TEST_F(Lagging, OfTwoEpochsTheNewestCountsAlsoWhereLeasesWereLost) {
  ProtectInTwoEpochs();
  const std::vector<std::string> leases = Objects("leases/run-1/");
  ASSERT_GE(leases.size(), 2U);
  for (std::size_t last = leases.size(); last-- > 0;) {
    SCOPED_TRACE(leases[last]);
    ASSERT_TRUE(world.tenant.Delete(leases[last]));
    const std::string n = std::to_string(last);
    EXPECT_EQ(Restore("restore-" + n, "run-1").code, ExitCode::kOk);
    EXPECT_EQ(Verify("verify-" + n, "run-1").code, ExitCode::kOk);
    // Where the newest that is left was given back; else the checkpoint is in use for fsck.
    if (last == 2) {
      EXPECT_THAT(Text(Check()), HasSubstr("lease-missing"));
    }
  }
}

TEST_F(Lagging, AnOlderEpochNeverStandsForTheNewestOneThatIsLost) {
  ProtectInTwoEpochs();
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/resources/T@3A@3AVolume/a/000002/manifest"));
  const World::Outcome restored = Restore("restore-1", "run-1");
  EXPECT_NE(restored.code, ExitCode::kOk);
  EXPECT_NE(Verify("verify-1", "run-1").code, ExitCode::kOk);
  EXPECT_THAT(Text(Check()), HasSubstr("000002/manifest is missing"));
}

TEST_F(Lagging, FsckAndGcTakeNothingForLostThatIsNotListedYet) {
  ProtectInTwoEpochs();
  const std::vector<std::string> data = Objects("checkpoints/run-1/data/");
  ASSERT_THAT(data, SizeIs(4));
  for (const char* const hidden : {"/resources/", "/000002/", "/journal/", "/epochs/", "/state/"}) {
    SCOPED_TRACE(hidden);
    Hide(hidden);
    EXPECT_EQ(Text(Check()), "");
    EXPECT_EQ(CollectGarbage(), "");
    // All but the data of the epoch that is redone, which is rubbish.
    EXPECT_THAT(Objects("checkpoints/run-1/data/"), SizeIs(3));
    ShowAll();
    EXPECT_EQ(Verify("verify" + std::to_string(world.calls.size()), "run-1").code, ExitCode::kOk);
  }
}

// Of activities of several resources the journal commits the data: the manifest comes after it.
TEST_F(Lagging, GcKeepsWhatAJournalNamesThatIsNotListedYet) {
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  // As it is where the process was killed between the two, and its end has seen that not all is there.
  for (const std::string& key : Objects("checkpoints/run-1/resources/T@3A@3AVolume/"))
    ASSERT_TRUE(world.tenant.Delete(key));
  const std::vector<std::string> data = Objects("checkpoints/run-1/data/");
  Hide("/journal/");
  std::vector<runtime::GcAction> actions;
  world.now += std::chrono::hours(48);
  world.CollectGarbage({}, &actions);
  EXPECT_EQ(Objects("checkpoints/run-1/data/"), data) << "it is all that there is of it";
}

TEST_F(Lagging, WhatIsDeletedAndListedStillIsNoDamage) {
  Protect("run-1");
  lagging.KeepDeleted(true);
  ASSERT_EQ(world.RunAll("delete-1", world.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  EXPECT_EQ(Text(Check()), "");
  EXPECT_EQ(CollectGarbage(), "");
  world.now += std::chrono::hours(31 * 24);
  EXPECT_EQ(CollectGarbage(), "");
  EXPECT_THAT(Objects("checkpoints/run-1/"), IsEmpty());
  EXPECT_EQ(Text(Check()), "");
  EXPECT_EQ(CollectGarbage(), "");
}

// A record whose states are gone is all that there is of it, also where no data of it is listed yet.
TEST_F(Lagging, WhatHasLostItsStatesIsNoRestBecauseItsDataIsNotListedYet) {
  Protect("run-1");
  for (const std::string& key : Objects("checkpoints/run-1/state/"))
    ASSERT_TRUE(world.tenant.Delete(key));
  const std::vector<std::string> before = Objects("checkpoints/run-1/");
  lagging.Hide([](const std::string& key) {
    return key.find("/data/") != std::string::npos || key.find("/resources/") != std::string::npos;
  });
  EXPECT_THAT(CollectGarbage(), HasSubstr("state/000001 is missing"));
  EXPECT_EQ(Objects("checkpoints/run-1/"), before);
}

TEST_F(Lagging, ACopyComesBeforeNoStateOfATombstoneThatIsNotListedYet) {
  ASSERT_EQ(other.RunAll("run-1", other.Publish()).code, ExitCode::kOk);
  ASSERT_EQ(world.CopyFrom(other, "run-1").code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("delete-1", world.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  // A copy that was killed while it removed what was left of that.
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/state/000001"));
  Hide("/state/");
  ASSERT_EQ(world.CopyFrom(other, "run-1").code, ExitCode::kOk);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

}  // namespace
}  // namespace holdfast::testing_runtime
