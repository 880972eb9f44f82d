// What keeps one out whose token is old: a state's number and token, and the hold of who deletes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "plugins/sdk/json.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"
#include "runtime/store/removal_hold.h"
#include "runtime/store/stored_object.h"
#include "tests/runtime/world.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::testing_runtime {
namespace {

using runtime::HeldLease;
using runtime::Lease;
using runtime::LeaseRequest;
using runtime::Record;
using runtime::RecordKind;
using runtime::RemovalHold;
using runtime::StateChange;
using ::testing::HasSubstr;

class States : public ::testing::Test {
 protected:
  std::uint64_t Take(const std::string& run) {
    LeaseRequest wanted;
    wanted.run = run;
    wanted.after = token;
    token = runtime::TakeLease(world.tenant, "c", wanted, world.now)->token;
    return token;
  }
  StateChange To(RecordState state, const std::string& run, std::uint64_t of,
                 std::uint64_t after) const {
    StateChange change;
    change.state = state;
    change.run = run;
    change.token = of;
    change.after = after;
    change.time = world.now;
    return change;
  }
  World world;
  std::uint64_t token = 0;
  Record record = *Record::Open(world.tenant, RecordKind::kCheckpoint, "c");
};

TEST_F(States, CarryTheTokenOfWhoSetThem) {
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-1", 1, 0)));
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kAvailable, "run-1", 2, 1)));
  const auto states = *record.States();
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].token, 1U);
  EXPECT_EQ(states[1].token, 2U);
  // Again: it is there.
  EXPECT_TRUE(record.SetState(To(RecordState::kAvailable, "run-1", 2, 1)));
  EXPECT_EQ(record.States()->size(), 2U);
}

TEST_F(States, AreNotSetWithAnOldToken) {
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-1", 1, 0)));
  Take("run-2");
  const Status late = record.SetState(To(RecordState::kError, "run-1", 1, 1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kLocked);
  EXPECT_EQ(record.States()->size(), 1U);
  // Also by one that has it in its hands: whoever set the newest state had a newer one.
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-2", 2, 1)));
  ASSERT_TRUE(record.SetState(To(RecordState::kError, "run-2", 2, 2)));
  EXPECT_FALSE(record.SetState(To(RecordState::kError, "run-1", 1, 3)));
  EXPECT_EQ(record.States()->size(), 3U);
}

TEST_F(States, AreNotSetByOneWhoKnewAnotherOne) {
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-1", 1, 0)));
  ASSERT_TRUE(record.SetState(To(RecordState::kError, "run-1", 1, 1)));
  const Status late = record.SetState(To(RecordState::kAvailable, "run-1", 1, 1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kLocked);
  EXPECT_THAT(late.error().message(), HasSubstr("error by run run-1"));
  EXPECT_EQ(record.State()->value().state, RecordState::kError);
}

TEST_F(States, AreOfTheTokensThatThereAreOnceAllLeasesWereLost) {
  for (int i = 0; i < 3; ++i) Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-1", 3, 0)));
  const auto leases = *world.tenant.ListAll("leases/");
  for (const std::string& key : leases) ASSERT_TRUE(world.tenant.Delete(key));
  token = 0;
  Take("run-2");
  EXPECT_TRUE(record.SetState(To(RecordState::kError, "run-2", 1, 1)));
}

TEST_F(States, ThatWereSetByAnEarlierBuildAreFollowedByAnyToken) {
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(RecordState::kProtecting, "run-1", 1, 0)));
  const std::string key = "checkpoints/c/state/000001";
  Value value = *ParseJson(*world.tenant.GetBytes(key), key);
  value.MutableMap().erase("token");
  value.MutableMap().erase("sha256");
  ASSERT_TRUE(world.tenant.Replace(key, *runtime::DumpObject(value, 1)));
  EXPECT_EQ(record.State()->value().token, 0U);
  EXPECT_TRUE(record.SetState(To(RecordState::kError, "run-1", 1, 1)));
}

// Whoever was about to set the next one is late then.
TEST_F(States, AreSetAgainWithAllThatTheySay) {
  Take("run-1");
  StateChange available = To(RecordState::kAvailable, "run-1", 1, 0);
  available.reason = "why";
  available.warnings = 3;
  ASSERT_TRUE(record.SetState(available));
  const auto before = *record.State();
  Take("gc-1");
  ASSERT_TRUE(record.SetStateAgain(*before, 2, 1));
  EXPECT_TRUE(record.SetStateAgain(*before, 2, 1));
  const auto again = *record.State();
  EXPECT_EQ(again->number, 2U);
  EXPECT_EQ(again->run, "run-1");
  EXPECT_EQ(again->token, 2U);
  EXPECT_EQ(again->time, before->time);
  EXPECT_EQ(again->reason, "why");
  EXPECT_EQ(again->warnings, 3U);
  EXPECT_EQ(record.SetState(To(RecordState::kDeleting, "del-1", 2, 1)).error().code(),
            ErrorCode::kLocked);
  EXPECT_EQ(record.SetStateAgain(*before, 1, 2).error().code(), ErrorCode::kLocked);
}

TEST_F(States, FollowOneAnotherAsTheyMay) {
  using enum RecordState;
  using runtime::IsTransition;
  const auto may = [](std::optional<RecordState> from, RecordState to) {
    return IsTransition(RecordKind::kCheckpoint, from, to);
  };
  for (const auto& [from, to] :
       std::vector<std::pair<std::optional<RecordState>, RecordState>>{{std::nullopt, kProtecting},
                                                                       {std::nullopt, kAvailable},
                                                                       {kProtecting, kProtecting},
                                                                       {kProtecting, kAvailable},
                                                                       {kProtecting, kError},
                                                                       {kError, kProtecting},
                                                                       {kError, kError},
                                                                       {kAvailable, kDeleting},
                                                                       {kError, kDeleting},
                                                                       {kProtecting, kDeleting},
                                                                       {kDeleting, kDeleting},
                                                                       {kDeleting, kDeleted},
                                                                       {kDeleted, kAvailable}}) {
    EXPECT_TRUE(may(from, to)) << NameOf(to);
  }
  for (const auto& [from, to] :
       std::vector<std::pair<std::optional<RecordState>, RecordState>>{{kAvailable, kProtecting},
                                                                       {kAvailable, kError},
                                                                       {kAvailable, kAvailable},
                                                                       {kAvailable, kDeleted},
                                                                       {kError, kAvailable},
                                                                       {kDeleting, kAvailable},
                                                                       {kDeleting, kError},
                                                                       {kDeleted, kDeleting},
                                                                       {kDeleted, kError},
                                                                       {kDeleted, kProtecting},
                                                                       {kProtecting, kRestored}}) {
    EXPECT_FALSE(may(from, to)) << NameOf(*from) << " " << NameOf(to);
  }
  EXPECT_TRUE(IsTransition(RecordKind::kDeletion, kError, kDeleting));
  EXPECT_FALSE(IsTransition(RecordKind::kDeletion, kDeleted, kError));
  EXPECT_FALSE(IsTransition(RecordKind::kRestore, std::nullopt, kRestored));
  Take("run-1");
  ASSERT_TRUE(record.SetState(To(kAvailable, "run-1", 1, 0)));
  const Status error = record.SetState(To(kError, "run-1", 1, 1));
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code(), ErrorCode::kConflict);
  EXPECT_THAT(error.error().message(), HasSubstr("cannot become error"));
}

TEST(LostLeases, KeepNobodyFromDeleting) {
  for (const std::string lost : {"000001", "000002"}) {
    World world;
    world.Add("T::Volume#a");
    ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
    ASSERT_TRUE(world.tenant.Delete("leases/run-1/" + lost));
    world.now += runtime::kLeaseExpiry;
    const auto deleted = world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1"));
    EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
    EXPECT_EQ(world.StateOf("run-1"), RecordState::kDeleted);
  }
}

class Removal : public ::testing::Test {
 protected:
  Removal() {
    for (int i = 0; i < 9; ++i) {
      EXPECT_TRUE(record.section().PutBytes("data/T/a/x/" + std::to_string(i), "x"));
    }
    LeaseRequest wanted;
    wanted.run = "run-1";
    lease = *runtime::TakeLease(tenant, "c", wanted, clock.wall);
  }
  RemovalHold Hold() { return {record, {HeldLease{"c", lease}}, clock}; }
  void TakeOver() {
    LeaseRequest wanted;
    wanted.run = "run-2";
    wanted.after = 1;
    ASSERT_TRUE(runtime::TakeLease(tenant, "c", wanted, clock.wall));
  }
  bool IsThere(const std::string& key) { return *record.section().Exists(key); }

  testing::StillClock clock{*ParseTime("2026-11-24T01:00:00Z")};
  MemoryBank memory{clock};
  testing::FaultyBank bank{memory};
  BankSection tenant = *BankSection::Open(bank, "t/local", SectionAccess::kWrite);
  Record record = *Record::Open(tenant, RecordKind::kCheckpoint, "c");
  Lease lease;
};

TEST_F(Removal, LooksBeforeADeletionUnlessItHasJustLooked) {
  RemovalHold hold = Hold();
  const std::uint64_t before = bank.operations();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(hold.Delete("data/T/a/x/" + std::to_string(i)));
  EXPECT_EQ(bank.operations() - before, 6U);
}

TEST_F(Removal, OfOneWhoWasStoppedIsRefused) {
  RemovalHold hold = Hold();
  ASSERT_TRUE(hold.Delete("data/T/a/x/0"));
  TakeOver();
  clock.steady += RemovalHold::kLookCounts;
  const Status late = hold.Delete("data/T/a/x/1");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::kLocked);
  EXPECT_TRUE(IsThere("data/T/a/x/1"));
}

// Its steady clock stands still meanwhile.
TEST_F(Removal, OfOneWhoseMachineWasSuspendedIsRefused) {
  RemovalHold hold = Hold();
  ASSERT_TRUE(hold.Delete("data/T/a/x/0"));
  TakeOver();
  clock.wall += RemovalHold::kLookCounts;
  EXPECT_FALSE(hold.Delete("data/T/a/x/1"));
  EXPECT_TRUE(IsThere("data/T/a/x/1"));
}

TEST_F(Removal, LooksAgainAfterTheClockWasSetBack) {
  RemovalHold hold = Hold();
  ASSERT_TRUE(hold.Delete("data/T/a/x/0"));
  TakeOver();
  clock.wall -= std::chrono::seconds(1);
  EXPECT_FALSE(hold.Delete("data/T/a/x/1"));
  EXPECT_TRUE(IsThere("data/T/a/x/1"));
}

TEST_F(Removal, RenewsItsLeasesOfWhichLessThanHalfIsLeft) {
  RemovalHold hold = Hold();
  clock.wall += runtime::kLeaseExpiry * 3 / 4;
  ASSERT_TRUE(hold.Delete("data/T/a/x/0"));
  EXPECT_EQ((*runtime::CurrentLease(tenant, "c"))->expires, clock.wall + runtime::kLeaseExpiry);
}

TEST_F(Removal, IsRefusedByEachOfItsLeases) {
  LeaseRequest wanted;
  wanted.run = "run-1";
  Lease other = *runtime::TakeLease(tenant, "d", wanted, clock.wall);
  RemovalHold hold{record, {HeldLease{"c", lease}, HeldLease{"d", other}}, clock};
  ASSERT_TRUE(hold.Delete("data/T/a/x/0"));
  wanted.after = 1;
  ASSERT_TRUE(runtime::TakeLease(tenant, "d", wanted, clock.wall));
  clock.steady += RemovalHold::kLookCounts;
  EXPECT_FALSE(hold.Delete("data/T/a/x/1"));
}

// What it has lost, who took it may have let go of what it still has the greatest token of.
TEST_F(Removal, RenewsNoLeaseOnceItHasLostOneOfThem) {
  LeaseRequest wanted;
  wanted.run = "run-1";
  Lease other = *runtime::TakeLease(tenant, "d", wanted, clock.wall);
  RemovalHold hold{record, {HeldLease{"c", lease}, HeldLease{"d", other}}, clock};
  wanted.after = 1;
  ASSERT_TRUE(runtime::TakeLease(tenant, "d", wanted, clock.wall));
  ASSERT_TRUE(runtime::ReleaseLease(tenant, "c", lease));
  clock.wall += runtime::kLeaseExpiry * 3 / 4;
  EXPECT_FALSE(hold.Delete("data/T/a/x/0"));
  EXPECT_TRUE((*runtime::CurrentLease(tenant, "c"))->released);
}

TEST_F(Removal, OfWhatSomebodyWorksOnIsNotBegun) {
  const auto hold = RemovalHold::Take(record, "gc-1", clock, nullptr);
  ASSERT_FALSE(hold);
  EXPECT_EQ(hold.error().code(), ErrorCode::kLocked);
  ASSERT_TRUE(runtime::ReleaseLease(tenant, "c", lease));
  auto taken = RemovalHold::Take(record, "gc-1", clock, nullptr);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->lease().token, 2U);
  EXPECT_TRUE(taken->Delete("data/T/a/x/0"));
  EXPECT_TRUE(taken->Release());
}

}  // namespace
}  // namespace holdfast::testing_runtime
