#pragma once

#include <cstddef>
#include <cstdint>

#include "compiler/emit/argo/argo_depends.h"
#include "compiler/emit/engine_emitter.h"
#include "compiler/workflow/engine_workflow.h"

namespace holdfast::compiler {

// What one object of Argo may hold, or holds. (design: argo, "Sizes")
struct ArgoSize {
  std::size_t tasks = 0;
  std::size_t templates = 0;
  std::size_t bytes = 0;  // of its spec as JSON, and of its tasks' status

  bool FitsInto(const ArgoSize& limit) const {
    return tasks <= limit.tasks && templates <= limit.templates && bytes <= limit.bytes;
  }
  ArgoSize& operator+=(const ArgoSize& other) {
    tasks += other.tasks;
    templates += other.templates;
    bytes += other.bytes;
    return *this;
  }
};

// Whoever allows more tasks than a cluster takes has none in mind: then tasks alone are limited.
ArgoSize LimitOf(const EmitOptions& options);
// Of one template.
ArgoSize SizeOf(const EngineWorkflow& workflow, std::uint32_t group, const ArgoTasks& tasks);

// Puts groups into Workflows of their own (StepGroup::separate), where one object would hold more than
// `options` allow: from below, in each group that is too large with what is in it. Neighbours that wait for
// the same become one child together; what waited for one of them then waits for all. Where such a child
// begins and ends depends on what is next to it. Afterwards groups stand before those in them, as before.
void DivideIntoWorkflows(EngineWorkflow& workflow, const EmitOptions& options);

}  // namespace holdfast::compiler
