// Objects that are not what was written, or not of where they lie, and bundles that are damaged.
#include "runtime/store/stored_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/json.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/pin.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// --- One object ----------------------------------------------------------------------------------

class StoredObject : public ::testing::Test {
 protected:
  World world;
  const BankSection record = *world.tenant.Narrow("checkpoints/cp", SectionAccess::kWrite);
};

TEST_F(StoredObject, NoChangedBitIsTakenForWhatWasWritten) {
  const Value fields = Value().Set("mode", 420).Set("path", "/srv/x.db").Set("yes", true);
  const std::string bytes = *runtime::DumpObject(fields, 1);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      SCOPED_TRACE(::testing::Message() << "byte " << at << ", bit " << bit);
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      ASSERT_TRUE(record.Replace("x", changed));
      const auto read = runtime::ReadObject(record, "x", 1);
      // Also where the name of the checksum alone was hit: it does not pass for an object of an older build.
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
      EXPECT_THAT(read.error().message(), HasSubstr("checkpoints/cp/x"));
    }
  }
}

TEST_F(StoredObject, WhatFollowsTheChecksumIsDamage) {
  const std::string bytes = *runtime::DumpObject(Value().Set("a", 1), 1);
  ASSERT_TRUE(record.Replace("x", bytes));
  EXPECT_TRUE(runtime::ReadObject(record, "x", 1));
  for (const std::string& other : {bytes + "\n", bytes.substr(0, bytes.size() - 1) + ",\"b\":2}"}) {
    ASSERT_TRUE(record.Replace("x", other));
    const auto read = runtime::ReadObject(record, "x", 1);
    ASSERT_FALSE(read) << other;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
  }
}

TEST_F(StoredObject, OneThatAnOlderBuildWroteIsTheSameWithItsFields) {
  const Value fields = Value().Set("a", 1);
  ASSERT_TRUE(record.Replace("x", "{\"a\":1,\"format\":1}"));
  EXPECT_TRUE(runtime::PutSameObject(record, "x", fields, 1));
  EXPECT_EQ(record.GetBytes("x").value(), "{\"a\":1,\"format\":1}");
  const Status other = runtime::PutSameObject(record, "x", Value().Set("a", 2), 1);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kConflict);
}

TEST_F(StoredObject, OfARecordThatDoesNotSayWhichIsReadOnlyWithoutAChecksum) {
  ASSERT_TRUE(record.Replace("x", "{\"a\":1,\"format\":1}"));
  EXPECT_TRUE(runtime::ReadRecordObject(record, "x", 1));
  ASSERT_TRUE(record.Replace("x", *runtime::DumpObject(Value().Set("a", 1), 1)));
  const auto read = runtime::ReadRecordObject(record, "x", 1);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
}

// --- Those of a record -----------------------------------------------------------------------------

const ResourceKey kFirst{"T::Plain", "p"};
const ResourceKey kSecond{"T::Plain", "q"};

// Two checkpoints of the same two resources.
class TwoCheckpoints : public ::testing::Test {
 protected:
  TwoCheckpoints() {
    world.Add(kFirst.str());
    world.Add(kSecond.str());
    const std::string protect = world.Publish();
    EXPECT_EQ(world.RunAll("aaaa", protect).code, ExitCode::kOk);
    world.now += std::chrono::hours(24);
    EXPECT_EQ(world.RunAll("bbbb", protect).code, ExitCode::kOk);
  }
  static std::string Of(const std::string& record, const std::string& object) {
    return "checkpoints/" + record + "/" + object;
  }
  static std::string OfFirst(const std::string& object) {
    return runtime::EpochPrefix(kFirst, 1) + "/" + object;
  }
  static std::string OfSecond(const std::string& object) {
    return runtime::EpochPrefix(kSecond, 1) + "/" + object;
  }
  void Copy(const std::string& from, const std::string& to) {
    ASSERT_TRUE(world.tenant.Replace(to, world.tenant.GetBytes(from).value())) << from;
  }
  void Change(const std::string& key, const std::string& what, const std::string& by) {
    std::string bytes = world.tenant.GetBytes(key).value();
    ASSERT_NE(bytes.find(what), std::string::npos) << bytes;
    ASSERT_TRUE(world.tenant.Replace(key, bytes.replace(bytes.find(what), what.size(), by)));
  }
  // Reads whatever a restore or verification of a checkpoint goes by.
  Status Read(const std::string& id) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto record,
        runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, id));
    HOLDFAST_RETURN_IF_ERROR(record.States());
    HOLDFAST_RETURN_IF_ERROR(record.Head());
    HOLDFAST_RETURN_IF_ERROR(record.Graph());
    for (const ResourceKey& resource : {kFirst, kSecond}) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, runtime::NewestManifest(record, resource));
      if (!manifest) return NotFound("no manifest");
      HOLDFAST_RETURN_IF_ERROR(runtime::ReadSavedInfo(record.section(), *manifest));
    }
    return Ok();
  }
  World world;
};

TEST_F(TwoCheckpoints, AChangedByteOfAnObjectIsDamageOfThatObject) {
  const std::vector<std::array<std::string, 3>> cases{
      {"plan", "\"nightly\"", "\"nightlz\""},
      {"graph", "name of p", "name of x"},
      {"state/000002", "available", "available "},
      {OfFirst("manifest"), "\"point_in_time\":\"2026", "\"point_in_time\":\"2027"},
      {OfFirst("saved"), "T::Plain#p\"", "T::Plain#x\""},
  };
  for (const auto& [object, what, by] : cases) {
    SCOPED_TRACE(object);
    ASSERT_TRUE(Read("bbbb"));
    const std::string key = Of("bbbb", object);
    const std::string good = world.tenant.GetBytes(key).value();
    Change(key, what, by);
    const Status read = Read("bbbb");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message(), HasSubstr(key));
    ASSERT_TRUE(world.tenant.Replace(key, good));
  }
}

TEST_F(TwoCheckpoints, AnObjectOfAnotherCheckpointIsNotTakenForItsOwn) {
  for (const std::string& object :
       {std::string("plan"), std::string("graph"), std::string("state/000001"),
        std::string("state/000002"), OfFirst("manifest"), OfFirst("saved")}) {
    SCOPED_TRACE(object);
    ASSERT_TRUE(Read("bbbb"));
    const std::string key = Of("bbbb", object);
    const std::string good = world.tenant.GetBytes(key).value();
    Copy(Of("aaaa", object), key);
    const Status read = Read("bbbb");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message(),
                AllOf(HasSubstr(key), HasSubstr("is of aaaa, not of bbbb")));
    ASSERT_TRUE(world.tenant.Replace(key, good));
  }
}

TEST_F(TwoCheckpoints, AnObjectOfAnotherResourceOrEpochIsNotTakenForItsOwn) {
  for (const std::string& object : {std::string("manifest"), std::string("saved")}) {
    SCOPED_TRACE(object);
    const std::string key = Of("bbbb", OfFirst(object));
    const std::string good = world.tenant.GetBytes(key).value();
    Copy(Of("bbbb", OfSecond(object)), key);
    const Status read = Read("bbbb");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(read.error().message(),
                AllOf(HasSubstr(key), HasSubstr("is of T::Plain#q, epoch 1, not of T::Plain#p")));
    ASSERT_TRUE(world.tenant.Replace(key, good));
  }
  const std::string later = Of("bbbb", runtime::EpochPrefix(kFirst, 2) + "/manifest");
  Copy(Of("bbbb", OfFirst("manifest")), later);
  const auto record = runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "bbbb");
  const auto read = runtime::ReadManifest(record->section(), kFirst, 2);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message(), AllOf(HasSubstr(later), HasSubstr("epoch 1, not of")));
  // Nor is it asked for: no run of the checkpoint was in that epoch.
  const auto newest = runtime::NewestManifest(*record, kFirst);
  ASSERT_TRUE(newest);
  EXPECT_EQ((*newest)->epoch, 1U);
}

TEST_F(TwoCheckpoints, ACopiedFolderIsNoCheckpoint) {
  const auto keys = world.tenant.ListAll("checkpoints/bbbb/");
  ASSERT_TRUE(keys);
  for (const std::string& key : *keys) Copy(key, Of("cccc", key.substr(Of("bbbb", "").size())));
  const auto found = runtime::ListCheckpoints(world.tenant, {});
  ASSERT_TRUE(found);
  for (const auto& summary : *found) {
    EXPECT_EQ(summary.damage.empty(), summary.id != "cccc") << summary.id << ": " << summary.damage;
    if (summary.id == "cccc") {
      EXPECT_THAT(summary.damage, HasSubstr("is of bbbb, not of cccc"));
    }
  }
}

TEST_F(TwoCheckpoints, VerifyAndRestoreFailWhereSavedInfoIsNotWhatWasWritten) {
  for (const Operation operation : {Operation::kVerify, Operation::kRestore}) {
    SCOPED_TRACE(NameOf(operation));
    const std::string run(NameOf(operation));
    const std::string key = Of("bbbb", OfFirst("saved"));
    const std::string good = world.tenant.GetBytes(key).value();
    const std::string bundle = world.Publish(operation, "bbbb");
    Change(key, "T::Plain#p\"", "T::Plain#x\"");
    world.calls.clear();
    const auto end = world.RunAll(run, bundle);
    EXPECT_EQ(end.code, ExitCode::kRunFailed);
    EXPECT_THAT(end.text, HasSubstr(key));
    EXPECT_EQ(world.CallsOf("parallel T::Plain#p"), 0U);
    EXPECT_EQ(world.CallsOf("parallel T::Plain#q"), 1U);
    ASSERT_TRUE(world.tenant.Replace(key, good));
    EXPECT_EQ(world.RunAll(run + "-again", bundle).code, ExitCode::kOk);
  }
}

// A begin that an older build began is gone on with.
TEST_F(TwoCheckpoints, WhatAnOlderBuildBeganIsResumed) {
  const std::string bundle = world.Publish();
  world.script["parallel T::Plain#p"].fails = true;
  ASSERT_EQ(world.RunAll("old", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  const auto keys = world.tenant.ListAll();
  ASSERT_TRUE(keys);
  for (const std::string& key : *keys) {
    if (!key.starts_with("checkpoints/old/") && !key.starts_with("indices/")) continue;
    auto object = ParseJson(*world.tenant.GetBytes(key), key);
    if (!object || !object->is_map()) continue;
    object->MutableMap().erase("sha256");
    const std::string name = key.substr(key.rfind('/') + 1);
    if (!key.starts_with("indices/") && name != "plan") object->MutableMap().erase("record");
    ASSERT_TRUE(world.tenant.Replace(key, *DumpJson(*object)));
  }
  const auto end = world.RunAll("new", bundle, "old");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  EXPECT_TRUE(Read("old"));
}

// --- A lost race ---------------------------------------------------------------------------------

TEST(ManifestRace, WhoLosesItTriesAgainAndFindsTheOther) {
  World world;
  world.Add("T::Plain#p");
  const std::string bundle = world.Publish();
  ASSERT_EQ(world.Begin("cp", bundle).code, ExitCode::kOk);
  world.script["parallel T::Plain#p"].loses_race = true;
  const std::string step = world.Steps(bundle).front();
  const auto lost = world.Run("cp", bundle, step);
  EXPECT_EQ(lost.code, ExitCode::kTryAgain) << lost.text;
  EXPECT_THAT(lost.text, HasSubstr("has just written the manifest of T::Plain#p"));
  const auto again = world.Run("cp", bundle, step);
  EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
  EXPECT_EQ(world.CallsOf("parallel T::Plain#p"), 1U);
  EXPECT_EQ(world.End("cp").code, ExitCode::kOk);
}

// --- A bank that lies ---------------------------------------------------------------------------

// Has a page under every name, as a proxy that wants a log-in.
class PageEverywhere final : public ForwardingBank {
 public:
  PageEverywhere() : ForwardingBank(behind_) {}
  Status Get(const ObjectKey&, ByteSink& sink, std::uint64_t, std::uint64_t) override {
    ++reads;
    // Else a failure would be a test that does not end.
    if (reads > 10'000) return Internal("it goes on and on");
    return sink.Write(AsBytes(std::string_view("<html>Log in</html>")));
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override { return ObjectInfo{key, 19, {}}; }
  int reads = 0;

 private:
  testing::MovedTime<WallTime> now_;
  TestClock clock_{now_};
  MemoryBank behind_{clock_};
};

TEST(PageUnderEveryName, EndsEverySeriesThatIsReadUpwards) {
  PageEverywhere bank;
  const auto tenant = BankSection::Open(bank, "t/one", SectionAccess::kRead);
  ASSERT_TRUE(tenant) << tenant.error().Render();
  const auto record = runtime::Record::Open(*tenant, runtime::RecordKind::kCheckpoint, "cp");
  ASSERT_TRUE(record);
  const auto states = record->ReadableStates();
  const auto pin = runtime::ReadPin(*record);
  const auto lease = runtime::CurrentLease(*tenant, "cp");
  const auto report = runtime::ShowRecord(*tenant, runtime::RecordKind::kCheckpoint, "cp");
  ASSERT_FALSE(states);
  ASSERT_FALSE(pin);
  ASSERT_FALSE(lease);
  ASSERT_FALSE(report);
  for (const auto& [error, object] :
       {std::pair(states.error(), "state/000100"), std::pair(pin.error(), "pin/000100"),
        std::pair(lease.error(), "leases/cp/000100"), std::pair(report.error(), "state/000100")}) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.Render();
    EXPECT_THAT(error.message(), HasSubstr(object));
  }
  EXPECT_LT(bank.reads, 500);
}

// --- Bundles -------------------------------------------------------------------------------------

class DamagedBundle : public ::testing::TestWithParam<std::string> {
 protected:
  DamagedBundle() {
    world.Add("T::Plain#p");
    bundle = world.Publish();
    key = "bundles/" + bundle + "/" + GetParam();
    good = world.tenant.GetBytes(key).value();
  }
  void Damage() { ASSERT_TRUE(world.tenant.Replace(key, good.substr(0, good.size() - 5))); }
  World world;
  std::string bundle;
  std::string key;
  std::string good;
};

TEST_P(DamagedBundle, IsWrittenAnewByWhoHasIt) {
  Damage();
  EXPECT_EQ(world.Publish(), bundle);
  EXPECT_EQ(world.tenant.GetBytes(key).value(), good);
  EXPECT_EQ(world.RunAll("cp", bundle).code, ExitCode::kOk);
}

TEST_P(DamagedBundle, IsNamedToWhoHasNoOther) {
  Damage();
  const auto begun = world.Begin("cp", bundle);
  EXPECT_EQ(begun.code, ExitCode::kCorrupt);
  EXPECT_THAT(begun.text, HasSubstr(key));
  EXPECT_THAT(world.Unfinished(), IsEmpty());
}

TEST_P(DamagedBundle, KeepsNobodyFromSeeingWhatACheckpointHolds) {
  ASSERT_EQ(world.RunAll("cp", bundle).code, ExitCode::kOk);
  Damage();
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "cp");
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_EQ(report->summary.state, RecordState::kAvailable);
  EXPECT_THAT(report->bundle_damage, HasSubstr(key));
  ASSERT_EQ(report->resources.size(), 1U);
  EXPECT_EQ(report->resources[0].plugin, "scripted-Plain");
  ASSERT_TRUE(report->resources[0].manifest);
  EXPECT_EQ(report->resources[0].manifest->streams.size(), 1U);
}

TEST_P(DamagedBundle, KeepsNobodyFromRestoringNorFromSeeingThatItWasRestored) {
  ASSERT_EQ(world.RunAll("cp", bundle).code, ExitCode::kOk);
  const std::string restore = world.Publish(Operation::kRestore, "cp");
  for (const bool missing : {false, true}) {
    if (missing) {
      ASSERT_TRUE(world.tenant.Delete(key));
    } else {
      Damage();
    }
    const std::string run = missing ? "missing" : "damaged";
    EXPECT_EQ(world.RunAll(run, restore).code, ExitCode::kOk);
    const auto report = runtime::ReportOfRun(world.tenant, run);
    ASSERT_TRUE(report) << report.error().Render();
    EXPECT_EQ(report->summary.state, RecordState::kRestored);
    EXPECT_EQ(report->resources.size(), 1U);
  }
}

TEST_P(DamagedBundle, ThatIsGoneKeepsNobodyFromSeeingWhatACheckpointHolds) {
  ASSERT_EQ(world.RunAll("cp", bundle).code, ExitCode::kOk);
  ASSERT_TRUE(world.tenant.Delete(key));
  const auto report = runtime::ShowRecord(world.tenant, runtime::RecordKind::kCheckpoint, "cp");
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_THAT(report->bundle_damage, HasSubstr(bundle.substr(0, 12)));
  ASSERT_EQ(report->resources.size(), 1U);
  EXPECT_TRUE(report->resources[0].manifest);
}

TEST_P(DamagedBundle, IsNotAbsentAsLongAsItHasItsHead) {
  ASSERT_TRUE(world.tenant.Delete(key));
  const bool has_head = GetParam() != "bundle.json";
  World other;
  const auto loaded = runtime::LoadBundleFromBank(world.tenant, bundle);
  for (const Status& read : {loaded ? Ok() : Status(loaded.error()),
                             runtime::CopyBundle(world.tenant, other.tenant, bundle)}) {
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), has_head ? ErrorCode::kCorrupt : ErrorCode::kNotFound);
    if (has_head) {
      EXPECT_THAT(read.error().message(), HasSubstr(key + " is missing"));
    }
  }
}

TEST_P(DamagedBundle, IsNeverReplacedByOneThatIsDamagedItself) {
  auto files = BundleFiles{bundle, {}};
  for (const std::string& name : {std::string("bundle.json"), std::string("shard-0.json")}) {
    files.files[name] = world.tenant.GetBytes("bundles/" + bundle + "/" + name).value();
  }
  files.files[GetParam()] += " ";
  const Status put = runtime::PublishBundle(world.tenant, files, false);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(world.tenant.GetBytes(key).value(), good);
}

INSTANTIATE_TEST_SUITE_P(Files, DamagedBundle, ::testing::Values("bundle.json", "shard-0.json"),
                         [](const auto& info) {
                           return std::string(info.param == "bundle.json" ? "Head" : "Shard");
                         });

}  // namespace
}  // namespace holdfast::testing_runtime
