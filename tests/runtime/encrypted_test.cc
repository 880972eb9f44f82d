// Records of a provider with keys: what plugins hand over is encrypted, and who has no key is told which one
// is missing. The other tests of this folder run with keys, too (Runtime.AllOfItWithKeys).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/sdk/json.h"
#include "runtime/retention/plan_retention.h"
#include "runtime/step/sealed_bank.h"
#include "runtime/store/journal.h"
#include "runtime/store/layout.h"
#include "runtime/store/listing.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/stored_object.h"
#include "tests/runtime/stored_world.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::testing_runtime {
namespace {

using holdfast::testing::kKnownKey;
using holdfast::testing::kKnownKeyId;
using holdfast::testing::kOtherKey;
using holdfast::testing::TestKeys;
using runtime::RecordKind;
using ::testing::HasSubstr;
using ::testing::Not;

const std::filesystem::path kFixture =
    std::filesystem::path(HOLDFAST_RUNTIME_FIXTURES) / "format-2";

class Encrypted : public ::testing::Test {
 protected:
  Encrypted() { UseKeys(&keys_.ring()); }

  void UseKeys(const KeyRing* keys) {
    world_.tenant = *BankSection::Open(world_.bank, "t/local", SectionAccess::kWrite, keys);
  }
  std::string PublishShop() {
    world_.Add("T::App#shop");
    world_.Add("T::Volume#data", {"T::App#shop"});
    world_.Add("T::Group#one", {"T::App#shop"});
    world_.Add("T::Group#two", {"T::App#shop"});
    return world_.Publish();
  }
  // A checkpoint whose first run warned and failed, and was resumed.
  void Make() {
    const std::string bundle = PublishShop();
    world_.script["parallel T::Volume#data"].warns = {"a file was left out: secret-name"};
    world_.script["post T::App#shop"].fails = true;
    ASSERT_EQ(world_.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
    world_.script["post T::App#shop"].fails = false;
    ASSERT_EQ(world_.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  }
  runtime::Record Checkpoint() {
    return *runtime::Record::Open(world_.tenant, RecordKind::kCheckpoint, "run-1");
  }
  runtime::ResourceManifest ManifestOf(const ResourceKey& key) {
    return **runtime::NewestManifest(Checkpoint(), key);
  }

  TestKeys keys_;
  World world_;
};

// Names and ids of resources are in the plan, the graph and the keys; they are no secret.
TEST_F(Encrypted, NothingThatAPluginSaysIsPlainInTheBank) {
  Make();
  const auto keys = world_.tenant.ListAll();
  ASSERT_TRUE(keys);
  std::string all;
  for (const std::string& key : *keys) {
    const std::string bytes = *world_.tenant.GetBytes(key);
    // What a plugin's schemas are called stands in the bundle.
    if (!key.starts_with("bundles/")) all += bytes;
    EXPECT_THAT(bytes, Not(HasSubstr("bytes of"))) << key;
  }
  for (const char* const plain : {"made_by", "\"intent\"", "as the script says", "secret-name",
                                  "left out", "\"info\"", "\"entries\""})
    EXPECT_THAT(all, Not(HasSubstr(plain)));
  for (const char* const sealed : {"\"sealed_info\"", "\"sealed_entries\"", "\"sealed_error\"",
                                   "\"sealed_warnings\"", "\"sealed_reason\""})
    EXPECT_THAT(all, HasSubstr(sealed));
}

// What an activity contributes that a later one, or several together, write into a manifest.
TEST_F(Encrypted, SavedInfoInTheJournalIsEncryptedToo) {
  Make();
  const BankSection section = Checkpoint().section();
  runtime::Claim claim;
  claim.number = 1;
  claim.attempt = "000001-a";
  claim.run = "run-1";
  ASSERT_TRUE(runtime::CreateClaim(section, "step", claim));
  runtime::ActivityOutcome outcome;
  outcome.resource = {"T::Volume", "data"};
  outcome.kind = ActivityKind::kParallel;
  outcome.started = outcome.ended = world_.now;
  outcome.saved = Value().Set("made_by", "secret-name");
  ASSERT_TRUE(runtime::WriteOutcomes(section, "step", claim.attempt, 1, {outcome}));
  const std::string key = runtime::AttemptPrefix("step", claim.attempt) + "/outcome-000001";
  EXPECT_THAT(*section.GetBytes(key), HasSubstr("\"sealed_saved\""));
  EXPECT_THAT(*section.GetBytes(key), Not(HasSubstr("made_by")));
  const auto read = runtime::ReadStepJournal(section, "step");
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(read->attempts.front().outcomes.front().saved.StringOr("made_by", ""), "secret-name");
  UseKeys(nullptr);
  const auto closed = runtime::ReadStepJournal(Checkpoint().section(), "step");
  ASSERT_TRUE(closed) << closed.error().Render();
  const auto& without = closed->attempts.front().outcomes.front();
  EXPECT_TRUE(without.saved.is_null());
  ASSERT_TRUE(without.saved_closed);
  EXPECT_THAT(without.saved_closed->message(), HasSubstr(kKnownKeyId));
}

TEST_F(Encrypted, WithItsKeyEverythingIsRead) {
  Make();
  const auto report = runtime::ShowRecord(world_.tenant, RecordKind::kCheckpoint, "run-1");
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_EQ(report->summary.state, RecordState::kAvailable);
  EXPECT_THAT(report->states[1].reason, HasSubstr("as the script says"));
  const auto manifest = ManifestOf({"T::Volume", "data"});
  EXPECT_THAT(manifest.warnings.lines, ::testing::ElementsAre(HasSubstr("secret-name")));
  const auto saved = runtime::ReadSavedInfo(Checkpoint().section(), manifest);
  ASSERT_TRUE(saved) << saved.error().Render();
  EXPECT_EQ(saved->StringOr("made_by", ""), "T::Volume#data");
  for (const auto operation : {Operation::kVerify, Operation::kRestore, Operation::kDelete}) {
    const std::string bundle = world_.Publish(operation, "run-1");
    const std::string run = "other-" + std::string(NameOf(operation));
    const World::Outcome outcome = world_.RunAll(run, bundle);
    EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.text;
  }
}

TEST_F(Encrypted, WithoutItsKeyItIsListedAndDeletedAndTheRestNamesTheKey) {
  Make();
  const TestKeys others(std::string(kOtherKey) + "\n");
  for (const KeyRing* const keys : {&others.ring(), static_cast<const KeyRing*>(nullptr)}) {
    UseKeys(keys);
    const auto report = runtime::ShowRecord(world_.tenant, RecordKind::kCheckpoint, "run-1");
    ASSERT_TRUE(report) << report.error().Render();
    EXPECT_EQ(report->summary.state, RecordState::kAvailable);
    EXPECT_THAT(report->states[1].reason, HasSubstr(kKnownKeyId));
    const auto manifest = ManifestOf({"T::Volume", "data"});
    EXPECT_EQ(manifest.warnings.total(), 1U);
    const auto saved = runtime::ReadSavedInfo(Checkpoint().section(), manifest);
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().code(), ErrorCode::kDenied);
    EXPECT_THAT(saved.error().message(), HasSubstr(kKnownKeyId));
    for (const auto operation : {Operation::kVerify, Operation::kRestore}) {
      const std::string bundle = world_.Publish(operation, "run-1");
      const std::string run =
          std::string(NameOf(operation)) + (keys == nullptr ? "-none" : "-other");
      const World::Outcome outcome = world_.RunAll(run, bundle);
      // That it could not be read says nothing of the checkpoint: there is no record of it.
      EXPECT_EQ(outcome.code, ExitCode::kDenied);
      EXPECT_THAT(outcome.text, HasSubstr(kKnownKeyId));
      EXPECT_THAT(outcome.text, HasSubstr("key_file"));
    }
    EXPECT_TRUE(runtime::ListRecords(world_.tenant, RecordKind::kVerification, {})->empty());
    EXPECT_TRUE(runtime::ListRecords(world_.tenant, RecordKind::kRestore, {})->empty());
    EXPECT_TRUE(runtime::ReadLastVerifications(world_.tenant, "", world_.now)->empty());
    EXPECT_THAT(world_.Unfinished(), ::testing::IsEmpty());
  }
  const World::Outcome deleted =
      world_.RunAll("delete", world_.Publish(Operation::kDelete, "run-1"));
  EXPECT_EQ(deleted.code, ExitCode::kOk) << deleted.text;
}

// The keys go while it runs: that is no verdict about the checkpoint.
TEST_F(Encrypted, WhatMayNotBeReadAfterTheBeginIsDeniedAndNotFailed) {
  Make();
  const TestKeys others(std::string(kOtherKey) + "\n");
  for (const auto operation : {Operation::kVerify, Operation::kRestore}) {
    const std::string name(NameOf(operation));
    SCOPED_TRACE(name);
    UseKeys(&keys_.ring());
    const std::string bundle = world_.Publish(operation, "run-1");
    ASSERT_EQ(world_.Begin(name, bundle).code, ExitCode::kOk);
    UseKeys(&others.ring());
    bool denied = false;
    for (const std::string& step : world_.Steps(bundle)) {
      const World::Outcome outcome = world_.Run(name, bundle, step);
      EXPECT_NE(outcome.code, ExitCode::kActivityFailed) << step << ": " << outcome.text;
      denied = denied || outcome.code == ExitCode::kDenied;
      if (outcome.code == ExitCode::kDenied) {
        EXPECT_EQ(world_.Run(name, bundle, step).code, ExitCode::kDenied) << "recorded";
      }
    }
    EXPECT_TRUE(denied);
    for (int tries = 0; tries < 2; ++tries) {
      const World::Outcome ended = world_.End(name);
      EXPECT_EQ(ended.code, ExitCode::kDenied) << ended.text;
      EXPECT_THAT(ended.text,
                  HasSubstr(operation == Operation::kVerify ? "could not be verified: denied: "
                                                            : "could not be restored: denied: "));
      EXPECT_THAT(ended.text, HasSubstr(kKnownKeyId));
      EXPECT_THAT(ended.text, Not(HasSubstr("failed")));
    }
  }
  UseKeys(&keys_.ring());
  EXPECT_TRUE(runtime::ReadLastVerifications(world_.tenant, "", world_.now)->empty())
      << "nothing was found out about it";
  // With the key it goes on.
  const std::string bundle = world_.Publish(Operation::kVerify, "run-1");
  EXPECT_EQ(world_.RunAll("again", bundle, "verify").code, ExitCode::kOk);
}

// One of several: what else is damaged, is.
TEST_F(Encrypted, AFailureBesideWhatIsDeniedStaysAFailure) {
  Make();
  const TestKeys others(std::string(kOtherKey) + "\n");
  const std::string bundle = world_.Publish(Operation::kVerify, "run-1");
  ASSERT_EQ(world_.Begin("verify", bundle).code, ExitCode::kOk);
  bool first = true;
  for (const std::string& step : world_.Steps(bundle)) {
    // Its data is gone, and of the others the key is.
    if (step == "volume-data-parallel") {
      UseKeys(&keys_.ring());
      const auto data = world_.tenant.ListAll("checkpoints/run-1/data/T@3A@3AVolume");
      for (const std::string& key : *data) ASSERT_TRUE(world_.tenant.Delete(key));
      EXPECT_EQ(world_.Run("verify", bundle, step).code, ExitCode::kActivityFailed);
      first = false;
      continue;
    }
    UseKeys(&others.ring());
    world_.Run("verify", bundle, step);
  }
  ASSERT_FALSE(first);
  EXPECT_EQ(world_.End("verify").code, ExitCode::kRunFailed);
  const auto last = runtime::ReadLastVerifications(world_.tenant, "", world_.now);
  ASSERT_TRUE(last && last->contains("run-1"));
  EXPECT_TRUE(last->at("run-1").failed);
}

TEST_F(Encrypted, ARotationBetweenTwoRunsOfARecordLeavesAllOfItReadable) {
  const std::string bundle = PublishShop();
  world_.script["post T::Group#one"].fails = true;
  ASSERT_EQ(world_.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world_.script.clear();
  keys_.Write(std::string(kOtherKey) + "\n" + kKnownKey + "\n");
  const KeyRing rotated(keys_.path(), "line 7 of p.conf");
  UseKeys(&rotated);
  ASSERT_EQ(world_.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  const World::Outcome restored =
      world_.RunAll("restore", world_.Publish(Operation::kRestore, "run-1"));
  EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
  UseKeys(nullptr);
}

TEST_F(Encrypted, APlainCheckpointStaysReadableOnceThereAreKeys) {
  UseKeys(nullptr);
  Make();
  UseKeys(&keys_.ring());
  const World::Outcome restored =
      world_.RunAll("restore", world_.Publish(Operation::kRestore, "run-1"));
  EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
  EXPECT_TRUE(runtime::ReadSavedInfo(Checkpoint().section(), ManifestOf({"T::Volume", "data"})));
}

TEST_F(Encrypted, NothingBeginsWithoutTheFileOfTheKeys) {
  const std::string bundle = PublishShop();
  keys_.Write("");
  const World::Outcome begun = world_.Begin("run-1", bundle);
  EXPECT_EQ(begun.code, ExitCode::kDenied);
  EXPECT_THAT(begun.text, HasSubstr("key_file, line 7 of p.conf"));
}

// Of what is kept nothing is of use that cannot be read with the keys of the provider.
TEST_F(Encrypted, NoneGoesForOneWhoseKeyIsNotThere) {
  const std::string bundle = PublishShop();
  ASSERT_EQ(world_.RunAll("old", bundle).code, ExitCode::kOk);
  world_.now += std::chrono::hours(24);
  const TestKeys others(std::string(kOtherKey) + "\n");
  UseKeys(&others.ring());
  ASSERT_EQ(world_.RunAll("new", bundle).code, ExitCode::kOk);
  const auto decide = [&](const KeyRing* keys) {
    UseKeys(keys);
    auto decided = runtime::DecideRetention(
        world_.tenant, {"nightly", world_.provider_id}, {.last = 1},
        [](std::chrono::sys_seconds) { return std::chrono::seconds(0); }, world_.now, 2);
    EXPECT_TRUE(decided) << decided.error().Render();
    return std::move(*decided);
  };
  EXPECT_EQ(decide(&others.ring()).going(), 1U);
  const auto decided = decide(&keys_.ring());
  EXPECT_EQ(decided.going(), 0U);
  EXPECT_EQ(decided.series.front().newest, "old");
  EXPECT_THAT(decided.series.front().entries.front().verdict.reasons.front(),
              HasSubstr("not available: cannot be read: "));
  EXPECT_EQ(decide(nullptr).going(), 0U);
}

// With a checksum to match, as who can write the bank would do it.
TEST_F(Encrypted, SavedInfoOfAnotherResourceInItsPlaceIsCorrupt) {
  Make();
  const BankSection section = Checkpoint().section();
  const auto key_of = [&](const ResourceKey& resource) {
    return runtime::EpochPrefix(resource, ManifestOf(resource).epoch) + "/saved";
  };
  const std::string key = key_of({"T::Volume", "data"});
  const std::string other = key_of({"T::Group", "one"});
  Value object = *ParseJson(*section.GetBytes(key), key);
  const Value source = *ParseJson(*section.GetBytes(other), other);
  object.MutableMap().erase("sha256");
  object.Set("sealed_info", *source.Find("sealed_info"));
  ASSERT_TRUE(section.Replace(key, *runtime::DumpObject(object, 2)));
  const auto saved = runtime::ReadSavedInfo(section, ManifestOf({"T::Volume", "data"}));
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code(), ErrorCode::kCorrupt);
}

TEST_F(Encrypted, EveryChangedByteOfSavedInfoIsAnError) {
  Make();
  const auto manifest = ManifestOf({"T::Volume", "data"});
  const BankSection section = Checkpoint().section();
  const std::string key = runtime::EpochPrefix(manifest.resource, manifest.epoch) + "/saved";
  const std::string whole = *section.GetBytes(key);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    ASSERT_TRUE(section.Replace(key, changed));
    EXPECT_FALSE(runtime::ReadSavedInfo(section, manifest)) << i;
  }
}

// --- Raw objects ---------------------------------------------------------------------------------

TEST_F(Encrypted, RawObjectsAreEncryptedAndReadBack) {
  runtime::SealedBank sealed(world_.memory, keys_.ring(), runtime::PlainObjects::kRead);
  const BankSection section = *BankSection::Open(sealed, "t/local/raw", SectionAccess::kWrite);
  ASSERT_TRUE(section.PutBytes("a", "plain words"));
  EXPECT_TRUE(section.PutSame("a", "plain words"));
  EXPECT_EQ(section.PutSame("a", "other words").error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(section.CreateExclusive("b", "plain words"));
  ASSERT_TRUE(section.Replace("c", "plain words"));
  const BankSection below = *BankSection::Open(world_.memory, "t/local/raw", SectionAccess::kWrite);
  for (const char* const key : {"a", "b", "c"}) {
    EXPECT_EQ(*section.GetBytes(key), "plain words");
    EXPECT_EQ(section.Stat(key)->size, 11U);
    EXPECT_THAT(*below.GetBytes(key), Not(HasSubstr("words")));
  }
  StringSink part(100);
  ASSERT_TRUE(section.Get("a", part, 6, 3));
  EXPECT_EQ(part.Take(), "wor");
  StringSink rest(100);
  ASSERT_TRUE(section.Get("a", rest, 6));
  EXPECT_EQ(rest.Take(), "words");
  // In another place it is none.
  ASSERT_TRUE(below.Replace("b", *below.GetBytes("a")));
  EXPECT_EQ(section.GetBytes("b").error().code(), ErrorCode::kCorrupt);
}

TEST_F(Encrypted, RawObjectsOfBeforeAreReadAsTheyAre) {
  const BankSection below = *BankSection::Open(world_.memory, "t/local/raw", SectionAccess::kWrite);
  ASSERT_TRUE(below.PutBytes("old", "plain words"));
  ASSERT_TRUE(below.PutBytes("long", std::string(1000, 'x')));
  runtime::SealedBank sealed(world_.memory, keys_.ring(), runtime::PlainObjects::kRead);
  const BankSection section = *BankSection::Open(sealed, "t/local/raw", SectionAccess::kWrite);
  EXPECT_EQ(*section.GetBytes("old"), "plain words");
  EXPECT_EQ(*section.GetBytes("long"), std::string(1000, 'x'));
  EXPECT_EQ(section.Stat("long")->size, 1000U);
}

TEST_F(Encrypted, EveryChangedByteOfARawObjectIsAnError) {
  runtime::SealedBank sealed(world_.memory, keys_.ring(), runtime::PlainObjects::kRefuse);
  const BankSection section = *BankSection::Open(sealed, "t/local/raw", SectionAccess::kWrite);
  ASSERT_TRUE(section.PutBytes("a", "plain words"));
  const BankSection below = *BankSection::Open(world_.memory, "t/local/raw", SectionAccess::kWrite);
  const std::string whole = *below.GetBytes("a");
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_TRUE(below.Replace("a", changed));
    EXPECT_FALSE(section.GetBytes("a")) << bit;
  }
  ASSERT_TRUE(below.Replace("a", "plain"));
  EXPECT_EQ(section.Stat("a").error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(section.GetBytes("a").error().code(), ErrorCode::kCorrupt);
}

// What a plugin put there comes back as it was, or not at all.
TEST_F(Encrypted, ARestoreOfAChangedRawObjectFails) {
  for (const KeyRing* const keys : {&keys_.ring(), static_cast<const KeyRing*>(nullptr)}) {
    World world;
    world.tenant = *BankSection::Open(world.bank, "t/local", SectionAccess::kWrite, keys);
    world.Add("T::Plain#p");
    world.raw["T::Plain#p"] = "plain words";
    ASSERT_EQ(world.RunAll("run-1", world.Publish()).code, ExitCode::kOk);
    const std::string restore = world.Publish(Operation::kRestore, "run-1");
    ASSERT_EQ(world.RunAll("whole", restore).code, ExitCode::kOk);
    const auto keys_there = *world.tenant.ListAll("checkpoints/run-1/data");
    const auto raw = std::find_if(keys_there.begin(), keys_there.end(), [](const std::string& key) {
      return key.find("/raw/") != std::string::npos;
    });
    ASSERT_NE(raw, keys_there.end());
    std::string bytes = *world.tenant.GetBytes(*raw);
    bytes[0] = static_cast<char>(bytes[0] ^ 1);
    ASSERT_TRUE(world.behind.Replace(*raw, bytes));
    const World::Outcome restored = world.RunAll("changed", restore);
    EXPECT_EQ(restored.code, ExitCode::kRunFailed);
    EXPECT_THAT(restored.text, HasSubstr("has other bytes than were written"));
  }
}

// --- What was put in its place by somebody who can write the bank, with checksums to match -------------------

TEST_F(Encrypted, PlainSavedInfoInThePlaceOfSomeThatIsEncryptedIsCorrupt) {
  Make();
  const BankSection section = Checkpoint().section();
  const auto manifest = ManifestOf({"T::Volume", "data"});
  const std::string key = runtime::EpochPrefix(manifest.resource, manifest.epoch) + "/saved";
  Value object = *ParseJson(*section.GetBytes(key), key);
  object.MutableMap().erase("sha256");
  object.MutableMap().erase("sealed_info");
  object.Set("info", Value().Set("size", 1));
  ASSERT_TRUE(section.Replace(key, *runtime::DumpObject(object, 2)));
  const auto saved = runtime::ReadSavedInfo(section, manifest);
  ASSERT_FALSE(saved);
  EXPECT_EQ(saved.error().code(), ErrorCode::kCorrupt);
}

// --- The form that is written --------------------------------------------------------------------

// A bank as the first build with keys wrote it. HOLDFAST_UPDATE_GOLDEN=1 writes it anew: only together with a
// new format number, under a new folder.
TEST(EncryptedFormat, OneOfEveryObjectIsStillRead) {
  const TestKeys keys;
  if (std::getenv("HOLDFAST_UPDATE_GOLDEN") != nullptr) {
    World maker;
    maker.tenant = *BankSection::Open(maker.bank, "t/local", SectionAccess::kWrite, &keys.ring());
    maker.Add("T::Volume#data");
    maker.Add("T::Group#one");
    maker.Add("T::Group#two");
    maker.script["parallel T::Volume#data"].warns = {"a file was left out"};
    maker.script["post T::Volume#data"].fails = true;
    const std::string bundle = maker.Publish();
    ASSERT_EQ(maker.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
    maker.script["post T::Volume#data"].fails = false;
    ASSERT_EQ(maker.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
    SaveWorld(maker, kFixture);
  }
  World world;
  world.tenant = *BankSection::Open(world.bank, "t/local", SectionAccess::kWrite, &keys.ring());
  LoadWorld(world, kFixture);
  const auto report = runtime::ShowRecord(world.tenant, RecordKind::kCheckpoint, "run-1");
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_THAT(report->states[1].reason, HasSubstr("as the script says"));
  const auto record = *runtime::Record::Open(world.tenant, RecordKind::kCheckpoint, "run-1");
  for (const char* const id : {"T::Volume#data", "T::Group#one"}) {
    const ResourceKey key = *ParseResourceKey(id);
    const auto manifest = runtime::NewestManifest(record, key);
    ASSERT_TRUE(manifest && *manifest) << id;
    const auto saved = runtime::ReadSavedInfo(record.section(), **manifest);
    ASSERT_TRUE(saved) << saved.error().Render();
    EXPECT_THAT(saved->StringOr("made_by", ""), HasSubstr("T::"));
    const auto data = *record.section().Narrow(runtime::DataPrefix(key), SectionAccess::kRead);
    const auto source = runtime::OpenDataStream(data, (*manifest)->streams.front(), {});
    ASSERT_TRUE(source) << source.error().Render();
    std::array<std::byte, 200> buffer{};
    const auto n = ReadFully(**source, buffer);
    ASSERT_TRUE(n) << n.error().Render();
    EXPECT_EQ(AsText(std::span(buffer).first(*n)), std::string("bytes of ") + id);
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
