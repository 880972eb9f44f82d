#include "compiler/plan/graph_file.h"

#include <fmt/format.h>

#include <utility>

#include "compiler/plan/source_text.h"
#include "compiler/yaml/yaml_out.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

constexpr std::int64_t kFormat = 1;

void WriteKey(YamlOut& out, const ResourceKey& key) {
  out.Key("type");
  out.Text(key.type);
  out.Key("id");
  out.Text(key.id);
}

// `edge` is the first of this resource's; returns the first of the next one's.
std::size_t WriteResource(YamlOut& out, const ResourceGraph& graph, ResourceId id,
                          std::size_t edge) {
  const ResourceGraph::Node& node = graph.node(id);
  out.BeginMap();
  WriteKey(out, node.key);
  out.Key("name");
  out.Text(node.name);
  if (!node.extra.is_null()) {
    out.Key("extra");
    out.Write(node.extra);
  }
  const auto& edges = graph.edges();
  if (edge < edges.size() && edges[edge].parent == id) {
    out.Key("children");
    out.BeginList();
    for (; edge < edges.size() && edges[edge].parent == id; ++edge) {
      const ResourceGraph::Node& child = graph.node(edges[edge].child);
      if (edges[edge].facts.is_null()) {
        out.BeginFlowMap();
        WriteKey(out, child.key);
        out.EndFlowMap();
        if (child.name != child.key.id) out.CommentAtEnd(child.name);
      } else {
        out.BeginMap();
        WriteKey(out, child.key);
        out.Key("facts");
        out.Write(edges[edge].facts);
        out.EndMap();
      }
    }
    out.EndList();
  }
  out.EndMap();
  return edge;
}

// True when the first line alone is a JSON object with "format" and a number of resources: the head
// of JSON lines.
bool IsJsonLines(std::string_view text) {
  const std::string_view line = Trim(text.substr(0, text.find('\n')));
  if (!line.starts_with('{')) return false;
  const auto head = ParseJson(line, "");
  if (!head || !head->is_map() || head->Find("format") == nullptr) return false;
  const Value* resources = head->Find("resources");
  return resources == nullptr || !resources->is_list();
}

// Moves the places of a value, which was read from one line, to that line. JSON nests 100 deep at most.
void MoveToLine(Value& value, std::uint32_t line) {
  const auto moved = [line](Position position) {
    return position.line == 0 ? position : Position{line, position.column};
  };
  value.set_position(moved(value.position()));
  value.set_key_position(moved(value.key_position()));
  if (value.is_list()) {
    for (Value& element : value.MutableList()) MoveToLine(element, line);
  } else if (value.is_map()) {
    for (auto& [key, member] : value.MutableMap()) MoveToLine(member, line);
  }
}

Result<Value> ParseJsonLines(const SourceText& source) {
  Value head;
  Value::List resources;
  std::uint32_t number = 0;
  for (const std::string_view line : Split(source.text, '\n')) {
    ++number;
    if (Trim(line).empty()) continue;
    auto value = ParseJson(line, source.file);
    if (!value) {
      Error error = std::move(value).error();
      Where where = error.where().value_or(Where{source.file, 0, 1, {}, 1});
      where.line = number;
      where.text.clear();
      return source.WithLines(std::move(error).At(std::move(where)));
    }
    value->set_position({number, 1});
    MoveToLine(*value, number);
    if (head.is_null()) {
      head = std::move(*value);
    } else {
      resources.push_back(std::move(*value));
    }
  }
  const Value* count = head.Find("resources");
  if (count == nullptr || !count->is_int()) {
    return source
        .At(head.position(), "the head of a graph in JSON lines says how many resources there are")
        .Hint(fmt::format("such as {{\"format\":{},\"resources\":{}}}", kFormat, resources.size()));
  }
  if (count->AsInt() != static_cast<std::int64_t>(resources.size())) {
    return source
        .At(head.position(),
            fmt::format("the head says \"resources\":{}, but {}", count->AsInt(),
                        Counted(resources.size(), "resource follows", "resources follow")))
        .Hint("the file was cut off, or its head was not changed with it");
  }
  head.Set("resources", std::move(resources));
  return head;
}

}  // namespace

Result<std::string> WriteGraphYaml(const ResourceGraph& graph, std::string_view comment) {
  YamlOut out;
  if (!comment.empty()) {
    for (const std::string_view line : Split(comment, '\n')) out.Comment(line);
  }
  out.Comment(fmt::format("{}, {}, by type and id.", Counted(graph.size(), "resource"),
                          Counted(graph.edges().size(), "edge")));
  out.BeginMap();
  out.Key("format");
  out.Integer(kFormat);
  if (!graph.warnings().empty()) {
    out.Comment("Listings that failed: what they would have found is not below.");
    out.Key("warnings");
    out.BeginList();
    for (const std::string& warning : graph.warnings()) out.Text(warning);
    out.EndList();
  }
  out.Key("resources");
  out.BeginList();
  std::size_t edge = 0;
  for (std::uint32_t i = 0; i < graph.size(); ++i)
    edge = WriteResource(out, graph, ResourceId{i}, edge);
  out.EndList();
  out.EndMap();
  return out.Take();
}

Result<std::string> WriteGraphJsonLines(const ResourceGraph& graph) {
  const Value value = GraphToValue(graph);
  Value head =
      Value().Set("format", kFormat).Set("resources", static_cast<std::int64_t>(graph.size()));
  if (const Value* warnings = value.Find("warnings"); warnings != nullptr)
    head.Set("warnings", *warnings);
  HOLDFAST_ASSIGN_OR_RETURN(std::string out, DumpJson(head));
  out += '\n';
  for (const Value& resource : value.Find("resources")->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string line, DumpJson(resource));
    out += line;
    out += '\n';
  }
  return out;
}

Result<ResourceGraph> ReadGraph(std::string_view text, std::string_view file) {
  const SourceText source{std::string(file), std::string(text)};
  // JSON is nearly a part of YAML; what is not (pairs of surrogates) matters for names.
  const bool json = Trim(text).starts_with('{') && ParseJson(text, file);
  auto value = IsJsonLines(text) ? ParseJsonLines(source)
               : json            ? ParseJson(text, file)
                                 : ParseYaml(text, file);
  if (!value) return std::move(value).error();
  auto graph = GraphFromValue(*value, file);
  if (!graph) return source.WithLines(graph.error());
  return graph;
}

}  // namespace holdfast::compiler
