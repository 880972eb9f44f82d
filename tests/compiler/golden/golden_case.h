#pragma once

#include <deque>
#include <string>

#include "compiler/compile.h"
#include "compiler/plan/plan.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"

namespace holdfast::compiler {

// One folder of tests/golden: plan.yaml, graph.yaml and case.yaml:
//
//   operation: protect
//   provider: {name: Foo, id: 2e0c8826-81d6-44f5-bbe5-8f46a98c5845}
//   checkpoint: ID           # of the operations other than protect
//   options: {kind: template, fuse: leaf, max_tasks: 5000, partial: true}
//   plugins:
//   - name: server
//     types: [OS::Nova::Server]
//     activities: [pre, parallel, post]
//     aggregate: {pre: KEY}  # resources of these types share one step
//     quiesces: true
//     parameters: {...}      # a schema as data
//   none: {TYPE#ID: [post]}  # what a plugin answers "none" for, by resource
//
// parameters.yaml beside it is the --parameters file.
struct GoldenCase {
  Plan plan;
  ResourceGraph graph;
  std::deque<PluginDescriptor> plugins;  // what the input's map points to
  CompileInput input;
};

// `reversed`: the graph and the plan's resources are given in the opposite order.
Result<GoldenCase> ReadGoldenCase(const std::string& folder, bool reversed);

std::string ReadWhole(const std::string& path);

}  // namespace holdfast::compiler
