#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/resource.h"

namespace holdfast {

// The index of a resource in its graph: an id of ours, no arithmetic, no mixing.
struct ResourceId {
  std::uint32_t value = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const ResourceId&, const ResourceId&) = default;
};

// Resources and the edges parent -> child between them. Nodes are sorted by (type, id) and so are
// the children and parents of each: what is made from a graph never depends on the order in which
// it was built or read. May hold a cycle: the compiler's walk refuses one and names it.
// Immutable; as thread-safe as any const object.
class ResourceGraph {
 public:
  struct Node {
    ResourceKey key;
    std::string name;
    Value extra;
    Position position = {};  // of its entry in file(), for errors; no part of what a node is
  };
  struct Edge {
    ResourceId parent;
    ResourceId child;
    Value facts;
    Position position = {};  // of the child's entry in file(), for errors
  };

  // The file that it was read from, as errors name it; empty when it was not read from one.
  const std::string& file() const { return file_; }
  // Why there may be less in it than there is: each listing that failed and was let pass when it was
  // discovered. Sorted, each once.
  const std::vector<std::string>& warnings() const { return warnings_; }
  std::size_t size() const { return nodes_.size(); }
  const Node& node(ResourceId id) const { return nodes_[id.value]; }
  const std::vector<Node>& nodes() const { return nodes_; }
  // Sorted by (parent, child).
  const std::vector<Edge>& edges() const { return edges_; }
  std::span<const ResourceId> children(ResourceId id) const;
  std::span<const ResourceId> parents(ResourceId id) const;
  std::optional<ResourceId> Find(const ResourceKey& key) const;
  // The resource with its links, as a plugin gets it.
  Resource ResourceAt(ResourceId id) const;

 private:
  friend class ResourceGraphBuilder;
  std::string file_;
  std::vector<std::string> warnings_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::vector<std::uint32_t> child_begin_;  // size() + 1 offsets into child_ids_
  std::vector<ResourceId> child_ids_;
  std::vector<std::uint32_t> parent_begin_;  // size() + 1 offsets into parent_ids_
  std::vector<ResourceId> parent_ids_;
};

// Collects resources and edges in any order. One thread.
class ResourceGraphBuilder {
 public:
  // `file`: where the positions of nodes and edges are; errors name it with them.
  explicit ResourceGraphBuilder(std::string_view file = {}) : file_(file) {}

  // Adds a resource; the same key again with equal contents is the same node (a diamond), with
  // other contents kConflict.
  Status AddResource(ResourceGraph::Node node);
  // Adds an edge; the same again with equal facts is one edge, with other facts kConflict. An edge
  // from a resource to itself is kInvalidInput. Ends may be added later than the edge.
  Status AddEdge(const ResourceKey& parent, const ResourceKey& child, Value facts = {},
                 Position position = {});
  void AddWarning(std::string text) { warnings_.push_back(std::move(text)); }
  // Sorts and indexes: O((n + e) log n). kInvalidInput when an edge's end was never added.
  // The builder is empty afterwards.
  Result<ResourceGraph> Build();

 private:
  struct PendingEdge {
    ResourceKey parent;
    ResourceKey child;
    Value facts;
    Position position;
  };
  Error At(Error error, Position position) const;

  std::string file_;
  std::vector<std::string> warnings_;
  std::vector<ResourceGraph::Node> nodes_;
  std::vector<PendingEdge> edges_;
};

// The graph as a value, as it stands in graph.yaml, in bundles and in checkpoints:
//   {"format": 1, "warnings": [text]?,
//    "resources": [{"type", "id", "name", "extra"?, "children": [{"type", "id", "facts"?}]?}]}
Value GraphToValue(const ResourceGraph& graph);
// The other way round; errors carry the file and the positions of the value, and so does the graph.
Result<ResourceGraph> GraphFromValue(const Value& value, std::string_view file);

}  // namespace holdfast
