#include "plugins/sdk/resource_graph.h"

#include <algorithm>
#include <numeric>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

constexpr std::int64_t kFormat = 1;

// Of two entries that contradict each other, the error points to the later one.
Error GivenTwice(std::string what, Position first) {
  Error error(ErrorCode::kConflict, std::move(what));
  if (first.line == 0) return error;
  return std::move(error).Hint("the first one is in line " + std::to_string(first.line));
}

Error AtValue(Error error, const Value& value, std::string_view file) {
  return std::move(error).At(
      {std::string(file), value.position().line, value.position().column, {}, 1});
}

Value KeyAsMap(const ResourceKey& key) { return Value().Set("type", key.type).Set("id", key.id); }

Result<ResourceKey> KeyFromMap(const Value& value, std::string_view file) {
  const Value* type = value.Find("type");
  const Value* id = value.Find("id");
  if (type == nullptr || id == nullptr || !type->is_string() || !id->is_string()) {
    return AtValue(InvalidInput("a resource needs 'type' and 'id', both texts"), value, file);
  }
  ResourceKey key{type->AsString(), id->AsString()};
  if (auto status = CheckResourceKey(key); !status) {
    return AtValue(std::move(status).error(), value, file);
  }
  return key;
}

Status RefuseUnknownKeys(const Value& map, const std::vector<std::string>& known,
                         std::string_view file) {
  for (const auto& [key, value] : map.AsMap()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    Error error = InvalidInput("unknown key '" + Printable(key) + "'")
                      .At({std::string(file),
                           value.key_position().line,
                           value.key_position().column,
                           {},
                           static_cast<std::uint32_t>(key.size())});
    if (const std::string near = Nearest(key, known); !near.empty()) {
      return std::move(error).Hint("did you mean '" + near + "'?");
    }
    return error;
  }
  return Ok();
}

}  // namespace

std::span<const ResourceId> ResourceGraph::children(ResourceId id) const {
  return std::span(child_ids_)
      .subspan(child_begin_[id.value], child_begin_[id.value + 1] - child_begin_[id.value]);
}

std::span<const ResourceId> ResourceGraph::parents(ResourceId id) const {
  return std::span(parent_ids_)
      .subspan(parent_begin_[id.value], parent_begin_[id.value + 1] - parent_begin_[id.value]);
}

std::optional<ResourceId> ResourceGraph::Find(const ResourceKey& key) const {
  const auto at =
      std::lower_bound(nodes_.begin(), nodes_.end(), key,
                       [](const Node& node, const ResourceKey& k) { return node.key < k; });
  if (at == nodes_.end() || at->key != key) return std::nullopt;
  return ResourceId{static_cast<std::uint32_t>(at - nodes_.begin())};
}

Resource ResourceGraph::ResourceAt(ResourceId id) const {
  Resource resource{node(id).key, node(id).name, node(id).extra, {}, {}};
  const auto facts_of = [this](ResourceId parent, ResourceId child) -> const Value& {
    const auto at = std::lower_bound(edges_.begin(), edges_.end(), std::pair(parent, child),
                                     [](const Edge& edge, const auto& ends) {
                                       return std::pair(edge.parent, edge.child) < ends;
                                     });
    return at->facts;
  };
  for (const ResourceId parent : parents(id)) {
    resource.parents.push_back({node(parent).key, node(parent).name, facts_of(parent, id)});
  }
  for (const ResourceId child : children(id)) {
    resource.children.push_back({node(child).key, node(child).name, facts_of(id, child)});
  }
  return resource;
}

Status ResourceGraphBuilder::AddResource(ResourceGraph::Node node) {
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(node.key));
  if (!IsUtf8(node.name)) {
    return InvalidInput("the name of " + Printable(node.key.str()) + " is not UTF-8 text");
  }
  nodes_.push_back(std::move(node));
  return Ok();
}

Status ResourceGraphBuilder::AddEdge(const ResourceKey& parent, const ResourceKey& child,
                                     Value facts, Position position) {
  if (parent == child) {
    return InvalidInput(Printable(parent.str()) + " is its own child");
  }
  edges_.push_back({parent, child, std::move(facts), position});
  return Ok();
}

Error ResourceGraphBuilder::At(Error error, Position position) const {
  if (file_.empty()) return error;
  return std::move(error).At({file_, position.line, position.column, {}, 1});
}

Result<ResourceGraph> ResourceGraphBuilder::Build() {
  ResourceGraph graph;
  graph.warnings_ = std::exchange(warnings_, {});
  std::sort(graph.warnings_.begin(), graph.warnings_.end());
  graph.warnings_.erase(std::unique(graph.warnings_.begin(), graph.warnings_.end()),
                        graph.warnings_.end());
  std::stable_sort(nodes_.begin(), nodes_.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  for (ResourceGraph::Node& node : nodes_) {
    if (graph.nodes_.empty() || graph.nodes_.back().key != node.key) {
      graph.nodes_.push_back(std::move(node));
    } else if (const auto& first = graph.nodes_.back();
               first.name != node.name || !(first.extra == node.extra)) {
      return At(GivenTwice(Printable(node.key.str()) + " is given twice with different contents",
                           first.position),
                node.position);
    }
  }
  nodes_.clear();
  if (graph.nodes_.size() >= ~std::uint32_t{0}) return At(InvalidInput("too many resources"), {});

  for (PendingEdge& edge : edges_) {
    const auto parent = graph.Find(edge.parent);
    const auto child = graph.Find(edge.child);
    if (!parent || !child) {
      return At(InvalidInput(Printable((parent ? edge.child : edge.parent).str()) +
                             " is named by an edge but is not among the resources"),
                edge.position);
    }
    graph.edges_.push_back({*parent, *child, std::move(edge.facts), edge.position});
  }
  edges_.clear();
  std::stable_sort(graph.edges_.begin(), graph.edges_.end(), [](const auto& a, const auto& b) {
    return std::pair(a.parent, a.child) < std::pair(b.parent, b.child);
  });
  const auto same_ends = [](const auto& a, const auto& b) {
    return a.parent == b.parent && a.child == b.child;
  };
  for (std::size_t i = 1; i < graph.edges_.size(); ++i) {
    const auto& before = graph.edges_[i - 1];
    const auto& edge = graph.edges_[i];
    if (same_ends(before, edge) && !(before.facts == edge.facts)) {
      return At(GivenTwice("the edge from " + Printable(graph.node(edge.parent).key.str()) +
                               " to " + Printable(graph.node(edge.child).key.str()) +
                               " is given twice with different facts",
                           before.position),
                edge.position);
    }
  }
  graph.edges_.erase(std::unique(graph.edges_.begin(), graph.edges_.end(), same_ends),
                     graph.edges_.end());
  graph.file_ = std::move(file_);

  const std::size_t n = graph.nodes_.size();
  graph.child_begin_.assign(n + 1, 0);
  graph.parent_begin_.assign(n + 1, 0);
  for (const auto& edge : graph.edges_) {
    ++graph.child_begin_[edge.parent.value + 1];
    ++graph.parent_begin_[edge.child.value + 1];
  }
  std::partial_sum(graph.child_begin_.begin(), graph.child_begin_.end(),
                   graph.child_begin_.begin());
  std::partial_sum(graph.parent_begin_.begin(), graph.parent_begin_.end(),
                   graph.parent_begin_.begin());
  graph.parent_ids_.resize(graph.edges_.size());
  std::vector<std::uint32_t> next(graph.parent_begin_.begin(), graph.parent_begin_.end());
  graph.child_ids_.reserve(graph.edges_.size());
  for (const auto& edge : graph.edges_) {
    graph.child_ids_.push_back(edge.child);
    graph.parent_ids_[next[edge.child.value]++] = edge.parent;
  }
  return graph;
}

Value GraphToValue(const ResourceGraph& graph) {
  Value::List resources;
  resources.reserve(graph.size());
  std::size_t edge = 0;
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const auto& node = graph.nodes()[i];
    Value entry = KeyAsMap(node.key);
    entry.Set("name", node.name);
    if (!node.extra.is_null()) entry.Set("extra", node.extra);
    Value::List children;
    for (; edge < graph.edges().size() && graph.edges()[edge].parent.value == i; ++edge) {
      Value child = KeyAsMap(graph.node(graph.edges()[edge].child).key);
      if (!graph.edges()[edge].facts.is_null()) child.Set("facts", graph.edges()[edge].facts);
      children.push_back(std::move(child));
    }
    if (!children.empty()) entry.Set("children", std::move(children));
    resources.push_back(std::move(entry));
  }
  Value out = Value().Set("format", kFormat);
  if (!graph.warnings().empty())
    out.Set("warnings", Value::List(graph.warnings().begin(), graph.warnings().end()));
  return out.Set("resources", std::move(resources));
}

Result<ResourceGraph> GraphFromValue(const Value& value, std::string_view file) {
  if (!value.is_map()) return AtValue(InvalidInput("a resource graph is a map"), value, file);
  HOLDFAST_RETURN_IF_ERROR(RefuseUnknownKeys(value, {"format", "warnings", "resources"}, file));
  const Value* format = value.Find("format");
  if (format == nullptr || !format->is_int() || format->AsInt() != kFormat) {
    return AtValue(InvalidInput("a resource graph of this build has 'format: 1'"),
                   format == nullptr ? value : *format, file);
  }
  const Value* resources = value.Find("resources");
  if (resources == nullptr || !resources->is_list()) {
    return AtValue(InvalidInput("a resource graph needs a list 'resources'"), value, file);
  }
  ResourceGraphBuilder builder(file);
  if (const Value* warnings = value.Find("warnings"); warnings != nullptr && !warnings->is_null()) {
    if (!warnings->is_list())
      return AtValue(InvalidInput("'warnings' is a list of texts"), *warnings, file);
    for (const Value& warning : warnings->AsList()) {
      if (!warning.is_string()) return AtValue(InvalidInput("a warning is a text"), warning, file);
      builder.AddWarning(warning.AsString());
    }
  }
  for (const Value& entry : resources->AsList()) {
    if (!entry.is_map()) return AtValue(InvalidInput("a resource is a map"), entry, file);
    HOLDFAST_RETURN_IF_ERROR(
        RefuseUnknownKeys(entry, {"type", "id", "name", "extra", "children"}, file));
    HOLDFAST_ASSIGN_OR_RETURN(ResourceKey key, KeyFromMap(entry, file));
    const Value* extra = entry.Find("extra");
    if (extra != nullptr && !extra->is_map() && !extra->is_null()) {
      return AtValue(InvalidInput("'extra' is a map"), *extra, file);
    }
    const Value* name = entry.Find("name");
    if (name != nullptr && !name->is_string()) {
      return AtValue(InvalidInput("'name' is a text"), *name, file);
    }
    const Value* children = entry.Find("children");
    if (children != nullptr && !children->is_list() && !children->is_null()) {
      return AtValue(InvalidInput("'children' is a list"), *children, file);
    }
    if (children != nullptr && children->is_list()) {
      for (const Value& child : children->AsList()) {
        if (!child.is_map()) return AtValue(InvalidInput("a child is a map"), child, file);
        HOLDFAST_RETURN_IF_ERROR(RefuseUnknownKeys(child, {"type", "id", "facts"}, file));
        HOLDFAST_ASSIGN_OR_RETURN(const ResourceKey child_key, KeyFromMap(child, file));
        const Value* facts = child.Find("facts");
        if (auto status = builder.AddEdge(key, child_key, facts == nullptr ? Value() : *facts,
                                          child.position());
            !status) {
          return AtValue(std::move(status).error(), child, file);
        }
      }
    }
    ResourceGraph::Node node{key, name == nullptr ? key.id : name->AsString(),
                             extra == nullptr ? Value() : *extra, entry.position()};
    if (auto status = builder.AddResource(std::move(node)); !status) {
      return AtValue(std::move(status).error(), entry, file);
    }
  }
  return builder.Build();
}

}  // namespace holdfast
