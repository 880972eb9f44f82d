#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/emit/argo/argo_depends.h"
#include "compiler/emit/engine_emitter.h"
#include "compiler/workflow/engine_workflow.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// What stands in which object: the Workflow that is started, and its children.
struct ArgoObjects {
  std::vector<ArgoTasks> tasks;  // of every group
  // By object: its groups, the one that it begins with first. [0] is what is started.
  std::vector<std::vector<std::uint32_t>> groups;
  std::map<std::string_view, std::string> parts;  // by name of a separate group: hash of it
  std::size_t started_by_first = 0;               // children that the first object starts itself
};

// "<workflow>-<part>": the WorkflowTemplate of a child.
std::string ChildTemplateName(const EngineWorkflow& workflow, const ArgoObjects& objects,
                              std::string_view group);
// "<part>.yaml".
std::string ChildFileName(const ArgoObjects& objects, std::string_view group);

// The text of one object: a Workflow or WorkflowTemplate, or the WorkflowTemplate of a child.
Result<std::string> WriteArgoObject(const EngineWorkflow& workflow, const EmitOptions& options,
                                    const ArgoObjects& objects, std::size_t object);

// For all that is written for Argo.
void Member(YamlOut& out, std::string_view key, std::string_view word);
// In the metadata: what it was made with.
void WriteProvenance(YamlOut& out, const EmitOptions& options);
std::int64_t WholeSeconds(std::chrono::milliseconds duration);

}  // namespace holdfast::compiler
