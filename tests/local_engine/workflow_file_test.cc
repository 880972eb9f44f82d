#include "runtime/local/workflow_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace holdfast::local {
namespace {

using testing::HasSubstr;

std::string Head(const std::string& kind, const std::string& name) {
  return "apiVersion: argoproj.io/v1alpha1\nkind: " + kind + "\nmetadata: {name: " + name +
         "}\nspec:\n";
}

Workflow MustRead(std::vector<SourceFile> files) {
  auto workflow = ReadWorkflow(std::move(files));
  if (!workflow) ADD_FAILURE() << workflow.error().Render();
  return workflow ? std::move(*workflow) : Workflow();
}

const Template& EntrypointOf(const Workflow& workflow) {
  return workflow.templates.at(workflow.entrypoint.template_index);
}

TEST(WorkflowFile, AWorkflowTemplateRunsAsItIs) {
  const Workflow workflow = MustRead({{"t.yaml", Head("WorkflowTemplate", "nightly") +
                                                     "  entrypoint: main\n  templates:\n  - name: "
                                                     "main\n    container: {command: [run]}\n"}});
  EXPECT_EQ(workflow.kind, "WorkflowTemplate");
  EXPECT_EQ(workflow.NameOfRun("r"), "nightly");
}

TEST(WorkflowFile, AWorkflowTakesWhatItLeavesOpenFromItsWorkflowTemplate) {
  const std::string base =
      "---\n" + Head("WorkflowTemplate", "base") +
      "  entrypoint: main\n  onExit: end\n  parallelism: 4\n  activeDeadlineSeconds: 60\n"
      "  arguments: {parameters: [{name: a, value: base}, {name: b, value: base}]}\n"
      "  templates:\n  - {name: main, container: {command: [run]}}\n  - {name: end, container: "
      "{command: [end]}}\n";
  const Workflow workflow =
      MustRead({{"w.yaml", Head("Workflow", "w") +
                               "  workflowTemplateRef: {name: base}\n  parallelism: 2\n"
                               "  arguments: {parameters: [{name: a, value: own}]}\n" +
                               base}});
  EXPECT_EQ(EntrypointOf(workflow).name, "main");
  ASSERT_TRUE(workflow.on_exit.has_value());
  EXPECT_EQ(workflow.parallelism, 2);
  EXPECT_EQ(workflow.active_deadline, std::chrono::seconds(60));
  const auto parameters = ResolveParameters(workflow, {});
  ASSERT_TRUE(parameters.has_value());
  EXPECT_EQ(parameters->at("a"), "own");
  EXPECT_EQ(parameters->at("b"), "base");
}

TEST(WorkflowFile, PlainNamesInAReferencedTemplateAreThatFilesOwn) {
  const std::string lib =
      Head("WorkflowTemplate", "lib") +
      "  templates:\n  - name: region\n    dag: {tasks: [{name: x, template: step}]}\n"
      "  - {name: step, container: {command: [of-lib]}}\n";
  const Workflow workflow = MustRead(
      {{"w.yaml", Head("Workflow", "w") +
                      "  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n"
                      "      - {name: a, templateRef: {name: lib, template: region}}\n      - "
                      "{name: b, template: step}\n"
                      "  - {name: step, container: {command: [own]}}\n"},
       {"lib.yaml", lib}});
  const auto command_of = [&workflow](std::uint32_t index) {
    return workflow.templates.at(index).container->command[0].text.source();
  };
  const auto& tasks = EntrypointOf(workflow).dag->tasks;
  EXPECT_EQ(command_of(tasks[1].call.template_index), "own");
  const Template& region = workflow.templates.at(tasks[0].call.template_index);
  EXPECT_EQ(command_of(region.dag->tasks[0].call.template_index), "of-lib");
}

TEST(WorkflowFile, AnErrorBehindTheFirstUseOfOtherFilesIsOfItsOwnFile) {
  std::vector<SourceFile> files;
  std::string tasks;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "lib-" + std::to_string(i);
    tasks += "      - {name: t" + std::to_string(i) + ", templateRef: {name: " + name +
             ", template: step}}\n";
    files.push_back(
        {name + ".yaml", Head("WorkflowTemplate", name) +
                             "  templates:\n  - {name: step, container: {command: [x]}}\n"});
  }
  files.insert(
      files.begin(),
      {"w.yaml", Head("Workflow", "w") +
                     "  entrypoint: main\n  templates:\n  - name: main\n    dag:\n      tasks:\n" +
                     tasks + "      - {name: last, templateRef: {name: lib-7, template: stpe}}\n"});
  const auto workflow = ReadWorkflow(files);
  ASSERT_FALSE(workflow);
  EXPECT_TRUE(workflow.error().Render().starts_with(
      "w.yaml:30:59: there is no template 'stpe' in WorkflowTemplate 'lib-7'"))
      << workflow.error().Render();
}

TEST(WorkflowFile, TheFilesOwnWorkflowTemplateGoesBeforeThatOfAFolder) {
  const auto lib = [](const std::string& command) {
    return Head("WorkflowTemplate", "lib") +
           "  templates:\n  - {name: step, container: {command: [" + command + "]}}\n";
  };
  const std::string main = Head("Workflow", "w") +
                           "  entrypoint: main\n  templates:\n  - name: main\n    dag: {tasks: "
                           "[{name: a, templateRef: {name: lib, "
                           "template: step}}]}\n";
  const Workflow workflow =
      MustRead({{"w.yaml", main + "---\n" + lib("near")}, {"lib.yaml", lib("far")}});
  const Task& task = EntrypointOf(workflow).dag->tasks[0];
  EXPECT_EQ(workflow.templates.at(task.call.template_index).container->command[0].text.source(),
            "near");

  const auto two = ReadWorkflow({{"w.yaml", main}, {"a.yaml", lib("a")}, {"b.yaml", lib("b")}});
  ASSERT_FALSE(two.has_value());
  EXPECT_THAT(two.error().message(),
              HasSubstr("there are 2 WorkflowTemplates 'lib': in a.yaml and b.yaml"));
}

TEST(WorkflowFile, ABrokenNeighbourIsNamedOnlyWhenSomethingIsMissing) {
  const std::string broken = "kind: [\n";
  const std::string own =
      Head("Workflow", "w") +
      "  entrypoint: main\n  templates:\n  - {name: main, container: {command: [run]}}\n";
  EXPECT_TRUE(ReadWorkflow({{"w.yaml", own}, {"broken.yaml", broken}}).has_value());
  const std::string refers = Head("Workflow", "w") +
                             "  entrypoint: main\n  templates:\n  - name: main\n    dag: {tasks: "
                             "[{name: a, templateRef: {name: lib, "
                             "template: step}}]}\n";
  const auto refused = ReadWorkflow({{"w.yaml", refers}, {"broken.yaml", broken}});
  ASSERT_FALSE(refused.has_value());
  ASSERT_EQ(refused.error().causes().size(), 1U);
  EXPECT_EQ(refused.error().causes()[0].where()->file, "broken.yaml");
}

TEST(WorkflowFile, FieldsThatOnlyMatterToAClusterArePassedOver) {
  MustRead({{"w.yaml", Head("Workflow", "w") + R"(  entrypoint: main
  serviceAccountName: holdfast
  podGC: {strategy: OnPodSuccess}
  ttlStrategy: {secondsAfterCompletion: 86400}
  volumes: [{name: v, secret: {secretName: s}}]
  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
  templates:
  - name: main
    metadata: {labels: {a: b}, annotations: {c: "{{tasks.name}}"}}
    securityContext: {fsGroup: 1}
    container:
      image: registry/x@sha256:00
      imagePullPolicy: IfNotPresent
      command: [run]
      workingDir: /work
      resources: {requests: {cpu: 100m}}
      volumeMounts: [{name: v, mountPath: /etc/x, readOnly: true}]
      securityContext: {readOnlyRootFilesystem: true}
      envFrom: [{secretRef: {name: s}}]
)"}});
}

TEST(WorkflowFile, TheHashCoversEveryFileThatWasReadAndNoOther) {
  const std::string main = Head("Workflow", "w") +
                           "  entrypoint: main\n  templates:\n  - name: main\n    dag: {tasks: "
                           "[{name: a, templateRef: {name: lib, "
                           "template: step}}]}\n";
  const auto lib = [](const std::string& name, const std::string& command) {
    return Head("WorkflowTemplate", name) +
           "  templates:\n  - {name: step, container: {command: [" + command + "]}}\n";
  };
  const std::string hash =
      MustRead({{"w.yaml", main}, {"l.yaml", lib("lib", "x")}, {"o.yaml", lib("other", "x")}})
          .sha256;
  EXPECT_EQ(MustRead({{"w.yaml", main}, {"l.yaml", lib("lib", "x")}, {"o.yaml", lib("other", "y")}})
                .sha256,
            hash);
  EXPECT_NE(MustRead({{"w.yaml", main}, {"l.yaml", lib("lib", "y")}, {"o.yaml", lib("other", "x")}})
                .sha256,
            hash);
}

TEST(WorkflowFile, ParametersAreCheckedAgainstTheFile) {
  const Workflow workflow = MustRead(
      {{"w.yaml", Head("Workflow", "w") + "  entrypoint: main\n  arguments: {parameters: [{name: "
                                          "record, value: ''}, {name: count, value: 3}]}\n"
                                          "  templates:\n  - {name: main, container: {command: "
                                          "[run, '{{workflow.parameters.record}}']}}\n"}});
  EXPECT_EQ(ResolveParameters(workflow, {{"record", "r"}})->at("count"), "3");
  const auto unknown = ResolveParameters(workflow, {{"recrod", "r"}});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().hint(), "did you mean 'record'?");
  EXPECT_FALSE(ResolveParameters(workflow, {{"record", "{{workflow.name}}"}}).has_value());
}

TEST(WorkflowFile, AParameterThatIsToBeANumberIsOneBeforeAnythingStarts) {
  const auto file = [](const std::string& retries) {
    return Head("Workflow", "w") +
           "  entrypoint: main\n  arguments:\n    parameters:\n    - {name: retries, value: '" +
           retries +
           "'}\n    - {name: deadline, value: '60'}\n"
           "  templates:\n  - name: main\n"
           "    retryStrategy: {limit: '{{workflow.parameters.retries}}'}\n"
           "    activeDeadlineSeconds: '{{workflow.parameters.deadline}}'\n"
           "    container: {command: [run]}\n";
  };
  const Workflow workflow = MustRead({{"w.yaml", file("5")}});
  EXPECT_TRUE(ResolveParameters(workflow, {{"retries", "0"}}).has_value());
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"retries", "x"}, {"deadline", "0"}, {"deadline", "60s"}, {"retries", ""}}) {
    const auto refused = ResolveParameters(workflow, {{name, value}});
    ASSERT_FALSE(refused.has_value()) << name << "=" << value;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  }
  const auto refused = ResolveParameters(workflow, {{"retries", "-1"}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().Render(),
            "parameter 'retries': the limit of retries is an integer from 0 to 1000000000, not "
            "'-1'\nhelp: it is used in w.yaml:12; the workflow file has '5'");
  // What the file itself says has its place there.
  const auto own = ResolveParameters(MustRead({{"w.yaml", file("many")}}), {});
  ASSERT_FALSE(own.has_value());
  ASSERT_TRUE(own.error().where().has_value());
  EXPECT_EQ(own.error().where()->line, 8U);
}

TEST(WorkflowFile, AFileThatIsNotThereIsNotFound) {
  const auto workflow = ReadWorkflowFile("/nonexistent/wf.yaml", {});
  ASSERT_FALSE(workflow.has_value());
  EXPECT_EQ(workflow.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::local
