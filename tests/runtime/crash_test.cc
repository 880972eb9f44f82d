#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/step/gc/gc.h"
#include "runtime/store/indices.h"
#include "runtime/store/manifest.h"
#include "tests/runtime/shop_run.h"
#include "tests/runtime/sweep.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Fault = testing::FaultyBank::Fault;

std::uint64_t ChangesOfARun() {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  const std::uint64_t before = world.bank.changes();
  EXPECT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  return world.bank.changes() - before;
}

class Crash : public ::testing::TestWithParam<Fault> {};

TEST_P(Crash, AtEveryWriteRunAgainEndsAvailable) {
  const std::uint64_t changes = ChangesOfARun();
  ASSERT_GT(changes, 30U);
  for (std::uint64_t n = 1; n <= changes; ++n) {
    SCOPED_TRACE(n);
    World world;
    AddShop(world);
    const std::string bundle = world.Publish();
    world.bank.Arm(GetParam(), n, true);
    const auto end = PlayWithRestarts(world, bundle);
    EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
    EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
    ExpectNoHalfCheckpoint(world.stored, bundle);
    EXPECT_THAT(world.Unfinished(), IsEmpty());
    EXPECT_THAT(world.quiesced, IsEmpty());
    EXPECT_THAT(world.snapshots, IsEmpty());
  }
}

// The begin dies at write n, nobody hears of it, and the run is cancelled. However far it had come, it does not begin any more,
// and another run goes on with its record.
TEST_P(Crash, AtEveryWriteOfABeginThatIsThenCancelled) {
  bool went_through = false;
  for (std::uint64_t n = 1; !went_through; ++n) {
    for (const bool resumes : {false, true}) {
      SCOPED_TRACE(std::to_string(n) + (resumes ? " of a resume" : ""));
      World world;
      AddShop(world);
      const std::string bundle = world.Publish();
      const std::string record = resumes ? "run-0" : "run-1";
      if (resumes) {
        world.Begin("run-0", bundle);
        EXPECT_EQ(world.End("run-0").code, ExitCode::kRunFailed);
      }
      world.bank.Arm(GetParam(), n, true);
      world.Begin("run-1", bundle, record);
      went_through = !world.bank.reached();
      world.bank.Disarm();
      const auto cancelled = world.End("run-1", "Cancelled", record);
      EXPECT_TRUE(cancelled.code == ExitCode::kOk || cancelled.code == ExitCode::kRunFailed)
          << cancelled.text;
      EXPECT_EQ(*runtime::ProgressOfBegin(world.tenant, record, "run-1"),
                cancelled.code == ExitCode::kOk ? runtime::BeginProgress::kNotBegun
                                                : runtime::BeginProgress::kDone);
      const auto late = world.Begin("run-1", bundle, record);
      EXPECT_EQ(late.code, ExitCode::kLocked) << late.text;
      EXPECT_THAT(late.text, HasSubstr("run run-1 has ended"));
      EXPECT_EQ(world.End("run-1", "Cancelled", record).code, cancelled.code);
      for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step, record);
      EXPECT_THAT(world.calls, IsEmpty());
      const auto again = world.RunAll("run-2", bundle, record);
      EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
      EXPECT_EQ(world.StateOf(record), RecordState::kAvailable);
      EXPECT_THAT(world.Unfinished(), IsEmpty());
    }
  }
}

// The same of a deletion, whose begin takes the lease of its checkpoint, too.
TEST_P(Crash, AtEveryWriteOfABeginOfADeletionThatIsThenCancelled) {
  bool went_through = false;
  for (std::uint64_t n = 1; !went_through; ++n) {
    SCOPED_TRACE(n);
    World world;
    AddShop(world);
    EXPECT_EQ(world.RunAll("run-0", world.Publish()).code, ExitCode::kOk);
    const std::string bundle = world.Publish(Operation::kDelete, "run-0");
    world.bank.Arm(GetParam(), n, true);
    world.Begin("run-1", bundle);
    went_through = !world.bank.reached();
    world.bank.Disarm();
    world.End("run-1", "Cancelled", "run-1");
    EXPECT_EQ(world.Begin("run-1", bundle).code, ExitCode::kLocked);
    const auto again = world.RunAll("run-2", bundle);
    EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
    EXPECT_EQ(world.StateOf("run-0"), RecordState::kDeleted);
  }
}

// What another run works on is not taken from it.
TEST(Cancelled, ARunLeavesTheRecordToWhoHasIt) {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  world.Begin("run-0", bundle);
  EXPECT_EQ(world.End("run-1", "Cancelled", "run-0").code, ExitCode::kOk);
  EXPECT_EQ(world.Begin("run-1", bundle, "run-0").code, ExitCode::kLocked);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-0", bundle, step);
  EXPECT_EQ(world.End("run-0").code, ExitCode::kOk);
}

// The bank says how far a begin has come, not who heard of it.
TEST(Cancelled, ABeginThatIsAtWorkIsHalfWay) {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  const auto progress = [&] { return *runtime::ProgressOfBegin(world.tenant, "run-1", "run-1"); };
  EXPECT_EQ(progress(), runtime::BeginProgress::kNotBegun);
  world.stopped_while_listing = true;
  world.Begin("run-1", bundle);
  EXPECT_EQ(progress(), runtime::BeginProgress::kHalfWay);
  world.Begin("run-1", bundle);
  EXPECT_EQ(progress(), runtime::BeginProgress::kDone);
}

// The engine dies at write n and nothing of the run is ever run again: gc.
TEST_P(Crash, AtEveryWriteOfABeginWhoeverHoldsTheRecordCanBeNamedToGc) {
  bool held = false;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    World world;
    world.Add("T::Volume#a");
    const std::string bundle = world.Publish();
    world.bank.Arm(GetParam(), n, true);
    world.Begin("run-1", bundle);
    const bool reached = world.bank.reached();
    world.bank.Disarm();
    const auto lease = *runtime::CurrentLease(world.tenant, "run-1");
    if (lease && !lease->released) {
      held = true;
      runtime::GcOptions options;
      options.run = lease->run;
      std::vector<runtime::GcAction> actions;
      world.CollectGarbage(options, &actions);
      EXPECT_THAT(actions, Not(IsEmpty()));
      EXPECT_THAT(world.Unfinished(), IsEmpty());
    }
    if (!reached) break;
  }
  EXPECT_TRUE(held);
}

TEST_P(Crash, AtEveryWriteAndNeverAgainIsEndedByGc) {
  const std::uint64_t changes = ChangesOfARun();
  for (std::uint64_t n = 1; n <= changes; ++n) {
    SCOPED_TRACE(n);
    World world;
    AddShop(world);
    const std::string bundle = world.Publish();
    world.bank.Arm(GetParam(), n, true);
    world.Begin("run-1", bundle);
    for (const std::string& step : world.Steps(bundle)) {
      if (world.bank.reached()) break;
      world.Run("run-1", bundle, step);
    }
    if (!world.bank.reached()) world.End("run-1");
    ASSERT_TRUE(world.bank.reached());
    world.bank.Disarm();
    ExpectNoHalfCheckpoint(world.stored, bundle);

    world.now += runtime::kLeaseExpiry;
    const std::size_t calls = world.calls.size();
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    for (const auto& action : actions)
      EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
    for (std::size_t i = calls; i < world.calls.size(); ++i) {
      EXPECT_TRUE(world.calls[i].starts_with("post ")) << "gc called " << world.calls[i];
    }
    ExpectNoHalfCheckpoint(world.stored, bundle);
    EXPECT_THAT(world.Unfinished(), IsEmpty());
    EXPECT_THAT(world.quiesced, IsEmpty());
    EXPECT_THAT(world.snapshots, IsEmpty());
    const auto state = world.StateOf("run-1");
    if (state) {
      EXPECT_THAT(*state, AnyOf(RecordState::kAvailable, RecordState::kError));
    }
    for (const std::string who : {"App#shop", "Volume#a", "Volume#b"}) {
      std::string step = who;
      std::replace(step.begin(), step.end(), '#', '-');
      std::transform(step.begin(), step.end(), step.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      EXPECT_LE(world.Outcomes("run-1", step + "-post", "post T::" + who).size(), 1U);
    }
  }
}

TEST_P(Crash, OfADeletionAtEveryWriteIsCarriedOnByGc) {
  const Sweep sweep;
  std::uint64_t changes = 0;
  for (std::uint64_t n = 0; n == 0 || n <= changes; n += n == 0 ? sweep.first() : sweep.stride()) {
    SCOPED_TRACE(n);
    World world;
    AddShop(world);
    ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
    const std::string deletion = world.Publish(Operation::kDelete, "run-1");
    const std::uint64_t before = world.bank.changes();
    if (n > 0) world.bank.Arm(GetParam(), n, true);
    world.Begin("del-1", deletion);
    for (const std::string& step : world.Steps(deletion)) {
      if (n > 0 && world.bank.reached()) break;
      world.Run("del-1", deletion, step);
    }
    if (n == 0 || !world.bank.reached()) world.End("del-1");
    if (n == 0) {
      changes = world.bank.changes() - before;
      continue;
    }
    world.bank.Disarm();
    world.now += runtime::kLeaseExpiry;
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    for (const auto& action : actions)
      EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
    EXPECT_THAT(world.Unfinished(), IsEmpty());
    const auto state = world.StateOf("run-1");
    ASSERT_TRUE(state);
    // Either the deletion never began, or it is done.
    EXPECT_THAT(*state, AnyOf(RecordState::kAvailable, RecordState::kDeleted));
    if (*state == RecordState::kDeleted) {
      EXPECT_THAT(*world.tenant.ListAll("checkpoints/run-1/data/"), IsEmpty());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, Crash, ::testing::Values(Fault::kStopBefore, Fault::kStopAfter),
                         [](const auto& info) {
                           return info.param == Fault::kStopBefore ? "StopBefore" : "StopAfter";
                         });

TEST(Gc, LeavesARunThatLivesAndSaysUntilWhenAndWhatItOwes) {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  for (const char* const step : {"app-shop-pre", "volume-a-pre"}) world.Run("run-1", bundle, step);
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].subject, "checkpoint run-1");
  EXPECT_FALSE(actions[0].failed);
  ASSERT_TRUE(actions[0].wait);
  EXPECT_EQ(actions[0].wait->run, "run-1");
  EXPECT_EQ(actions[0].wait->until, world.now + runtime::kLeaseExpiry);
  EXPECT_THAT(actions[0].wait->at_rest, ElementsAre("T::App#shop"));
  EXPECT_THAT(actions[0].wait->not_cleaned_up, ElementsAre("T::Volume#a"));
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kProtecting);
  EXPECT_THAT(world.quiesced, ElementsAre("T::App#shop"));
}

TEST(Gc, EndsARunWhoseEngineTheOperatorKnowsToBeDead) {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  runtime::GcOptions options;
  options.run = "run-1";
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage(options, &actions);
  EXPECT_THAT(world.quiesced, IsEmpty());
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kError);
}

TEST(Gc, DryRunChangesNothing) {
  World world;
  AddShop(world);
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.now += runtime::kLeaseExpiry;
  const std::uint64_t changes = world.bank.changes();
  runtime::GcOptions options;
  options.dry_run = true;
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage(options, &actions);
  EXPECT_FALSE(actions.empty());
  EXPECT_EQ(world.bank.changes(), changes);
}

TEST(Gc, RemovesAttemptsThatLost) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  ASSERT_TRUE(
      world.tenant.PutBytes("checkpoints/run-1/data/T@3A@3APlain/p/000009-lost/data.0", "x"));
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  const auto keys = world.tenant.ListAll("checkpoints/run-1/data/");
  ASSERT_EQ(keys->size(), 1U);
  EXPECT_THAT(keys->front(), ::testing::Not(HasSubstr("lost")));
}

TEST(Gc, KeepsWhatAPluginPutBesideItsStreams) {
  World world;
  world.Add("T::Plain#p");
  world.raw["T::Plain#p"] = "of the plugin's own";
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  ASSERT_TRUE(
      world.tenant.PutBytes("checkpoints/run-1/data/T@3A@3APlain/p/000009-lost/raw/part/one", "x"));
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  const auto keys = world.tenant.ListAll("checkpoints/run-1/data/");
  EXPECT_THAT(*keys, ::testing::Each(::testing::Not(HasSubstr("lost"))));
  EXPECT_THAT(*keys, ::testing::Contains(HasSubstr("/raw/part/one")));
  const auto restored = world.RunAll("res-1", world.Publish(Operation::kRestore, "run-1"));
  EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
}

TEST(Gc, KeepsAttemptsOfWhichSegmentsWereAdopted) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kOk);
  const auto section = world.tenant.Narrow("checkpoints/run-1", SectionAccess::kWrite);
  const ResourceKey key{"T::Plain", "p"};
  auto manifest = *runtime::ReadManifest(*section, key, 1);
  ASSERT_TRUE(manifest && !manifest->streams.empty());
  manifest->streams.front().adopted[0] = "000000-earlier";
  manifest->epoch = 2;
  ASSERT_TRUE(runtime::WriteManifest(*section, *manifest, Value()));
  const std::string adopted = "checkpoints/run-1/data/T@3A@3APlain/p/000000-earlier/data.0";
  ASSERT_TRUE(world.tenant.PutBytes(adopted, "x"));
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_TRUE(*world.tenant.Exists(adopted));
}

TEST(Gc, TakesNoCheckpointWhoseFirstStateWasLostForARest) {
  World world;
  world.Add("T::Plain#p");
  ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
  const auto before = world.tenant.ListAll("checkpoints/run-1/");
  for (const char* const state : {"000001", "000002"}) {
    ASSERT_TRUE(world.tenant.Delete(std::string("checkpoints/run-1/state/") + state));
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_TRUE(actions[0].failed);
    EXPECT_THAT(actions[0].action, HasSubstr("state/000001 is missing"));
  }
  EXPECT_EQ(world.tenant.ListAll("checkpoints/run-1/")->size(), before->size() - 2);
}

TEST(Gc, TakesNoDataWhoseManifestWasLost) {
  World world;
  world.Add("T::Plain#p");
  ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/resources/T@3A@3APlain/p/000001/manifest"));
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_THAT(*world.tenant.ListAll("checkpoints/run-1/data/"), ::testing::SizeIs(1));
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_TRUE(actions[0].failed);
  EXPECT_THAT(actions[0].action, HasSubstr("manifest is missing"));
}

TEST(Gc, RemovesWithTheLeaseSoThatNoResumeAdoptsWhatGoes) {
  World world;
  world.Add("T::Plain#p");
  ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
  const std::string lost = "checkpoints/run-1/data/T@3A@3APlain/p/000009-lost/data.0";
  ASSERT_TRUE(world.tenant.PutBytes(lost, "x"));
  // Somebody has begun on it and has not said so in the states yet.
  const auto last = runtime::CurrentLease(world.tenant, "run-1");
  runtime::LeaseRequest begins;
  begins.run = "run-2";
  begins.after = (*last)->token;
  auto lease = runtime::TakeLease(world.tenant, "run-1", begins, world.now);
  ASSERT_TRUE(lease);
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_TRUE(*world.tenant.Exists(lost));
  ASSERT_TRUE(runtime::ReleaseLease(world.tenant, "run-1", *lease));
  world.CollectGarbage({}, &actions);
  EXPECT_FALSE(*world.tenant.Exists(lost));
  const auto after = runtime::CurrentLease(world.tenant, "run-1");
  EXPECT_GT((*after)->token, lease->token);
  EXPECT_TRUE((*after)->released);
}

TEST(Gc, RemovesBundlesThatNobodyNamesOnceTheyAreOld) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_TRUE(*world.tenant.Exists("bundles/" + bundle + "/bundle.json"));
  world.now += std::chrono::hours(25);
  world.CollectGarbage({}, &actions);
  EXPECT_FALSE(*world.tenant.Exists("bundles/" + bundle + "/bundle.json"));
}

TEST(Gc, KeepsBundlesThatARecordNamesOrThatWerePublished) {
  World world;
  world.Add("T::Plain#p");
  const std::string used = world.Publish();
  ASSERT_EQ(world.RunAll("run-1", used).code, ExitCode::kOk);
  world.Add("T::Plain#q");
  const std::string published = world.Publish();
  ASSERT_TRUE(world.tenant.PutBytes("bundles/" + published + "/published", "published\n"));
  world.now += std::chrono::hours(25);
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_TRUE(*world.tenant.Exists("bundles/" + used + "/bundle.json"));
  EXPECT_TRUE(*world.tenant.Exists("bundles/" + published + "/bundle.json"));
}

TEST(Gc, RemovesTombstonesAfterThirtyDays) {
  World world;
  AddShop(world);
  ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1")).code, ExitCode::kOk);
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
  world.now += std::chrono::hours(30 * 24);
  world.CollectGarbage({}, &actions);
  EXPECT_THAT(*world.tenant.ListAll("checkpoints/run-1/"), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
