// Files that do not do what their bundle says: a golden file with one thing changed in it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_file.h"
#include "runtime/verify/argo_form.h"
#include "runtime/verify/proof.h"

namespace holdfast::verify {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
    std::vector<local::SourceFile> own = Files();
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
            R"(task a-bc37fcd6-par of diamond-protect has 'input' {"step":"a-bc37fcd6-post"}, not )"},
        Case{"ALinkToNowhere", "diamond", "mistral", "on-complete: [d-7595fa26-par]",
             "on-complete: [d-7595fa26-pra]", "leads to d-7595fa26-pra, which is not there"},
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
             "diamond-protect has no task 'end'"},
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
             "task gate of cut-protect.files-05-4a567810-all has no 'fail-on'"},
        Case{"APartThatIsNotThere", "cut_templates", "mistral",
             "workflow: cut-protect.files-1c8ca929-all", "workflow: cut-protect.other",
             "starts cut-protect.other, which is not there"},
        Case{"APartTwice", "cut_templates", "mistral",
             "workflow: cut-protect.files-02-a2e48d85-all",
             "workflow: cut-protect.files-00-72e81d44-all", "would run more than once"}),
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
             "run: nightly", "diamond-protect has 'vars'"},
        Case{"NoVariables", "diamond", "mistral", "  vars:\n", "  tags:\n",
             "diamond-protect has no 'vars'"},
        Case{"AnotherBundleForThePart", "cut_templates", "mistral", "bundle: \"<% $.bundle %>\", p",
             "bundle: \"4b69\", p", "has 'input'"},
        Case{"TheRecordOfAnother", "diamond", "mistral", "{record: \"\"}", "{record: other}",
             "input record of diamond-protect has a default"},
        Case{"AStepThatIsGivenUp", "diamond", "mistral", "timeout: 2592600", "timeout: 1",
             "a step would be given up after 1 s"},
        Case{"MoreTime", "diamond", "mistral", "timeout: 2592600", "timeout: 2592601", ""},
        Case{"MoreTries", "diamond", "mistral", "count: 5", "count: 50", ""},
        Case{"EveryTryIsGood", "diamond", "mistral", "fail-on: \"<% not (str", "fail-on: \"<% (str",
             "has 'task-defaults'"},
        Case{"AStepThatNeverFails", "diamond", "mistral", "input: {step: a-bc37fcd6-par}\n",
             "input: {step: a-bc37fcd6-par}\n      fail-on: false\n",
             "task a-bc37fcd6-par of diamond-protect has 'fail-on', which its like never have"},
        Case{"AnEndThatIsAlwaysGood", "diamond", "mistral",
             " or tasks(execution().id, false, ERROR).len() > 0 %>", " %>",
             "task end of diamond-protect has 'fail-on'"},
        Case{"AStepWithItsOwnTime", "diamond", "mistral", "input: {step: a-bc37fcd6-par}\n",
             "input: {step: a-bc37fcd6-par}\n      timeout: 1\n", "has 'timeout'"},
        Case{"AnInputMore", "diamond", "mistral", "{command: end}", "{command: end, step: x}",
             "task end of diamond-protect has 'input'"},
        Case{"APartOfItsOwn", "cut_templates", "mistral", "cut-protect.files-02-a2e48d85-all:",
             "cut-protect.files-02-other:", "nothing starts cut-protect.files-02-other"},
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

INSTANTIATE_TEST_SUITE_P(
    Argo, Changed,
    testing::Values(
        Case{"AComment", "diamond", "argo", "# parallel of node a", "# x", ""},
        Case{"ADependencyLess", "diamond", "argo", "depends: d-7595fa26-pre.Succeeded",
             "depends: b-fe7b75c0-pre.Succeeded",
             "step d-7595fa26-par does not wait for d-7595fa26-pre"},
        Case{"AGateThatIsNone", "diamond", "argo", "depends: a-bc37fcd6-pre.Succeeded",
             "depends: \"a-bc37fcd6-pre.Succeeded && begin.Succeeded\"", ""},
        Case{"AStepAfterAFailure", "diamond", "argo", "depends: begin.Succeeded",
             "depends: begin.Failed", "task a-bc37fcd6-pre may not start"},
        Case{"APostThatAFailureStops", "diamond", "argo", " || d-7595fa26-par.Failed", "",
             "may not start though all that it needs has succeeded"},
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
             "has another 'activeDeadlineSeconds'"},
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

}  // namespace
}  // namespace holdfast::verify
