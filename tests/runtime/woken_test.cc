// Deletions, copies and gc that are stopped in the middle of a call to their bank, and woken up after others have gone on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/step/erase.h"
#include "runtime/store/indices.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/pin.h"
#include "runtime/store/rubbish.h"
#include "tests/runtime/woken_scene.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::SizeIs;

// pause2: of what was deleted a copy is made anew, and its process stopped while it clears away what is left.
TEST(Woken, ACopyOverADeletedOneTakesNothingOfTheCopyOfWhoTookOver) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_EQ(scene.Delete("del-1").code, ExitCode::kOk);
  // As a listing that lags makes a deletion leave them.
  for (const char* const key : {"data/T@3A@3AVolume/a/000001-old/data.0", "failures/000001"})
    ASSERT_TRUE(scene.target.tenant.PutBytes("checkpoints/run-1/" + std::string(key), "x"));
  scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/", [&scene] {
    scene.PauseThatOne();
    const World::Outcome other = scene.Copy();
    EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
    scene.ExpectWhole("verify-1");
  });
  const World::Outcome woken = scene.Copy();
  ASSERT_FALSE(scene.bank.pending()) << "nothing was cleared away: the case shows nothing";
  EXPECT_EQ(woken.code, ExitCode::kLocked) << woken.text;
  scene.ExpectWhole("verify-2");
  EXPECT_THAT(scene.Damage(), IsEmpty());
}

// The same at every change that such a copy makes.
TEST(Woken, ACopyOverADeletedOneHarmsNothingWhereverItWasStopped) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    ASSERT_EQ(scene.Delete("del-1").code, ExitCode::kOk);
    scene.bank.PauseAtChange(n, [&scene] {
      scene.PauseThatOne();
      const World::Outcome other = scene.Copy();
      EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
      scene.ExpectWhole("verify-1");
    });
    const World::Outcome woken = scene.Copy();
    if (scene.bank.pending()) {
      EXPECT_GT(n, 10U);
      break;
    }
    SCOPED_TRACE(scene.bank.held_back() + ": " + woken.text);
    scene.ExpectWhole("verify-2");
    scene.Advance(std::chrono::hours(24 * 60));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    scene.ExpectWhole("verify-3");
    EXPECT_THAT(scene.Damage(), IsEmpty());
  }
}

// pause3: the end of a deletion is stopped while it erases; a gc of an operator who believes it dead carries the deletion on, and then
// the checkpoint is copied there anew. At every deletion of an object of it the one that was on its way takes place, and no other.
TEST(Woken, AnEndOfADeletionErasesNoMoreThanTheObjectThatItWasAbout) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
    ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
    for (const std::string& step : scene.target.Steps(bundle))
      scene.target.Run("del-1", bundle, step);
    std::vector<std::string> whole;
    scene.bank.PauseAtChange(n, [&scene, &whole] {
      scene.PauseThatOne();
      EXPECT_THAT(scene.CollectGarbage("del-1"), IsEmpty());
      EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleted);
      const World::Outcome other = scene.Copy();
      EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
      scene.ExpectWhole("verify-1");
      whole = scene.Keys();
      for (std::string& key : scene.Keys("indices/")) whole.push_back(std::move(key));
    });
    const World::Outcome woken = scene.target.End("del-1");
    if (scene.bank.pending()) {
      EXPECT_GT(n, 10U);
      break;
    }
    SCOPED_TRACE(scene.bank.held_back() + ": " + woken.text);
    const auto missing = scene.Missing(whole);
    EXPECT_THAT(missing, IsSubsetOf({scene.bank.held_back()}));
    for (const std::string& key : missing) {
      EXPECT_EQ(key.find("/data/"), std::string::npos);
      EXPECT_EQ(key.find("/state/"), std::string::npos);
      EXPECT_NE(key, "checkpoints/run-1/plan");
    }
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
    // Never unnoticed. (A claim of the copy itself tells nobody anything once that has ended.)
    if (!missing.empty() && missing.front().find("/journal/copy/") == std::string::npos) {
      EXPECT_NE(scene.Damage(), std::vector<std::string>());
      continue;
    }
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    scene.ExpectWhole("verify-2");
    EXPECT_THAT(scene.Damage(), IsEmpty());
  }
}

// An end of a deletion that was stopped, or killed, while it erased: another deletion does the rest, and the checkpoint is copied there
// anew. That is none of the first deletion's: no gc takes it, and nobody is refused because of it.
TEST(Woken, ADeletionThatAnotherOneHasFinishedTakesNothingOfACopyMadeAnew) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
  for (const std::string& step : scene.target.Steps(bundle))
    scene.target.Run("del-1", bundle, step);
  scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/resources/", [&scene, &bundle] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    const World::Outcome deleted = scene.Delete("del-2");
    EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
    EXPECT_EQ(scene.Copy().code, ExitCode::kOk);
    EXPECT_FALSE(*runtime::DeletionOf(scene.target.tenant, "run-1"));
    const World::Outcome resumed = scene.target.Begin("del-3", bundle, "del-1");
    EXPECT_EQ(resumed.code, ExitCode::kInvalidInput) << resumed.text;
    EXPECT_THAT(resumed.text, HasSubstr("nothing more to delete"));
  });
  EXPECT_EQ(scene.target.End("del-1").code, ExitCode::kLocked);
  ASSERT_FALSE(scene.bank.pending());
  EXPECT_THAT(scene.target.Unfinished(), ElementsAre("del-1"));
  const auto whole = scene.Keys("checkpoints/run-1/data/");
  scene.Advance(runtime::kLeaseExpiry);
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
  EXPECT_THAT(scene.Missing(whole), IsEmpty());
  EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
}

// The same of one that has erased the checkpoint itself, and did not come to say so before the tombstone went, with all
// that said who had erased it.
TEST(Woken, ADeletionThatHasOutlivedTheTombstoneTakesNothingOfACopyMadeAnew) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
  for (const std::string& step : scene.target.Steps(bundle))
    scene.target.Run("del-1", bundle, step);
  scene.bank.PauseAt(Call::kCreateExclusive, "deletions/del-1/state/000002", [&scene] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(31 * 24));
    const auto record =
        *runtime::Record::Open(scene.target.tenant, runtime::RecordKind::kCheckpoint, "run-1");
    EXPECT_TRUE(runtime::RemoveTombstone(record, {"gc-x", {}, scene.target.clock}));
    EXPECT_EQ(scene.Copy().code, ExitCode::kOk);
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    scene.ExpectWhole("verify-1");
  });
  EXPECT_EQ(scene.target.End("del-1").code, ExitCode::kLocked);
  ASSERT_FALSE(scene.bank.pending());
  scene.ExpectWhole("verify-2");
}

// The plugin of a step deletes data: what it lists only once it is woken up is not its to delete.
TEST(Woken, AStepOfADeletionDeletesNoDataOfACopyMadeAnew) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
  scene.bank.PauseAt(Call::kList, "checkpoints/run-1/data/T@3A@3AVolume/a", [&scene] {
    scene.PauseThatOne();
    EXPECT_THAT(scene.CollectGarbage("del-1"), IsEmpty());
    const World::Outcome other = scene.Copy();
    EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
    scene.ExpectWhole("verify-1");
  });
  const auto steps = scene.target.Steps(bundle);
  for (auto step = steps.begin(); step != steps.end() && scene.bank.pending(); ++step)
    scene.target.Run("del-1", bundle, *step);
  ASSERT_FALSE(scene.bank.pending());
  scene.ExpectWhole("verify-2");
}

// The begin of a deletion is stopped before it takes the checkpoint out of the indices.
TEST(Woken, ABeginOfADeletionTakesNoCopyMadeAnewOutOfTheIndices) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  scene.bank.PauseAt(Call::kCreateExclusive, "checkpoints/run-1/state/000002", [&scene] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    const World::Outcome deleted = scene.Delete("del-2");
    EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
    const World::Outcome other = scene.Copy();
    EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
  });
  const World::Outcome woken = scene.target.Begin("del-1", bundle);
  ASSERT_FALSE(scene.bank.pending());
  EXPECT_EQ(woken.code, ExitCode::kLocked) << woken.text;
  EXPECT_THAT(scene.Keys("indices/by-"), SizeIs(3));
  scene.ExpectWhole("verify-1");
}

// The begin of a deletion is stopped, gc or the engine's end takes its marker away, and the checkpoint is pinned: nothing of it goes,
// and it stays available, whatever the begin still does once it is woken up, and whoever looks at what that leaves.
TEST(Woken, ABeginOfADeletionTakesNothingOfACheckpointThatIsPinnedSince) {
  for (const bool by_end : {false, true}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE(::testing::Message() << (by_end ? "end" : "gc") << " at change " << n);
      Scene scene;
      scene.Protect();
      ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
      const auto whole = scene.Keys();
      const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
      bool pinned = false;
      scene.bank.PauseAtChange(n, [&] {
        scene.PauseThatOne();
        if (by_end) {
          scene.target.End("del-1", "Failed", "del-1");
        } else {
          scene.Advance(runtime::kLeaseExpiry);
          EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
        }
        pinned = bool(runtime::PinCheckpoint(scene.Checkpoint(), "root@test", "", scene.now));
      });
      scene.target.Begin("del-1", bundle);
      if (scene.bank.pending()) {
        EXPECT_GT(n, 5U);
        break;
      }
      if (!pinned) continue;
      SCOPED_TRACE(scene.bank.held_back());
      EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
      for (int round = 0; round < 3; ++round) {
        EXPECT_THAT(scene.Damage(), IsEmpty());
        scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(25));
        EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
        if (*runtime::ReadRun(scene.target.tenant, "del-1")) scene.CollectGarbage("del-1");
      }
      EXPECT_THAT(scene.Missing(whole), IsEmpty());
      EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
      scene.ExpectWhole("verify-1");
      EXPECT_THAT(scene.Keys("indices/by-"), SizeIs(3));
    }
  }
}

// A pin that was too late stays. Wherever the deletion was killed, gc brings it to its end: to that of the pin as long as
// nothing of the checkpoint was deleted.
TEST(Woken, ADeletionThatWasKilledIsEndedByGcWhateverIsPinned) {
  bool kept = false;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
    scene.target.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    scene.target.Begin("del-1", bundle);
    const bool killed = scene.target.bank.reached();
    scene.target.bank.Disarm();
    const Status pinned = runtime::PinCheckpoint(scene.Checkpoint(), "root@test", "", scene.now);
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    const auto state = scene.target.StateOf("run-1");
    if (pinned || state != RecordState::kDeleted) {
      scene.ExpectWhole("verify-1");
      EXPECT_THAT(scene.Keys("indices/by-"), SizeIs(3));
      EXPECT_THAT(scene.Damage(), IsEmpty());
      kept = true;
    }
    if (killed) continue;
    EXPECT_GT(n, 5U);
    EXPECT_EQ(state, RecordState::kDeleted);
    break;
  }
  EXPECT_TRUE(kept);
}

// The begin of a deletion is slow for some seconds only, and its engine's end makes the checkpoint available again meanwhile. The one entry
// of an index may be gone then that the begin was about to remove: the next gc writes it again.
TEST(Woken, ABeginOfADeletionThatIsSlowTakesNoIndexThatNobodyWritesAgain) {
  bool lost = false;
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    const auto indices = scene.Keys("indices/by-");
    const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
    scene.bank.PauseAtChange(n, [&scene] {
      scene.Advance(std::chrono::seconds(5));
      scene.BeOnHost("host-b");
      scene.target.End("del-1", "Failed", "del-1");
    });
    const World::Outcome woken = scene.target.Begin("del-1", bundle);
    if (scene.bank.pending()) {
      EXPECT_GT(n, 5U);
      break;
    }
    SCOPED_TRACE(scene.bank.held_back());
    EXPECT_NE(woken.code, ExitCode::kOk) << woken.text;
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
    lost = lost || scene.Missing(indices).size() == 1;
    EXPECT_LE(scene.Missing(indices).size(), 1U);
    scene.Advance(runtime::kLeaseExpiry);
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_EQ(scene.Keys("indices/by-"), indices);
    EXPECT_THAT(scene.Damage(), IsEmpty());
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    scene.ExpectWhole("verify-1");
  }
  EXPECT_TRUE(lost) << "the case shows nothing";
}

// Of what is available gc writes an entry that is gone, whoever took it, but not of what somebody works on.
TEST(Woken, AnEntryOfAnIndexThatIsGoneIsWrittenByGc) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const auto indices = scene.Keys("indices/by-");
  ASSERT_THAT(indices, SizeIs(3));
  ASSERT_TRUE(scene.target.tenant.Delete(indices.front()));
  runtime::GcOptions options;
  options.dry_run = true;
  std::vector<runtime::GcAction> actions;
  scene.target.CollectGarbage(options, &actions);
  ASSERT_THAT(actions, SizeIs(1));
  EXPECT_EQ(actions[0].subject, "checkpoint run-1");
  EXPECT_EQ(actions[0].action, "write 1 missing entry of the indices");
  EXPECT_THAT(scene.Missing(indices), SizeIs(1));
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_THAT(scene.Missing(indices), SizeIs(3));
  ASSERT_EQ(scene.target.RunAll("del-1", bundle).code, ExitCode::kOk);
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_TRUE(scene.target.tenant.Delete(indices.back()));
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_EQ(scene.Keys("indices/by-"), indices);
  scene.ExpectWhole("verify-1");
}

// Where create-exclusive is settled, a write that was on its way may replace the state that keeps a late begin of a deletion off: the
// checkpoint is `deleting` then, and no mark says so. The next gc makes it again what it was, also where the begin was killed there.
TEST(Woken, ABeginOfADeletionThatIsLateOnASettledBankIsUndoneByGc) {
  for (const bool by_end : {false, true}) {
    SCOPED_TRACE(by_end ? "end" : "gc");
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    const auto indices = scene.Keys("indices/by-");
    const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
    scene.bank.SettleAt("checkpoints/run-1/state/000002", [&] {
      scene.PauseThatOne();
      if (by_end) {
        scene.target.End("del-1", "Failed", "del-1");
      } else {
        scene.Advance(runtime::kLeaseExpiry);
        EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
      }
      EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
      EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    });
    EXPECT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kLocked);
    ASSERT_FALSE(scene.bank.pending());
    ASSERT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
    scene.Advance(std::chrono::hours(1));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
    EXPECT_EQ(scene.Keys("indices/by-"), indices);
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
    EXPECT_THAT(scene.Damage(), IsEmpty());
    scene.ExpectWhole("verify-1");
  }
}

// As earlier builds left it: `deleting`, by a deletion that never began, without a mark. fsck marks it, and gc makes it what it was.
TEST(Woken, ACheckpointThatALateBeginHasMarkedIsKeptByGc) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  scene.bank.PauseAt(Call::kDelete, "indices/by-", [&scene] {
    scene.target.bank.Arm(testing::FaultyBank::Fault::kStopBefore, 1);
  });
  scene.target.Begin("del-1", bundle);
  scene.target.bank.Disarm();
  ASSERT_FALSE(scene.bank.pending());
  ASSERT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleting);
  const auto deletion =
      *runtime::Record::Open(scene.target.tenant, runtime::RecordKind::kDeletion, "del-1");
  ASSERT_TRUE(deletion.RemoveUnfinished([] { return Ok(); }));
  scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(1));
  EXPECT_THAT(scene.Damage(), ElementsAre("unfinished-without-mark run-1"));
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  scene.ExpectWhole("verify-1");
  EXPECT_THAT(scene.Keys("indices/by-"), SizeIs(3));
  EXPECT_THAT(scene.Damage(), IsEmpty());
  EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
}

// It takes the lease of the checkpoint once nobody waits for that any more.
TEST(Woken, ABeginOfADeletionThatWasTakenForDeadKeepsNoLeaseOfTheCheckpoint) {
  for (const auto& [call, key] : {std::pair{Call::kCreateExclusive, "leases/run-1/"},
                                  std::pair{Call::kCreateExclusive, "runs/del-1"},
                                  std::pair{Call::kPut, "deletions/del-1/plan"}}) {
    SCOPED_TRACE(key);
    Scene scene;
    scene.Protect();
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
    const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
    scene.bank.PauseAt(call, key, [&scene] {
      scene.PauseThatOne();
      EXPECT_THAT(scene.CollectGarbage("del-1"), IsEmpty());
    });
    EXPECT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kLocked);
    ASSERT_FALSE(scene.bank.pending());
    EXPECT_TRUE((*runtime::CurrentLease(scene.target.tenant, "run-1"))->released);
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
  }
}

// It was not over as it was looked at, and is once the lease of the checkpoint is had: nobody waits for hours for what that does not delete.
TEST(Woken, ABeginOfADeletionThatIsOverKeepsNoLease) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-1", bundle).code, ExitCode::kOk);
  scene.PauseThatOne();
  scene.Advance(runtime::kLeaseExpiry);
  scene.bank.PauseAt(Call::kGet, "leases/run-1/000001", [&scene] {
    ASSERT_EQ(scene.Delete("del-2").code, ExitCode::kOk);
    ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  });
  const World::Outcome woken = scene.target.Begin("again", bundle, "del-1");
  ASSERT_FALSE(scene.bank.pending());
  EXPECT_EQ(woken.code, ExitCode::kInvalidInput) << woken.text;
  EXPECT_THAT(woken.text, HasSubstr("has nothing more to delete"));
  for (const char* const record : {"run-1", "del-1"})
    EXPECT_TRUE((*runtime::CurrentLease(scene.target.tenant, record))->released) << record;
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
  scene.ExpectWhole("verify-1");
}

// Its last state says that it is over; only its mark is left.
TEST(Woken, ADeletionThatIsOverIsInNobodysWay) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_EQ(scene.Delete("del-1").code, ExitCode::kOk);
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  const auto first =
      *runtime::Record::Open(scene.target.tenant, runtime::RecordKind::kDeletion, "del-1");
  ASSERT_TRUE(first.MarkUnfinished("run-1"));
  const std::string bundle = scene.target.Publish(Operation::kDelete, "run-1");
  ASSERT_EQ(scene.target.Begin("del-2", bundle).code, ExitCode::kOk);
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_THAT(scene.target.Unfinished(), ElementsAre("del-2"));
}

// The same of a protect: what it leaves is brought to its end by who comes next.
TEST(Woken, ABeginThatGcHasTakenForDeadLeavesNothingThatNobodyEnds) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    const std::string bundle = scene.target.Publish();
    scene.bank.PauseAtChange(n, [&] {
      scene.PauseThatOne();
      scene.Advance(runtime::kLeaseExpiry);
      EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    });
    scene.target.Begin("run-1", bundle);
    if (scene.bank.pending()) {
      EXPECT_GT(n, 5U);
      break;
    }
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(25));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    const auto record =
        *runtime::Record::Open(scene.target.tenant, runtime::RecordKind::kCheckpoint, "run-1");
    const auto state = *record.State();
    EXPECT_FALSE(state && runtime::IsWorking(state->state)) << scene.bank.held_back();
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
  }
}

// A begin is stopped, its lease is over, and the next night ends it. Nothing of it goes on beside that, and nothing stays.
TEST(Woken, ABeginThatTheNextNightHasTakenForDeadIsInNobodysWay) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    World& world = scene.target;
    const std::string bundle = world.Publish();
    scene.bank.PauseAtChange(n, [&] {
      scene.PauseThatOne();
      scene.Advance(runtime::kLeaseExpiry);
      const World::Outcome night = world.Begin("night", bundle);
      EXPECT_EQ(night.code, ExitCode::kOk) << scene.bank.held_back() << ": " << night.text;
      world.Run("night", bundle, "app-shop-pre");
    });
    const World::Outcome woken = world.Begin("run-1", bundle);
    if (scene.bank.pending()) {
      EXPECT_GT(n, 5U);
      break;
    }
    EXPECT_EQ(woken.code, ExitCode::kLocked) << scene.bank.held_back() << ": " << woken.text;
    for (const std::string& step : world.Steps(bundle)) world.Run("run-1", bundle, step);
    world.End("run-1", "Failed");
    EXPECT_THAT(world.quiesced, ElementsAre("T::App#shop"));
    EXPECT_EQ(world.RunAll("night", bundle).code, ExitCode::kOk);
    scene.Advance(runtime::kLeaseExpiry + std::chrono::hours(25));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.Damage(), IsEmpty());
    EXPECT_THAT(world.Unfinished(), IsEmpty());
  }
}

// A try of a resume's begin is stopped, another one gives way to a run that has the application at rest, and who resumes then
// finds everything as that left it, whatever the first try still does once it is woken up.
TEST(Woken, ATryOfABeginThatGaveWayTakesNothingOfWhoResumesSince) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    World& world = scene.target;
    const std::string bundle = world.Publish();
    world.script["parallel T::Volume#a"].fails = true;
    ASSERT_EQ(world.RunAll("old", bundle).code, ExitCode::kRunFailed);
    world.script.clear();
    ASSERT_EQ(world.Begin("first", bundle).code, ExitCode::kOk);
    World::Outcome next;
    std::set<std::string> at_rest;
    std::uint64_t token = 0;
    scene.bank.PauseAtChange(n, [&] {
      scene.PauseThatOne();
      EXPECT_NE(world.Begin("again", bundle, "old").code, ExitCode::kOk);
      EXPECT_NE(world.End("first").code, ExitCode::kLocked);
      scene.Advance(std::chrono::minutes(11));
      next = world.Begin("next", bundle, "old");
      world.Run("next", bundle, "app-shop-pre", "old");
      at_rest = world.quiesced;
      token = (*runtime::CurrentLease(world.tenant, "old"))->token;
    });
    const World::Outcome woken = world.Begin("again", bundle, "old");
    if (scene.bank.pending()) {
      EXPECT_GT(n, 6U);
      break;
    }
    SCOPED_TRACE(scene.bank.held_back() + ": " + woken.text);
    ASSERT_EQ(next.code, ExitCode::kOk) << next.text;
    EXPECT_NE(woken.code, ExitCode::kOk);
    EXPECT_THAT(at_rest, SizeIs(1));
    EXPECT_EQ(world.quiesced, at_rest);
    const auto lease = *runtime::CurrentLease(world.tenant, "old");
    EXPECT_EQ(lease->run, "next");
    EXPECT_EQ(lease->token, token);
    for (const std::string& step : world.Steps(bundle)) world.Run("next", bundle, step, "old");
    const World::Outcome ended = world.End("next");
    EXPECT_EQ(ended.code, ExitCode::kOk) << ended.text;
    EXPECT_EQ(world.StateOf("old"), RecordState::kAvailable);
    EXPECT_THAT(scene.Damage(), IsEmpty());
    const World::Outcome copied = scene.source.CopyFrom(world, "old");
    EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
  }
}

// The lease of a removal that cannot be read says no less than it did, once an operator has named the run as dead.
TEST(Woken, ALeaseInPlaceOfADamagedOneSaysThatSomethingMayStillBeRemoved) {
  Scene scene;
  World& world = scene.target;
  world.script["parallel T::Volume#a"].fails = true;
  ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kRunFailed);
  auto hold = runtime::RemovalHold::Take(scene.Checkpoint(), "gc-1", scene.clock, nullptr);
  ASSERT_TRUE(hold) << hold.error().Render();
  const std::uint64_t token = hold->lease().token;
  ASSERT_EQ(*runtime::LastRemoval(world.tenant, "run-1", token + 1), token);
  ASSERT_TRUE(world.tenant.Replace(runtime::LeaseKey("run-1", token), "none of ours"));
  ASSERT_EQ(*runtime::LastRemoval(world.tenant, "run-1", token + 1), token);
  EXPECT_THAT(scene.CollectGarbage("run-1"), IsEmpty());
  const auto lease = runtime::CurrentLease(world.tenant, "run-1");
  ASSERT_TRUE(lease) << lease.error().Render();
  EXPECT_TRUE((*lease)->gone(scene.now));
  EXPECT_EQ(*runtime::LastRemoval(world.tenant, "run-1", token + 1), token);
}

// gc removes data of an attempt that came to nothing and is stopped in the middle of one deletion for longer than its lease
// lasts: a resume would find just that object, and use it.
TEST(Woken, AGcThatRemovesLostDataTakesNothingThatAResumeUses) {
  bool shown = false;
  for (std::uint64_t n = 1; !shown && n < 60; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    const std::string bundle = scene.target.Publish();
    ASSERT_EQ(scene.target.Begin("run-1", bundle).code, ExitCode::kOk);
    scene.target.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    for (const std::string& step : scene.target.Steps(bundle))
      scene.target.Run("run-1", bundle, step);
    scene.target.bank.Disarm();
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/data/", [&] {
      shown = true;
      scene.PauseThatOne();
      scene.Advance(std::chrono::minutes(11));
      const World::Outcome resumed = scene.target.RunAll("run-2", bundle, "run-1");
      EXPECT_EQ(resumed.code, ExitCode::kOk) << resumed.text;
      scene.ExpectWhole("verify-1");
    });
    scene.CollectGarbage();
    if (!shown) continue;
    scene.ExpectWhole("verify-2");
    EXPECT_THAT(scene.Damage(), IsEmpty());
    // What it was about is gone now, and so is the reason to adopt nothing.
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    scene.ExpectWhole("verify-3");
  }
  EXPECT_TRUE(shown);
}

// The same of what a copy has left that came to nothing, and of the copy that would go on with it.
TEST(Woken, AGcThatRemovesHalfACopyTakesNothingThatTheNextCopyUses) {
  int shown = 0;
  for (std::uint64_t n = 1; n < 60; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    scene.Protect();
    scene.target.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    const World::Outcome killed = scene.Copy();
    scene.target.bank.Disarm();
    if (killed.code == ExitCode::kOk) break;
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    bool paused = false;
    scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/data/", [&] {
      paused = true;
      scene.PauseThatOne();
      scene.Advance(std::chrono::minutes(11));
      const World::Outcome copied = scene.Copy();
      EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
      scene.ExpectWhole("verify-1");
    });
    scene.CollectGarbage();
    if (!paused) continue;
    ++shown;
    scene.ExpectWhole("verify-2");
    EXPECT_THAT(scene.Damage(), IsEmpty());
  }
  EXPECT_GT(shown, 1);
}

// Of a tombstone that gc removes the leases stay: who copies it anew meanwhile has a token that everybody sees.
TEST(Woken, AGcThatRemovesATombstoneHidesNoLease) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_EQ(scene.Delete("del-1").code, ExitCode::kOk);
  scene.Advance(std::chrono::hours(31 * 24));
  EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
  EXPECT_THAT(scene.Keys(), IsEmpty());
  const auto before = *runtime::CurrentLease(scene.target.tenant, "run-1");
  ASSERT_TRUE(before);
  EXPECT_TRUE(before->released);
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  EXPECT_GT((*runtime::CurrentLease(scene.target.tenant, "run-1"))->token, before->token);
  // A bank check neither takes them away nor speaks of them.
  scene.Advance(std::chrono::hours(31 * 24));
  EXPECT_THAT(scene.Damage(), IsEmpty());
  scene.ExpectWhole("verify-1");
}

// pause4: the end of a protect is stopped before its state, gc ends the run, and the checkpoint is deleted.
TEST(Woken, AnEndSetsNoStateOnceItsCheckpointWasDeleted) {
  Scene scene;
  const std::string bundle = scene.target.Publish();
  ASSERT_EQ(scene.target.Begin("run-1", bundle).code, ExitCode::kOk);
  for (const std::string& step : scene.target.Steps(bundle))
    scene.target.Run("run-1", bundle, step);
  scene.bank.PauseAt(Call::kCreateExclusive, "checkpoints/run-1/state/000002", [&scene] {
    scene.PauseThatOne();
    EXPECT_THAT(scene.CollectGarbage("run-1"), IsEmpty());
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
    const World::Outcome deleted = scene.Delete("del-1");
    EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
  });
  const World::Outcome woken = scene.target.End("run-1");
  ASSERT_FALSE(scene.bank.pending());
  EXPECT_EQ(woken.code, ExitCode::kLocked) << woken.text;
  EXPECT_THAT(woken.text, HasSubstr("deleted by run del-1"));
  EXPECT_THAT(scene.States(), ElementsAre(RecordState::kProtecting, RecordState::kAvailable,
                                          RecordState::kDeleting, RecordState::kDeleted));
  EXPECT_THAT(scene.Keys("indices/"), IsEmpty());
}

// The same at every change that an end makes: what was deleted stays deleted.
TEST(Woken, AnEndBringsNothingBackWhereverItWasStopped) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Scene scene;
    const std::string bundle = scene.target.Publish();
    ASSERT_EQ(scene.target.Begin("run-1", bundle).code, ExitCode::kOk);
    for (const std::string& step : scene.target.Steps(bundle))
      scene.target.Run("run-1", bundle, step);
    scene.bank.PauseAtChange(n, [&scene] {
      scene.PauseThatOne();
      scene.Advance(runtime::kLeaseExpiry);
      EXPECT_THAT(scene.CollectGarbage("run-1"), IsEmpty());
      const World::Outcome deleted = scene.Delete("del-1");
      EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
    });
    const World::Outcome woken = scene.target.End("run-1");
    if (scene.bank.pending()) {
      EXPECT_GT(n, 5U);
      break;
    }
    SCOPED_TRACE(scene.bank.held_back() + ": " + woken.text);
    EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kDeleted);
    EXPECT_THAT(scene.Keys("indices/by-"), IsSubsetOf({scene.bank.held_back()}));
    EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
  }
}

// `checkpoints delete --without-plugins` of a damaged one, which nobody renews the lease of.
TEST(Woken, AnErasureOfADamagedOneTakesNothingOfACopyMadeAnew) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_TRUE(scene.target.tenant.Delete("checkpoints/run-1/graph"));
  scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/data/", [&scene] {
    scene.PauseThatOne();
    scene.Advance(runtime::kLeaseExpiry);
    EXPECT_TRUE(runtime::EraseDamagedCheckpoint(scene.target.tenant, "run-1", scene.target.clock));
    const World::Outcome other = scene.Copy();
    EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
    scene.ExpectWhole("verify-1");
  });
  const Status woken =
      runtime::EraseDamagedCheckpoint(scene.target.tenant, "run-1", scene.target.clock);
  ASSERT_FALSE(scene.bank.pending());
  ASSERT_FALSE(woken);
  EXPECT_EQ(woken.error().code(), ErrorCode::kLocked) << woken.error().Render();
  EXPECT_THAT(woken.error().Render(), HasSubstr("/data/"));
  scene.ExpectWhole("verify-2");
}

// The same of one that somebody pins meanwhile, also where a gc has taken its mark away in between.
TEST(Woken, AnErasureOfADamagedOneTakesNothingOfOneThatIsPinnedMeanwhile) {
  for (const bool with_gc : {false, true}) {
    for (std::uint64_t n = 1;; ++n) {
      SCOPED_TRACE(n);
      Scene scene;
      scene.Protect();
      ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
      ASSERT_TRUE(scene.target.tenant.Delete("checkpoints/run-1/graph"));
      const auto whole = scene.Keys();
      bool pinned = false;
      scene.bank.PauseAtChange(n, [&] {
        if (with_gc) {
          scene.PauseThatOne();
          scene.Advance(std::chrono::minutes(11));
          scene.CollectGarbage();
        }
        pinned = bool(runtime::PinCheckpoint(scene.Checkpoint(), "root@test", "", scene.now));
      });
      const Status erased =
          runtime::EraseDamagedCheckpoint(scene.target.tenant, "run-1", scene.target.clock);
      if (scene.bank.pending()) break;
      SCOPED_TRACE(scene.bank.held_back());
      EXPECT_THAT(scene.target.Unfinished(), IsEmpty());
      EXPECT_TRUE((*runtime::CurrentLease(scene.target.tenant, "run-1"))->released);
      if (!pinned) continue;
      EXPECT_FALSE(erased);
      EXPECT_THAT(scene.Missing(whole), IsEmpty());
      EXPECT_EQ(scene.target.StateOf("run-1"), RecordState::kAvailable);
    }
  }
}

// A gc that removes a tombstone is stopped, its lease expires, and the next one removes it; a copy follows.
TEST(Woken, AGcThatRemovesATombstoneTakesNoMoreThanTheObjectThatItWasAbout) {
  Scene scene;
  scene.Protect();
  ASSERT_EQ(scene.Copy().code, ExitCode::kOk);
  ASSERT_EQ(scene.Delete("del-1").code, ExitCode::kOk);
  scene.Advance(std::chrono::hours(24 * 60));
  scene.bank.PauseAt(Call::kDelete, "checkpoints/run-1/state/000002", [&scene] {
    scene.PauseThatOne();
    scene.Advance(std::chrono::minutes(11));
    EXPECT_THAT(scene.CollectGarbage(), IsEmpty());
    EXPECT_THAT(scene.Keys(), IsEmpty());
    EXPECT_EQ(scene.Copy().code, ExitCode::kOk);
    scene.ExpectWhole("verify-1");
  });
  scene.CollectGarbage();
  ASSERT_FALSE(scene.bank.pending());
  scene.ExpectWhole("verify-2");
}

}  // namespace
}  // namespace holdfast::testing_runtime
