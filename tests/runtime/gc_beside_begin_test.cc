// A bundle that nothing names and that is old, and somebody who begins to use it while gc removes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/process_runner.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/bundle_use.h"
#include "runtime/store/claim.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// A bank that hears of each call before it is made.
class WatchedBank : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    BeforeEach(false);
    return ForwardingBank::Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    BeforeEach(false);
    return ForwardingBank::CreateExclusive(key, value, settling);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    BeforeEach(false);
    return ForwardingBank::Replace(key, value);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    BeforeEach(false);
    return ForwardingBank::Get(key, sink, offset, length);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    BeforeEach(false);
    return ForwardingBank::List(options);
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override {
    BeforeEach(false);
    return ForwardingBank::Stat(key);
  }
  Status Delete(const ObjectKey& key) override {
    BeforeEach(true);
    return ForwardingBank::Delete(key);
  }

 private:
  virtual void BeforeEach(bool deletes) = 0;
};

// One in which something happens once, just before the n-th call from then on.
class MeanwhileBank final : public WatchedBank {
 public:
  using WatchedBank::WatchedBank;
  void BeforeCall(std::size_t n, std::function<void()> meanwhile) {
    left_ = n;
    meanwhile_ = std::move(meanwhile);
  }
  bool pending() const { return meanwhile_ != nullptr; }
  void Disarm() { meanwhile_ = nullptr; }

 private:
  void BeforeEach(bool /*deletes*/) override {
    if (meanwhile_ && --left_ == 0) std::exchange(meanwhile_, nullptr)();
  }
  std::size_t left_ = 0;
  std::function<void()> meanwhile_;
};

// One that holds back the n-th call of the thread that asks for it.
class TurnsBank final : public WatchedBank {
 public:
  using WatchedBank::WatchedBank;
  void BeforeCall(std::size_t n, std::function<void()> meanwhile) {
    const std::lock_guard lock(mutex_);
    held_[std::this_thread::get_id()] = {n, std::move(meanwhile)};
  }
  bool held_a_deletion() const { return held_a_deletion_; }

 private:
  struct Held {
    std::size_t left = 0;
    std::function<void()> meanwhile;
  };
  void BeforeEach(bool deletes) override {
    std::function<void()> now;
    {
      const std::lock_guard lock(mutex_);
      Held& held = held_[std::this_thread::get_id()];
      if (held.left > 0 && --held.left == 0) now = std::move(held.meanwhile);
      held_a_deletion_ = held_a_deletion_ || (now && deletes);
    }
    if (now) now();
  }
  std::mutex mutex_;
  std::map<std::thread::id, Held> held_;
  bool held_a_deletion_ = false;
};

// A bank with a bundle that is two days old.
struct OldBundle {
  OldBundle() {
    world.Add("T::Plain#p");
    bundle = world.Publish();
    bank_time += std::chrono::hours(48);
    world.now = bank_time;
  }
  void CollectGarbage(std::chrono::seconds bundle_age = std::chrono::hours(24)) {
    std::vector<runtime::GcAction> actions;
    runtime::GcOptions options;
    options.bundle_age = bundle_age;
    world.CollectGarbage(options, &actions);
  }
  bool IsThere() { return *world.tenant.Exists("bundles/" + bundle + "/bundle.json"); }
  // What began has all that it needs; what was refused can be done anew.
  void ExpectTheRunGoesOn(const World::Outcome& begun) {
    if (begun.code == ExitCode::kOk) {
      const auto whole = runtime::LoadBundleFromBank(world.tenant, bundle);
      ASSERT_TRUE(whole) << whole.error().Render();
      for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step);
      const World::Outcome ended = world.End("run-1");
      EXPECT_EQ(ended.code, ExitCode::kOk) << ended.text;
      EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
      return;
    }
    EXPECT_THAT(begun.code, AnyOf(ExitCode::kTryAgain, ExitCode::kNotFound)) << begun.text;
    EXPECT_THAT(begun.text, HasSubstr("publish FILE"));
    EXPECT_EQ(*world.tenant.ListAll("checkpoints/"), std::vector<std::string>());
    const World::Outcome again = world.RunAll("run-1", world.Publish());
    EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
  }

  testing::MovedTime<WallTime> bank_time = *ParseTime("2026-11-24T01:00:00Z");
  TestClock bank_clock{bank_time};
  MemoryBank memory{bank_clock};
  MeanwhileBank bank{memory};
  World world{&bank};
  std::string bundle;
};

TEST(GcBesideBegin, WhereverARunBeginsItHasItsBundleOrIsRefused) {
  std::size_t begun = 0;
  std::size_t refused = 0;
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of gc");
    OldBundle scene;
    World::Outcome outcome;
    scene.bank.BeforeCall(n, [&] { outcome = scene.world.Begin("run-1", scene.bundle); });
    scene.CollectGarbage();
    if (scene.bank.pending()) break;
    ++(outcome.code == ExitCode::kOk ? begun : refused);
    scene.ExpectTheRunGoesOn(outcome);
  }
  EXPECT_GT(begun, 0U);
  EXPECT_GT(refused, 0U);
}

TEST(GcBesideBegin, WhereverGcComesARunHasItsBundleOrIsRefused) {
  std::size_t begun = 0;
  std::size_t refused = 0;
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of begin");
    OldBundle scene;
    scene.bank.BeforeCall(n, [&] { scene.CollectGarbage(); });
    const World::Outcome outcome = scene.world.Begin("run-1", scene.bundle);
    if (scene.bank.pending()) break;
    ++(outcome.code == ExitCode::kOk ? begun : refused);
    scene.ExpectTheRunGoesOn(outcome);
  }
  EXPECT_GT(begun, 0U);
  EXPECT_GT(refused, 0U);
}

// However young what goes may be: a run that has just begun is none whose bundle goes.
TEST(GcBesideBegin, TheSameWhereGcTakesWhatIsYoung) {
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of begin");
    OldBundle scene;
    scene.bank.BeforeCall(n, [&] { scene.CollectGarbage(std::chrono::seconds(0)); });
    const World::Outcome outcome = scene.world.Begin("run-1", scene.bundle);
    if (scene.bank.pending()) break;
    scene.ExpectTheRunGoesOn(outcome);
  }
}

TEST(GcBesideBegin, WhatIsPublishedMeanwhileIsThereOrRefused) {
  std::size_t published = 0;
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of gc");
    OldBundle scene;
    std::optional<Result<std::string>> put;
    scene.bank.BeforeCall(n, [&] { put = scene.world.TryToPublish(); });
    scene.CollectGarbage();
    if (scene.bank.pending()) break;
    if (*put) {
      ++published;
      ASSERT_TRUE(runtime::LoadBundleFromBank(scene.world.tenant, scene.bundle));
      EXPECT_EQ(scene.world.RunAll("run-1", scene.bundle).code, ExitCode::kOk);
      continue;
    }
    EXPECT_EQ(put->error().code(), ErrorCode::kUnavailable) << put->error().Render();
    EXPECT_EQ(scene.world.RunAll("run-1", scene.world.Publish()).code, ExitCode::kOk);
  }
  EXPECT_GT(published, 0U);
}

TEST(GcBesideBegin, WhatIsCopiedThereMeanwhileIsThereOrRefused) {
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of gc");
    OldBundle source;
    OldBundle scene;
    ASSERT_EQ(source.bundle, scene.bundle);
    Status copied = Ok();
    scene.bank.BeforeCall(n, [&] {
      copied = runtime::CopyBundle(source.world.tenant, scene.world.tenant, scene.bundle);
    });
    scene.CollectGarbage();
    if (scene.bank.pending()) break;
    if (copied) {
      EXPECT_TRUE(runtime::LoadBundleFromBank(scene.world.tenant, scene.bundle));
    } else {
      EXPECT_EQ(copied.error().code(), ErrorCode::kUnavailable) << copied.error().Render();
    }
  }
}

// Two that come at once may both remove it; neither takes what a run has.
TEST(GcBesideBegin, AnotherGcDoesNoHarm) {
  for (std::size_t n = 1;; ++n) {
    SCOPED_TRACE("before call " + std::to_string(n) + " of gc");
    OldBundle scene;
    World::Outcome outcome;
    scene.bank.BeforeCall(n, [&] {
      scene.CollectGarbage(std::chrono::seconds(0));
      if (scene.world.TryToPublish())
        outcome = scene.world.Begin("run-1", scene.bundle);
      else
        outcome = {ExitCode::kTryAgain, "publish FILE"};
    });
    scene.CollectGarbage(std::chrono::seconds(0));
    if (scene.bank.pending()) break;
    scene.ExpectTheRunGoesOn(outcome);
  }
}

TEST(GcBesideBegin, LeavesNoMarkBehind) {
  OldBundle scene;
  scene.CollectGarbage();
  EXPECT_EQ(*scene.world.tenant.ListAll("bundles/"), std::vector<std::string>());
}

// The clock of the machine on which gc runs is days ahead.
TEST(GcBesideBegin, HowOldABundleIsTheBankSays) {
  OldBundle scene;
  scene.world.Add("T::Plain#q");
  scene.bundle = scene.world.Publish();
  scene.world.now += std::chrono::hours(72);
  scene.CollectGarbage();
  EXPECT_TRUE(scene.IsThere());
  EXPECT_TRUE(*scene.world.tenant.ListAll("bundles/" + scene.bundle + "/going") ==
              std::vector<std::string>());
  scene.bank_time += std::chrono::hours(25);
  scene.CollectGarbage();
  EXPECT_FALSE(scene.IsThere());
}

// As one leaves it that is killed before it removes anything.
TEST(GcBesideBegin, TheMarkOfADeadGcHoldsForAnHour) {
  OldBundle scene;
  const std::string mark = "bundles/" + scene.bundle + "/going";
  ASSERT_TRUE(scene.world.tenant.CreateExclusive(mark, "gc-dead"));
  const World::Outcome refused = scene.world.Begin("run-1", scene.bundle);
  EXPECT_EQ(refused.code, ExitCode::kTryAgain) << refused.text;
  scene.bank_time += std::chrono::minutes(61);
  scene.world.now = scene.bank_time;
  const World::Outcome begun = scene.world.Begin("run-1", scene.bundle);
  EXPECT_EQ(begun.code, ExitCode::kOk) << begun.text;
}

// On one machine it is known at once.
TEST(GcBesideBegin, TheMarkOfAGcThatIsKnownToBeDeadKeepsNobodyOff) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  ASSERT_GT(child, 0);
  const std::string holder = *DumpJson(runtime::HolderToValue(*FindProcess(child)));
  for (const bool alive : {true, false}) {
    if (!alive) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    OldBundle begun;
    ASSERT_TRUE(begun.world.tenant.CreateExclusive("bundles/" + begun.bundle + "/going", holder));
    const World::Outcome outcome = begun.world.Begin("run-1", begun.bundle);
    EXPECT_EQ(outcome.code, alive ? ExitCode::kTryAgain : ExitCode::kOk) << outcome.text;
  }
}

// Two that find the mark of one that is dead: however one is stopped on its way and the other one comes to its end meanwhile, who begins
// then has the bundle, or is refused. (But for the one deletion that was on its way just then.)
TEST(GcBesideBegin, TwoThatGoOnForOneThatIsDeadDoNoHarm) {
  constexpr std::size_t kCalls = 16;  // of one gc, about
  for (std::size_t first = 1; first <= kCalls; ++first) {
    for (std::size_t second = 1; second <= kCalls; ++second) {
      SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second));
      OldBundle scene;
      ASSERT_TRUE(
          scene.world.tenant.CreateExclusive("bundles/" + scene.bundle + "/going", "gc-dead"));
      scene.bank_time += std::chrono::hours(48);
      scene.world.now = scene.bank_time;
      TurnsBank turns(scene.memory);
      const BankSection tenant = *BankSection::Open(turns, "t/local", SectionAccess::kWrite);
      const auto keys = *tenant.ListAll("bundles/" + scene.bundle + "/");
      const auto collect = [&] {
        const Status done = runtime::RemoveBundles(
            tenant, scene.world.clock, {{scene.bundle, keys}}, std::chrono::seconds(0),
            [&]() -> Result<std::optional<std::set<std::string>>> {
              std::set<std::string> named;
              if (*scene.world.tenant.Exists("checkpoints/run-1/plan")) named.insert(scene.bundle);
              return std::optional(std::move(named));
            },
            [](const std::string&) {});
        if (!done) {
          EXPECT_THAT(done.error().Render(), HasSubstr("is gone again"));
        }
      };
      std::counting_semaphore<2> turn(0);
      std::binary_semaphore go_on(0);
      World::Outcome outcome{ExitCode::kTryAgain, "publish FILE"};
      {
        const std::jthread other([&] {
          bool held = false;
          turns.BeforeCall(first, [&] {
            held = true;
            turn.release();
            go_on.acquire();
          });
          collect();
          turns.BeforeCall(0, nullptr);
          turn.release(held ? 1 : 2);
        });
        turn.acquire();
        bool stopped = false;
        const auto go = [&] {
          stopped = true;
          go_on.release();
          turn.acquire();
          if (scene.world.TryToPublish()) outcome = scene.world.Begin("run-1", scene.bundle);
        };
        turns.BeforeCall(second, go);
        collect();
        turns.BeforeCall(0, nullptr);
        if (!stopped) go();
      }
      if (turns.held_a_deletion()) continue;
      scene.ExpectTheRunGoesOn(outcome);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(GcBesideBegin, AnotherGcGoesOnForOneThatIsDead) {
  OldBundle scene;
  ASSERT_TRUE(scene.world.tenant.CreateExclusive("bundles/" + scene.bundle + "/going", "gc-dead"));
  scene.CollectGarbage();
  EXPECT_TRUE(scene.IsThere()) << "it may be another one's that lives";
  scene.bank_time += std::chrono::hours(48);
  scene.world.now = scene.bank_time;
  scene.CollectGarbage();
  EXPECT_EQ(*scene.world.tenant.ListAll("bundles/"), std::vector<std::string>());
}

}  // namespace
}  // namespace holdfast::testing_runtime
