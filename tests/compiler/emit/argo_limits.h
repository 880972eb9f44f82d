#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/emit/engine_emitter.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// What a cluster takes of one object, and what its controller does not do as one would think (design:
// argo), each checked on an emitted file as it was read: numbers and sizes; names; targets; that what
// is named is there.
struct ArgoObjectFacts {
  std::size_t tasks = 0;
  std::size_t templates = 0;
  std::size_t bytes = 0;  // spec as Kubernetes writes it, and 450 for each task
  std::size_t depth = 0;  // templates in templates
  // Ids that the status holds because something waits for a nested template: of the one with the most.
  std::size_t child_ids = 0;
  std::vector<std::string> wrong;
};
ArgoObjectFacts CheckArgoObject(const Value& object, const EmitOptions& options);

}  // namespace holdfast::compiler
