#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "compiler/workflow/engine_workflow.h"

namespace holdfast::compiler {

// A workflow of that many steps in one group, none of which waits for another one.
inline EngineWorkflow WorkflowOf(std::size_t steps) {
  EngineWorkflow workflow;
  workflow.name = "plan-protect";
  workflow.plan = "plan";
  workflow.bundle = std::string(64, 'a');
  workflow.provider = "2e0c8826-81d6-44f5-bbe5-8f46a98c5845";
  workflow.groups.emplace_back().name = "main";
  for (std::uint32_t i = 0; i < steps; ++i) {
    workflow.steps.push_back({"s" + std::to_string(i) + "-aaaaaaaa-pre", "step", {}});
    workflow.groups[0].items.push_back({GroupItem::Kind::kStep, i, {}, {}});
  }
  return workflow;
}

}  // namespace holdfast::compiler
