#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// One place on the way from what a step waits for to the step.
struct ExplainedPlace {
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
  std::string plugin;   // the resource's
  bool exists = false;  // false: the plugin does not define it, or answered "none"; the way goes on
                        // through it
  std::string rule;     // what led here from the place before: "a parent's pre comes before its
                        // children's pre"
};

// One edge or gate of a step, and what put it there.
struct ExplainedReason {
  std::string step;                 // the step that it points at
  std::vector<ExplainedPlace> way;  // from an activity of that step to one of this step
};

struct ExplainedActivity {
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
  std::string plugin;
  std::vector<ExplainedReason> gates;  // empty: `begin` alone
};

struct StepExplanation {
  std::string step;
  std::vector<ExplainedActivity> activities;
  std::vector<ExplainedReason> order;  // what it comes after, one for each step
  // All of it for people: several lines, printable, with a newline at the end.
  std::string text;
};

// Why a step of a bundle stands where it does: which resource, plugin and rule put each edge and
// gate there. Pure. kNotFound (did you mean) when the bundle has no such step.
Result<StepExplanation> Explain(const LoadedBundle& bundle, std::string_view step);

}  // namespace holdfast::compiler
