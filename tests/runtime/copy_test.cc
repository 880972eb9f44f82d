// A checkpoint in the bank of a second provider: the same checkpoint, read with every check, and only when it is whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "runtime/copy/source_hold.h"
#include "runtime/store/indices.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/pin.h"
#include "tests/runtime/copied_worlds.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::testing_runtime {
namespace {

using holdfast::testing::kKnownKey;
using holdfast::testing::kKnownKeyId;
using holdfast::testing::kOtherKey;
using holdfast::testing::TestKeys;
using runtime::CopyEnd;
using runtime::CopyReport;
using runtime::RecordKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

class Copy : public ::testing::Test {
 protected:
  static void UseKeys(World& world, const KeyRing* keys) {
    world.tenant = *BankSection::Open(world.bank, "t/local", SectionAccess::kWrite, keys);
  }
  static runtime::Record CheckpointOf(World& world) {
    return *runtime::Record::Open(world.tenant, RecordKind::kCheckpoint, "run-1");
  }
  static runtime::RecordReport ReportOf(World& world) {
    auto report = runtime::ShowRecord(world.tenant, RecordKind::kCheckpoint, "run-1");
    EXPECT_TRUE(report) << report.error().Render();
    return report ? std::move(*report) : runtime::RecordReport();
  }
  static runtime::ResourceManifest ManifestOf(World& world, const std::string& key) {
    return **runtime::NewestManifest(CheckpointOf(world), Key(key));
  }
  // What compresses badly, the same each time.
  static std::string Noise(std::size_t size) {
    std::mt19937 random(7);
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }
  // Of segments of run-1, as often as they were sent.
  static std::vector<std::string> SegmentsSent(World& world) {
    std::vector<std::string> sent;
    for (const auto& call : world.bank.calls()) {
      if (call.operation == testing::FaultyBank::Operation::kPut &&
          call.key.find("/data/") != std::string::npos &&
          call.key.find("/raw/") == std::string::npos)
        sent.push_back(call.key.substr(call.key.rfind('/') + 1));
    }
    return sent;
  }
  // By ver-1; run-1 is what was copied.
  void FailAVerificationOfACopy() {
    banks.Protect();
    ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
    const std::string bundle = banks.second.Publish(Operation::kVerify, "run-1");
    banks.second.script["parallel T::Volume#a"].fails = true;
    ASSERT_EQ(banks.second.RunAll("ver-1", bundle).code, ExitCode::kRunFailed);
    banks.second.script.clear();
  }
  TwoBanks banks;
};

TEST_F(Copy, IsTheSameCheckpointOfTheOtherProvider) {
  banks.first.script["parallel T::Volume#a"].warns = {"a socket was left out"};
  banks.Protect();
  banks.second.now += std::chrono::hours(2);
  CopyReport report;
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(report.end, CopyEnd::kCopied);
  EXPECT_EQ(report.resources, 3U);
  EXPECT_THAT(report.warnings, IsEmpty());
  EXPECT_TRUE(IsWholeOrNothing(banks.second));

  const auto before = ReportOf(banks.first);
  const auto after = ReportOf(banks.second);
  EXPECT_EQ(after.summary.provider_id, "provider-2");
  EXPECT_EQ(after.summary.provider_name, "second");
  ASSERT_TRUE(after.summary.copied);
  EXPECT_EQ(after.summary.copied->provider_id, "provider-1");
  EXPECT_EQ(after.summary.copied->bank, "bank of provider-1");
  EXPECT_EQ(after.summary.copied->by, "root@test");
  EXPECT_EQ(after.summary.copied->time, banks.second.now);
  // As old as the original: retention and `latest` go by that.
  EXPECT_EQ(after.summary.created, before.summary.created);
  EXPECT_EQ(after.summary.warnings, 1U);
  EXPECT_EQ(after.bundle, before.bundle);
  EXPECT_EQ(after.order, before.order);
  ASSERT_EQ(after.resources.size(), before.resources.size());
  for (std::size_t i = 0; i < after.resources.size(); ++i) {
    EXPECT_EQ(after.resources[i].duration, before.resources[i].duration);
    EXPECT_EQ(after.resources[i].manifest->point_in_time,
              before.resources[i].manifest->point_in_time);
    ASSERT_EQ(after.resources[i].activities.size(), before.resources[i].activities.size());
    for (std::size_t a = 0; a < after.resources[i].activities.size(); ++a) {
      EXPECT_EQ(after.resources[i].activities[a].outcome->warnings.lines,
                before.resources[i].activities[a].outcome->warnings.lines);
    }
  }
  EXPECT_EQ(runtime::ReadIndex(banks.second.tenant, "nightly")->size(), 1U);
}

TEST_F(Copy, IsRestoredVerifiedAndDeletedWithoutTheFirstBank) {
  banks.first.contents["T::Volume#a"] = Noise(300'000);
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  const auto keys = *banks.first.tenant.ListAll();
  for (const std::string& key : keys) ASSERT_TRUE(banks.first.tenant.DeleteIfPresent(key));
  banks.ExpectRestored("res-1");
  const auto verified =
      banks.second.RunAll("ver-1", banks.second.Publish(Operation::kVerify, "run-1"));
  EXPECT_EQ(verified.code, ExitCode::kOk) << verified.text;
  const auto deleted =
      banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1"));
  EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
  EXPECT_EQ(banks.second.StateOf("run-1"), RecordState::kDeleted);
  EXPECT_THAT(*banks.second.tenant.ListAll("checkpoints/run-1/data/"), IsEmpty());
  std::vector<runtime::GcAction> actions;
  banks.second.CollectGarbage({}, &actions);
  EXPECT_THAT(actions, IsEmpty());
}

TEST_F(Copy, LeavesNothingButAGivenBackLeaseWhereItWasCopiedFrom) {
  banks.Protect();
  const auto before = *banks.first.tenant.ListAll();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  auto after = *banks.first.tenant.ListAll();
  std::erase_if(after, [](const std::string& key) { return key.starts_with("leases/copy-"); });
  EXPECT_EQ(after, before);
}

TEST_F(Copy, IsCutAndEncryptedAsTheOtherProviderDoes) {
  const TestKeys other(std::string(kOtherKey) + "\n");
  const TestKeys known;
  banks.first.data.segment_size = kMiB;
  banks.second.data.segment_size = 2 * kMiB;
  banks.first.contents["T::Volume#a"] = Noise(5 * kMiB);
  banks.first.raw["T::Volume#b"] = "not of a stream";
  for (const KeyRing* const from : {static_cast<const KeyRing*>(nullptr), &other.ring()}) {
    SCOPED_TRACE(from == nullptr ? "plain" : "encrypted");
    TwoBanks fresh;
    fresh.first.data = banks.first.data;
    fresh.second.data = banks.second.data;
    fresh.first.contents = banks.first.contents;
    fresh.first.raw = banks.first.raw;
    UseKeys(fresh.first, from);
    UseKeys(fresh.second, &known.ring());
    fresh.Protect();
    ASSERT_EQ(ManifestOf(fresh.first, "T::Volume#a").streams[0].segments.size(), 5U);
    const auto copied = fresh.Copy();
    ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
    const auto manifest = ManifestOf(fresh.second, "T::Volume#a");
    EXPECT_EQ(manifest.streams[0].segments.size(), 3U);
    EXPECT_THAT(manifest.KeyIds(), ElementsAre(kKnownKeyId));
    const auto keys = *fresh.second.tenant.ListAll("checkpoints/");
    for (const std::string& key : keys) {
      EXPECT_THAT(*fresh.second.tenant.GetBytes(key), Not(HasSubstr("bytes of"))) << key;
      EXPECT_THAT(*fresh.second.tenant.GetBytes(key), Not(HasSubstr("not of a stream"))) << key;
    }
    fresh.ExpectRestored("res-1");
  }
}

TEST_F(Copy, OfAnEncryptedOneIsPlainOnlyWhenThatIsAskedFor) {
  const TestKeys keys;
  UseKeys(banks.first, &keys.ring());
  UseKeys(banks.second, nullptr);
  banks.first.raw["T::Volume#b"] = "not of a stream";
  banks.Protect();
  const auto refused = banks.Copy();
  EXPECT_EQ(refused.code, ExitCode::kDenied);
  EXPECT_THAT(refused.text, HasSubstr("its copy would be plain"));
  EXPECT_THAT(*banks.second.tenant.ListAll(), IsEmpty());
  CopyReport report;
  const auto copied = banks.Copy(&report, [](auto& request) { request.decrypt = true; });
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_THAT(report.warnings, ElementsAre(HasSubstr("stored in plain")));
  EXPECT_THAT(ManifestOf(banks.second, "T::Volume#a").KeyIds(), IsEmpty());
  banks.ExpectRestored("res-1");
}

TEST_F(Copy, NamesTheKeyThatIsMissingBeforeItWritesAnything) {
  const TestKeys keys;
  const TestKeys other(std::string(kOtherKey) + "\n");
  UseKeys(banks.first, &keys.ring());
  banks.Protect();
  UseKeys(banks.first, &other.ring());
  UseKeys(banks.second, &other.ring());
  const auto refused = banks.Copy();
  EXPECT_EQ(refused.code, ExitCode::kDenied);
  EXPECT_THAT(refused.text, HasSubstr(kKnownKeyId));
  EXPECT_THAT(*banks.second.tenant.ListAll(), IsEmpty());
}

TEST_F(Copy, OfWhatIsNotWhatWasWrittenEndsWithoutACheckpoint) {
  banks.Protect();
  const auto keys = *banks.first.tenant.ListAll("checkpoints/run-1/" +
                                                runtime::DataPrefix(Key("T::Volume#b")) + "/");
  ASSERT_EQ(keys.size(), 1U);
  for (const std::string& key : keys) {
    std::string bytes = *banks.first.tenant.GetBytes(key);
    bytes[bytes.size() - 1] ^= 1;
    ASSERT_TRUE(banks.first.behind.Replace(key, bytes));
  }
  const auto copied = banks.Copy();
  EXPECT_EQ(copied.code, ExitCode::kCorrupt);
  EXPECT_THAT(copied.text, HasSubstr("T::Volume#b"));
  EXPECT_FALSE(IsWholeOrNothing(banks.second));
  EXPECT_THAT(banks.first.Unfinished(), IsEmpty());
}

TEST_F(Copy, IsOnlyOfWhatIsAvailableAndForAnotherProviderAndBank) {
  EXPECT_EQ(banks.Copy().code, ExitCode::kNotFound);
  banks.first.script["parallel T::Volume#a"].fails = true;
  banks.first.RunAll("run-1", banks.first.Publish());
  const auto failed = banks.Copy();
  EXPECT_EQ(failed.code, ExitCode::kInvalidInput);
  EXPECT_THAT(failed.text, HasSubstr("is error"));
  EXPECT_EQ(banks.Copy(nullptr, [](auto& r) { r.from.provider_id = "provider-2"; }).code,
            ExitCode::kUsage);
  EXPECT_EQ(banks.Copy(nullptr, [](auto& r) { r.from.bank = r.bank; }).code, ExitCode::kUsage);
  EXPECT_THAT(*banks.second.tenant.ListAll(), IsEmpty());
}

TEST_F(Copy, LeavesAnotherCheckpointOfThatIdAlone) {
  banks.Protect();
  banks.second.now += std::chrono::hours(1);
  ASSERT_EQ(banks.second.RunAll("run-1", banks.second.Publish()).code, ExitCode::kOk);
  const auto before = *banks.second.tenant.ListAll();
  const auto refused = banks.Copy();
  EXPECT_EQ(refused.code, ExitCode::kInvalidInput);
  EXPECT_THAT(refused.text, HasSubstr("another checkpoint of the id run-1"));
  EXPECT_EQ(*banks.second.tenant.ListAll(), before);
}

TEST_F(Copy, AgainWritesNothing) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  const std::uint64_t changes = banks.second.bank.changes();
  CopyReport report;
  ASSERT_EQ(banks.Copy(&report).code, ExitCode::kOk);
  EXPECT_EQ(report.end, CopyEnd::kIsThere);
  EXPECT_EQ(banks.second.bank.changes(), changes);
}

// What is there is looked at as an end does it: a copy that has lost something is no copy.
TEST_F(Copy, AgainNamesWhatTheOneThatIsThereHasLost) {
  banks.first.contents["T::Volume#a"] = Noise(300'000);
  banks.first.raw["T::Volume#b"] = "not of a stream";
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  const std::string of_a = "checkpoints/run-1/" + runtime::DataPrefix(Key("T::Volume#a")) + "/";
  const std::string of_b = "checkpoints/run-1/" + runtime::DataPrefix(Key("T::Volume#b")) + "/";
  const auto keys = *banks.second.tenant.ListAll("checkpoints/run-1/");
  std::size_t looked = 0;
  for (const std::string& key : keys) {
    const bool is_raw = key.find("/raw/") != std::string::npos;
    const bool is_manifest = key.ends_with("/manifest");
    const bool is_segment = key.starts_with(of_a) || (key.starts_with(of_b) && !is_raw);
    if (!is_raw && !is_manifest && !is_segment && !key.ends_with("/graph")) continue;
    SCOPED_TRACE(key);
    ++looked;
    const std::string bytes = *banks.second.tenant.GetBytes(key);
    ASSERT_TRUE(banks.second.tenant.Delete(key));
    for (const bool dry_run : {false, true}) {
      const std::uint64_t changes = banks.second.bank.changes();
      const auto again = banks.Copy(nullptr, [&](auto& request) { request.dry_run = dry_run; });
      EXPECT_EQ(again.code, ExitCode::kCorrupt) << again.text;
      EXPECT_THAT(again.text, HasSubstr("the copy of the checkpoint run-1 in the bank of provider "
                                        "second is damaged"));
      EXPECT_THAT(again.text, HasSubstr(is_manifest ? "manifest" : key));
      EXPECT_THAT(again.text, HasSubstr("holdfast checkpoints delete run-1 --provider second"));
      if (is_segment || is_raw) {
        EXPECT_THAT(again.text, HasSubstr(key.starts_with(of_a) ? "T::Volume#a" : "T::Volume#b"));
      }
      EXPECT_EQ(banks.second.bank.changes(), changes);
    }
    // Of an encrypted raw object the size is that which its head says.
    if (is_segment || (is_raw && KeysOfEveryWorld() == nullptr)) {
      ASSERT_TRUE(banks.second.behind.Replace(key, bytes.substr(0, bytes.size() - 1)));
      EXPECT_EQ(banks.Copy().code, ExitCode::kCorrupt);
    }
    ASSERT_TRUE(banks.second.behind.Replace(key, bytes));
    ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  }
  EXPECT_EQ(looked, 7U);
}

// A bank that does not answer is no damage.
TEST_F(Copy, AgainSaysTryAgainWhereTheBankStopsToAnswer) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  for (int operation = 1;; ++operation) {
    ASSERT_LT(operation, 1'000);
    banks.second.bank.Arm(testing::FaultyBank::Fault::kStopBefore, operation);
    const auto again = banks.Copy();
    banks.second.bank.Disarm();
    if (again.code == ExitCode::kOk) break;
    EXPECT_EQ(again.code, ExitCode::kTryAgain) << operation << ": " << again.text;
  }
}

TEST_F(Copy, AgainNamesAVerificationThatFailedUntilTheCopyIsMadeAnew) {
  ASSERT_NO_FATAL_FAILURE(FailAVerificationOfACopy());
  const auto again = banks.Copy();
  EXPECT_EQ(again.code, ExitCode::kCorrupt);
  EXPECT_THAT(again.text, HasSubstr("the last verification of the copy of the checkpoint run-1"));
  EXPECT_THAT(again.text, HasSubstr("ver-1"));
  EXPECT_THAT(again.text, HasSubstr("holdfast checkpoints delete run-1 --provider second"));

  banks.second.now += std::chrono::hours(1);
  ASSERT_EQ(banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  banks.second.now += std::chrono::hours(1);
  CopyReport report;
  ASSERT_EQ(banks.Copy(&report).code, ExitCode::kOk);
  EXPECT_EQ(report.end, CopyEnd::kCopied);
  // What was found of the one before says nothing of this one.
  const auto whole = banks.Copy(&report);
  EXPECT_EQ(whole.code, ExitCode::kOk) << whole.text;
  EXPECT_EQ(report.end, CopyEnd::kIsThere);
  EXPECT_TRUE(
      runtime::ReadLastVerifications(banks.second.tenant, "run-1", banks.second.now)->empty());
}

TEST_F(Copy, AgainTakesOneThatWasVerifiedAfterAFailure) {
  ASSERT_NO_FATAL_FAILURE(FailAVerificationOfACopy());
  banks.second.now += std::chrono::hours(1);
  ASSERT_EQ(banks.second.RunAll("ver-2", banks.second.Publish(Operation::kVerify, "run-1")).code,
            ExitCode::kOk);
  EXPECT_EQ(banks.Copy().code, ExitCode::kOk);
}

TEST_F(Copy, InADryRunWritesNothing) {
  banks.Protect();
  const std::uint64_t changes = banks.first.bank.changes();
  CopyReport report;
  ASSERT_EQ(banks.Copy(&report, [](auto& request) { request.dry_run = true; }).code, ExitCode::kOk);
  EXPECT_EQ(report.end, CopyEnd::kWouldCopy);
  EXPECT_GT(report.bytes, 0U);
  EXPECT_EQ(banks.second.bank.changes(), 0U);
  EXPECT_EQ(banks.first.bank.changes(), changes);
}

TEST_F(Copy, KeepsTheOriginalFromBeingDeletedMeanwhile) {
  banks.Protect();
  const std::string deletion = banks.first.Publish(Operation::kDelete, "run-1");
  World::Outcome deleted;
  const auto copied = banks.Copy(nullptr, [&](auto& request) {
    request.progress = [&](const auto& progress) {
      if (progress.resources == 1) deleted = banks.first.Begin("del-1", deletion);
    };
  });
  EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(deleted.code, ExitCode::kLocked);
  EXPECT_THAT(deleted.text, HasSubstr("root@test, copying it to provider second"));
  EXPECT_EQ(banks.first.RunAll("del-2", deletion).code, ExitCode::kOk);
}

TEST_F(Copy, OfOneWhoseDeletionHasBegunIsRefused) {
  banks.Protect();
  ASSERT_EQ(banks.first.Begin("del-1", banks.first.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  EXPECT_EQ(banks.Copy().code, ExitCode::kInvalidInput);
  EXPECT_THAT(banks.first.Unfinished(), ElementsAre("del-1"));
}

TEST_F(Copy, OfTwoAtOnceOneWins) {
  banks.Protect();
  banks.second.identity = OwnProcessIdentity();
  World::Outcome other;
  const auto copied = banks.Copy(nullptr, [&](auto& request) {
    request.progress = [&](const auto& progress) {
      if (progress.resources != 1) return;
      banks.second.identity.reset();
      other = banks.Copy();
    };
  });
  EXPECT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(other.code, ExitCode::kLocked);
  EXPECT_THAT(other.text, HasSubstr("started by root@test"));
  EXPECT_TRUE(IsWholeOrNothing(banks.second));
  banks.ExpectRestored("res-1");
}

// Its holder seems to be gone, and is not: it only was slow.
TEST_F(Copy, ThatWasTakenOverWritesNothingThatCounts) {
  banks.Protect();
  World::Outcome other;
  bool done = false;
  const auto copied = banks.Copy(nullptr, [&](auto& request) {
    request.progress = [&](const auto& progress) {
      if (progress.resources == 1 && !std::exchange(done, true)) other = banks.Copy();
    };
  });
  EXPECT_EQ(other.code, ExitCode::kOk) << other.text;
  EXPECT_EQ(copied.code, ExitCode::kLocked) << copied.text;
  EXPECT_TRUE(IsWholeOrNothing(banks.second));
  EXPECT_EQ(CheckpointOf(banks.second).States()->size(), 1U);
  EXPECT_THAT(banks.second.Unfinished(), IsEmpty());
  banks.ExpectRestored("res-1");
}

TEST_F(Copy, ThatWasStoppedGoesOnAndSendsNoSegmentTwice) {
  banks.first.data.segment_size = banks.second.data.segment_size = kMiB;
  banks.second.data.parallel = 1;
  banks.first.contents["T::Volume#a"] = Noise(6 * kMiB);
  banks.Protect();
  const auto until = [&](std::uint64_t bytes) {
    return [&, bytes](runtime::CopyRequest& request) {
      request.progress = [&, bytes](const runtime::CopyProgress& progress) {
        // Time flies; then the deadline is over.
        if (progress.bytes >= bytes) banks.second.now += std::chrono::hours(2);
      };
      request.deadline = banks.second.clock.Steady() + std::chrono::hours(1);
    };
  };
  const auto stopped = banks.Copy(nullptr, until(4 * kMiB));
  EXPECT_EQ(stopped.code, ExitCode::kTryAgain);
  EXPECT_FALSE(IsWholeOrNothing(banks.second));
  const auto sent = SegmentsSent(banks.second).size();
  EXPECT_GT(sent, 2U);
  CopyReport report;
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_TRUE(report.resumed);
  EXPECT_GT(report.reused, 2 * kMiB);
  // Six of the large one, and one of the other.
  EXPECT_EQ(SegmentsSent(banks.second).size(), 7U);
  banks.ExpectRestored("res-1");
  std::vector<runtime::GcAction> actions;
  banks.second.CollectGarbage({}, &actions);
  banks.ExpectRestored("res-2");
}

TEST_F(Copy, ThatNobodyGoesOnWithWaitsForItsLeaseAndIsClearedWhenAnOperatorSaysSo) {
  banks.Protect();
  banks.Copy(nullptr, [&](auto& request) {
    request.progress = [&](const auto& progress) {
      if (progress.resources == 1)
        banks.second.bank.Arm(testing::FaultyBank::Fault::kStopBefore, 1);
    };
  });
  banks.second.bank.Disarm();
  std::vector<runtime::GcAction> actions;
  banks.second.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  ASSERT_TRUE(actions[0].wait);
  EXPECT_EQ(actions[0].wait->started_by, "root@test");
  runtime::GcOptions options;
  options.run = actions[0].wait->run;
  banks.second.CollectGarbage(options, &actions);
  banks.second.CollectGarbage({}, &actions);
  EXPECT_THAT(*banks.second.tenant.ListAll("checkpoints/"), IsEmpty());
  EXPECT_EQ(banks.Copy().code, ExitCode::kOk);
}

TEST_F(Copy, OfOneThatWasDeletedThereIsMadeOnlyWhenItIsMeant) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  ASSERT_EQ(banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  CopyReport report;
  ASSERT_EQ(banks.Copy(&report, [](auto& request) { request.over_deleted = false; }).code,
            ExitCode::kOk);
  EXPECT_EQ(report.end, CopyEnd::kDeletedThere);
  EXPECT_EQ(banks.second.StateOf("run-1"), RecordState::kDeleted);
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  // No number is given twice: a process of the one before that was away all the time finds its own taken.
  const auto states = *CheckpointOf(banks.second).States();
  ASSERT_EQ(states.size(), 4U);
  EXPECT_EQ(states[2].state, RecordState::kDeleted);
  EXPECT_EQ(states[3].state, RecordState::kAvailable);
  EXPECT_TRUE(IsWholeOrNothing(banks.second));
  banks.ExpectRestored("res-1");
}

TEST_F(Copy, OfOneThatWasDeletedThereGoesOnWithWhatAKilledOneHasMade) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  ASSERT_EQ(banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  // Dead at ever later writes, until something is there to go on with.
  const auto manifests = [&banks = banks] {
    const auto keys = *banks.second.tenant.ListAll("checkpoints/run-1/resources/");
    return std::count_if(keys.begin(), keys.end(),
                         [](const std::string& key) { return key.ends_with("/manifest"); });
  };
  for (std::uint64_t n = 1; manifests() < 2; ++n) {
    ASSERT_LT(n, 100U);
    banks.second.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    banks.Copy();
    banks.second.bank.Disarm();
  }
  EXPECT_EQ(banks.second.StateOf("run-1"), RecordState::kDeleted);
  CopyReport report;
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_TRUE(report.resumed);
  EXPECT_GT(report.reused, 0U);
  banks.ExpectRestored("res-1");
}

TEST(CopyOverADeletedOne, ThatNobodyGoesOnWithIsClearedDownToTheTombstone) {
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    TwoBanks banks;
    banks.Protect();
    ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
    ASSERT_EQ(banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1")).code,
              ExitCode::kOk);
    const auto tombstone = *banks.second.tenant.ListAll("checkpoints/run-1/");
    banks.second.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, true);
    banks.Copy();
    banks.second.bank.Disarm();
    if (banks.second.StateOf("run-1") == RecordState::kAvailable) break;
    EXPECT_EQ(banks.second.StateOf("run-1"), RecordState::kDeleted);
    banks.second.now += runtime::kLeaseExpiry;
    std::vector<runtime::GcAction> actions;
    banks.second.CollectGarbage({}, &actions);
    for (const auto& action : actions)
      EXPECT_FALSE(action.failed) << action.subject << ": " << action.action;
    EXPECT_THAT(banks.second.Unfinished(), IsEmpty());
    EXPECT_EQ(*banks.second.tenant.ListAll("checkpoints/run-1/"), tombstone);
    ASSERT_LT(n, 500U);
  }
}

// One that was killed while it removed what says that it was deleted leaves the later states.
TEST_F(Copy, OfOneThatWasDeletedThereKeepsNoStateOfThat) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  ASSERT_EQ(banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  ASSERT_TRUE(banks.second.tenant.Delete("checkpoints/run-1/state/000001"));
  const auto copied = banks.Copy();
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(banks.second.tenant.ListAll("checkpoints/run-1/state/")->size(), 1U);
  banks.second.now += std::chrono::hours(31 * 24);
  std::vector<runtime::GcAction> actions;
  banks.second.CollectGarbage({}, &actions);
  banks.ExpectRestored("res-1");
}

TEST_F(Copy, KeepsEpochsDriftAndReasonButNoPin) {
  banks.bundle = banks.first.Publish();
  banks.first.script["post T::App#shop"].fails = true;
  ASSERT_EQ(banks.first.RunAll("run-1", banks.bundle).code, ExitCode::kRunFailed);
  banks.first.script.clear();
  banks.first.drift = "a database is new";
  ASSERT_EQ(banks.first.RunAll("run-2", banks.bundle, "run-1").code, ExitCode::kRunFailed);
  ASSERT_EQ(banks.first.StateOf("run-1"), RecordState::kAvailable);
  ASSERT_TRUE(runtime::PinCheckpoint(CheckpointOf(banks.first), "root@test", "", banks.first.now));
  CopyReport report;
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_TRUE(report.pinned);
  const auto before = ReportOf(banks.first);
  const auto after = ReportOf(banks.second);
  ASSERT_EQ(after.resources.size(), before.resources.size());
  for (std::size_t i = 0; i < after.resources.size(); ++i) {
    EXPECT_EQ(after.resources[i].epoch, 2U);
    EXPECT_TRUE(after.resources[i].succeeded);
  }
  EXPECT_FALSE(after.summary.pin);
  ASSERT_TRUE(after.summary.drift);
  EXPECT_EQ(after.summary.drift->text, "a database is new");
  banks.ExpectRestored("res-1");
  const auto deleted =
      banks.second.RunAll("del-1", banks.second.Publish(Operation::kDelete, "run-1"));
  EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
}

TEST_F(Copy, OfACopyIsACopy) {
  banks.Protect();
  ASSERT_EQ(banks.Copy().code, ExitCode::kOk);
  World third;
  third.provider_id = "provider-3";
  for (const auto* const resource : {"T::Volume#a", "T::Volume#b"})
    third.Add(resource, {"T::App#shop"});
  third.Add("T::App#shop");
  const auto copied = third.CopyFrom(banks.second, "run-1");
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_EQ(ReportOf(third).summary.copied->provider_id, "provider-2");
  const auto restored = third.RunAll("res-1", third.Publish(Operation::kRestore, "run-1"));
  EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
}

TEST_F(Copy, FromABankThatCannotBeWrittenIsMadeWithAWarning) {
  banks.Protect();
  banks.first.tenant = *BankSection::Open(banks.first.bank, "t/local", SectionAccess::kRead,
                                          banks.first.tenant.keys());
  CopyReport report;
  const auto copied = banks.Copy(&report);
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  EXPECT_THAT(report.warnings,
              ElementsAre(HasSubstr("nothing keeps the original from being deleted")));
}

// As builds left it that took leases away: those before the one that counts say less than there is.
TEST(CopyAndLeases, OfOneThatHasLostALeaseTheManifestsThatCountAreCopied) {
  TwoBanks banks;
  banks.bundle = banks.first.Publish();
  banks.first.contents["T::Volume#a"] = "of the first run";
  banks.first.script["parallel T::Volume#b"].fails = true;
  EXPECT_EQ(banks.first.RunAll("run-1", banks.bundle).code, ExitCode::kRunFailed);
  banks.first.script.clear();
  banks.first.contents["T::Volume#a"] = "of the second run";
  ASSERT_EQ(banks.first.RunAll("run-2", banks.bundle, "run-1").code, ExitCode::kOk);
  ASSERT_TRUE(banks.first.tenant.Delete("leases/run-1/000003"));
  const auto copied = banks.Copy();
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  banks.ExpectRestored("res-1");
  EXPECT_TRUE(IsWholeOrNothing(banks.second));
}

// One copy is stopped, a second one comes to its end, and a third one works: the first one finds that its lease is old.
TEST(CopyAndLeases, OneThatIsWokenUpLetsNothingOfALaterOneGoInTheSource) {
  TwoBanks banks;
  banks.Protect();
  runtime::SourceReader reader;
  reader.checkpoint = "run-1";
  reader.to = "provider-2";
  const auto take = [&](const std::string& run) {
    reader.run = run;
    return runtime::SourceHold::Take(banks.first.tenant, reader, banks.first.clock,
                                     runtime::kLeaseExpiry);
  };
  auto stopped = take("copy-1");
  ASSERT_TRUE(stopped);
  auto second = take("copy-2");
  ASSERT_TRUE(second);
  ASSERT_TRUE(second->Release());
  EXPECT_THAT(banks.first.Unfinished(), IsEmpty());
  auto third = take("copy-3");
  ASSERT_TRUE(third);
  const Status woken = stopped->Release();
  ASSERT_FALSE(woken);
  EXPECT_EQ(woken.error().code(), ErrorCode::kLocked);
  EXPECT_THAT(banks.first.Unfinished(), SizeIs(1));
  const auto deletes = banks.first.Publish(Operation::kDelete, "run-1");
  EXPECT_EQ(banks.first.Begin("del-1", deletes).code, ExitCode::kLocked);
  ASSERT_TRUE(third->Release());
  EXPECT_THAT(banks.first.Unfinished(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::testing_runtime
