// What may stand in a template is not refused, although nothing here reads or runs it.

#include <gtest/gtest.h>

#include <string>

#include "runtime/lint/argo_fields.h"
#include "runtime/lint/argo_variables.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

constexpr const char* kLegal = R"(apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  templates:
  - name: pod
    inputs:
      parameters: [{name: size}, {name: a-b}]
      artifacts: [{name: file, path: /file}, {name: raw, path: /raw, raw: {data: "{{workflow.name}}"}}]
    outputs: {parameters: [{name: out, valueFrom: {path: /out}}]}
    metadata:
      annotations:
        known: >-
          {{inputs.parameters.size}} {{ inputs.parameters.a-b }} {{inputs.parameters}} {{inputs.artifacts.file.path}}
          {{inputs.artifacts.file}} {{outputs.parameters.out.path}} {{pod.name}} {{node.name}} {{retries}} {{lastRetry.exitCode}}
        workflow: >-
          {{workflow.name}} {{workflow.namespace}} {{workflow.uid}} {{workflow.mainEntrypoint}} {{workflow.serviceAccountName}}
          {{workflow.parameters}} {{workflow.parameters.json}} {{workflow.parameters.of-the-caller}} {{workflow.labels.a}}
          {{workflow.labels.json}} {{workflow.annotations.a}} {{workflow.creationTimestamp}} {{workflow.creationTimestamp.RFC3339}}
          {{workflow.creationTimestamp.Y}} {{workflow.priority}} {{workflow.duration}} {{workflow.scheduledTime}}
          {{workflow.status}} {{workflow.failures}} {{workflow.outputs.parameters.x}}
        tasks: "{{tasks.name}} {{steps.name}}"
        vault: '{{- with secret "a/b" -}}{{ .Data.password }}{{- end }} {{foo}} {{$labels.instance}}'
        expressions: >-
          {{=1+1}} {{=inputs.parameters.size == "a" ? "}" : "{"}} {{=sprig.trim(inputs.parameters['a-b'])}}
          {{=asInt(inputs.parameters.size) + 1}} {{=filter([1, 2], # > 1)}} {{=tasks.x.outputs.result}} {{= 1 /* ) */ }}
          {{=jsonpath(inputs.parameters.size, '$.a[0]')}} {{=inputs.parameters.zz ?? "x"}} {{=item}}
    script:
      image: i
      command: [go]
      source: |
        var x = []T{{1, 2}, {3, 4}}
        var y = []T{{
          1,
        }, }
        {{.State}} {{ }} {{}} {{
    metrics:
      prometheus:
      - {name: m, help: h, counter: {value: "{{outputs.parameters.out}} {{status}} {{duration}} {{resourcesDuration.cpu}}"}}
  - name: list
    inputs: {parameters: [{name: size}]}
    steps:
    - - name: first
        template: pod
        withItems: [{x: 1}]
        arguments: {parameters: [{name: size, value: "{{item.x}} {{inputs.parameters.size}} {{item}}"}]}
    - - name: second
        template: pod
        when: "{{steps.first.outputs.parameters.out}} == 1"
        arguments: {parameters: [{name: size, value: "{{steps.first.status}} {{steps.first.ip}}"}]}
        hooks: {exit: {template: pod, arguments: {parameters: [{name: size, value: "{{steps.second.outputs.parameters.out}}"}]}}}
  - name: graph
    outputs: {parameters: [{name: out, valueFrom: {parameter: "{{tasks.a.outputs.parameters.out}}"}}]}
    dag:
      tasks:
      - {name: a, template: pod}
      - name: b
        depends: a
        arguments: {parameters: [{name: size, value: "{{tasks.a.outputs.result}} {{tasks.a.exitCode}}"}]}
        inline:
          inputs: {parameters: [{name: size}]}
          container: {image: i, command: [run], args: ["{{inputs.parameters.size}}"]}
)";

TEST(Variables, OfArgoAndOfOthersAreNotRefused) {
  // Not LintArgo(): it refuses what the local engine does not run.
  const local::ParsedFile file = local::ParseFile({"shared.yaml", kLegal});
  ASSERT_TRUE(file.documents.has_value());
  std::string said;
  for (const Value& document : *file.documents) {
    for (const Findings& findings :
         {CheckArgoFields(file.source, document), FindVariableFaults(file.source, document)}) {
      for (const Finding& finding : findings)
        said += finding.trap + ": " + finding.error.Render() + "\n";
    }
  }
  EXPECT_EQ(said, "");
}

}  // namespace
}  // namespace holdfast::lint
