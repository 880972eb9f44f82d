#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/dag/activity_dag.h"
#include "compiler/plan/parameter_set.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// What happens when the live graph is not the one that a workflow was compiled from.
enum class DriftPolicy { kFail, kWarn, kIgnore };
// Step names with the resource's name in them, made safe, or without.
enum class StepNames { kReadable, kOpaque };

struct PlanPolicy {
  std::optional<std::uint32_t> parallelism;  // steps at once; none = as many as the engine likes
  std::optional<std::chrono::milliseconds> step_deadline;  // of one try of one step
  std::optional<std::chrono::milliseconds> run_deadline;
  std::uint32_t retries =
      5;  // tries of a step after its first, when it says "try again" or was killed
  FuseMode fuse = FuseMode::kNone;
  DriftPolicy drift = DriftPolicy::kFail;
  StepNames step_names = StepNames::kReadable;
  bool fail_fast = false;  // the default of the run's parameter
  // How long an engine that keeps runs (not their checkpoints) keeps one.
  std::chrono::milliseconds keep_succeeded = std::chrono::days(7);
  std::chrono::milliseconds keep_failed = std::chrono::days(30);
};

// A plan: what to protect, and how (docs/reference/plan.md). A file such as
//
//   name: shop
//   provider: demo
//   resources:
//   - Local::Application#shop
//   parameters:
//     Local::Directory: {snapshot: copy}
//     Local::Directory#orders: {exclude: ["*.tmp"]}
//   policy: {parallelism: 4, step_deadline: 6h, drift: warn}
//   schedule: {cron: "0 2 * * *", timezone: Europe/Berlin}
//   retention: {daily: 7, weekly: 4}
struct Plan {
  std::string name;
  std::string provider;                // a name or an id
  std::vector<ResourceKey> resources;  // sorted
  // For errors: where these two stand in parameters.source.
  Position provider_position;
  std::map<ResourceKey, Position> resource_positions;
  ParameterSet parameters;  // of protect
  PlanPolicy policy;
  // The checked plan as data, without the parameters: "name", "provider", "resources" (texts
  // "type#id"), "policy", and "schedule" and "retention" where the file has them; durations in
  // ms. What bundles and records keep.
  Value value;
};

// Reads a plan and checks it in full, but for what needs plugins: the parameters' contents
// (ResolveParameters). All faults are collected: the first is the error, the others its causes,
// each with file, line, column and the line.
Result<Plan> ParsePlan(std::string_view text, std::string_view file);

// The policy in a plan's value, as a record or a bundle kept it; what is missing or unknown in it
// has its default.
PlanPolicy PolicyOf(const Value& plan);

// True for [a-z]([a-z0-9-]{0,38}[a-z0-9])?: what a plan may be called.
bool IsPlanName(std::string_view name);

}  // namespace holdfast::compiler
