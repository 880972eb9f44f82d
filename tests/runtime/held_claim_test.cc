#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "runtime/step/claim_wait.h"
#include "tests/runtime/protect_fixture.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Others have the claims of steps. Nobody really waits: the clock goes on instead.
class HeldClaim : public Protect {
 protected:
  HeldClaim() {
    world.pause = [this](std::chrono::milliseconds pause) {
      world.now += pause;
      waited += pause;
      if (meanwhile) meanwhile();
    };
  }
  runtime::Claim Claim(const std::string& step, std::uint64_t number, ProcessIdentity holder) {
    runtime::Claim claim;
    claim.number = number;
    claim.attempt = runtime::NewAttemptId(number);
    claim.run = "run-1";
    claim.token = 1;
    claim.holder = std::move(holder);
    claim.heartbeat = world.now;
    EXPECT_TRUE(runtime::CreateClaim(Section(), step, claim));
    return claim;
  }
  BankSection Section() {
    return runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-1")
        ->section();
  }
  // The step is killed in a pod of its own.
  void KillElsewhere(const std::string& run, const ProcessIdentity& holder) {
    world.script["pre T::App#shop"].dies = true;
    world.identity = holder;
    world.Run(run, bundle, "app-shop-pre");
    world.bank.Disarm();
    world.script.clear();
    world.identity.reset();
  }
  std::size_t Claims() { return runtime::ReadClaims(Section(), "app-shop-pre")->size(); }

  const ProcessIdentity elsewhere{"elsewhere", "boot", "pid:[7]", 7, 7};
  std::chrono::milliseconds waited{0};
  std::function<void()> meanwhile;  // what others do while a process waits
};

TEST_F(HeldClaim, SaysHowFarTheActivityIsOnceItIsRenewed) {
  Publish();
  ASSERT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
  ASSERT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  world.heartbeat_every = std::chrono::milliseconds(1);
  world.script["pre T::Volume#a"].yields = 1;
  std::string said;
  world.pause = [&](std::chrono::milliseconds) {
    for (int i = 0; i < 10'000 && said.empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      said = runtime::ReadClaims(Section(), "volume-a-pre")->back().progress;
    }
  };
  ASSERT_EQ(world.Run("run-1", bundle, "volume-a-pre").code, ExitCode::kOk);
  EXPECT_EQ(said, "1/2");
  // The next activity has said nothing yet.
  EXPECT_EQ(runtime::ReadClaims(Section(), "app-shop-pre")->back().progress, "");
}

TEST_F(HeldClaim, OfAProcessThatGoesOnIsWaitedForAndThenTheStepIsToBeTriedAgain) {
  Publish();
  world.Begin("run-1", bundle);
  Claim("app-shop-pre", 1, OwnProcessIdentity());  // this test: a process that lives
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kTryAgain);
  EXPECT_LE(waited, runtime::kClaimWait);
  EXPECT_GT(waited, runtime::kClaimWait - std::chrono::seconds(3));  // real time goes on as well
  EXPECT_THAT(world.calls, IsEmpty());
}

TEST_F(HeldClaim, IsWaitedForNoLongerThanHalfOfTheStepsDeadline) {
  world.step_deadline = std::chrono::seconds(40);
  Publish();
  world.Begin("run-1", bundle);
  Claim("app-shop-pre", 1, OwnProcessIdentity());
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kTryAgain);
  EXPECT_LE(waited, std::chrono::seconds(20));
  EXPECT_GT(waited, std::chrono::seconds(17));
}

TEST_F(HeldClaim, OfAProcessThatEndsMeanwhileLeavesNothingToDo) {
  Publish();
  world.Begin("run-1", bundle);
  const runtime::Claim claim = Claim("app-shop-pre", 1, elsewhere);
  meanwhile = [&] {
    runtime::ActivityOutcome done;
    done.resource = Key("T::App#shop");
    done.started = done.ended = world.now;
    done.by = "step";
    runtime::AttemptResult result;
    result.run = "run-1";
    result.token = 1;
    result.how = "done";
    result.started = result.ended = world.now;
    result.outcomes = {done};
    EXPECT_TRUE(runtime::WriteResult(Section(), "app-shop-pre", claim.attempt, result));
    meanwhile = nullptr;
  };
  const auto second = world.Run("run-1", bundle, "app-shop-pre");
  EXPECT_EQ(second.code, ExitCode::kOk) << second.text;
  EXPECT_LT(waited, std::chrono::seconds(1));
  EXPECT_THAT(world.calls, IsEmpty());
}

TEST_F(HeldClaim, ThatAnotherWaitingProcessTakesFirstIsWaitedForAnew) {
  Publish();
  world.Begin("run-1", bundle);
  Claim("app-shop-pre", 1, elsewhere);
  const WallTime begin = world.now;
  meanwhile = [&] {
    EXPECT_THAT(world.calls, IsEmpty());
    if (Claims() > 1 || world.now < begin + runtime::kClaimExpiry) return;
    Claim("app-shop-pre", 2, {"a third", "boot", "pid:[7]", 7, 7});
  };
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_GE(waited, 2 * runtime::kClaimExpiry);
  EXPECT_EQ(Claims(), 3U);
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 1U);
}

TEST_F(HeldClaim, IsNotWaitedForOnceTheEndOfTheRunHasTakenOver) {
  Publish();
  world.Begin("run-1", bundle);
  Claim("app-shop-pre", 1, elsewhere);
  meanwhile = [&] {
    runtime::LeaseRequest of_end;
    of_end.run = "run-1";
    of_end.ending = true;
    of_end.after = 1;
    EXPECT_TRUE(runtime::TakeLease(world.tenant, "run-1", of_end, world.now));
    meanwhile = nullptr;
  };
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kLocked);
  EXPECT_LT(waited, std::chrono::seconds(1));
}

// Engines try again at once and not often: a pod that is killed must not cost more than one of those
// tries.
TEST_F(HeldClaim, OfAProcessThatWasKilledElsewhereCostsOneTry) {
  Publish();
  world.Begin("run-1", bundle);
  KillElsewhere("run-1", elsewhere);
  EXPECT_EQ(world.Run("run-1", bundle, "app-shop-pre").code, ExitCode::kOk);
  EXPECT_GE(waited, runtime::kClaimExpiry);
  EXPECT_LT(waited, runtime::kClaimExpiry + std::chrono::seconds(3));
  EXPECT_EQ(world.CallsOf("pre T::App#shop"), 2U);
}

// What is in a container of its own, or on another host of the same name, is not to be seen in our
// /proc: that is no sign that it is gone.
TEST_F(HeldClaim, OfAProcessThatCannotBeSeenFromHereIsTakenOverWhenItsHeartbeatHasEnded) {
  Publish();
  const ProcessIdentity own = OwnProcessIdentity();
  ProcessIdentity contained = own;
  contained.pid_namespace = "pid:[7]";
  contained.pid = 7;
  ProcessIdentity clone = own;
  clone.boot_id = "another boot";
  clone.pid = 7;
  int number = 0;
  for (const ProcessIdentity& holder : {contained, clone}) {
    const std::string run = fmt::format("run-{}", ++number);
    world.Begin(run, bundle);
    waited = {};
    KillElsewhere(run, holder);
    EXPECT_EQ(waited.count(), 0);
    EXPECT_EQ(world.Run(run, bundle, "app-shop-pre").code, ExitCode::kOk);
    EXPECT_GE(waited, runtime::kClaimExpiry);
    world.End(run);  // one run at a time brings the application to rest
  }
}

TEST_F(HeldClaim, OfAnEndThatWasKilledElsewhereCostsOneTry) {
  Publish();
  world.Begin("run-1", bundle);
  for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step);
  Claim("end", 1, elsewhere);
  const auto end = world.End("run-1");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_GE(waited, runtime::kClaimExpiry);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
}

// An engine has given up the copy, and lets the application go on, while somebody still copies.
TEST_F(HeldClaim, OfAnEarlierStepIsWaitedForUntilItsHeartbeatHasEnded) {
  Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.Run("run-1", bundle, "volume-a-pre");
  Claim("volume-a-parallel", 1, elsewhere);
  EXPECT_EQ(world.Run("run-1", bundle, "volume-a-post").code, ExitCode::kOk);
  EXPECT_GE(waited, runtime::kClaimExpiry);
}

TEST_F(HeldClaim, OfAnEarlierStepThatGoesOnKeepsALaterOneBack) {
  Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.Run("run-1", bundle, "volume-a-pre");
  runtime::Claim claim = Claim("volume-a-parallel", 1, elsewhere);
  meanwhile = [&] {
    EXPECT_TRUE(runtime::RenewClaim(Section(), "volume-a-parallel", claim, world.now));
  };
  const auto post = world.Run("run-1", bundle, "volume-a-post");
  EXPECT_EQ(post.code, ExitCode::kTryAgain) << post.text;
  EXPECT_THAT(post.text, HasSubstr("volume-a-parallel"));
  EXPECT_EQ(world.CallsOf("post T::Volume#a"), 0U);
}

TEST_F(HeldClaim, OfAnEarlierStepOfAnotherRunIsNotWaitedFor) {
  Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  Claim("volume-a-pre", 1, elsewhere);
  world.End("run-1");
  waited = {};
  world.Begin("run-2", bundle, "run-1");
  world.Run("run-2", bundle, "app-shop-pre", "run-1");
  world.Run("run-2", bundle, "volume-a-pre", "run-1");
  EXPECT_EQ(world.Run("run-2", bundle, "volume-a-parallel", "run-1").code, ExitCode::kOk);
  EXPECT_LT(waited, runtime::kClaimExpiry);
}

TEST_F(HeldClaim, OfAPostKeepsBackWhatComesBeforeIt) {
  Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "app-shop-pre");
  world.Run("run-1", bundle, "volume-a-pre");
  Claim("volume-a-post", 1, elsewhere);
  const auto late = world.Run("run-1", bundle, "volume-a-parallel");
  EXPECT_EQ(late.code, ExitCode::kInvalidInput) << late.text;
  EXPECT_THAT(late.text, HasSubstr("is at work"));
  EXPECT_EQ(world.CallsOf("parallel T::Volume#a"), 0U);
  // Its own claim is over: nobody waits for it.
  EXPECT_EQ(runtime::ReadStepJournal(Section(), "volume-a-parallel")->OpenClaim(), nullptr);
}

// A queue, or a retry of an engine that had given it up, starts it only now.
TEST(Late, StepThatIsFirstStartedAfterItsPostIsRefused) {
  World world;
  world.Add("T::Volume#a");
  const std::string bundle = world.Publish();
  world.Begin("run-1", bundle);
  world.Run("run-1", bundle, "volume-a-pre");
  world.Run("run-1", bundle, "volume-a-post");
  const auto late = world.Run("run-1", bundle, "volume-a-parallel");
  EXPECT_EQ(late.code, ExitCode::kInvalidInput) << late.text;
  EXPECT_THAT(late.text, HasSubstr("closed"));
  EXPECT_THAT(world.calls, Not(Contains("parallel T::Volume#a")));
  EXPECT_NE(world.End("run-1").code, ExitCode::kOk);
  EXPECT_NE(world.StateOf("run-1"), RecordState::kAvailable);
}

}  // namespace
}  // namespace holdfast::testing_runtime
