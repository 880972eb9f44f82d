// What was written or removed late, by who was taken for dead meanwhile, harms nobody who went on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/store/lease.h"
#include "runtime/store/removal_hold.h"
#include "tests/runtime/woken_scene.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Who is away in the removal of a marker, while somebody else goes on with the record and marks it anew.
class LateRemoval : public ::testing::Test {
 protected:
  void FailOnce(const std::string& run) {
    world.script["parallel T::Volume#a"].fails = true;
    ASSERT_EQ(world.RunAll(run, bundle).code, ExitCode::kRunFailed);
    world.script.clear();
  }
  // `away` is held back until `meanwhile` has begun the record again; then no rival begins.
  void Expect(const std::string& record, const std::function<void()>& away,
              const std::function<World::Outcome()>& meanwhile) {
    scene.bank.PauseAt(Call::kDelete, "indices/unfinished/" + record, [&] {
      scene.PauseThatOne();
      const World::Outcome begun = meanwhile();
      EXPECT_EQ(begun.code, ExitCode::kOk) << begun.text;
    });
    away();
    ASSERT_FALSE(scene.bank.pending());
    EXPECT_THAT(world.Unfinished(), ElementsAre(record));
    EXPECT_EQ(world.Begin("third", bundle).code, ExitCode::kLocked);
  }
  Scene scene;
  World& world = scene.target;
  const std::string bundle = world.Publish();
};

TEST_F(LateRemoval, OfABeginThatGivesWay) {
  FailOnce("old");
  ASSERT_EQ(world.Begin("first", bundle).code, ExitCode::kOk);
  Expect(
      "old", [&] { EXPECT_EQ(world.Begin("again", bundle, "old").code, ExitCode::kLocked); },
      [&] {
        world.End("first");
        scene.Advance(runtime::kRemovalExpiry + std::chrono::minutes(1));
        return world.Begin("next", bundle, "old");
      });
}

TEST_F(LateRemoval, OfAnEndThatIsTriedAgain) {
  world.script["parallel T::Volume#a"].fails = true;
  ASSERT_EQ(world.Begin("old", bundle).code, ExitCode::kOk);
  for (const std::string& step : world.Steps(bundle)) world.Run("old", bundle, step);
  world.script.clear();
  Expect(
      "old", [&] { world.End("old"); },
      [&] {
        world.End("old");
        return world.Begin("next", bundle, "old");
      });
}

TEST_F(LateRemoval, OfAGcThatTakesABeginForDead) {
  scene.bank.PauseAt(Call::kPut, "checkpoints/a/graph",
                     [&] { world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, 1, true); });
  world.Begin("a", bundle);
  world.bank.Disarm();
  scene.PauseThatOne();
  scene.Advance(runtime::kLeaseExpiry);
  Expect(
      "a", [&] { scene.CollectGarbage(); },
      [&] {
        scene.Advance(runtime::kRemovalExpiry + std::chrono::minutes(1));
        return world.Begin("n", bundle, "a");
      });
}

// A step that is away in the write of its manifest, while its run is taken for dead and what it has written is removed.
class LateManifest : public ::testing::Test {
 protected:
  LateManifest() {
    world.fuse_leaves = true;
    world.Add("T::Volume#v");
    BeOnHost("host-a");
    bundle = world.Publish();
  }
  void BeOnHost(const std::string& host) {
    world.identity.emplace();
    world.identity->host = host;
    world.identity->boot_id = "boot of " + host;
    world.identity->pid = 500 + ++scene.processes;
    world.identity->start_time = 1;
  }
  void Advance(std::chrono::seconds time) {
    scene.now += time;
    world.now += time;
  }
  void CollectGarbage() {
    std::vector<runtime::GcAction> actions;
    world.CollectGarbage({}, &actions);
  }
  void ExpectWhole() {
    ASSERT_EQ(world.StateOf("r1"), RecordState::kAvailable);
    const auto verified = world.RunAll("v", world.Publish(Operation::kVerify, "r1"));
    EXPECT_EQ(verified.code, ExitCode::kOk) << verified.text;
  }
  // The step's call for the manifest is held back while `meanwhile` happens on another host.
  void RunLate(const std::function<void()>& meanwhile) {
    ASSERT_EQ(world.Begin("r1", bundle).code, ExitCode::kOk);
    scene.bank.PauseAt(Call::kPut, "/manifest", [&] {
      Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
      BeOnHost("host-b");
      meanwhile();
    });
    EXPECT_EQ(world.Run("r1", bundle, world.Steps(bundle).front()).code, ExitCode::kLocked);
    Advance(std::chrono::minutes(30));
    BeOnHost("host-c");
  }
  Scene scene;
  World world{&scene.bank};
  std::string bundle;
};

TEST_F(LateManifest, IsNoneThatAResumeCountsOnWhereItsDataIsGone) {
  RunLate([&] { CollectGarbage(); });
  ASSERT_FALSE(scene.bank.pending());
  const auto resumed = world.RunAll("r2", bundle, "r1");
  EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
  ExpectWhole();
}

// A thread that is held back in a call to the bank until it is let go.
class Sleeper {
 public:
  ~Sleeper() { LetGo(); }
  // In the thread that is to sleep.
  void Sleep() {
    std::unique_lock lock(mutex_);
    asleep_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return awake_; });
  }
  void Start(std::function<void()> work) {
    thread_ = std::thread(std::move(work));
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return asleep_; });
  }
  void LetGo() {
    {
      const std::lock_guard lock(mutex_);
      awake_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool asleep_ = false;
  bool awake_ = false;
  std::thread thread_;
};

TEST_F(LateManifest, IsNoneThatAResumeCountsOnWhereItsDataIsJustRemoved) {
  Sleeper gc;
  RunLate([&] {
    scene.bank.PauseAt(Call::kDelete, "/data/", [&] { gc.Sleep(); });
    gc.Start([&] { CollectGarbage(); });
  });
  const auto resumed = world.RunAll("r2", bundle, "r1");
  EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
  gc.LetGo();
  ExpectWhole();
}

TEST(LateCopy, LeavesAManifestThatNoOtherCopyTakesWhileItsDataIsJustRemoved) {
  Scene scene;
  scene.Protect();
  Sleeper gc;
  Sleeper second;
  World::Outcome copied;
  scene.bank.PauseAt(Call::kPut, "Volume/a/000001/manifest", [&] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    scene.bank.PauseAt(Call::kDelete, "/data/T@3A@3AVolume", [&] { gc.Sleep(); });
    gc.Start([&] { scene.CollectGarbage(); });
    scene.Advance(runtime::kRemovalExpiry + std::chrono::minutes(1));
    scene.BeOnHost("host-c");
    scene.bank.PauseAt(Call::kPut, "/data/T@3A@3AVolume", [&] { second.Sleep(); });
    second.Start([&] { copied = scene.Copy(); });
  });
  EXPECT_EQ(scene.Copy().code, ExitCode::kLocked);
  second.LetGo();
  EXPECT_EQ(copied.code, ExitCode::kTryAgain) << copied.text;
  const auto again = scene.Copy();
  EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
  gc.LetGo();
  scene.ExpectWhole("verify");
}

TEST(LateCopy, LeavesAManifestThatTheNextCopyClearsAwayWhereNoJournalNamesIt) {
  Scene scene;
  scene.Protect();
  scene.bank.PauseAt(Call::kPut, "Volume/a/000001/manifest", [&] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
    scene.CollectGarbage();
  });
  EXPECT_EQ(scene.Copy().code, ExitCode::kLocked);
  EXPECT_THAT(scene.Keys("checkpoints/run-1/"),
              ::testing::Contains(::testing::EndsWith("000001/manifest")));
  EXPECT_THAT(scene.Keys("checkpoints/run-1/journal/"), IsEmpty());
  scene.BeOnHost("host-c");
  const auto again = scene.Copy();
  EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
  scene.ExpectWhole("verify");
}

}  // namespace
}  // namespace holdfast::testing_runtime
