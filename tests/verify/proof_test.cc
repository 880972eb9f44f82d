// Files that do not do what their bundle says: a golden file with one thing changed in it.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/verify/argo_form.h"
#include "runtime/verify/proof.h"
#include "runtime/verify/schedule_form.h"

namespace holdfast::verify {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Case {
  std::string name;
  std::string golden;
  std::string engine;
  std::string from;  // in whichever of the files it stands, once or more often
  std::string to;
  std::string fault;  // empty: none
};

class Changed : public testing::TestWithParam<Case> {
 protected:
  // The files, changed; what is started first.
  std::vector<local::SourceFile> Files() {
    const Case& c = GetParam();
    const std::string base =
        std::string(HOLDFAST_TEST_GOLDEN) + "/" + c.golden + "/expected." + c.engine;
    std::vector<local::SourceFile> files{*local::ReadSourceFile(base + ".yaml")};
    std::error_code error;
    if (std::filesystem::is_directory(base + ".children", error)) {
      auto children = *local::ReadTemplateFolder(base + ".children");
      for (local::SourceFile& child : children) files.push_back(std::move(child));
    }
    for (local::SourceFile& file : files) {
      for (std::size_t at = 0; (at = file.text.find(c.from, at)) != std::string::npos;
           at += c.to.size()) {
        file.text.replace(at, c.from.size(), c.to);
        changed_ = true;
      }
    }
    return files;
  }

  Proof ProveFiles() {
    const Case& c = GetParam();
    std::vector<local::SourceFile> files = Files();
    const auto bundle = LoadBundle(
        *ReadBundleFolder(std::string(HOLDFAST_TEST_GOLDEN) + "/" + c.golden + "/expected.bundle"));
    if (c.engine == "mistral") {
      const auto definitions = mistral::ReadDefinitions(files);
      EXPECT_TRUE(definitions) << definitions.error().Render();
      return Prove(*bundle, RunOf(*definitions));
    }
    auto site = *local::ReadTemplateFolder(HOLDFAST_TEMPLATES);
    for (local::SourceFile& file : site) files.push_back(std::move(file));
    const auto workflow = local::ReadWorkflow(std::move(files));
    EXPECT_TRUE(workflow) << workflow.error().Render();
    SaidRun run = RunOf(*workflow);
    std::vector<local::ParsedFile> own;
    for (local::SourceFile& file : Files()) own.push_back(local::ParseFile(std::move(file)));
    for (std::string& fault : FormFaults(own, bundle->bundle))
      run.faults.push_back(std::move(fault));
    return Prove(*bundle, std::move(run));
  }

  bool changed_ = false;
};

TEST_P(Changed, IsFoundOut) {
  const Proof proof = ProveFiles();
  EXPECT_TRUE(changed_) << "the golden file has changed: nothing is replaced in it";
  if (GetParam().fault.empty()) {
    EXPECT_THAT(proof.faults, IsEmpty());
  } else {
    EXPECT_THAT(proof.faults, Contains(HasSubstr(GetParam().fault)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mistral, Changed,
    testing::Values(
        Case{"AComment", "diamond", "mistral", "# parallel of node a", "# x", ""},
        Case{"ALinkMore", "diamond", "mistral", "on-complete: [a-bc37fcd6-par, ",
             "on-complete: [a-bc37fcd6-par, a-bc37fcd6-post, ", ""},
        Case{"ALinkLess", "diamond", "mistral", "on-complete: [b-fe7b75c0-post, c-a4b55e85-post]",
             "on-complete: [c-a4b55e85-post]",
             "step b-fe7b75c0-post does not wait for d-7595fa26-post"},
        Case{"AStepThatNothingLeadsTo", "diamond", "mistral", "on-complete: [d-7595fa26-post]",
             "on-complete: [a-bc37fcd6-post]", "has no inbound link: it would start at once"},
        Case{"NoJoin", "diamond", "mistral", "input: {step: d-7595fa26-pre}\n      join: all\n",
             "input: {step: d-7595fa26-pre}\n", "has several inbound links and no 'join: all'"},
        Case{"AStepLess", "diamond", "mistral",
             "    a-bc37fcd6-par:\n      action: holdfast.step\n      input: {step: "
             "a-bc37fcd6-par}\n",
             "    a-bc37fcd6-par:\n      action: std.noop\n", "step a-bc37fcd6-par is not there"},
        Case{
            "AStepOfAnotherName", "diamond", "mistral", "input: {step: a-bc37fcd6-par}",
            "input: {step: a-bc37fcd6-post}",
            R"(expected.mistral.yaml:47: task a-bc37fcd6-par of diamond-protect has 'input' {"step":"a-bc37fcd6-post"}, not )"},
        Case{"ALinkToNowhere", "diamond", "mistral", "on-complete: [d-7595fa26-par]",
             "on-complete: [d-7595fa26-pra]",
             "expected.mistral.yaml:60: task d-7595fa26-pre of diamond-protect leads to "
             "d-7595fa26-pra, which is not there"},
        Case{"ALinkOfSuccess", "diamond", "mistral",
             "input: {step: a-bc37fcd6-par}\n      on-complete",
             "input: {step: a-bc37fcd6-par}\n      on-success", "has on-success"},
        Case{"StepsAfterARefusedBegin", "diamond", "mistral", "on-success: [a-bc37fcd6-pre]",
             "on-complete: [a-bc37fcd6-pre]", "steps would run although it said no"},
        Case{"NoBegin", "diamond", "mistral", "command: begin", "command: run",
             R"(task begin of diamond-protect has 'input' {"command":"run")"},
        Case{"NoEnd", "diamond", "mistral", "input: {command: end}\n", "input: {command: begin}\n",
             "task end of diamond-protect has 'input'"},
        Case{"AnEndThatIsNotThere", "diamond", "mistral", "    end:\n", "    ende:\n",
             "expected.mistral.yaml:6: diamond-protect has no task 'end'"},
        Case{"AnEndThatRunsTwice", "diamond", "mistral",
             "on-complete: [a-bc37fcd6-post]\n    # pre", "on-complete: [end]\n    # pre",
             "task end of diamond-protect has several inbound links"},
        Case{"ACircle", "diamond", "mistral", "on-complete: [end]",
             "on-complete: [end, d-7595fa26-pre]", "wait in a circle"},
        Case{"AGateThatAsksTooLittle", "cut_templates", "mistral",
             "input: {command: gate, step: files-05-4a567810-pre}",
             "input: {command: gate, step: files-05-4a567810-post}",
             "its gate does not ask for it"},
        Case{"AGateThatAsksForOthers", "cut_templates", "mistral",
             "input: {command: gate, step: files-05-4a567810-pre}",
             "input: {command: gate, step: files-1c8ca929-pre}", "which is not in it"},
        Case{"NoGate", "cut_templates", "mistral",
             "action: holdfast.step\n      input: {command: gate, step: files-05-4a567810-pre}",
             "action: std.noop\n      fail-on: <% false %>\n      retry: {count: 0, delay: 0}", ""},
        // Without a result it fails by the defaults, and nothing in the group is started.
        Case{"NoGateThatFails", "cut_templates", "mistral",
             "action: holdfast.step\n      input: {command: gate, step: files-05-4a567810-pre}",
             "action: std.noop\n      retry: {count: 0, delay: 0}",
             "files-05-4a567810-all.yaml:23: task gate of "
             "cut-protect.files-05-4a567810-all.80ec7bbec1 has no "
             "'fail-on'"},
        Case{"APartThatIsNotThere", "cut_templates", "mistral",
             "workflow: cut-protect.files-1c8ca929-all.fb6fe1a0ba", "workflow: cut-protect.other",
             "starts cut-protect.other, which is not there"},
        Case{"APartTwice", "cut_templates", "mistral",
             "workflow: cut-protect.files-02-a2e48d85-all.525f423d51",
             "workflow: cut-protect.files-00-72e81d44-all.27b09deb99", "would run more than once"},
        // A sub-workflow has not ended before all in it has, but what its verdict does not wait for may fail
        // unseen.
        Case{"AVerdictThatWaitsForLess", "cut_templates", "mistral",
             "input: {step: files-02-a2e48d85-post}\n      on-complete: [verdict]\n",
             "input: {step: files-02-a2e48d85-post}\n",
             "verdict of cut-protect.files-02-a2e48d85-all.525f423d51 does not wait for "
             "files-02-a2e48d85-par"},
        Case{"AnEndThatWaitsForLess", "begin_gated_roots", "mistral",
             "input: {step: b-fe7b75c0-post}\n      on-complete: [end]\n",
             "input: {step: b-fe7b75c0-post}\n", "end does not wait for step b-fe7b75c0-post"}),
    [](const auto& tested) { return tested.param.name; });

// What is right in the order of its steps, and does not run as it says.
INSTANTIATE_TEST_SUITE_P(
    FormOfMistral, Changed,
    testing::Values(
        Case{"ASecondEnd", "diamond", "mistral", "    end:\n",
             "    early:\n      action: holdfast.step\n      input: {command: end}\n    end:\n",
             "task early of diamond-protect has 'input' {\"command\":\"end\"}"},
        Case{"ATaskThatFails", "diamond", "mistral", "    end:\n",
             "    early:\n      action: std.noop\n      fail-on: true\n    end:\n",
             "task early of diamond-protect calls std.noop, not holdfast.step"},
        Case{"ACommandInTheAction", "diamond", "mistral",
             "action: holdfast.step\n      input: {step: a-bc37fcd6-par}",
             "action: \"holdfast.step command=end\"", "calls holdfast.step command=end"},
        Case{"LinksOfAllTasks", "diamond", "mistral", "  task-defaults:\n",
             "  task-defaults:\n    on-error: [end]\n", "has 'task-defaults'"},
        Case{"TheRunOfAnother", "diamond", "mistral", "run: \"<% execution().id %>\"",
             "run: nightly", "expected.mistral.yaml:21: diamond-protect has 'vars'"},
        Case{"NoVariables", "diamond", "mistral", "  vars:\n", "  name:\n",
             "expected.mistral.yaml:6: diamond-protect has no 'vars'"},
        Case{"AnotherBundleForThePart", "cut_templates", "mistral", "bundle: \"<% $.bundle %>\", p",
             "bundle: \"4b69\", p", "has 'input'"},
        Case{"TheRecordOfAnother", "diamond", "mistral", "{record: \"\"}", "{record: other}",
             "expected.mistral.yaml:15: input record of diamond-protect has a default"},
        Case{"TheInputOfAnotherBundle", "diamond", "mistral", "{of-bundle-ed39", "{of-bundle-0000",
             "diamond-protect has an input of-bundle-00007fb99c75c79f, which is not that of its "
             "bundle: of-bundle-ed397fb99c75c79f"},
        Case{"TheInputOfItsBundleAndOfAnother", "diamond", "mistral",
             "  - {of-bundle-ed397fb99c75c79f: true}\n",
             "  - {of-bundle-ed397fb99c75c79f: true}\n  - {of-bundle-: true}\n",
             "has an input of-bundle-, which is not that of its bundle"},
        Case{"TheInputOfNoBundle", "diamond", "mistral", "  - {bundle: ", "  - {bundel: ",
             "has an input of-bundle-ed397fb99c75c79f, which is not that of its bundle"},
        Case{"ABundleInputThatSaysNo", "diamond", "mistral", "of-bundle-ed397fb99c75c79f: true",
             "of-bundle-ed397fb99c75c79f: false",
             "input of-bundle-ed397fb99c75c79f of diamond-protect has false, not true"},
        Case{"ABundleInputThatATriggerDoesNotSay", "diamond", "mistral",
             "{of-bundle-ed397fb99c75c79f: true}", "of-bundle-ed397fb99c75c79f",
             "input of-bundle-ed397fb99c75c79f of diamond-protect has no default, not true"},
        Case{"ABundleInputOfAPart", "cut_templates", "mistral",
             "input: [run, bundle, provider, record]",
             "input: [run, bundle, provider, record, of-bundle-0123456789abcdef]",
             "files-02-a2e48d85-all.yaml:7: cut-protect.files-02-a2e48d85-all.525f423d51 has an "
             "input "
             "of-bundle-0123456789abcdef, which nothing reads"},
        // As an earlier build wrote it.
        Case{"NoBundleInput", "diamond", "mistral", "  - {of-bundle-ed397fb99c75c79f: true}\n", "",
             ""},
        Case{
            "AStepThatIsGivenUp", "diamond", "mistral", "timeout: 2592600", "timeout: 1",
            "expected.mistral.yaml:33: 'timeout' of diamond-protect is 1, and 2592600 by its plan"},
        Case{"MoreTime", "diamond", "mistral", "timeout: 2592600", "timeout: 2592601",
             "'timeout' of diamond-protect is 2592601, and 2592600 by its plan"},
        Case{"NoTime", "diamond", "mistral", "    timeout: 2592600\n", "",
             "expected.mistral.yaml:27: diamond-protect has 'task-defaults'"},
        Case{"MoreTries", "diamond", "mistral", "count: 5", "count: 100000",
             "expected.mistral.yaml:30: the 'count' of 'retry' of diamond-protect is 100000, and 5 "
             "by its plan"},
        Case{"NoTries", "cut_templates", "mistral", "count: 5", "count: 0",
             "is 0, and 5 by its plan"},
        Case{"ALongerDelay", "diamond", "mistral", "delay: 10", "delay: 600", ""},
        Case{"ADelayWithoutEnd", "diamond", "mistral", "delay: 10", "delay: 1000000000",
             "expected.mistral.yaml:31: the 'delay' of 'retry' of diamond-protect is 1000000000 s, "
             "and may be 1 to 600 s"},
        Case{"NoDelay", "diamond", "mistral", "delay: 10", "delay: 0",
             "expected.mistral.yaml:31: the 'delay' of 'retry' of diamond-protect is 0 s, and may "
             "be 1 to"},
        Case{"Partial", "diamond", "mistral", "{partial: false}", "{partial: true}",
             "expected.mistral.yaml:17: input partial of diamond-protect is true, and false by its "
             "plan"},
        Case{"PartialAsAText", "diamond", "mistral", "{partial: false}", "{partial: \"false\"}",
             "input partial of diamond-protect is \"false\", and false by its plan"},
        Case{"FailFastOfThePlan", "diamond", "mistral", "{fail-fast: false}", "{fail-fast: true}",
             "input fail-fast of diamond-protect is true, and false by its plan"},
        Case{"EveryTryIsGood", "diamond", "mistral", "fail-on: \"<% not (str", "fail-on: \"<% (str",
             "has 'task-defaults'"},
        Case{"AStepThatNeverFails", "diamond", "mistral", "input: {step: a-bc37fcd6-par}\n",
             "input: {step: a-bc37fcd6-par}\n      fail-on: false\n",
             "task a-bc37fcd6-par of diamond-protect has 'fail-on', which its like never have"},
        Case{"AnEndThatIsAlwaysGood", "diamond", "mistral",
             " or tasks(execution().id, false, ERROR).len() > 0 %>", " %>",
             "expected.mistral.yaml:107: task end of diamond-protect has 'fail-on'"},
        Case{"AStepWithItsOwnTime", "diamond", "mistral", "input: {step: a-bc37fcd6-par}\n",
             "input: {step: a-bc37fcd6-par}\n      timeout: 1\n", "has 'timeout'"},
        Case{"AnInputMore", "diamond", "mistral", "{command: end}", "{command: end, step: x}",
             "task end of diamond-protect has 'input'"},
        Case{"APartOfItsOwn", "cut_templates", "mistral",
             "cut-protect.files-02-a2e48d85-all.525f423d51:", "cut-protect.files-02-other:",
             "files-02-a2e48d85-all.yaml:4: nothing starts cut-protect.files-02-other"},
        Case{"AnotherName", "diamond", "mistral", "\ndiamond-protect:\n", "\nzz-protect:\n",
             "expected.mistral.yaml:6: the workflow's name is \"zz-protect\", and "
             "\"diamond-protect\" by its plan"},
        Case{"APartUnderTheNameOfAnother", "cut_templates", "mistral",
             "cut-protect.files-02-a2e48d85-all.525f423d51", "shop-protect",
             "shop-protect is no name of a part of cut-protect"},
        // By these Holdfast knows its own in Mistral: it would store this one in the place of another plan's.
        Case{"AnotherPlansTags", "diamond", "mistral", "plan=diamond", "plan=nightly",
             "expected.mistral.yaml:8: 'tags' of diamond-protect is "
             "[\"holdfast.operation=protect\",\"holdfast.plan=nightly\","},
        Case{"AnotherOperationsTagsOfAPart", "cut_templates", "mistral", "operation=protect",
             "operation=delete", "'tags' of cut-protect.files-02-a2e48d85-all."},
        Case{"AnotherProvidersTags", "diamond", "mistral",
             "holdfast.provider=", "holdfast.provider=x", "'tags' of diamond-protect is "},
        Case{"TagsOfTheSite", "diamond", "mistral", "tags: [", "tags: [nightly, ", ""},
        // As an earlier build wrote it.
        Case{"NoTags", "diamond", "mistral", "  tags: [", "  # [", ""},
        Case{"AnotherAction", "diamond", "mistral",
             "action: holdfast.step\n      input: {step: a-bc37",
             "action: std.echo\n      input: {step: a-bc37", "calls std.echo, not holdfast.step"}),
    [](const auto& tested) { return tested.param.name; });

TEST(Definitions, HaveTheNumbersThatMistralReads) {
  auto source =
      *local::ReadSourceFile(std::string(HOLDFAST_TEST_GOLDEN) + "/diamond/expected.mistral.yaml");
  const std::size_t at = source.text.find("timeout: 2592600");
  source.text.replace(at, 16, "timeout: +03000000");
  const auto read = mistral::ReadDefinitions(std::vector<local::SourceFile>{source});
  ASSERT_TRUE(read) << read.error().Render();
  EXPECT_EQ(*read->front().task_defaults.Find("timeout"), Value(786432));
}

// `levels` workflows, each of which starts the next one by each of these tasks.
std::vector<mistral::Definition> StartingEachOther(int levels, const std::vector<std::string>& by) {
  std::string text = "version: '2.0'\n";
  for (int level = 0; level <= levels; ++level) {
    text += fmt::format("w.{:05}:\n  tasks:\n    verdict: {{action: std.noop}}\n", level);
    for (const std::string& task : by) {
      if (level < levels)
        text += fmt::format("    {}: {{workflow: \"w.{:05}\"}}\n", task, level + 1);
    }
  }
  return *mistral::ReadDefinitions(local::SourceFile{"w.yaml", text, nullptr});
}

// Else there would be twice as many of each.
TEST(RunOfMistral, HasAWorkflowOnceThatTwoTasksStart) {
  const SaidRun run = RunOf(StartingEachOther(16, {"a", "b"}));
  EXPECT_EQ(run.groups.size(), 17U);
  EXPECT_THAT(run.faults,
              Contains(HasSubstr("task b of w.00000 starts w.00001, as another task does: what is "
                                 "in it would run more than once")));
}

TEST(RunOfMistral, GoesNoDeeperThanAnyThatIsCompiled) {
  const SaidRun run = RunOf(StartingEachOther(300, {"a"}));
  EXPECT_THAT(run.faults, Contains(HasSubstr("task a of w.00099 starts w.00100: more than 100 "
                                             "workflows in each other")));
  EXPECT_THAT(RunOf(StartingEachOther(99, {"a"})).faults, Not(Contains(HasSubstr("more than"))));
}

// Of a Workflow with these templates, and one that is called `leaf`.
SaidRun RunOfArgo(const std::string& templates) {
  const auto workflow = local::ReadWorkflow(std::vector<local::SourceFile>{
      {"w.yaml",
       "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
       "  entrypoint: t0\n  onExit: t0\n  templates:\n"
       "  - name: leaf\n    container: {image: i, command: [holdfast-step]}\n" +
           templates,
       nullptr}});
  EXPECT_TRUE(workflow) << workflow.error().Render();
  return workflow ? RunOf(*workflow) : SaidRun();
}

TEST(RunOfArgo, HasATemplateOnceThatTwoTasksCall) {
  std::string templates;
  for (int level = 0; level < 12; ++level) {
    const std::string below = level < 11 ? fmt::format("t{}", level + 1) : "leaf";
    templates += fmt::format(
        "  - name: t{}\n    dag: {{failFast: false, tasks: [{{name: a, template: {}}}, "
        "{{name: b, template: {}}}]}}\n",
        level, below, below);
  }
  const SaidRun run = RunOfArgo(templates);
  EXPECT_EQ(run.groups.size(), 12U);
  EXPECT_THAT(run.faults, Contains(HasSubstr("calls t1, as another one does: what is in it "
                                             "would run more than once")));
}

// Two by two, each two after both before them: there are very many ways to the first.
TEST(RunOfArgo, LooksAtABarrierOnceThatThereAreManyWaysTo) {
  std::string tasks = "      - {name: a0, template: leaf}\n      - {name: b0, template: leaf}\n";
  for (int level = 1; level <= 30; ++level) {
    for (const char* const name : {"a", "b"})
      tasks += fmt::format(
          "      - {{name: {}{}, template: leaf, when: \"false\", depends: \"a{} && b{}\"}}\n",
          name, level, level - 1, level - 1);
  }
  tasks += "      - {name: last, template: leaf, depends: a30 && b30}\n";
  const auto begun = std::chrono::steady_clock::now();
  const SaidRun run =
      RunOfArgo("  - name: t0\n    dag:\n      failFast: false\n      tasks:\n" + tasks);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
  EXPECT_EQ(run.steps.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(
    Argo, Changed,
    testing::Values(
        Case{"AComment", "diamond", "argo", "# parallel of node a", "# x", ""},
        Case{"AGroupOfWhatIsCalledAsTheEnd", "cut_templates", "argo", "shop-7d3bee45-all",
             "end-7d3bee45-all", ""},
        Case{"ADependencyLess", "diamond", "argo", "depends: d-7595fa26-pre.Succeeded",
             "depends: b-fe7b75c0-pre.Succeeded",
             "step d-7595fa26-par does not wait for d-7595fa26-pre"},
        Case{"AGateThatIsNone", "diamond", "argo", "depends: a-bc37fcd6-pre.Succeeded",
             "depends: \"a-bc37fcd6-pre.Succeeded && begin.Succeeded\"", ""},
        Case{"AStepAfterAFailure", "diamond", "argo", "depends: begin.Succeeded",
             "depends: begin.Failed", "task a-bc37fcd6-pre may not start"},
        Case{"APostThatAFailureStops", "diamond", "argo", " || d-7595fa26-par.Failed", "",
             "may not start though all that it needs has succeeded"},
        Case{"AnotherName", "policy_and_template", "argo", "\n  name: policy-protect\n",
             "\n  name: zz-protect\n",
             "'name' is \"zz-protect\", and \"policy-protect\" by its plan"},
        Case{"RunsOfAnotherName", "diamond", "argo", "generateName: diamond-protect-",
             "generateName: zz-protect-",
             "'generateName' is \"zz-protect-\", and \"diamond-protect-\" by its plan"},
        Case{"ARunOfOneName", "diamond", "argo", "generateName: diamond-protect-",
             "name: diamond-protect",
             "'name' is \"diamond-protect\", and by its plan there is none"},
        Case{"AChildUnderTheNameOfAnother", "child_workflows", "argo", "large-protect-1b2f97f0",
             "shop-protect",
             "'name' is \"shop-protect\", which is no name of a part of large-protect"},
        Case{"ANegation", "diamond", "argo", "depends: a-bc37fcd6-pre.Succeeded",
             "depends: \"!a-bc37fcd6-pre.Succeeded\"", "may not start"},
        Case{"ACondition", "diamond", "argo", "depends: a-bc37fcd6-pre.Succeeded",
             "depends: a-bc37fcd6-pre.Succeeded\n        when: "
             "\"{{workflow.parameters.fail-fast}}\"",
             "has a 'when'"},
        Case{"ABeginThatIsLeftOut", "diamond", "argo", "template: begin}",
             "template: begin}\n        when: \"false\"", "task begin has a 'when'"},
        Case{"AnEndThatIsToldAnother", "diamond", "argo", "{{workflow.status}}", "Failed",
             "is not told '{{workflow.status}}' alone"},
        Case{"ACommentOfChildren", "child_workflows", "argo", "# 36 steps", "# x", ""},
        Case{"AStepOfAnotherRun", "child_workflows", "argo",
             "{name: run, value: \"{{workflow.parameters.run}}\"}", "{name: run, value: other}",
             "is of another run: other"},
        Case{"TwoChildrenOfOnePart", "child_workflows", "argo", "{name: part, value: \"482cd178\"}",
             "{name: part, value: \"1b2f97f0\"}", "as another one's part"},
        Case{"AChildThatIsNotStopped", "child_workflows", "argo", "end-with-children", "end",
             "of the exit handler calls end, not end-with-children"},
        Case{"APatchOfPods", "diamond", "argo", "  entrypoint: main",
             "  entrypoint: main\n  podSpecPatch: '{}'", "has 'podSpecPatch' in 'spec'"},
        Case{"ADeadline", "diamond", "argo", "  entrypoint: main",
             "  entrypoint: main\n  activeDeadlineSeconds: 5",
             "expected.argo.yaml:12: 'activeDeadlineSeconds' is 5, and by its plan there is none"},
        Case{"AnEndedOne", "diamond", "argo", "spec:\n", "status: {phase: Succeeded}\nspec:\n",
             "has 'status' in the object"},
        Case{"ALabelOfArgo", "diamond", "argo", "  annotations:\n",
             "  labels: {workflows.argoproj.io/completed: \"true\"}\n  annotations:\n",
             "which Argo obeys"},
        Case{"ATemplateOfItsOwn", "diamond", "argo", "  templates:\n",
             "  templates:\n  - name: own\n    container: {image: x, command: [x]}\n",
             "has 'container' in template own"},
        Case{"AnotherDocument", "diamond", "argo", "apiVersion: argoproj.io",
             "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: "
             "x}\nspec: {templates: []}\n---\napiVersion: argoproj.io",
             "is not one document"},
        Case{"NoDeadline", "policy_and_template", "argo", "  activeDeadlineSeconds: 5400\n", "",
             "has no 'activeDeadlineSeconds', and 5400 by its plan"},
        Case{"ALongerDeadline", "policy_and_template", "argo", "activeDeadlineSeconds: 5400",
             "activeDeadlineSeconds: 54000",
             "expected.argo.yaml:15: 'activeDeadlineSeconds' is 54000, and 5400 by its plan"},
        Case{"MoreAtOnce", "policy_and_template", "argo", "parallelism: 3", "parallelism: 300",
             "'parallelism' is 300, and 3 by its plan"},
        Case{"NoMoreAtOnce", "diamond", "argo", "  entrypoint: main",
             "  entrypoint: main\n  parallelism: 1",
             "'parallelism' is 1, and by its plan there is none"},
        Case{"MoreAtOnceInAChild", "child_workflows", "argo", "{name: parallelism, value: \"2\"}",
             "{name: parallelism, value: \"200\"}",
             "task files-1c8ca929-all has the argument parallelism '200', and '2' by its plan"},
        Case{"RunsThatAreDeletedAtOnce", "diamond", "argo", "secondsAfterFailure: 2592000",
             "secondsAfterFailure: 1", "'ttlStrategy' is"},
        Case{"MoreTries", "diamond", "argo", "{name: retries, value: \"5\"}",
             "{name: retries, value: \"100000\"}",
             "expected.argo.yaml:25: parameter retries is '100000', and '5' by its plan"},
        Case{"NoTriesInChildren", "child_workflows", "argo", "{name: retries, value: \"5\"}",
             "{name: retries, value: \"0\"}",
             "1b2f97f0.yaml:24: parameter retries is '0', and '5'"},
        Case{"TriesAsANumber", "diamond", "argo", "{name: retries, value: \"5\"}",
             "{name: retries, value: 5}", ""},
        Case{"AStepThatIsGivenUp", "policy_and_template", "argo",
             "{name: step-deadline, value: \"21600\"}", "{name: step-deadline, value: \"1\"}",
             "parameter step-deadline is '1', and '21600' by its plan"},
        Case{"Partial", "diamond", "argo", "{name: partial, value: \"false\"}",
             "{name: partial, value: \"true\"}",
             "parameter partial is 'true', and 'false' by its plan"},
        Case{"FailFastOfThePlan", "policy_and_template", "argo",
             "{name: fail-fast, value: \"true\"}", "{name: fail-fast, value: \"false\"}",
             "parameter fail-fast is 'false', and 'true' by its plan"},
        Case{"AParameterMore", "diamond", "argo", "    - {name: retries, value: \"5\"}\n",
             "    - {name: retries, value: \"5\"}\n    - {name: host, value: x}\n",
             "parameter host, which no compiled one has"},
        Case{"AGateTooMuch", "diamond", "argo", "depends: c-a4b55e85-pre.Succeeded",
             "depends: \"c-a4b55e85-pre.Succeeded && b-fe7b75c0-par.Succeeded\"",
             "is not started when b-fe7b75c0-par fails"},
        Case{"NoBegin", "diamond", "argo", "depends: begin.Succeeded", "depends: ''",
             "does not wait for begin"},
        Case{"FailFast", "diamond", "argo", "failFast: false", "failFast: true",
             "template main has no 'failFast: false'"},
        Case{"TheRecordOfAnother", "diamond", "argo", "{name: record, value: \"\"}",
             "{name: record, value: other}", "parameter record has a value"},
        Case{"ABeginThatIsAStep", "diamond", "argo", "template: begin}", "template: step}",
             "task begin calls the template step"},
        Case{"AStepThatNeverStarts", "diamond", "argo", "        a-bc37fcd6-post\n", "",
             "task a-bc37fcd6-post would never start"}),
    [](const auto& tested) { return tested.param.name; });

// The site's templates with one thing changed: numbers of their own may stand there, but not any.
struct SiteCase {
  std::string name;
  std::string from;
  std::string to;
  std::string fault;  // empty: none
  std::string golden = "diamond";
};

class ChangedSite : public testing::TestWithParam<SiteCase> {};

TEST_P(ChangedSite, IsFoundOut) {
  const SiteCase& c = GetParam();
  const std::string base = std::string(HOLDFAST_TEST_GOLDEN) + "/" + c.golden + "/expected";
  std::vector<local::SourceFile> files{*local::ReadSourceFile(base + ".argo.yaml")};
  bool changed = false;
  auto site = *local::ReadTemplateFolder(HOLDFAST_TEMPLATES);
  for (local::SourceFile& file : site) {
    for (std::size_t at = 0; (at = file.text.find(c.from, at)) != std::string::npos;
         at += c.to.size()) {
      file.text.replace(at, c.from.size(), c.to);
      changed = true;
    }
    files.push_back(std::move(file));
  }
  ASSERT_TRUE(changed) << "the templates have changed: nothing is replaced in them";
  const auto workflow = local::ReadWorkflow(std::move(files));
  ASSERT_TRUE(workflow) << workflow.error().Render();
  const Proof proof = Prove(*LoadBundle(*ReadBundleFolder(base + ".bundle")), RunOf(*workflow));
  if (c.fault.empty()) {
    EXPECT_THAT(proof.faults, IsEmpty());
  } else {
    EXPECT_THAT(proof.faults, Contains(HasSubstr(c.fault)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Argo, ChangedSite,
    testing::Values(
        SiteCase{"TriesOfItsOwn", "limit: \"{{workflow.parameters.retries}}\"", "limit: \"100\"",
                 ""},
        SiteCase{"TooManyTries", "limit: \"{{workflow.parameters.retries}}\"", "limit: \"100000\"",
                 "has the 'limit' 100000 of its 'retryStrategy', and may have 0 to 100"},
        SiteCase{"TriesOfAnotherParameter", "limit: \"{{workflow.parameters.retries}}\"",
                 "limit: \"{{workflow.parameters.step-deadline}}\"",
                 "which is neither a number nor {{workflow.parameters.retries}}"},
        SiteCase{"TriesWithoutEnd", "      limit: \"{{workflow.parameters.retries}}\"\n", "",
                 "has a 'retryStrategy' without 'limit'"},
        SiteCase{"AShorterPause", "cap: \"5m\"", "cap: \"1m\"", ""},
        SiteCase{"APauseOfADay", "cap: \"5m\"", "cap: \"24h\"",
                 "has a 'backoff' that comes to 86400 s between two tries, and may come to 3600 s"},
        SiteCase{"ADeadlineOfItsOwn",
                 "activeDeadlineSeconds: \"{{workflow.parameters.step-deadline}}\"",
                 "activeDeadlineSeconds: 86400", ""},
        SiteCase{"ADeadlineOfASecond",
                 "activeDeadlineSeconds: \"{{workflow.parameters.step-deadline}}\"",
                 "activeDeadlineSeconds: 1", "has 'activeDeadlineSeconds' 1, and may have 60 to"},
        SiteCase{"AShorterDeadlineThanThePlans",
                 "activeDeadlineSeconds: \"{{workflow.parameters.step-deadline}}\"",
                 "activeDeadlineSeconds: 3600",
                 "'activeDeadlineSeconds' of template step is 3600, and 21600 by its plan",
                 "policy_and_template"}),
    [](const auto& tested) { return tested.param.name; });

// The schedule of a plan in UTC, for either engine, with one thing changed in it.
struct ScheduleCase {
  std::string name;
  ScheduleEngine engine;
  std::string from;
  std::string to;
  std::string fault;  // empty: none
};

class ChangedSchedule : public testing::TestWithParam<ScheduleCase> {};

constexpr const char* kCronWorkflow = R"(apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata:
  name: policy-protect
  annotations:
    holdfast/compiled-by: "holdfast test"
spec:
  schedules:
  - "30 2 * * 0"
  timezone: "Etc/UTC"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 3
  workflowSpec:
    workflowTemplateRef: {name: policy-protect}
)";
constexpr const char* kTrigger = R"(name: policy-protect
workflow_name: policy-protect
# The environment with the places of the site.
workflow_params: {env: holdfast}
pattern: "30 2 * * 0"
)";

Bundle ScheduledBundle() {
  Bundle bundle;
  bundle.plan = Value()
                    .Set("name", "policy")
                    .Set("schedule", Value()
                                         .Set("cron", "30 2 * * 7")
                                         .Set("concurrency", "forbid")
                                         .Set("starting_deadline", 3'600'000)
                                         .Set("suspend", false)
                                         .Set("timezone", "Etc/UTC"));
  return bundle;
}

TEST_P(ChangedSchedule, IsFoundOut) {
  const ScheduleCase& c = GetParam();
  std::string text = c.engine == ScheduleEngine::kArgo ? kCronWorkflow : kTrigger;
  const std::size_t at = text.find(c.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, c.from.size(), c.to);
  const auto faults =
      ScheduleFaults(local::ParseFile({"a/p.schedule.yaml", text}), c.engine, ScheduledBundle());
  if (c.fault.empty()) {
    EXPECT_THAT(faults, IsEmpty());
  } else {
    EXPECT_THAT(faults, Contains(HasSubstr(c.fault)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mistral, ChangedSchedule,
    testing::Values(
        ScheduleCase{"AComment", ScheduleEngine::kMistral, "# The env", "# x", ""},
        ScheduleCase{
            "APattern", ScheduleEngine::kMistral, "30 2", "30 3",
            R"(p.schedule.yaml:5: 'pattern' is "30 3 * * 0", and "30 2 * * 0" by its plan)"},
        ScheduleCase{"ANeverComingDay", ScheduleEngine::kMistral, "30 2 * * 0", "0 0 31 2 *",
                     "'pattern' is \"0 0 31 2 *\""},
        ScheduleCase{"NoPattern", ScheduleEngine::kMistral, "pattern: \"30 2 * * 0\"\n",
                     "first_execution_time: \"2030-01-01 10:00\"\n",
                     "the cron trigger has no 'pattern'"},
        ScheduleCase{"AnotherWorkflow", ScheduleEngine::kMistral, "workflow_name: policy-protect",
                     "workflow_name: other",
                     "'workflow_name' is \"other\", and \"policy-protect\""},
        ScheduleCase{"AnotherEnvironment", ScheduleEngine::kMistral, "env: holdfast", "env: evil",
                     R"('workflow_params' is {"env":"evil"}, and {"env":"holdfast"} by its plan)"},
        ScheduleCase{"NoEnvironment", ScheduleEngine::kMistral,
                     "workflow_params: {env: holdfast}\n", "",
                     "the cron trigger has no 'workflow_params'"},
        ScheduleCase{
            "Inputs", ScheduleEngine::kMistral,
            "pattern:", "workflow_input: {partial: true}\npattern:",
            "p.schedule.yaml:5: the cron trigger has 'workflow_input': {\"partial\":true}, which"},
        ScheduleCase{"AFirstTime", ScheduleEngine::kMistral,
                     "pattern:", "first_execution_time: \"2030-01-01 10:00\"\npattern:",
                     "the cron trigger has 'first_execution_time'"},
        ScheduleCase{"OneRun", ScheduleEngine::kMistral,
                     "pattern:", "remaining_executions: 1\npattern:",
                     "the cron trigger has 'remaining_executions'"},
        ScheduleCase{"ForAll", ScheduleEngine::kMistral,
                     "pattern:", "scope: public\npattern:", "the cron trigger has 'scope'"},
        ScheduleCase{"Two", ScheduleEngine::kMistral,
                     "pattern:", "---\npattern:", "is not one document with a schedule"},
        ScheduleCase{"Nothing", ScheduleEngine::kMistral, "name: policy-protect\n", "- x: 1\n",
                     "cannot be read"}),
    [](const auto& tested) { return tested.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Argo, ChangedSchedule,
    testing::Values(
        ScheduleCase{"ALabel", ScheduleEngine::kArgo, "  annotations:",
                     "  namespace: backups\n  labels: {team: a}\n  annotations:", ""},
        ScheduleCase{"MoreRunsKept", ScheduleEngine::kArgo, "successfulJobsHistoryLimit: 3",
                     "successfulJobsHistoryLimit: 30", ""},
        ScheduleCase{"NoRunsKept", ScheduleEngine::kArgo, "failedJobsHistoryLimit: 3",
                     "failedJobsHistoryLimit: 0",
                     "p.schedule.yaml:14: 'failedJobsHistoryLimit' is 0, and may be 1 to 1000"},
        ScheduleCase{"ALine", ScheduleEngine::kArgo, "30 2", "30 3", "'schedules' is [\"30 3"},
        ScheduleCase{"ALineLess", ScheduleEngine::kArgo, "  schedules:\n  - \"30 2 * * 0\"\n",
                     "  schedules: []\n", "'schedules' is []"},
        ScheduleCase{"AnotherZone", ScheduleEngine::kArgo, "Etc/UTC", "Europe/Berlin",
                     "'timezone' is \"Europe/Berlin\", and \"Etc/UTC\" by its plan"},
        ScheduleCase{"NoZone", ScheduleEngine::kArgo, "  timezone: \"Etc/UTC\"\n", "",
                     "'spec' has no 'timezone': \"Etc/UTC\" by its plan"},
        ScheduleCase{"Replaced", ScheduleEngine::kArgo, "Forbid", "Replace",
                     "'concurrencyPolicy' is \"Replace\", and \"Forbid\" by its plan"},
        ScheduleCase{"Suspended", ScheduleEngine::kArgo, "  timezone:",
                     "  suspend: true\n  timezone:", "'spec' has 'suspend': true, which"},
        ScheduleCase{"NoStartingDeadline", ScheduleEngine::kArgo,
                     "  startingDeadlineSeconds: 3600\n", "",
                     "'spec' has no 'startingDeadlineSeconds': 3600"},
        ScheduleCase{"ACondition", ScheduleEngine::kArgo,
                     "  timezone:", "  when: \"false\"\n  timezone:", "'spec' has 'when'"},
        ScheduleCase{"AnotherTemplate", ScheduleEngine::kArgo, "Ref: {name: policy-protect}",
                     "Ref: {name: other}", "'workflowSpec' is"},
        ScheduleCase{"Arguments", ScheduleEngine::kArgo, "    workflowTemplateRef",
                     "    arguments: {parameters: [{name: partial, value: \"true\"}]}\n    "
                     "workflowTemplateRef",
                     "'workflowSpec' is"},
        ScheduleCase{"OrdersForArgo", ScheduleEngine::kArgo, "    holdfast/compiled-by",
                     "    cronworkflows.argoproj.io/last-used-schedule: x\n    "
                     "holdfast/compiled-by",
                     "which Argo obeys"},
        ScheduleCase{"Metadata", ScheduleEngine::kArgo, "spec:\n", "  finalizers: [x]\nspec:\n",
                     "'metadata' has 'finalizers'"},
        ScheduleCase{"MetadataOfItsWorkflows", ScheduleEngine::kArgo,
                     "  timezone:", "  workflowMetadata: {labels: {a: b}}\n  timezone:",
                     "'spec' has 'workflowMetadata'"},
        ScheduleCase{"AStatus", ScheduleEngine::kArgo, "spec:\n", "status: {}\nspec:\n",
                     "the object has 'status'"}),
    [](const auto& tested) { return tested.param.name; });

TEST(ScheduleFaults, HoldAFileToThePlanThatHasNone) {
  Bundle bundle = ScheduledBundle();
  bundle.plan = Value().Set("name", "policy");
  EXPECT_THAT(ScheduleFaults(local::ParseFile({"p.schedule.yaml", kTrigger}),
                             ScheduleEngine::kMistral, bundle),
              Contains(HasSubstr("its plan has no schedule for it")));
  bundle = ScheduledBundle();
  bundle.operation = Operation::kRestore;
  EXPECT_THAT(ScheduleFaults(local::ParseFile({"p.schedule.yaml", kCronWorkflow}),
                             ScheduleEngine::kArgo, bundle),
              Contains(HasSubstr("its plan has no schedule for it")));
}

TEST(ScheduleFaults, KnowThatMistralHasNoOtherZoneThanUtc) {
  Bundle bundle = ScheduledBundle();
  Value schedule = *bundle.plan.Find("schedule");
  bundle.plan.Set("schedule", schedule.Set("timezone", "Europe/Berlin").Set("suspend", true));
  EXPECT_THAT(ScheduleFaults(local::ParseFile({"p.schedule.yaml", kTrigger}),
                             ScheduleEngine::kMistral, bundle),
              ::testing::ElementsAre(HasSubstr("its plan's time zone is Europe/Berlin"),
                                     HasSubstr("the schedule is suspended")));
}

}  // namespace
}  // namespace holdfast::verify
