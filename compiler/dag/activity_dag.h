#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// The index of a step in its DAG.
struct StepId {
  std::uint32_t value = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const StepId&, const StepId&) = default;
};

// One activity of one resource.
struct ActivityRef {
  ResourceId resource;
  ActivityKind kind = ActivityKind::kPre;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const ActivityRef&, const ActivityRef&) = default;
};

// Which activities exist, for one operation: what each resource's plugin defines and answered
// (StepChoice; kNone also where the plugin does not define the activity). Data, so that the
// compiler never calls a plugin.
struct ActivityTable {
  // By ResourceId and ActivityKind.
  std::vector<std::array<StepChoice, kActivityKindCount>> choices;

  bool Exists(ResourceId resource, ActivityKind kind) const {
    return choices[resource.value][static_cast<std::size_t>(kind)].kind != StepChoice::Kind::kNone;
  }
};

// Leaf fusion (design: semantics): none = one activity a step.
enum class FuseMode { kNone, kLeaf };

// Why a step comes after another one, for comments, pictures and `holdfast explain`: the colours
// of the specification's links, and pre_finish's. What stands for several links, because the
// activities between do not exist, is of the last one's kind.
enum class LinkKind {
  kParentPreToPre,    // green
  kPreToParallel,     // yellow
  kParallelToPost,    // red
  kPostToParentPost,  // indigo
  kPreFinish,         // deepskyblue: to a pre_finish, and from there to parallel
};

// The activity DAG of one operation: steps with order and gates (design: semantics). Immutable.
class ActivityDag {
 public:
  struct Predecessor {
    StepId step;
    LinkKind link = LinkKind::kParentPreToPre;  // of the (possibly contracted) link that ends here
  };
  struct Step {
    // In the order in which the step runs them. One; or several kinds of one leaf (fusion); or one
    // kind of several resources (aggregation), sorted by resource.
    std::vector<ActivityRef> activities;
    // The transitive reduction of the order, sorted by step.
    std::vector<Predecessor> order;
    // By activity (parallel to `activities`): every gate, none left out, sorted; `begin` alone = empty.
    std::vector<std::vector<ActivityRef>> gates;
  };

  // In walk order: pre, pre_finish and parallel of a resource on entry, post on exit of its subtree.
  // A step of several resources stands where the first of its activities would.
  std::vector<Step> steps;
  // Where the graph was too large to reduce (semantics.md): what to tell the user; else empty.
  std::vector<std::string> notes;

  // The step of an activity, or nothing when it does not exist.
  std::vector<std::array<std::uint32_t, kActivityKindCount>> step_of;  // by resource; kNoStep
  static constexpr std::uint32_t kNoStep = ~std::uint32_t{0};
};

// Builds the DAG: walk, links, contraction of what does not exist, transitive reduction,
// aggregation, fusion. kInvalidInput for a cycle of resources (printed in user names) and for an
// aggregation that would close a cycle (names the resources and links that collide). Pure; linear
// in nodes and edges for forests; never recursive.
Result<ActivityDag> BuildActivityDag(const ResourceGraph& graph, const ActivityTable& table,
                                     FuseMode fuse);

}  // namespace holdfast::compiler
