#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "plugins/sdk/resource_graph.h"

namespace holdfast::compiler::bench {

// Parent and child.
using Edges = std::vector<std::pair<int, int>>;

inline ResourceGraph MakeGraph(int size, const Edges& edges) {
  const auto key = [](int i) { return ResourceKey{"Bench::Node", fmt::format("{:08}", i)}; };
  ResourceGraphBuilder builder;
  for (int i = 0; i < size; ++i) {
    if (!builder.AddResource({key(i), "", {}}).has_value()) std::abort();
  }
  for (const auto& [parent, child] : edges) {
    if (!builder.AddEdge(key(parent), key(child)).has_value()) std::abort();
  }
  auto graph = builder.Build();
  if (!graph.has_value()) std::abort();
  return std::move(*graph);
}

// Applications of 100 resources, two levels: 3 servers of 32 volumes.
inline Edges Forest(int size) {
  Edges edges;
  for (int i = 0; i < size; ++i) {
    const int in_tree = i % 100;
    if (in_tree == 0) continue;
    edges.emplace_back(in_tree <= 3 ? i - in_tree : i - in_tree + 1 + in_tree % 3, i);
  }
  return edges;
}

}  // namespace holdfast::compiler::bench
