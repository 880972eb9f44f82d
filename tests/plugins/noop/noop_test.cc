// The plugin noop does exactly what its parameters say, keeps to the rules of a plugin meanwhile,
// and writes down what happened.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/noop/behaviour.h"
#include "plugins/noop/noop_protection.h"
#include "plugins/noop/register.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/registry.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::noop {
namespace {

using namespace testing_plugins;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kPre = ActivityKind::kPre;
constexpr auto kPreFinish = ActivityKind::kPreFinish;
constexpr auto kParallel = ActivityKind::kParallel;
constexpr auto kPost = ActivityKind::kPost;

Value List(std::initializer_list<const char*> texts) {
  Value::List out;
  for (const char* text : texts) out.emplace_back(text);
  return out;
}

class NoopTest : public testing::Test {
 protected:
  NoopTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    volume_.key = {"Noop::Volume", "v1"};
    volume_.name = "data";
    trace_ = folder_ / "trace.jsonl";
  }

  Result<std::unique_ptr<ProtectionPlugin>> Make(Value settings) {
    if (settings.Find("types") == nullptr) settings.Set("types", List({"Noop::Volume"}));
    if (settings.Find("trace") == nullptr) settings.Set("trace", trace_);
    auto checked = CheckAgainstSchema(NoopDescriptor().settings, settings, "test.conf", "settings");
    if (!checked) return Error(std::move(checked).error());
    return MakeNoopProtection(*checked);
  }
  ProtectionPlugin& Plugin(Value settings = Value(Value::Map{})) {
    auto made = Make(std::move(settings));
    HOLDFAST_CHECK(made.has_value());
    plugin_ = std::move(*made);
    return *plugin_;
  }
  MemoryCheckpoint Protect() { return MemoryCheckpoint(*bank_, "c1"); }
  MemoryCheckpoint Later(Operation operation) {
    return MemoryCheckpoint(*bank_, operation, "c1", "r1");
  }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), volume_, parameters);
  }
  Status RunAll(MemoryCheckpoint&& checkpoint, const Value& parameters = {}) {
    return RunAllActivities(*plugin_, checkpoint, context_.context(), volume_, parameters);
  }

  // The trace as "protect.pre begin", one entry a line.
  std::vector<std::string> Traced() {
    std::vector<std::string> out;
    for (const Value& line : TraceLines()) {
      out.push_back(line.StringOr("activity", "?") + " " + line.StringOr("event", "?"));
    }
    return out;
  }
  std::vector<Value> TraceLines() {
    std::ifstream in(trace_);
    std::vector<Value> out;
    for (std::string line; std::getline(in, line);) {
      auto value = ParseJson(line, trace_);
      EXPECT_TRUE(value.has_value()) << line;
      if (value) out.push_back(std::move(*value));
    }
    return out;
  }

  TempFolder folder_;
  TestContext context_;
  std::unique_ptr<Bank> bank_;
  std::unique_ptr<ProtectionPlugin> plugin_;
  Resource volume_;
  std::string trace_;
};

// --- settings -------------------------------------------------------------------------------------

TEST_F(NoopTest, DefinesPreParallelAndPostUnlessToldOtherwise) {
  const PluginDescriptor& d = Plugin().descriptor();
  for (const Operation operation : kAllOperations) {
    EXPECT_TRUE(d.operation(operation).Defines(kPre));
    EXPECT_FALSE(d.operation(operation).Defines(kPreFinish));
    EXPECT_TRUE(d.operation(operation).Defines(kParallel));
    EXPECT_TRUE(d.operation(operation).Defines(kPost));
  }
}

TEST_F(NoopTest, DefinesTheActivitiesThatItIsTold) {
  const PluginDescriptor& d =
      Plugin(Value().Set("activities", List({"protect", "post", "restore.pre_finish"})))
          .descriptor();
  EXPECT_EQ(d.operation(Operation::kProtect).activities, (std::array{true, true, true, true}));
  EXPECT_EQ(d.operation(Operation::kRestore).activities, (std::array{false, true, false, true}));
  EXPECT_EQ(d.operation(Operation::kDelete).activities, (std::array{false, false, false, true}));
}

TEST_F(NoopTest, AllIsEveryActivityOfEveryOperation) {
  const PluginDescriptor& d = Plugin(Value().Set("activities", List({"all"}))).descriptor();
  for (const Operation operation : kAllOperations) {
    EXPECT_EQ(d.operation(operation).activities, (std::array{true, true, true, true}));
  }
}

TEST_F(NoopTest, AnOperationWithoutActivitiesIsEmptyOnPurpose) {
  const PluginDescriptor& d = Plugin(Value().Set("activities", List({"protect.pre"}))).descriptor();
  EXPECT_FALSE(d.operation(Operation::kProtect).empty_on_purpose);
  EXPECT_TRUE(d.operation(Operation::kRestore).empty_on_purpose);
}

TEST_F(NoopTest, RefusesAnActivityThatThereIsNot) {
  const auto made = Make(Value().Set("activities", List({"protect.paralel"})));
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().message(), "'protect.paralel' in 'activities' of noop is no activity");
  EXPECT_EQ(made.error().hint(), "did you mean 'protect.parallel'?");
}

TEST_F(NoopTest, RefusesATypeThatCannotBe) {
  EXPECT_FALSE(Make(Value().Set("types", List({"Noop:Volume"}))).has_value());
}

TEST_F(NoopTest, NeedsTypes) {
  const auto checked = CheckAgainstSchema(NoopDescriptor().settings, Value(), "a.conf", "settings");
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().message(), "'types' is missing in the settings");
}

TEST_F(NoopTest, QuiescesAndCommitsWhenItIsTold) {
  const PluginDescriptor& plain = Plugin().descriptor();
  EXPECT_FALSE(plain.quiesces);
  EXPECT_TRUE(plain.post_acts_on_failure);
  const PluginDescriptor& told =
      Plugin(Value().Set("quiesces", true).Set("post_acts_on_failure", false)).descriptor();
  EXPECT_TRUE(told.quiesces);
  EXPECT_FALSE(told.post_acts_on_failure);
}

TEST_F(NoopTest, RegistersUnderItsName) {
  PluginRegistry registry;
  Register(registry);
  EXPECT_TRUE(registry.status().has_value());
  EXPECT_NE(registry.FindProtection("noop"), nullptr);
}

// --- parameters -----------------------------------------------------------------------------------

TEST_F(NoopTest, TellsTheNearestNameOfAWrongParameter) {
  const auto checked =
      CheckAgainstSchema(NoopParameterSchema(), Value().Set("pre_finish_slep", "1s"), "plan.yaml",
                         "parameters of Noop::Volume");
  ASSERT_FALSE(checked.has_value());
  EXPECT_EQ(checked.error().hint(), "did you mean 'pre_finish_sleep'?");
}

TEST_F(NoopTest, ReadsTheParametersOfEachActivityByItself) {
  const auto checked = CheckAgainstSchema(
      NoopParameterSchema(),
      Value().Set("pre_fail", true).Set("pre_finish_sleep", "200ms").Set("post_data", "1 KiB"),
      "plan.yaml", "parameters");
  ASSERT_TRUE(checked.has_value()) << checked.error().Render();
  EXPECT_TRUE(BehaviourOf(kPre, *checked).fail);
  EXPECT_EQ(BehaviourOf(kPre, *checked).sleep.count(), 0);
  EXPECT_FALSE(BehaviourOf(kPreFinish, *checked).fail);
  EXPECT_EQ(BehaviourOf(kPreFinish, *checked).sleep.count(), 200);
  EXPECT_EQ(BehaviourOf(kPost, *checked).data.bytes, 1024U);
  EXPECT_FALSE(BehaviourOf(kParallel, *checked).fail);
}

TEST_F(NoopTest, TheReadmeNamesEverySettingAndParameter) {
  std::ifstream in(HOLDFAST_NOOP_README);
  std::ostringstream text;
  text << in.rdbuf();
  for (const Field& field : SchemaOf<Behaviour>().fields) {
    EXPECT_THAT(text.str(), HasSubstr("\n| `" + field.name + "` |")) << field.name;
  }
  const Schema poll = SchemaOf<PollSettings>();
  for (const Field& field : NoopDescriptor().settings.fields) {
    if (std::any_of(poll.fields.begin(), poll.fields.end(),
                    [&](const Field& f) { return f.name == field.name; }))
      continue;
    EXPECT_THAT(text.str(), HasSubstr("\n| `" + field.name + "` |")) << field.name;
  }
  EXPECT_THAT(text.str(), HasSubstr("`" + std::string(kNewId) + "`"));
}

TEST_F(NoopTest, ChoosesNoneOrAnAggregationKeyOrAStepOfItsOwn) {
  ProtectionPlugin& plugin = Plugin();
  const auto choose = [&](const Value& parameters) {
    return plugin.Choose(Operation::kProtect, kPre, volume_, parameters).value();
  };
  EXPECT_EQ(choose(Value()), StepChoice::Own());
  EXPECT_EQ(choose(Value().Set("pre_none", true)), StepChoice::None());
  EXPECT_EQ(choose(Value().Set("pre_aggregate", "group-1")), StepChoice::Aggregate("group-1"));
  EXPECT_EQ(choose(Value().Set("parallel_none", true)), StepChoice::Own());
}

// --- what an activity does --------------------------------------------------------------------------

TEST_F(NoopTest, FailsWithTheCodeAndTheMessageThatItIsTold) {
  Plugin();
  MemoryCheckpoint checkpoint = Protect();
  const Status told =
      Run(checkpoint, kPre,
          Value().Set("pre_fail", true).Set("pre_error", "denied").Set("pre_message", "no key"));
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code(), ErrorCode::kDenied);
  EXPECT_EQ(told.error().message(), "no key");
  const Status plain = Run(checkpoint, kParallel, Value().Set("parallel_fail", true));
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().code(), ErrorCode::kInternal);
  EXPECT_EQ(plain.error().message(), "noop was told to fail protect.parallel of Noop::Volume#v1");
  EXPECT_THAT(Traced(), ElementsAre("protect.pre begin", "protect.pre failed",
                                    "protect.parallel begin", "protect.parallel failed"));
}

TEST_F(NoopTest, FailsTheFirstTimesAndThenSucceedsAlsoInAnotherProcessAndEpoch) {
  Plugin();
  const Value parameters = Value().Set("parallel_fail_times", 2);
  {
    MemoryCheckpoint checkpoint = Protect();
    EXPECT_FALSE(Run(checkpoint, kParallel, parameters).has_value());
  }
  Plugin();
  MemoryCheckpoint again = Protect();
  again.set_epoch(2);
  EXPECT_FALSE(Run(again, kParallel, parameters).has_value());
  EXPECT_TRUE(Run(again, kParallel, parameters).has_value());
}

TEST_F(NoopTest, YieldsAsOftenAsItIsTold) {
  ProtectionPlugin& plugin = Plugin();
  MemoryCheckpoint checkpoint = Protect();
  checkpoint.set_saved_info_schema(plugin.descriptor().saved_info);
  const auto checked = CheckAgainstSchema(NoopParameterSchema(), Value().Set("parallel_yields", 3),
                                          "plan.yaml", "parameters");
  const Parameters parameters({{volume_.key, *checked}});
  Activity activity = plugin.Start(Operation::kProtect, kParallel, checkpoint, context_.context(),
                                   std::span(&volume_, 1), parameters);
  for (std::uint64_t i = 0; i < 3; ++i) {
    ASSERT_FALSE(activity.Resume());
    EXPECT_EQ(activity.progress().done, i);
    EXPECT_EQ(activity.progress().total, 3U);
  }
  ASSERT_TRUE(activity.Resume());
  EXPECT_TRUE(activity.TakeOutcome().has_value());
}

TEST_F(NoopTest, AnActivityThatIsNotPolledAnyMoreIsTracedAsStopped) {
  ProtectionPlugin& plugin = Plugin();
  MemoryCheckpoint checkpoint = Protect();
  const auto checked = CheckAgainstSchema(NoopParameterSchema(), Value().Set("parallel_yields", 3),
                                          "plan.yaml", "parameters");
  const Parameters parameters({{volume_.key, *checked}});
  {
    Activity activity = plugin.Start(Operation::kProtect, kParallel, checkpoint, context_.context(),
                                     std::span(&volume_, 1), parameters);
    ASSERT_FALSE(activity.Resume());
  }
  EXPECT_THAT(Traced(), ElementsAre("protect.parallel begin", "protect.parallel stopped"));
}

TEST_F(NoopTest, ASleepEndsWhenTheStepIsToEnd) {
  Plugin();
  context_.cancellation().Set();
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, kParallel, Value().Set("parallel_sleep", "10h"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), CancelledError().message());
  EXPECT_THAT(Traced(), ElementsAre("protect.parallel begin", "protect.parallel stopped"));
}

TEST_F(NoopTest, APreThatFailsUndoesWhatItJournaled) {
  Plugin();
  MemoryCheckpoint checkpoint = Protect();
  EXPECT_FALSE(
      Run(checkpoint, kPre, Value().Set("pre_journal", true).Set("pre_fail", true)).has_value());
  EXPECT_EQ(checkpoint.Journaled(volume_)->StringOr("protect.pre", ""), "undone");
  EXPECT_TRUE(Run(checkpoint, kPre, Value().Set("pre_journal", true)).has_value());
  EXPECT_EQ(checkpoint.Journaled(volume_)->StringOr("protect.pre", ""), "done");
}

struct Death {
  const char* where;
  const char* journaled;  // of a pre that died there
};

class NoopDeath : public NoopTest, public testing::WithParamInterface<Death> {};

TEST_P(NoopDeath, KillsItsProcessOnceAndTheNextOneEnds) {
  Plugin();
  const Value parameters = Value().Set("pre_journal", true).Set("pre_die", GetParam().where);
  const auto attempt = [&] {
    MemoryCheckpoint checkpoint = Protect();
    return Run(checkpoint, kPre, parameters);
  };
  EXPECT_TRUE(RunInChild("", attempt).killed);
  MemoryCheckpoint seen = Protect();
  EXPECT_EQ(seen.Journaled(volume_)->StringOr("protect.pre", ""), GetParam().journaled);
  const ChildEnd second = RunInChild("", attempt);
  EXPECT_FALSE(second.killed);
  EXPECT_EQ(second.exit_code, 0);
  EXPECT_THAT(Traced(), ElementsAre("protect.pre begin", "protect.pre begin", "protect.pre end"));
}

INSTANTIATE_TEST_SUITE_P(Where, NoopDeath,
                         testing::Values(Death{"begin", ""}, Death{"middle", "intent"},
                                         Death{"end", "done"}),
                         [](const auto& info) { return std::string(info.param.where); });

TEST_F(NoopTest, DiesEachTimeWhenDieTimesIsZero) {
  Plugin();
  const Value parameters = Value().Set("parallel_die", "middle").Set("parallel_die_times", 0);
  for (int i = 0; i < 3; ++i) {
    const ChildEnd end = RunInChild("", [&] {
      MemoryCheckpoint checkpoint = Protect();
      return Run(checkpoint, kParallel, parameters);
    });
    EXPECT_TRUE(end.killed) << i;
  }
}

TEST_F(NoopTest, EndsItsProcessWithTheExitCodeThatItIsTold) {
  Plugin();
  const auto attempt = [&] {
    MemoryCheckpoint checkpoint = Protect();
    return Run(checkpoint, kParallel, Value().Set("parallel_exit", 75));
  };
  EXPECT_EQ(RunInChild("", attempt).exit_code, 75);
  EXPECT_EQ(RunInChild("", attempt).exit_code, 0);
}

// --- data, saved info, new resources -----------------------------------------------------------------

TEST_F(NoopTest, ProtectsVerifiesRestoresAndDeletesData) {
  Plugin(Value().Set("activities", List({"all"})));
  ASSERT_TRUE(
      RunAll(Protect(), Value().Set("pre_data", "100").Set("parallel_data", "1 MiB")).has_value());
  EXPECT_TRUE(RunAll(Later(Operation::kVerify)).has_value());
  ASSERT_TRUE(RunAll(Later(Operation::kRestore)).has_value());
  MemoryCheckpoint restored = Later(Operation::kRestore);
  EXPECT_EQ(restored.NewResource(volume_.key).value(), volume_.key);
  ASSERT_TRUE(RunAll(Later(Operation::kDelete)).has_value());
  EXPECT_EQ(Protect().StoredObjects(volume_), 0U);
}

TEST_F(NoopTest, SeesOneWrongByteOfItsData) {
  Plugin();
  ASSERT_TRUE(RunAll(Protect(), Value().Set("parallel_data", "200 KiB")).has_value());
  MemoryCheckpoint checkpoint = Later(Operation::kVerify);
  ASSERT_TRUE(checkpoint.Damage(volume_, "noop-parallel").has_value());
  const Status verified = RunAll(Later(Operation::kVerify));
  ASSERT_FALSE(verified.has_value());
  EXPECT_EQ(verified.error().code(), ErrorCode::kCorrupt);
}

TEST_F(NoopTest, RestoresUnderTheIdThatItIsTold) {
  Plugin();
  ASSERT_TRUE(RunAll(Protect()).has_value());
  ASSERT_TRUE(RunAll(Later(Operation::kRestore), Value().Set("new_id", "v2")).has_value());
  EXPECT_EQ(Later(Operation::kRestore).NewResource(volume_.key).value(),
            (ResourceKey{"Noop::Volume", "v2"}));
}

TEST_F(NoopTest, AnIdThatNoResourceCanHaveIsAFault) {
  const ProtectionPlugin& plugin = Plugin();
  EXPECT_EQ(FaultsOf(plugin, Operation::kRestore, volume_, Value().Set("new_id", "v2")), "");
  EXPECT_EQ(FaultsOf(plugin, Operation::kRestore, volume_, Value().Set("new_id", "")),
            "new_id: new_id: a resource of type Noop::Volume has an empty id\n");
  EXPECT_EQ(FaultsOf(plugin, Operation::kProtect, volume_, Value().Set("new_id", "")), "");
}

TEST_F(NoopTest, SavesWhatItKnowsInTheLastOfItsActivitiesThatIsThere) {
  Plugin();
  ASSERT_TRUE(
      RunAll(Protect(), Value().Set("parallel_none", true).Set("pre_data", "10")).has_value());
  MemoryCheckpoint checkpoint = Later(Operation::kVerify);
  checkpoint.set_saved_info_schema(plugin_->descriptor().saved_info);
  const auto saved = checkpoint.SavedInfo(volume_);
  ASSERT_TRUE(saved.has_value()) << saved.error().Render();
  EXPECT_EQ(saved->StringOr("activity", ""), "pre");
}

// --- the trace -----------------------------------------------------------------------------------------

TEST_F(NoopTest, TracesWhoDidWhatWhenInOrder) {
  Plugin();
  ASSERT_TRUE(RunAll(Protect()).has_value());
  const std::vector<Value> lines = TraceLines();
  ASSERT_EQ(lines.size(), 6U);
  std::int64_t before = 0;
  for (const Value& line : lines) {
    EXPECT_EQ(line.StringOr("record", ""), "c1");
    EXPECT_EQ(line.StringOr("resource", ""), "Noop::Volume#v1");
    EXPECT_EQ(line.IntOr("epoch", 0), 1);
    EXPECT_EQ(line.IntOr("pid", 0), getpid());
    EXPECT_LE(before, line.IntOr("steady_ns", 0));
    before = line.IntOr("steady_ns", 0);
  }
  EXPECT_THAT(Traced(),
              ElementsAre("protect.pre begin", "protect.pre end", "protect.parallel begin",
                          "protect.parallel end", "protect.post begin", "protect.post end"));
}

TEST_F(NoopTest, TracesWhatPostIsToldOfTheOthers) {
  Plugin();
  EXPECT_FALSE(RunAll(Protect(), Value().Set("parallel_fail", true)).has_value());
  const std::vector<Value> lines = TraceLines();
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[2].Find("all_succeeded"), nullptr);  // parallel is not told
  EXPECT_FALSE(lines[4].BoolOr("all_succeeded", true));
}

TEST_F(NoopTest, AnAggregatedStepTracesEachOfItsResources) {
  ProtectionPlugin& plugin = Plugin();
  std::vector<Resource> both(2);
  both[0].key = {"Noop::Volume", "v1"};
  both[1].key = {"Noop::Volume", "v2"};
  MemoryCheckpoint checkpoint = Protect();
  checkpoint.Give({both[0].key, both[1].key});
  checkpoint.set_saved_info_schema(plugin.descriptor().saved_info);
  const auto checked =
      CheckAgainstSchema(NoopParameterSchema(), Value(), "plan.yaml", "parameters");
  const Parameters parameters({{both[0].key, *checked}, {both[1].key, *checked}});
  Activity activity =
      plugin.Start(Operation::kProtect, kPre, checkpoint, context_.context(), both, parameters);
  ASSERT_TRUE(activity.Resume());
  ASSERT_TRUE(activity.TakeOutcome().has_value());
  std::vector<std::string> seen;
  for (const Value& line : TraceLines())
    seen.push_back(line.StringOr("resource", "") + " " + line.StringOr("event", ""));
  EXPECT_THAT(seen, ElementsAre("Noop::Volume#v1 begin", "Noop::Volume#v2 begin",
                                "Noop::Volume#v1 end", "Noop::Volume#v2 end"));
}

TEST_F(NoopTest, ATraceThatCannotBeWrittenFailsTheActivity) {
  Plugin(Value().Set("trace", folder_ / "no/such/folder/trace"));
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, kPre);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message(), HasSubstr("opening the trace file"));
}

// --- the graph file ------------------------------------------------------------------------------------

constexpr char kGraph[] = R"(format: 1
resources:
  - type: Noop::Server
    id: s1
    name: web
    children:
      - {type: Noop::Volume, id: v1, facts: {device: vda}}
      - {type: Noop::Volume, id: v2}
  - {type: Noop::Volume, id: v1, name: data}
  - {type: Noop::Volume, id: v2, name: logs}
)";

class NoopGraph : public NoopTest {
 protected:
  NoopGraph() { Write(kGraph); }
  void Write(const std::string& text) {
    // By rename, so that the file is another one each time.
    std::ofstream(folder_ / "graph.new") << text;
    std::filesystem::rename(folder_ / "graph.new", folder_ / "graph.yaml");
  }
  void Open() {
    all_ = Plugin(Value()
                      .Set("types", List({"Noop::Server", "Noop::Volume"}))
                      .Set("graph", folder_ / "graph.yaml"))
               .TakeProtectables();
    ASSERT_EQ(all_.size(), 2U);
  }
  std::vector<std::unique_ptr<ProtectablePlugin>> all_;
};

TEST_F(NoopGraph, ListsTheResourcesOfEachType) {
  Open();
  const auto volumes = all_[1]->List(context_.context());
  ASSERT_TRUE(volumes.has_value()) << volumes.error().Render();
  ASSERT_EQ(volumes->size(), 2U);
  EXPECT_EQ((*volumes)[0].key.str(), "Noop::Volume#v1");
  EXPECT_EQ((*volumes)[0].name, "data");
}

TEST_F(NoopGraph, FindsWhatDependsOnAParentWithTheFactsOfTheEdge) {
  Open();
  const auto server = all_[0]->Show(context_.context(), "s1");
  ASSERT_TRUE(server.has_value());
  const auto below = all_[1]->Dependents(context_.context(), *server);
  ASSERT_TRUE(below.has_value());
  ASSERT_EQ(below->size(), 2U);
  EXPECT_EQ((*below)[0].resource.key.id, "v1");
  EXPECT_EQ((*below)[0].facts.StringOr("device", ""), "vda");
  EXPECT_THAT(*all_[0]->Dependents(context_.context(), *server), IsEmpty());
}

TEST_F(NoopGraph, SeesAResourceThatAppearsOrVanishes) {
  Open();
  ASSERT_TRUE(all_[1]->Show(context_.context(), "v2").has_value());
  Write("format: 1\nresources:\n  - {type: Noop::Volume, id: v3, name: new}\n");
  const auto gone = all_[1]->Show(context_.context(), "v2");
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(all_[1]->Show(context_.context(), "v3").has_value());
}

TEST_F(NoopGraph, ABrokenFileIsAnErrorNeverAnEmptyAnswer) {
  Open();
  Write("format: 1\nresources:\n  - {type: Noop::Volume}\n");
  const auto volumes = all_[1]->List(context_.context());
  ASSERT_FALSE(volumes.has_value());
  ASSERT_TRUE(volumes.error().where().has_value());
  EXPECT_EQ(volumes.error().where()->line, 3U);
  std::filesystem::remove(folder_ / "graph.yaml");
  EXPECT_FALSE(all_[1]->List(context_.context()).has_value());
}

TEST_F(NoopTest, BringsNoProtectablesWithoutAGraph) {
  EXPECT_THAT(Plugin().TakeProtectables(), IsEmpty());
}

}  // namespace
}  // namespace holdfast::plugins::noop
