#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/sha256.h"
#include "tests/engines/argo/objects.h"

// The model over objects that the real controller wrote (objects/README.md).
namespace holdfast::engines::argo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Object;
using ::testing::SizeIs;

RunStatus Read(const std::string& name) {
  auto status = ReadWorkflowStatus(Object(name));
  EXPECT_TRUE(status) << name << ": " << (status ? "" : status.error().Render());
  return status ? std::move(*status) : RunStatus();
}

std::vector<std::string> Phases(const RunStatus& status) {
  std::vector<std::string> out;
  for (const StepStatus& step : status.steps)
    out.push_back(step.path + " " + std::string(NameOf(step.phase)));
  return out;
}

TEST(WorkflowStatus, TasksThatWereNotReachedAreThereAndHaveNoPhase) {
  EXPECT_THAT(Phases(Read("stopped/10")),
              ElementsAre("a-pre Succeeded", "a-par Failed", "a-post ", "b-pre Succeeded",
                          "b-par Failed", "b-post ", "onExit Succeeded"));
}

TEST(WorkflowStatus, BeforeTheControllerSawItNothingHasBegun) {
  const RunStatus status = Read("stopped/00");
  EXPECT_EQ(status.phase, Phase::kNone);
  EXPECT_FALSE(status.ended());
  EXPECT_THAT(status.steps, SizeIs(7));
  EXPECT_EQ(status.record(), status.uid);
}

TEST(WorkflowStatus, AGoodRunSucceedsOnceItsExitHandlerHasEnded) {
  EXPECT_FALSE(Read("ok-dag/09").ended());
  const RunStatus status = Read("ok-dag/18");
  EXPECT_TRUE(status.ended());
  EXPECT_EQ(VerdictOf(status), 0);
  for (const StepStatus& step : status.steps) EXPECT_EQ(step.phase, Phase::kSucceeded) << step.path;
  EXPECT_TRUE(status.steps.back().exit_handler);
}

TEST(WorkflowStatus, AFailedStepSaysItsCodeAndWhy) {
  const RunStatus status = Read("failed-step/13");
  EXPECT_EQ(VerdictOf(status), 5);
  const StepStatus* const step = status.Find("b-par");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->phase, Phase::kFailed);
  EXPECT_EQ(step->exit_code, 2);
  EXPECT_THAT(step->message, HasSubstr("exit code 2"));
}

TEST(WorkflowStatus, TriesAreTheStepsAndARetryThatWaitsSaysFor) {
  const RunStatus waiting = Read("retried/05");
  const StepStatus* step = waiting.Find("a-par");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->phase, Phase::kRunning);
  EXPECT_TRUE(step->between_tries);
  EXPECT_EQ(step->message, "Backoff for 10 seconds");
  const RunStatus done = Read("retried/15");
  step = done.Find("a-par");
  ASSERT_THAT(step->tries, SizeIs(3));
  EXPECT_EQ(step->tries.front().exit_code, 75);
  EXPECT_EQ(step->exit_code, 0);
  EXPECT_FALSE(step->between_tries);
  EXPECT_EQ(VerdictOf(done), 0);
}

TEST(WorkflowStatus, WhyALastTryFailedIsWhyTheStepDid) {
  const RunStatus status = Read("pod-error/01");
  const StepStatus* const step = status.Find("a-par");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->message, "main: Error (exit code 75)");
  EXPECT_EQ(step->exit_code, 75);
  const StepStatus* const lost = status.Find("a-pre");
  ASSERT_THAT(lost->tries, SizeIs(2));
  EXPECT_EQ(lost->tries[0].phase, Phase::kError);
  EXPECT_EQ(lost->tries[0].exit_code, std::nullopt);
  EXPECT_EQ(lost->phase, Phase::kSucceeded);
}

TEST(WorkflowStatus, AStopIsNotOverWhilePodsAreDyingAndTheExitHandlerRuns) {
  const RunStatus dying = Read("stopped/08");
  EXPECT_FALSE(dying.ended());
  EXPECT_EQ(dying.shutdown, "Stop");
  EXPECT_THAT(dying.dying(), SizeIs(2));
  const RunStatus cleaning = Read("stopped/09");
  EXPECT_FALSE(cleaning.ended());
  EXPECT_THAT(cleaning.dying(), IsEmpty());
  EXPECT_EQ(cleaning.Find("onExit")->phase, Phase::kRunning);
  const RunStatus over = Read("stopped/10");
  EXPECT_TRUE(over.ended());
  EXPECT_EQ(VerdictOf(over), 6);
}

TEST(WorkflowStatus, EveryWayToEndHasItsVerdict) {
  EXPECT_EQ(VerdictOf(Read("stopped-retry/09")), 6);
  EXPECT_EQ(VerdictOf(Read("stopped-exit0/00")), 6);
  EXPECT_EQ(VerdictOf(Read("terminated/08")), 6);
  EXPECT_EQ(VerdictOf(Read("deadline/12")), 5);
  EXPECT_EQ(VerdictOf(Read("onexit-failed/00")), 5);
  EXPECT_EQ(VerdictOf(Read("spec-error/00")), 5);
  EXPECT_EQ(VerdictOf(Read("node-types/00")), 0);
  for (const char* const name :
       {"stopped-retry/09", "stopped-exit0/00", "terminated/08", "deadline/12", "onexit-failed/00",
        "spec-error/00", "node-types/00"}) {
    EXPECT_TRUE(Read(name).ended()) << name;
  }
}

TEST(WorkflowStatus, ARefusedBeginGivesItsCode) {
  Value object = Object("failed-step/13");
  RunStatus status = *ReadWorkflowStatus(object);
  status.steps.front().task = "begin";
  status.steps.front().path = "begin";
  status.steps.front().exit_code = 11;
  EXPECT_EQ(VerdictOf(status), 11);
}

TEST(WorkflowStatus, ARefusedSpecHasNoNodesAndSaysWhy) {
  const RunStatus status = Read("spec-error/00");
  EXPECT_THAT(status.message, HasSubstr("template reference holdfast-steps.step not found"));
  for (const StepStatus& step : status.steps) EXPECT_EQ(step.phase, Phase::kNone) << step.path;
}

TEST(WorkflowStatus, StepsOfANestedDagHaveTheirPath) {
  const RunStatus status = Read("nested/13");
  EXPECT_THAT(Phases(status),
              ElementsAre("a-pre Succeeded", "a-par Succeeded", "region-b.b-pre Succeeded",
                          "region-b.b-par Succeeded", "region-b.b-post Succeeded",
                          "a-post Succeeded", "onExit Succeeded"));
  EXPECT_EQ(status.Find("b-pre")->template_name, "step");
}

TEST(WorkflowStatus, ThePodOfATryIsNamedAsArgoNamesIt) {
  const RunStatus status = Read("nested/13");
  EXPECT_EQ(status.Find("a-pre")->tries.front().pod, "nested-step-2062101370");
  EXPECT_EQ(status.Find("onExit")->tries.front().pod, "nested-end-2570088661");
}

TEST(WorkflowStatus, APendingPodSaysWhatItWaitsFor) {
  const RunStatus status = Read("pod-pending-reasons/03");
  const StepStatus* const step = status.Find("c-pre");
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step->phase, Phase::kPending);
  EXPECT_THAT(step->message, HasSubstr("secret \"holdfast-store\" not found"));
}

TEST(WorkflowStatus, NodesOfEveryTypeAreStepsOnlyWhereTheyDoSomething) {
  const RunStatus status = Read("node-types/00");
  std::set<std::string> paths;
  for (const StepStatus& step : status.steps) paths.insert(step.path);
  for (const char* const path : {"a-pre", "each(0:x)", "each(1:z)", "list[0].one", "list[0].two",
                                 "gate", "out", "never", "onExit"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
  for (const char* const path : {"each", "list", "list[0]", "barrier", "node-types"})
    EXPECT_FALSE(paths.contains(path)) << path;
  EXPECT_EQ(status.Find("never")->phase, Phase::kOmitted);
}

TEST(WorkflowStatus, AStepsOwnProgressIsShownAndSumsAreNot) {
  bool own = false;
  for (const StepStatus& step : Read("ok-dag/09").steps) {
    if (step.task == "a-par") {
      own = true;
      EXPECT_THAT(step.progress, ::testing::MatchesRegex("([0-9]+/100)?"));
    } else {
      EXPECT_EQ(step.progress, "") << step.path;
    }
  }
  EXPECT_TRUE(own);
}

TEST(WorkflowStatus, ParametersOfTheWorkflowGoOverThoseOfItsTemplate) {
  Value object = Object("ok-dag/18");
  const auto parameters = [](const char* record, const char* bundle) {
    Value::List list;
    if (record != nullptr) list.push_back(Value().Set("name", "record").Set("value", record));
    if (bundle != nullptr) list.push_back(Value().Set("name", "bundle").Set("value", bundle));
    return Value().Set("parameters", std::move(list));
  };
  object.MutableMap()["spec"].Set("arguments", parameters("another", nullptr));
  object.MutableMap()["status"].Set("storedWorkflowTemplateSpec",
                                    Value().Set("arguments", parameters("", "abc")));
  const auto status = ReadWorkflowStatus(object);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->record(), "another");
  EXPECT_EQ(status->parameters.at("bundle"), "abc");
}

Value Part(const std::string& run_parameter, const std::string& run_label) {
  Value object = Object("failed-step/13");
  object.MutableMap()["metadata"].Set("labels", Value().Set(kPartOfRunLabel, run_label));
  object.MutableMap()["spec"].Set(
      "arguments",
      Value().Set("parameters", Value::List{Value().Set("name", "run").Set("value", run_parameter),
                                            Value().Set("name", "record").Set("value", "")}));
  return object;
}

TEST(WorkflowStatus, APartOfALargeRunIsKnownByItsParameterOrItsLabel) {
  for (const auto& [parameter, label] :
       {std::pair("r-1", ""), std::pair("", "r-1"), std::pair("r-1", "another")}) {
    const auto status = ReadWorkflowStatus(Part(parameter, label));
    ASSERT_TRUE(status);
    EXPECT_EQ(status->part_of, "r-1");
    EXPECT_EQ(status->run(), "r-1");
    EXPECT_EQ(status->record(), "r-1");
    EXPECT_NE(status->uid, "r-1");
    EXPECT_FALSE(MayHaveParts(*status));
  }
  const auto whole = ReadWorkflowStatus(Part("", ""));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->part_of, "");
  EXPECT_EQ(whole->run(), whole->uid);
}

TEST(WorkflowStatus, TheStepsOfAPartStandBetweenTheRunsOwnAndItsExitHandler) {
  RunStatus run = Read("stopped/10");
  EXPECT_FALSE(MayHaveParts(run));
  run.steps[1].template_name = kPartTemplate;
  EXPECT_TRUE(MayHaveParts(run));
  RunStatus part;
  part.name = run.uid + "-0a1b";
  part.steps.resize(2);
  part.steps[0].path = part.steps[0].task = "c-par";
  part.steps[1].path = "region.d-par";
  part.steps[1].task = "d-par";
  AddPart(run, part);
  part.name = "of another name";
  part.steps.pop_back();
  AddPart(run, part);
  EXPECT_THAT(Phases(run),
              ElementsAre("a-pre Succeeded", "a-par Failed", "a-post ", "b-pre Succeeded",
                          "b-par Failed", "b-post ", "0a1b.c-par ", "0a1b.region.d-par ",
                          "of another name.c-par ", "onExit Succeeded"));
  ASSERT_NE(run.Find("d-par"), nullptr);
  EXPECT_EQ(run.Find("d-par")->workflow, run.uid + "-0a1b");
  EXPECT_EQ(run.Find("a-pre")->workflow, "");
}

TEST(WorkflowStatus, TemplatesThatCallThemselvesEnd) {
  const auto object = ParseJson(
      R"({"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"entrypoint": "m", "templates":
          [{"name": "m", "dag": {"tasks": [{"name": "a", "template": "m"}, {"name": "b", "template": "m"}]}}]}})",
      "test");
  const auto status = ReadWorkflowStatus(*object);
  ASSERT_TRUE(status);
  EXPECT_LE(status->steps.size(), 20'000U);
}

TEST(WorkflowStatus, WhatIsNoWorkflowIsRefused) {
  EXPECT_FALSE(ReadWorkflowStatus(Value()));
  EXPECT_FALSE(ReadWorkflowStatus(Value().Set("kind", "Pod")));
  EXPECT_FALSE(ReadWorkflowStatus(Value().Set("kind", "Workflow")));
}

// Every object that was recorded, where the whole set is at hand (HOLDFAST_ARGO_OBJECTS).
TEST(WorkflowStatus, EveryRecordedObjectIsRead) {
  std::size_t count = 0;
  const char* const all = std::getenv("HOLDFAST_ARGO_OBJECTS");
  const std::string folder = all == nullptr ? HOLDFAST_TEST_OBJECTS : all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".json" || name == "expect.json" ||
        name.starts_with("cronworkflow") || name == "workflowtemplate.json") {
      continue;
    }
    const auto text = ReadFile(entry.path());
    ASSERT_TRUE(text);
    auto object = ParseJson(*text, name);
    ASSERT_TRUE(object) << entry.path();
    ASSERT_TRUE(ExpandNodes(*object)) << entry.path();
    const auto status = ReadWorkflowStatus(*object);
    ASSERT_TRUE(status) << entry.path() << status.error().Render();
    ++count;
    // It has ended exactly when the controller says so by its label.
    const Value* const labels = object->Find("metadata")->Find("labels");
    const bool completed =
        labels != nullptr && labels->StringOr("workflows.argoproj.io/completed", "") == "true";
    EXPECT_EQ(status->ended(), completed) << entry.path();
    EXPECT_EQ(status->uid, object->Find("metadata")->StringOr("uid", ""));
  }
  EXPECT_GE(count, 25U);
}

TEST(CompressedNodes, EveryAlgorithmGivesTheSameNodes) {
  const Value plain = Object("ok-dag/18");
  const Value* const nodes = plain.Find("status")->Find("nodes");
  ASSERT_NE(nodes, nullptr);
  for (const char* const algorithm : {"gzip", "zstd", "brotli"}) {
    const Value raw = testing::RawObject(std::string("compressed-algorithms/") + algorithm);
    ASSERT_EQ(raw.Find("status")->Find("nodes"), nullptr);
    const Value object = Object(std::string("compressed-algorithms/") + algorithm);
    ASSERT_NE(object.Find("status"), nullptr) << algorithm;
    EXPECT_EQ(*object.Find("status")->Find("nodes"), *nodes) << algorithm;
    EXPECT_EQ(object.Find("status")->Find("compressedNodes"), nullptr);
  }
}

TEST(CompressedNodes, ALargeRunIsWhatWasRecorded) {
  const Value expected = testing::RawObject("compressed/expect");
  const Value raw = testing::RawObject("compressed/01");
  const auto text = DecompressNodes(raw.Find("status")->StringOr("compressedNodes", ""));
  ASSERT_TRUE(text) << text.error().Render();
  EXPECT_EQ(static_cast<std::int64_t>(text->size()), expected.IntOr("decompressedBytes", 0));
  EXPECT_EQ(Sha256Hex(*text), expected.StringOr("sha256OfDecompressed", ""));
  const RunStatus status = Read("compressed/01");
  const auto failed =
      std::count_if(status.steps.begin(), status.steps.end(),
                    [](const StepStatus& step) { return step.phase == Phase::kFailed; });
  EXPECT_EQ(failed, 1);
  EXPECT_THAT(status.steps, SizeIs(301));
  EXPECT_EQ(VerdictOf(status), 5);
}

TEST(CompressedNodes, DamagedOnesAreCorruptAndBombsAreRefused) {
  const Value raw = testing::RawObject("compressed/01");
  const std::string packed = raw.Find("status")->StringOr("compressedNodes", "");
  EXPECT_EQ(DecompressNodes(packed, 1000).error().code(), ErrorCode::kCorrupt);
  for (const char* const algorithm : {"gzip", "zstd", "brotli"}) {
    const std::string each = testing::RawObject(std::string("compressed-algorithms/") + algorithm)
                                 .Find("status")
                                 ->StringOr("compressedNodes", "");
    EXPECT_EQ(DecompressNodes(each.substr(0, each.size() / 8 * 4)).error().code(),
              ErrorCode::kCorrupt);
  }
  for (const char* const text : {"%%%", "aGVsbG8=", ""})
    EXPECT_FALSE(DecompressNodes(text)) << text;
  Value object = raw;
  object.MutableMap()["status"].Set("compressedNodes", ToBase64("\x1f\x8bnonsense"));
  EXPECT_FALSE(ExpandNodes(object));
}

TEST(WorkflowStatus, NodesInArgosDatabaseAreNotStepsThatDidNotBegin) {
  Value object = testing::RawObject("compressed/01");
  object.MutableMap()["status"].MutableMap().erase("compressedNodes");
  object.MutableMap()["status"].Set("offloadNodeStatusVersion", "fnv:3205228862");
  const auto status = ReadWorkflowStatus(object);
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_THAT(status->nodes_unreadable, HasSubstr("Argo's database"));
  EXPECT_THAT(status->steps, SizeIs(0));
  // Over the Argo server they are there, beside the version.
  object = Object("compressed/01");
  object.MutableMap()["status"].Set("offloadNodeStatusVersion", "fnv:3205228862");
  EXPECT_EQ(ReadWorkflowStatus(object)->nodes_unreadable, "");
}

TEST(CompressedNodes, OfARunWithDamagedOnesAllElseIsKnown) {
  const RunStatus whole = Read("compressed/01");
  EXPECT_EQ(whole.nodes_unreadable, "");
  // One that nobody has expanded is no run without steps.
  EXPECT_EQ(ReadWorkflowStatus(testing::RawObject("compressed/01"))->nodes_unreadable,
            "the workflow's nodes are compressed");
  Value object = testing::RawObject("compressed/01");
  object.MutableMap()["status"].Set("compressedNodes", ToBase64("\x1f\x8bnonsense"));
  ExpandReadableNodes(object);
  const auto status = ReadWorkflowStatus(object);
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_EQ(status->nodes_unreadable, "the workflow's compressed nodes cannot be read: no gzip");
  EXPECT_THAT(status->steps, SizeIs(0));
  EXPECT_EQ(status->uid, whole.uid);
  EXPECT_EQ(status->phase, whole.phase);
  EXPECT_EQ(status->parameters, whole.parameters);
  EXPECT_EQ(status->ended(), whole.ended());
  EXPECT_EQ(VerdictOf(*status), 5);
}

// Whoever may write a Workflow must not make everybody's `status` count for ever.
TEST(HostileWorkflow, ThatCallsItselfTwiceAgainAndAgainIsReadAtOnce) {
  Value::List templates;
  constexpr int kLevels = 40;
  for (int level = 0; level < kLevels; ++level) {
    const std::string next = "t" + std::to_string(level + 1);
    Value::List tasks;
    for (int twice = 0; twice < 2; ++twice)
      tasks.push_back(Value().Set("name", "same").Set("template", next));
    templates.push_back(Value()
                            .Set("name", "t" + std::to_string(level))
                            .Set("dag", Value().Set("tasks", std::move(tasks))));
  }
  const Value object =
      Value()
          .Set("kind", "Workflow")
          .Set("metadata", Value().Set("name", "w").Set("uid", "u"))
          .Set("spec", Value().Set("entrypoint", "t0").Set("templates", std::move(templates)));
  const auto begun = std::chrono::steady_clock::now();
  const auto status = ReadWorkflowStatus(object);
  // Instead of 2^40 of them: also unoptimised, and on a busy machine.
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::minutes(2));
  ASSERT_TRUE(status) << status.error().Render();
  EXPECT_THAT(status->steps, SizeIs(1));
}

}  // namespace
}  // namespace holdfast::engines::argo
