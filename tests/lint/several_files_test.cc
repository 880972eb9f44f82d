// What is found does not depend on which file something stands in, nor on what starts it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/lint/argo_lint.h"

namespace holdfast::lint {
namespace {

using local::SourceFile;

std::string Header(const std::string& kind, const std::string& name) {
  return "apiVersion: argoproj.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name +
         "}\nspec:\n";
}

// Line 10 is its masked task, line 12 has the text that stays as it is.
const std::string kLibrary = Header("WorkflowTemplate", "shared") + R"(  templates:
  - name: region
    dag:
      failFast: false
      tasks:
      - {name: copy, template: step}
      - {name: post, template: step, depends: copy.Succeeded || copy.Failed || copy.Errored || copy.Omitted}
  - {name: step, container: {image: i, command: [run], args: ["{{retries}}"]}}
)";
const std::string kStartable = Header("WorkflowTemplate", "shared") + "  entrypoint: region\n" +
                               kLibrary.substr(kLibrary.find("  templates:"));
const std::string kCaller = Header("Workflow", "wf") + R"(  entrypoint: main
  templates:
  - name: main
    dag: {target: a, tasks: [{name: a, templateRef: {name: shared, template: region}}]}
)";
const std::string kAlone = Header("Workflow", "wf") +
                           "  entrypoint: main\n"
                           "  templates: [{name: main, container: {image: i, command: [run]}}]\n";
const std::string kNightly = Header("CronWorkflow", "nightly") + R"(  schedules: ["0 3 * * *"]
  workflowSpec: {entrypoint: region, workflowTemplateRef: {name: shared}}
)";

// Each as "trap FILE:LINE".
std::vector<std::string> Found(const std::vector<SourceFile>& files,
                               const std::vector<SourceFile>& templates = {}) {
  std::vector<std::string> found;
  for (const Finding& finding : LintArgo(files, templates)) {
    const auto& where = finding.error.where();
    found.push_back(finding.trap + " " + where->file + ":" + std::to_string(where->line));
  }
  return found;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(SeveralFiles, AnObjectOfAnotherKindReplacesNoTemplateOfTheSite) {
  EXPECT_THAT(Found({{"a.yaml", kCaller},
                     {"b.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n"}},
                    {{"site.yaml", kLibrary}}),
              IsEmpty());
}

TEST(SeveralFiles, AMaskedFailureIsSaidOfTheFileThatItIsIn) {
  const auto masked = ElementsAre("masked-failure b.yaml:10", "retries-literal b.yaml:12");
  EXPECT_THAT(Found({{"a.yaml", kCaller}, {"b.yaml", kLibrary}}), masked);
  EXPECT_THAT(Found({{"b.yaml", kLibrary}, {"a.yaml", kCaller}}), masked);
  EXPECT_THAT(Found({{"c.yaml", kNightly}, {"b.yaml", kLibrary}}), masked);
  // Each once, however many call it.
  EXPECT_THAT(Found({{"a.yaml", kCaller}, {"c.yaml", kNightly}, {"b.yaml", kLibrary}}), masked);
  EXPECT_THAT(Found({{"b.yaml", kLibrary}}), masked);
}

TEST(SeveralFiles, TheSameIsFoundWhereTheyAreOne) {
  EXPECT_THAT(Found({{"ab.yaml", kLibrary + "---\n" + kCaller}}),
              ElementsAre("masked-failure ab.yaml:10", "retries-literal ab.yaml:12"));
  EXPECT_THAT(Found({{"cb.yaml", kLibrary + "---\n" + kNightly}}),
              ElementsAre("masked-failure cb.yaml:10", "retries-literal cb.yaml:12"));
}

TEST(SeveralFiles, ATemplateThatNothingHereStartsIsWalked) {
  EXPECT_THAT(Found({{"t.yaml", kStartable}}),
              ElementsAre("masked-failure t.yaml:11", "retries-literal t.yaml:13"));
  EXPECT_THAT(Found({{"mix.yaml", kStartable + "---\n" + kAlone}}),
              ElementsAre("masked-failure mix.yaml:11", "retries-literal mix.yaml:13"));
  EXPECT_THAT(Found({{"mix.yaml", kLibrary + "---\n" + kAlone}}),
              ElementsAre("masked-failure mix.yaml:10", "retries-literal mix.yaml:12"));
}

TEST(SeveralFiles, OfALibraryOfWhichAPartIsCalledTheRestIsWalkedToo) {
  const std::string called =
      kLibrary + "  - {name: plain, container: {image: i, command: [run]}}\n";
  std::string caller = kCaller;
  caller.replace(caller.find("template: region"), 16, "template: plain");
  EXPECT_THAT(Found({{"a.yaml", caller}, {"b.yaml", called}}),
              ElementsAre("masked-failure b.yaml:10", "retries-literal b.yaml:12"));
}

TEST(SeveralFiles, TemplatesAreNotCheckedThemselves) {
  EXPECT_THAT(Found({{"a.yaml", kCaller}}, {{"b.yaml", kLibrary}}), IsEmpty());
}

// The verdict of a clean-up is nobody's.
TEST(SeveralFiles, WhatAnExitHandlerAloneCallsMasksNothing) {
  const std::string begins = Header("Workflow", "wf") + R"(  entrypoint: main
  onExit: end
  templates:
  - {name: main, container: {image: i, command: [run]}}
  - name: end
    dag: {tasks: [{name: a, templateRef: {name: shared, template: region}}]}
)";
  EXPECT_THAT(Found({{"a.yaml", begins}, {"b.yaml", kLibrary}}),
              ElementsAre("retries-literal b.yaml:12"));
}

TEST(SeveralFiles, OneFileMayHoldManyThatStart) {
  const auto with_name = [](std::string text, const std::string& name) {
    return text.replace(text.find("shared"), 6, name);
  };
  EXPECT_THAT(
      Found({{"two.yaml", with_name(kStartable, "a") + "---\n" + with_name(kStartable, "b")}}),
      ElementsAre("masked-failure two.yaml:11", "retries-literal two.yaml:13",
                  "masked-failure two.yaml:25", "retries-literal two.yaml:27"));
  std::string other = kAlone;
  other.replace(other.find("wf"), 2, "other");
  EXPECT_THAT(Found({{"wfs.yaml", kAlone + "---\n" + other}}), IsEmpty());
}

// What only a caller has is not missed: inputs, parameters, a status.
TEST(SeveralFiles, ALibraryKnowsWhatItsCallersGive) {
  EXPECT_THAT(Found({{"b.yaml", Header("WorkflowTemplate", "shared") + R"(  templates:
  - name: region
    inputs: {parameters: [{name: size}]}
    dag:
      tasks:
      - name: a
        template: step
        arguments:
          parameters: [{name: size, value: "{{inputs.parameters.size}}"}, {name: of, value: "{{workflow.parameters.of}}"}]
  - name: step
    inputs: {parameters: [{name: size}, {name: of}]}
    container: {image: i, command: [run], args: ["{{inputs.parameters.size}}", "{{workflow.status}}", "{{tasks.name}}"]}
)"}}),
              IsEmpty());
}

// As where something starts it: what cannot be read has not been looked at.
TEST(SeveralFiles, ALibraryThatCannotBeReadIsRefused) {
  const auto with_task = [](const std::string& task) {
    return Header("WorkflowTemplate", "shared") +
           "  templates:\n  - name: main\n    dag:\n      tasks:\n      - " + task +
           "\n  - {name: step, container: {image: i, command: [run]}}\n";
  };
  for (const std::string task :
       {"{name: a, template: stepp}", "{name: a, template: step, withItems: [1]}",
        "{name: a, template: main}", "{name: a, templateRef: {name: other, template: x}}",
        "{name: a, template: step, arguments: {parameters: [{name: x, value: v}]}}",
        "{name: a, template: step, when: '{{tasks.name}}'}"}) {
    EXPECT_THAT(Found({{"b.yaml", with_task(task)}}), ElementsAre("unreadable b.yaml:9")) << task;
  }
  EXPECT_THAT(Found({{"b.yaml", with_task("{name: a, template: step}")}}), IsEmpty());
}

TEST(SeveralFiles, WhatCannotBeReadIsSaidOnceAndOfItsOwnFile) {
  std::string broken = kLibrary;
  broken.replace(broken.find("copy.Omitted"), 12, "cpy.Omitted");
  EXPECT_THAT(Found({{"a.yaml", kCaller}, {"c.yaml", kNightly}, {"b.yaml", broken}}),
              ElementsAre("unreadable b.yaml:11"));
}

}  // namespace
}  // namespace holdfast::lint
