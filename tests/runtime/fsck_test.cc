#include "runtime/fsck/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "runtime/fsck/stream_check.h"
#include "runtime/store/indices.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/pin.h"
#include "runtime/store/rubbish.h"
#include "tests/runtime/protect_fixture.h"
#include "tests/sdk/property_cases.h"
#include "tests/sdk/test_keys.h"

namespace holdfast::runtime {
// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest's name.
static void PrintTo(const Finding& finding, std::ostream* out) {
  *out << NameOf(finding.kind) << " " << finding.what << " of " << finding.record << ": "
       << finding.text << (finding.mended ? " (mended)" : "");
  for (const std::string& key : finding.keys) *out << " " << key;
}
}  // namespace holdfast::runtime

namespace holdfast::testing_runtime {
namespace {

using runtime::Finding;
using runtime::FindingKind;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto kKept = std::chrono::hours(25);  // a little longer than the age of what goes

auto Is(FindingKind kind, const std::string& what) {
  return AllOf(Field("kind", &Finding::kind, kind), Field("what", &Finding::what, what));
}

std::vector<std::string> ListOf(const BankSection& section, const std::string& prefix) {
  auto keys = section.ListAll(prefix);
  return keys ? std::move(*keys) : std::vector<std::string>();
}

class Fsck : public Protect {
 protected:
  runtime::FsckOptions options;
  Fsck() { options.run = "fsck-of-test"; }

  Result<runtime::FsckReport> Try() { return runtime::Fsck(world.tenant, world.clock, options); }
  std::vector<Finding> Run() {
    auto report = Try();
    EXPECT_TRUE(report) << report.error().Render();
    return report ? std::move(report->findings) : std::vector<Finding>();
  }
  void ProtectAs(const std::string& run) {
    Publish();
    ASSERT_EQ(world.RunAll(run, bundle).code, ExitCode::kOk);
  }
  // run-1, some of it in the second epoch.
  void ProtectInTwoRuns() {
    Publish();
    world.script["parallel T::Volume#b"].fails = true;
    ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
    world.script.clear();
    ASSERT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  }
  // Its only segment.
  std::string SegmentOf(const std::string& run, const std::string& volume) {
    const auto keys =
        world.tenant.ListAll("checkpoints/" + run + "/data/T@3A@3AVolume/" + volume + "/");
    EXPECT_EQ(keys->size(), 1U);
    return keys->front();
  }
  void PutLost(const std::string& run) { ASSERT_TRUE(world.tenant.PutBytes(Lost(run), "x")); }
  static std::string Lost(const std::string& run) {
    return "checkpoints/" + run + "/data/T@3A@3AVolume/a/000009-lost/data.0";
  }
  void Overwrite(const std::string& key, const std::string& bytes) {
    ASSERT_TRUE(world.tenant.Delete(key));
    ASSERT_TRUE(world.tenant.PutBytes(key, bytes));
  }
};

TEST_F(Fsck, FindsNothingAmissInWhatRunsLeft) {
  ProtectAs("run-1");
  world.script["parallel T::Volume#a"].fails = true;
  ASSERT_EQ(world.RunAll("run-2", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  ASSERT_EQ(world.RunAll("run-3", bundle, "run-2").code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("res-1", world.Publish(Operation::kRestore, "run-2")).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("ver-1", world.Publish(Operation::kVerify, "run-1")).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1")).code, ExitCode::kOk);
  world.now += kKept;
  const std::uint64_t changes = world.bank.changes();
  for (const bool quick : {true, false}) {
    options.quick = quick;
    EXPECT_THAT(Run(), IsEmpty());
  }
  EXPECT_EQ(world.bank.changes(), changes);
}

TEST_F(Fsck, NamesADamagedSegmentWithItsCheckpointAndResource) {
  ProtectAs("run-1");
  const std::string key = SegmentOf("run-1", "a");
  std::string bytes = *world.tenant.GetBytes(key);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  Overwrite(key, bytes);
  options.quick = true;
  EXPECT_THAT(Run(), IsEmpty());  // it reads no data
  options.quick = false;
  const auto findings = Run();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0], Is(FindingKind::kDamage, "segment-damaged"));
  EXPECT_EQ(findings[0].record, "run-1");
  EXPECT_EQ(findings[0].resource, Key("T::Volume#a"));
  EXPECT_EQ(findings[0].name, "name of a");
  EXPECT_THAT(findings[0].keys, ElementsAre(key));
  EXPECT_FALSE(findings[0].to_do.empty());
}

TEST_F(Fsck, AQuickOneFindsWhatIsMissingOrOfAnotherLength) {
  ProtectAs("run-1");
  options.quick = true;
  Overwrite(SegmentOf("run-1", "a"), "short");
  ASSERT_TRUE(world.tenant.Delete(SegmentOf("run-1", "b")));
  EXPECT_THAT(Run(), ::testing::UnorderedElementsAre(Is(FindingKind::kDamage, "segment-damaged"),
                                                     Is(FindingKind::kDamage, "segment-missing")));
}

TEST_F(Fsck, RemovesDataThatNoManifestNamesOnceItIsOld) {
  ProtectAs("run-1");
  PutLost("run-1");
  EXPECT_THAT(Run(), ElementsAre(AllOf(Is(FindingKind::kRubbish, "data-without-manifest"),
                                       Field(&Finding::mended, false))));
  EXPECT_TRUE(*world.tenant.Exists(Lost("run-1")));
  world.now += kKept;
  options.dry_run = true;
  const std::uint64_t changes = world.bank.changes();
  EXPECT_THAT(Run(), ElementsAre(Field(&Finding::can_mend, true)));
  EXPECT_EQ(world.bank.changes(), changes);
  options.dry_run = false;
  EXPECT_THAT(Run(), ElementsAre(Field(&Finding::mended, true)));
  EXPECT_FALSE(*world.tenant.Exists(Lost("run-1")));
  EXPECT_THAT(Run(), IsEmpty());
  EXPECT_TRUE((*runtime::CurrentLease(world.tenant, "@fsck"))->released);
}

TEST_F(Fsck, NamesTheGraphThatARestoreAVerificationOrADeletionHasLost) {
  ProtectAs("run-1");
  ProtectAs("run-2");
  ASSERT_EQ(world.RunAll("res-1", world.Publish(Operation::kRestore, "run-2")).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("ver-1", world.Publish(Operation::kVerify, "run-2")).code, ExitCode::kOk);
  ASSERT_EQ(world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1")).code, ExitCode::kOk);
  world.now += kKept;
  for (const std::string record : {"restores/res-1", "verifications/ver-1", "deletions/del-1"}) {
    SCOPED_TRACE(record);
    const std::string key = record + "/graph";
    const std::string bytes = *world.tenant.GetBytes(key);
    for (const bool quick : {true, false}) {
      options.quick = quick;
      for (const char* const what : {"graph-missing", "graph-damaged"}) {
        ASSERT_TRUE(world.tenant.Delete(key));
        if (std::string(what) == "graph-damaged") {
          ASSERT_TRUE(world.tenant.PutBytes(key, "{"));
        }
        const auto findings = Run();
        EXPECT_THAT(findings, ElementsAre(Is(FindingKind::kDamage, what)));
        for (const Finding& finding : findings) {
          EXPECT_EQ(finding.record, record.substr(record.find('/') + 1));
          EXPECT_THAT(finding.keys, ElementsAre(key));
        }
        if (std::string(what) == "graph-missing") {
          ASSERT_TRUE(world.tenant.PutBytes(key, bytes));
        }
      }
    }
    Overwrite(key, bytes);
  }
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, KeepsWhatAPluginPutBesideItsStreams) {
  world.raw["T::Volume#a"] = "of the plugin's own";
  ProtectAs("run-1");
  PutLost("run-1");
  world.now += kKept;
  EXPECT_FALSE(Run().empty());
  EXPECT_THAT(ListOf(world.tenant, "checkpoints/run-1/data/"),
              AllOf(Each(Not(HasSubstr("lost"))), Contains(HasSubstr("/raw/part/one"))));
  const auto restored = world.RunAll("res-1", world.Publish(Operation::kRestore, "run-1"));
  EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
}

TEST_F(Fsck, NamesARawObjectThatIsGoneOrIsNotWhatWasPutThere) {
  world.raw["T::Volume#a"] = "of the plugin's own";
  ProtectAs("run-1");
  std::string key;
  for (const std::string& each : ListOf(world.tenant, "checkpoints/run-1/data/")) {
    if (each.ends_with("/raw/part/one")) key = each;
  }
  const std::string bytes = *world.tenant.GetBytes(key);
  std::string flipped = bytes;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  const std::string verify = world.Publish(Operation::kVerify, "run-1");
  ASSERT_EQ(world.RunAll("ver-0", verify).code, ExitCode::kOk);
  const auto raw = [&key](const std::string& what) {
    return ElementsAre(AllOf(Is(FindingKind::kDamage, what), Field(&Finding::record, "run-1"),
                             Field(&Finding::resource, Key("T::Volume#a")),
                             Field(&Finding::keys, ElementsAre(key))));
  };
  Overwrite(key, bytes.substr(1));
  for (const bool quick : {true, false}) {
    options.quick = quick;
    EXPECT_THAT(Run(), raw("raw-damaged"));
  }
  EXPECT_EQ(world.RunAll("ver-1", verify).code, ExitCode::kRunFailed);
  Overwrite(key, flipped);
  EXPECT_THAT(Run(), raw("raw-damaged"));
  options.quick = true;
  EXPECT_THAT(Run(), IsEmpty());  // it reads no data
  EXPECT_EQ(world.RunAll("ver-2", verify).code, ExitCode::kRunFailed);
  ASSERT_TRUE(world.tenant.Delete(key));
  for (const bool quick : {true, false}) {
    options.quick = quick;
    EXPECT_THAT(Run(), raw("raw-missing"));
  }
  EXPECT_EQ(world.RunAll("ver-3", verify).code, ExitCode::kRunFailed);
}

TEST_F(Fsck, FindsNothingAmissInACopyWithRawObjectsAndNamesOneThatItLost) {
  world.raw["T::Volume#a"] = "of the plugin's own";
  ProtectAs("run-1");
  World far;
  far.provider_id = "provider-2";
  const auto copied = far.CopyFrom(world, "run-1");
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  auto report = runtime::Fsck(far.tenant, far.clock, options);
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_THAT(report->findings, IsEmpty());
  for (const std::string& key : ListOf(far.tenant, "checkpoints/run-1/data/")) {
    if (key.ends_with("/raw/part/one")) {
      ASSERT_TRUE(far.tenant.Delete(key));
    }
  }
  report = runtime::Fsck(far.tenant, far.clock, options);
  ASSERT_TRUE(report) << report.error().Render();
  EXPECT_THAT(report->findings, ElementsAre(Is(FindingKind::kDamage, "raw-missing")));
}

TEST_F(Fsck, KeepsSegmentsThatWereAdopted) {
  ProtectAs("run-1");
  const auto section = world.tenant.Narrow("checkpoints/run-1", SectionAccess::kWrite);
  auto manifest = *runtime::ReadManifest(*section, Key("T::Volume#a"), 1);
  manifest->streams.front().adopted[0] = "000000-earlier";
  manifest->epoch = 2;
  ASSERT_TRUE(runtime::WriteManifest(*section, *manifest, Value()));
  const std::string adopted = "checkpoints/run-1/data/T@3A@3AVolume/a/000000-earlier/data.0";
  ASSERT_TRUE(world.tenant.PutBytes(adopted, "x"));
  world.now += kKept;
  Run();
  EXPECT_TRUE(*world.tenant.Exists(adopted));
}

TEST_F(Fsck, TouchesNothingOfACheckpointThatIsDamagedOrPinned) {
  ProtectAs("run-1");
  ProtectAs("run-2");
  for (const char* const run : {"run-1", "run-2"}) PutLost(run);
  ASSERT_TRUE(world.tenant.Delete(SegmentOf("run-1", "b")));
  const auto pinned =
      runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-2");
  ASSERT_TRUE(runtime::PinCheckpoint(*pinned, "me", "", world.now));
  world.now += kKept;
  const std::uint64_t changes = world.bank.changes();
  const auto findings = Run();
  EXPECT_THAT(findings, Contains(Is(FindingKind::kNote, "pinned")));
  EXPECT_THAT(findings, Contains(Is(FindingKind::kDamage, "segment-missing")));
  EXPECT_THAT(findings, Each(Field(&Finding::can_mend, false)));
  EXPECT_EQ(world.bank.changes(), changes);
}

TEST_F(Fsck, TakesNoDataWhoseManifestIsGoneForRubbish) {
  ProtectAs("run-1");
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/resources/T@3A@3AVolume/a/000001/manifest"));
  world.now += kKept;
  EXPECT_THAT(Run(), Contains(AllOf(Is(FindingKind::kDamage, "manifest-missing"),
                                    Field(&Finding::resource, Key("T::Volume#a")))));
  SegmentOf("run-1", "a");
}

TEST_F(Fsck, NoticesThatTheManifestOfTheLastEpochIsGone) {
  ProtectInTwoRuns();
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/resources/T@3A@3AVolume/a/000002/manifest"));
  for (const bool quick : {true, false}) {
    options.quick = quick;
    EXPECT_THAT(Run(),
                Contains(AllOf(Is(FindingKind::kDamage, "manifest-missing"),
                               Field(&Finding::keys, Contains(HasSubstr("a/000002/manifest"))))));
  }
}

TEST_F(Fsck, NamesATableOfEpochsThatIsGoneOrDamaged) {
  ProtectInTwoRuns();
  ASSERT_THAT(Run(), IsEmpty());
  const auto tables = ListOf(world.tenant, "checkpoints/run-1/epochs/");
  ASSERT_EQ(tables.size(), 1U);
  ASSERT_TRUE(world.tenant.Delete(tables.front()));
  for (const char* const left : {"", "no table"}) {
    if (*left != '\0') {
      ASSERT_TRUE(world.tenant.PutBytes(tables.front(), left));
    }
    for (const bool quick : {true, false}) {
      options.quick = quick;
      EXPECT_THAT(Run(), ElementsAre(AllOf(Field(&Finding::kind, FindingKind::kDamage),
                                           Field(&Finding::record, "run-1"),
                                           Field(&Finding::keys, tables))))
          << left;
    }
  }
}

TEST_F(Fsck, NamesWhatTheJournalOfAnAvailableCheckpointHasLost) {
  ProtectAs("run-1");
  world.now += kKept;  // no claim lives
  std::size_t results = 0;
  for (const std::string& key : ListOf(world.tenant, "checkpoints/run-1/journal/")) {
    // Of each step, whatever its activity: one after the other.
    if (!key.ends_with("/result")) continue;
    ++results;
    const std::string bytes = *world.tenant.GetBytes(key);
    ASSERT_TRUE(world.tenant.Delete(key));
    for (const bool quick : {true, false}) {
      options.quick = quick;
      EXPECT_THAT(Run(),
                  ElementsAre(AllOf(Is(FindingKind::kDamage, "journal-missing"),
                                    Field(&Finding::record, "run-1"),
                                    Field(&Finding::resource, ::testing::Ne(std::nullopt)),
                                    Field(&Finding::keys, ElementsAre(key)),
                                    Field(&Finding::to_do, HasSubstr("restore does not need it")))))
          << key;
    }
    ASSERT_TRUE(world.tenant.PutBytes(key, bytes));
  }
  EXPECT_GT(results, 2U);
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, NamesAClaimOfTheJournalThatIsGone) {
  ProtectAs("run-1");
  std::string claim;
  for (const std::string& key : ListOf(world.tenant, "checkpoints/run-1/journal/")) {
    if (claim.empty() && key.ends_with("/claim-000001") && key.find("/end/") == std::string::npos)
      claim = key;
  }
  ASSERT_TRUE(world.tenant.Delete(claim));
  for (const bool quick : {true, false}) {
    options.quick = quick;
    EXPECT_THAT(Run(), ElementsAre(AllOf(Is(FindingKind::kDamage, "journal-missing"),
                                         Field(&Finding::keys, ElementsAre(claim)))));
  }
}

TEST_F(Fsck, NamesAResultOfTheJournalThatIsOfAnotherAttempt) {
  ProtectAs("run-1");
  ProtectAs("run-2");
  const auto result_of = [this](const std::string& run) {
    for (const std::string& key : ListOf(world.tenant, "checkpoints/" + run + "/journal/")) {
      if (key.ends_with("/result")) return key;
    }
    return std::string();
  };
  const std::string key = result_of("run-1");
  Overwrite(key, *world.tenant.GetBytes(result_of("run-2")));
  EXPECT_THAT(Run(), ElementsAre(AllOf(Is(FindingKind::kDamage, "journal-damaged"),
                                       Field(&Finding::record, "run-1"),
                                       Field(&Finding::keys, ElementsAre(key)),
                                       Field(&Finding::text, HasSubstr("copied or moved")))));
}

TEST_F(Fsck, NamesAStepOfTheJournalThatIsOfAnotherRun) {
  ProtectAs("run-1");
  ProtectAs("run-2");
  const auto first_step = [this](const std::string& run) {
    std::vector<std::string> keys;
    const std::string below = "checkpoints/" + run + "/journal/";
    for (const std::string& key : ListOf(world.tenant, below)) {
      const std::string step = key.substr(below.size(), key.find('/', below.size()) - below.size());
      if (step == "end" || (!keys.empty() && !keys.front().starts_with(below + step + "/")))
        continue;
      keys.push_back(key);
    }
    return keys;
  };
  for (const std::string& key : first_step("run-1")) ASSERT_TRUE(world.tenant.Delete(key));
  for (const std::string& key : first_step("run-2")) {
    ASSERT_TRUE(world.tenant.PutBytes(
        "checkpoints/run-1" + key.substr(std::string("checkpoints/run-2").size()),
        *world.tenant.GetBytes(key)));
  }
  EXPECT_THAT(Run(), ElementsAre(AllOf(Is(FindingKind::kDamage, "journal-foreign"),
                                       Field(&Finding::record, "run-1"),
                                       Field(&Finding::text, HasSubstr("run-2")))));
}

TEST_F(Fsck, FindsNothingAmissWhereAnotherRunHasCleanedUp) {
  Publish();
  ASSERT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
  std::vector<std::string> steps = world.Steps(bundle);
  steps.pop_back();  // the post of the application
  for (const std::string& step : steps)
    ASSERT_EQ(world.Run("run-1", bundle, step).code, ExitCode::kOk);
  world.now += runtime::kLeaseExpiry + std::chrono::hours(1);
  ASSERT_EQ(world.RunAll("run-2", bundle).code, ExitCode::kOk);
  ASSERT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, FindsNothingAmissInACopy) {
  world.script["parallel T::Volume#a"].fails = true;
  Publish();
  ASSERT_EQ(world.RunAll("run-1", bundle).code, ExitCode::kRunFailed);
  world.script.clear();
  ASSERT_EQ(world.RunAll("run-2", bundle, "run-1").code, ExitCode::kOk);
  World far;
  far.provider_id = "provider-2";
  const auto copied = far.CopyFrom(world, "run-1");
  ASSERT_EQ(copied.code, ExitCode::kOk) << copied.text;
  for (const bool quick : {true, false}) {
    options.quick = quick;
    const auto report = runtime::Fsck(far.tenant, far.clock, options);
    ASSERT_TRUE(report) << report.error().Render();
    EXPECT_THAT(report->findings, IsEmpty());
  }
}

TEST_F(Fsck, OfADamagedBundleNamesItsCheckpointsAndGoesOn) {
  ProtectAs("run-1");
  world.Add("T::Plain#p");
  ProtectAs("run-2");
  ProtectAs("run-3");
  const std::string head = "bundles/" + bundle + "/bundle.json";
  const std::string shard = "bundles/" + bundle + "/shard-0.json";
  const std::string good_shard = *world.tenant.GetBytes(shard);
  PutLost("run-1");
  PutLost("run-2");  // its journal is read, too
  world.now += kKept;
  options.dry_run = true;
  struct Case {
    std::string key, bytes, what;  // empty: deleted
  };
  for (const Case& damage :
       {Case{shard, "", "bundle-damaged"}, Case{shard, good_shard + " ", "bundle-damaged"},
        Case{head, "", "bundle-missing"}, Case{head, "{}", "bundle-damaged"}}) {
    const std::string good = *world.tenant.GetBytes(damage.key);
    ASSERT_TRUE(world.tenant.Delete(damage.key));
    if (!damage.bytes.empty()) {
      ASSERT_TRUE(world.tenant.PutBytes(damage.key, damage.bytes));
    }
    for (const bool quick : {true, false}) {
      SCOPED_TRACE(damage.key + (quick ? " quick" : ""));
      options.quick = quick;
      std::vector<std::string> named;
      for (const Finding& finding : Run()) {
        if (finding.kind != FindingKind::kDamage) continue;
        EXPECT_EQ(finding.what, damage.what) << finding.text;
        EXPECT_THAT(finding.text,
                    HasSubstr(damage.what == "bundle-missing" ? "bundle " + bundle.substr(0, 12)
                                                              : damage.key));
        named.push_back(finding.record);
      }
      EXPECT_THAT(named, ElementsAre("run-2", "run-3"));
      // The others are checked as ever.
      EXPECT_THAT(Run(), Contains(AllOf(Is(FindingKind::kRubbish, "data-without-manifest"),
                                        Field(&Finding::record, "run-1"))));
    }
    if (!damage.bytes.empty()) {
      ASSERT_TRUE(world.tenant.Delete(damage.key));
    }
    ASSERT_TRUE(world.tenant.PutBytes(damage.key, good));
  }
}

TEST_F(Fsck, LeavesAloneWhatARunWorksOn) {
  Publish();
  ASSERT_EQ(world.Begin("run-1", bundle).code, ExitCode::kOk);
  PutLost("run-1");
  const std::uint64_t changes = world.bank.changes();
  EXPECT_THAT(Run(), ElementsAre(Is(FindingKind::kNote, "unfinished")));
  world.now += kKept;  // its lease, too
  EXPECT_THAT(Run(), ElementsAre(Is(FindingKind::kNote, "unfinished")));
  EXPECT_EQ(world.bank.changes(), changes);
}

TEST_F(Fsck, WritesIndicesAnewAndRemovesThoseOfWhatIsNotAvailable) {
  ProtectAs("run-1");
  const auto before = world.tenant.ListAll("indices/");
  ASSERT_EQ(before->size(), 3U);
  ASSERT_TRUE(world.tenant.Delete((*before)[0]));
  Overwrite((*before)[1], "{}");
  world.script["parallel T::Volume#a"].fails = true;
  ASSERT_EQ(world.RunAll("run-2", bundle).code, ExitCode::kRunFailed);
  const auto failed =
      runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, "run-2");
  ASSERT_TRUE(runtime::WriteIndices(*failed, **failed->Head(), [] { return Ok(); }));
  const auto findings = Run();
  EXPECT_THAT(findings, Contains(AllOf(Is(FindingKind::kRubbish, "index-missing"),
                                       Field(&Finding::mended, true))));
  EXPECT_THAT(findings, Contains(AllOf(Is(FindingKind::kRubbish, "index-dangling"),
                                       Field(&Finding::mended, true))));
  EXPECT_EQ(*world.tenant.ListAll("indices/"), *before);
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, MakesNothingGoodThatNoIndexNames) {
  ProtectAs("run-1");
  const auto all = world.tenant.ListAll("indices/");
  for (const std::string& key : *all) ASSERT_TRUE(world.tenant.Delete(key));
  EXPECT_THAT(Run(), ElementsAre(Is(FindingKind::kDamage, "indices-lost")));
  EXPECT_THAT(*world.tenant.ListAll("indices/"), IsEmpty());
}

TEST_F(Fsck, SaysOfWhichCheckpointOnlyAnIndexIsLeft) {
  ProtectAs("run-1");
  for (const std::string& key : ListOf(world.tenant, "checkpoints/run-1/"))
    ASSERT_TRUE(world.tenant.Delete(key));
  world.now += kKept;
  const auto findings = Run();
  EXPECT_THAT(findings, Contains(AllOf(Is(FindingKind::kDamage, "checkpoint-lost"),
                                       Field(&Finding::record, "run-1"))));
  EXPECT_EQ(world.tenant.ListAll("indices/")->size(), 3U);
}

// As one leaves it that deletes on although its lease is another's by now.
TEST_F(Fsck, NamesWhatLostItsStatesAndIsNamedByAnIndex) {
  ProtectAs("run-1");
  world.now += kKept;
  for (const std::uint64_t number : {1, 2})
    ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/state/" + runtime::NumberPart(number)));
  const auto whole = ListOf(world.tenant, "");
  for (int times = 0; times < 2; ++times) {
    const auto findings = Run();
    EXPECT_THAT(findings, ElementsAre(AllOf(Is(FindingKind::kDamage, "state-missing"),
                                            Field(&Finding::record, "run-1"),
                                            Field(&Finding::to_do, HasSubstr("copy")))));
    EXPECT_EQ(ListOf(world.tenant, ""), whole);
  }
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  ASSERT_EQ(actions.size(), 1U);
  EXPECT_TRUE(actions.front().failed);
  EXPECT_EQ(ListOf(world.tenant, ""), whole);
  // Also where hardly anything of it is left.
  for (const char* const part : {"data/", "resources/", "journal/", "graph", "plan"}) {
    for (const std::string& key : ListOf(world.tenant, std::string("checkpoints/run-1/") + part))
      ASSERT_TRUE(world.tenant.Delete(key));
  }
  ASSERT_TRUE(world.tenant.PutBytes("checkpoints/run-1/failures/000001", "x"));
  EXPECT_THAT(Run(), Contains(AllOf(Is(FindingKind::kDamage, "state-missing"),
                                    Field(&Finding::record, "run-1"))));
  world.CollectGarbage({}, &actions);
  EXPECT_TRUE(*world.tenant.Exists("checkpoints/run-1/failures/000001"));
  EXPECT_EQ(ListOf(world.tenant, "indices/by-").size(), 3U);
}

// A copy that was not given back yet when it lost its state is no half copy.
TEST_F(Fsck, TakesNoCopyThatAnIndexNamesForAHalfOne) {
  ProtectAs("run-1");
  World second;
  second.provider_id = "provider-2";
  ASSERT_EQ(second.CopyFrom(world, "run-1").code, ExitCode::kOk);
  ASSERT_TRUE(second.tenant.Delete("checkpoints/run-1/state/000001"));
  for (const std::string& key : ListOf(second.tenant, "checkpoints/run-1/journal/copy/")) {
    if (key.ends_with("/result")) {
      ASSERT_TRUE(second.tenant.Delete(key));
    }
  }
  const auto whole = ListOf(second.tenant, "");
  std::vector<runtime::GcAction> actions;
  second.CollectGarbage({}, &actions);
  EXPECT_EQ(ListOf(second.tenant, ""), whole);
  EXPECT_EQ(second.CopyFrom(world, "run-1").code, ExitCode::kOk);
  EXPECT_EQ(second.StateOf("run-1"), RecordState::kAvailable);
}

// Its states are those of the one that was deleted before, and its own, which is lost.
TEST_F(Fsck, TakesNoCopyMadeAnewThatLostItsStateForWhatIsLeftOfADeletedOne) {
  ProtectAs("run-1");
  World second;
  second.provider_id = "provider-2";
  for (const char* const resource : {"T::App#shop", "T::Volume#a", "T::Volume#b"})
    second.Add(resource);
  ASSERT_EQ(second.CopyFrom(world, "run-1").code, ExitCode::kOk);
  ASSERT_EQ(second.RunAll("del-1", second.Publish(Operation::kDelete, "run-1")).code,
            ExitCode::kOk);
  ASSERT_EQ(second.CopyFrom(world, "run-1").code, ExitCode::kOk);
  ASSERT_TRUE(second.tenant.Delete("checkpoints/run-1/state/000004"));
  for (const auto age : {std::chrono::hours(25), std::chrono::hours(24 * 60)}) {
    second.now += age;
    const auto whole = ListOf(second.tenant, "checkpoints/");
    const auto report = runtime::Fsck(second.tenant, second.clock, options);
    ASSERT_TRUE(report);
    EXPECT_THAT(report->findings, ElementsAre(AllOf(Is(FindingKind::kDamage, "state-missing"),
                                                    Field(&Finding::record, "run-1"))));
    std::vector<runtime::GcAction> actions;
    second.CollectGarbage({}, &actions);
    EXPECT_THAT(actions, Contains(AllOf(Field(&runtime::GcAction::subject, "checkpoint run-1"),
                                        Field(&runtime::GcAction::failed, true))));
    for (const auto& action : actions) EXPECT_TRUE(action.failed) << action.action;
    EXPECT_EQ(ListOf(second.tenant, "checkpoints/"), whole);
  }
  const auto again = second.CopyFrom(world, "run-1");
  EXPECT_EQ(again.code, ExitCode::kOk) << again.text;
  EXPECT_EQ(second.StateOf("run-1"), RecordState::kAvailable);
}

TEST_F(Fsck, MarksForGcWhatLostItsLastState) {
  ProtectAs("run-1");
  ASSERT_TRUE(world.tenant.Delete("checkpoints/run-1/state/000002"));
  EXPECT_THAT(Run(), Contains(AllOf(Is(FindingKind::kDamage, "unfinished-without-mark"),
                                    Field(&Finding::mended, true))));
  EXPECT_THAT(world.Unfinished(), ElementsAre("run-1"));
  std::vector<runtime::GcAction> actions;
  world.CollectGarbage({}, &actions);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, RemovesWhatIsLeftOfADeletedOne) {
  ProtectAs("run-1");
  ASSERT_EQ(world.RunAll("del-1", world.Publish(Operation::kDelete, "run-1")).code, ExitCode::kOk);
  PutLost("run-1");
  world.now += kKept;
  EXPECT_THAT(Run(), ElementsAre(AllOf(Is(FindingKind::kRubbish, "left-of-deleted"),
                                       Field(&Finding::mended, true))));
  EXPECT_FALSE(*world.tenant.Exists(Lost("run-1")));
  EXPECT_THAT(Run(), IsEmpty());
}

TEST_F(Fsck, NamesWhatItDoesNotKnowAndLeavesIt) {
  ProtectAs("run-1");
  for (const char* const key : {"notes/mine", "checkpoints/run-1/notes/mine", "indices/by-size/1"})
    ASSERT_TRUE(world.tenant.PutBytes(key, "x"));
  world.now += kKept;
  const auto findings = Run();
  EXPECT_EQ(findings.size(), 3U);
  EXPECT_THAT(findings, Each(Is(FindingKind::kNote, "unknown-object")));
}

TEST_F(Fsck, MendsOneAtATime) {
  ProtectAs("run-1");
  PutLost("run-1");
  world.now += kKept;
  runtime::LeaseRequest other;
  other.run = "fsck-of-another";
  ASSERT_TRUE(runtime::TakeLease(world.tenant, "@fsck", other, world.now));
  const auto report = Try();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), ErrorCode::kLocked);
  world.now += runtime::kLeaseExpiry;
  EXPECT_THAT(Run(), ElementsAre(Field(&Finding::mended, true)));
}

TEST_F(Fsck, KilledAtEveryWriteIsGoneOnWithByTheNext) {
  ProtectAs("run-1");
  for (std::uint64_t n = 1;; ++n) {
    ASSERT_LT(n, 100U);
    PutLost("run-1");
    for (const std::string& key : ListOf(world.tenant, "indices/by-date/"))
      ASSERT_TRUE(world.tenant.Delete(key));
    world.now += kKept;
    world.bank.Arm(testing::FaultyBank::Fault::kStopBefore, n, /*changes_only=*/true);
    const auto report = Try();
    const bool reached = world.bank.reached();
    world.bank.Disarm();
    world.now += std::chrono::minutes(11);  // the leases of the one that is gone
    Run();
    EXPECT_THAT(Run(), IsEmpty());
    EXPECT_EQ(world.tenant.ListAll("indices/")->size(), 3U);
    EXPECT_FALSE(*world.tenant.Exists(Lost("run-1")));
    if (!reached) break;
  }
}

// Streams of several segments.
class CheckedStream : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.segment_size = 1U << 20U;
    std::string bytes;
    std::mt19937 random(7);
    while (bytes.size() < 5U << 20U) bytes += static_cast<char>(random());
    auto writer = runtime::CreateDataStream(*data_, "s", "one", options_,
                                            [this](const runtime::StreamManifest& stream) {
                                              stream_ = stream;
                                              return Ok();
                                            });
    ASSERT_TRUE((*writer)->Write(AsBytes(bytes)));
    ASSERT_TRUE((*writer)->Finish());
    ASSERT_EQ(stream_.segments.size(), 5U);
  }
  void Flip(int number) {
    const std::string key = "one/s." + std::to_string(number);
    std::string bytes = *data_->GetBytes(key);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(data_->Delete(key));
    ASSERT_TRUE(data_->PutBytes(key, bytes));
  }
  runtime::StreamFaults Check(const BankSection& data) {
    auto faults = runtime::CheckStream(data, stream_, {}, /*read=*/true, options_,
                                       [this](std::uint64_t bytes) { read_ += bytes; });
    EXPECT_TRUE(faults) << faults.error().Render();
    return faults ? std::move(*faults) : runtime::StreamFaults();
  }
  static std::vector<std::size_t> Numbers(const std::map<std::size_t, std::string>& those) {
    std::vector<std::size_t> numbers;
    for (const auto& [number, why] : those) numbers.push_back(number);
    return numbers;
  }

  MemoryBank memory_{SystemClock()};
  testing::TestKeys keys_;
  Result<BankSection> data_ =
      BankSection::Open(memory_, "t/data", SectionAccess::kWrite, &keys_.ring());
  runtime::DataOptions options_;
  runtime::StreamManifest stream_;
  std::uint64_t read_ = 0;
};

TEST_F(CheckedStream, EveryBadSegmentIsNamedAndTheOthersAreReadOnce) {
  EXPECT_FALSE(Check(*data_).any());
  EXPECT_EQ(read_, 5U << 20U);
  Flip(1);
  Flip(4);
  ASSERT_TRUE(data_->Delete("one/s.2"));
  read_ = 0;
  const auto faults = Check(*data_);
  EXPECT_THAT(Numbers(faults.damaged), ElementsAre(1, 4));
  EXPECT_THAT(Numbers(faults.missing), ElementsAre(2));
  EXPECT_EQ(read_, 2U << 20U);
}

TEST_F(CheckedStream, OfGoodSegmentsThatAreNotTheWholeThatIsSaid) {
  stream_.segments.pop_back();
  stream_.size = 4U << 20U;
  const auto faults = Check(*data_);
  EXPECT_THAT(faults.damaged, IsEmpty());
  EXPECT_FALSE(faults.whole.empty());
}

TEST_F(CheckedStream, WithoutItsKeyStoredBytesAreChecked) {
  Flip(3);
  const auto locked = BankSection::Open(memory_, "t/data", SectionAccess::kRead);
  const auto faults = Check(*locked);
  ASSERT_TRUE(faults.closed);
  EXPECT_EQ(faults.closed->code(), ErrorCode::kDenied);
  EXPECT_THAT(Numbers(faults.damaged), ElementsAre(3));
}

// Three checkpoints, and objects of them that are deleted, cut, flipped or added at random.
class DamagedBank {
 public:
  explicit DamagedBank(unsigned seed) : random_(seed) {
    world.Add("T::App#shop");
    world.Add("T::Volume#a", {"T::App#shop"});
    world.Add("T::Volume#b", {"T::App#shop"});
    world.Add("T::Plain#p");
    const std::string bundle = world.Publish();
    EXPECT_EQ(world.RunAll("one", bundle).code, ExitCode::kOk);
    world.script["parallel T::Volume#a"].fails = true;
    EXPECT_EQ(world.RunAll("two", bundle).code, ExitCode::kRunFailed);
    EXPECT_EQ(world.RunAll("three", bundle).code, ExitCode::kRunFailed);
    world.script.clear();
    EXPECT_EQ(world.RunAll("two-again", bundle, "two").code, ExitCode::kOk);
    for (const std::string& id : Ids()) needed[id] = Needed(id);
  }
  static std::vector<std::string> Ids() { return {"one", "two", "three"}; }

  // The keys of what a restore of the checkpoint reads.
  std::set<std::string> Needed(const std::string& id) {
    const auto record = runtime::Record::Open(world.tenant, runtime::RecordKind::kCheckpoint, id);
    const std::string below = "checkpoints/" + id + "/";
    std::set<std::string> keys{below + "plan", below + "graph"};
    for (const std::string& key : ListOf(record->section(), "state/")) keys.insert(below + key);
    const ResourceGraph graph = *record->Graph();
    for (const ResourceGraph::Node& node : graph.nodes()) {
      const auto manifest = *runtime::NewestManifest(*record, node.key);
      if (!manifest) continue;
      const std::string epoch = below + runtime::EpochPrefix(node.key, manifest->epoch) + "/";
      keys.insert(epoch + "manifest");
      if (!manifest->saved_object.empty()) keys.insert(epoch + manifest->saved_object);
      for (const runtime::StreamManifest& stream : manifest->streams) {
        for (std::size_t i = 0; i < stream.segments.size(); ++i)
          keys.insert(below + runtime::DataPrefix(node.key) + "/" + stream.AttemptOf(i) + "/" +
                      stream.name + "." + std::to_string(i));
      }
    }
    return keys;
  }
  std::map<std::string, std::string> Bytes(const std::set<std::string>& keys) {
    std::map<std::string, std::string> bytes;
    for (const std::string& key : keys) {
      const auto value = world.tenant.GetBytes(key);
      if (value) bytes[key] = *value;
    }
    return bytes;
  }

  std::size_t Pick(std::size_t count) { return random_() % count; }
  void Damage() {
    const std::string id = Ids()[Pick(3)];
    auto at = needed[id].begin();
    std::advance(at, static_cast<std::ptrdiff_t>(Pick(needed[id].size())));
    if (damaged[id].contains(*at)) return;
    std::string bytes = *world.tenant.GetBytes(*at);
    ASSERT_TRUE(world.tenant.Delete(*at));
    damaged[id].insert(*at);
    switch (Pick(3)) {
      case 0:
        return;
      case 1:
        bytes.resize(Pick(bytes.size()));
        break;
      default:
        const std::size_t place = Pick(bytes.size());
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << Pick(8)));
    }
    ASSERT_TRUE(world.tenant.PutBytes(*at, bytes));
  }
  void AddRubbish() {
    const std::string id = Ids()[Pick(3)];
    const std::string number = std::to_string(random_());
    const std::string data = "checkpoints/" + id + "/data/";
    switch (Pick(5)) {
      case 0:
        ASSERT_TRUE(
            world.tenant.PutBytes(data + "T@3A@3AVolume/a/000009-" + number + "/data.0", "x"));
        return;
      case 1:  // beside a segment that counts
        for (const std::string& key : needed[id]) {
          if (!key.starts_with(data)) continue;
          ASSERT_TRUE(world.tenant.PutBytes(key.substr(0, key.rfind('.') + 1) + number, "x"));
          return;
        }
        return;
      case 2:
        ASSERT_TRUE(world.tenant.PutBytes(data + "T@3A@3AOther/" + number + "/1/data.0", "x"));
        return;
      case 3:
        ASSERT_TRUE(world.tenant.PutBytes("leases/gone-" + number + "/000001", "{}"));
        return;
      default:  // once, or once more
        std::ignore = world.tenant.PutBytes("indices/by-date/20260101T000000.000Z-" + id, "x");
    }
  }

  World world;
  std::map<std::string, std::set<std::string>> needed;
  std::map<std::string, std::set<std::string>> damaged;

 private:
  std::mt19937 random_;
};

bool Names(const Finding& finding, const std::string& id, const std::string& key) {
  if (finding.kind != FindingKind::kDamage || finding.record != id) return false;
  return std::find(finding.keys.begin(), finding.keys.end(), key) != finding.keys.end() ||
         finding.text.find(key) != std::string::npos;
}

TEST(FsckProperty, FindsEveryDamageAndTakesNothingThatARestoreNeeds) {
  const int seeds = testing::PropertyCases(20, 50, 20);
  // One seed again, of a failure.
  const char* const one = std::getenv("HOLDFAST_FSCK_SEED");
  const int first = one == nullptr ? 1 : std::atoi(one);
  const int last = one == nullptr ? seeds : first;
  for (int seed = first; seed <= last && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    DamagedBank bank(static_cast<unsigned>(seed));
    for (std::size_t i = bank.Pick(4); i > 0; --i) bank.Damage();
    for (std::size_t i = bank.Pick(4); i > 0; --i) bank.AddRubbish();
    std::set<std::string> all;
    for (const auto& [id, keys] : bank.needed) all.insert(keys.begin(), keys.end());
    const auto before = bank.Bytes(all);
    bank.world.now += kKept;

    runtime::FsckOptions options;
    options.run = "fsck-of-test";
    const auto report = runtime::Fsck(bank.world.tenant, bank.world.clock, options);
    ASSERT_TRUE(report) << report.error().Render();
    for (const auto& [id, keys] : bank.damaged) {
      const bool structure = std::any_of(keys.begin(), keys.end(), [](const std::string& key) {
        return key.find("/state/") != std::string::npos || key.ends_with("/graph") ||
               key.ends_with("/plan");
      });
      EXPECT_THAT(report->findings, Contains(AllOf(Field(&Finding::kind, FindingKind::kDamage),
                                                   Field(&Finding::record, id))));
      if (structure) continue;
      // What a manifest named, nobody knows without it.
      const bool manifest = std::any_of(keys.begin(), keys.end(), [](const std::string& key) {
        return key.ends_with("/manifest");
      });
      for (const std::string& key : keys) {
        if (manifest && !key.ends_with("/manifest")) continue;
        // clang 14 lets a lambda take what a structured binding names only under a name of its own.
        const auto names = [&damaged = id, &key](const Finding& finding) {
          return Names(finding, damaged, key);
        };
        EXPECT_TRUE(std::any_of(report->findings.begin(), report->findings.end(), names))
            << key << " of " << ::testing::PrintToString(report->findings);
      }
    }
    for (const Finding& finding : report->findings) {
      if (finding.kind != FindingKind::kDamage) continue;
      EXPECT_TRUE(bank.damaged.contains(finding.record)) << finding.what << " " << finding.text;
    }
    EXPECT_EQ(bank.Bytes(all), before);
    const auto again = runtime::Fsck(bank.world.tenant, bank.world.clock, options);
    ASSERT_TRUE(again) << again.error().Render();
    EXPECT_THAT(again->findings, Each(Field(&Finding::can_mend, false)))
        << "after " << ::testing::PrintToString(report->findings);
    // (A begin ends what was marked for gc.)
    for (const std::string id : {"one", "two"}) {
      if (bank.damaged.contains(id)) continue;
      const auto restored =
          bank.world.RunAll("restore-" + id, bank.world.Publish(Operation::kRestore, id));
      EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
    }
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
