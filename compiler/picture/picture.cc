#include "compiler/picture/picture.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/graph/walk.h"

namespace holdfast::compiler {
namespace {

constexpr std::size_t kShownCharacters = 60;
// Of the resources of one step, its label names this many.
constexpr std::size_t kShownResources = 5;

struct Colour {
  std::string_view name;
  std::string_view meaning;
};
// By LinkKind.
constexpr std::array<Colour, 5> kColours{{
    {"green", "a parent's pre, then its dependents' pre"},
    {"yellow", "pre, then parallel"},
    {"red", "parallel, then post"},
    {"indigo", "post, then the parent's post"},
    {"deepskyblue", "preparations, then pre_finish, then parallel"},
}};

// The label's first characters; cut between characters.
std::string Shortened(std::string text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continue;
    if (++characters <= kShownCharacters) continue;
    text.resize(i);
    return text + "...";
  }
  return text;
}

// What a quoted DOT string means as a label is again a language: backslashes are escapes there
// (\N is the node's name) and & starts an entity.
std::string DotText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// Mermaid finds directives (%%{..}%%), Markdown, line breaks and entities also inside quotes, so
// everything but what is known to be plain is written as a character code.
std::string MermaidText(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       static_cast<unsigned char>(c) >= 0x80U ||
                       std::string_view(" ._-:/,()+").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("#{};", static_cast<unsigned>(c));
    }
  }
  return out + "\"";
}

std::string ResourceLabel(const ResourceGraph& graph, ResourceId resource) {
  return Shortened(LabelOf(graph.node(resource)));
}

// A step as it is drawn: inside the frame of its only resource, or on its own.
struct DrawnStep {
  std::string label;
  bool in_frame = true;
};

DrawnStep DrawStep(const ResourceGraph& graph, const ActivityDag::Step& step) {
  DrawnStep drawn;
  const ResourceId first = step.activities.front().resource;
  if (step.activities.back().resource == first) {
    for (const ActivityRef activity : step.activities) {
      if (!drawn.label.empty()) drawn.label += " + ";
      drawn.label += NameOf(activity.kind);
    }
    return drawn;
  }
  drawn.in_frame = false;
  drawn.label = NameOf(step.activities.front().kind);
  drawn.label += " of ";
  for (std::size_t i = 0; i < step.activities.size(); ++i) {
    if (i == kShownResources && step.activities.size() > kShownResources + 1) {
      drawn.label += fmt::format(" and {} more", step.activities.size() - kShownResources);
      break;
    }
    if (i != 0) drawn.label += ", ";
    drawn.label += ResourceLabel(graph, step.activities[i].resource);
  }
  return drawn;
}

// The steps to draw, and by resource those in its frame, in the order of the steps.
struct Frames {
  std::vector<DrawnStep> steps;
  std::vector<std::vector<std::size_t>> of_resource;
  // Resources with a frame, in the order of their first step.
  std::vector<ResourceId> order;
};

Frames MakeFrames(const ResourceGraph& graph, const ActivityDag& dag) {
  Frames frames;
  frames.of_resource.resize(graph.size());
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    frames.steps.push_back(DrawStep(graph, dag.steps[i]));
    if (!frames.steps.back().in_frame) continue;
    const ResourceId resource = dag.steps[i].activities.front().resource;
    auto& frame = frames.of_resource[resource.value];
    if (frame.empty()) frames.order.push_back(resource);
    frame.push_back(i);
  }
  return frames;
}

std::string DagAsDot(const ResourceGraph& graph, const ActivityDag& dag) {
  const Frames frames = MakeFrames(graph, dag);
  std::string out =
      "digraph activities {\n"
      "  rankdir=TB;\n"
      "  newrank=true;\n"
      "  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
      "  edge [penwidth=2];\n";
  for (const ResourceId resource : frames.order) {
    out += fmt::format("  subgraph cluster_r{} {{\n    label={};\n", resource.value,
                       DotText(ResourceLabel(graph, resource)));
    for (const std::size_t step : frames.of_resource[resource.value]) {
      out += fmt::format("    s{} [label={}];\n", step, DotText(frames.steps[step].label));
    }
    out += "  }\n";
  }
  for (std::size_t i = 0; i < frames.steps.size(); ++i) {
    if (frames.steps[i].in_frame) continue;
    out += fmt::format("  s{} [label={}, style=\"rounded,bold\"];\n", i,
                       DotText(frames.steps[i].label));
  }
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    for (const auto& before : dag.steps[i].order) {
      out += fmt::format("  s{} -> s{} [color={}];\n", before.step.value, i,
                         kColours[static_cast<std::size_t>(before.link)].name);
    }
  }
  out += "  subgraph cluster_legend {\n    label=\"links\";\n    node [shape=point];\n";
  for (std::size_t i = 0; i < kColours.size(); ++i) {
    out += fmt::format("    legend{0}_from -> legend{0}_to [color={1}, label={2}];\n", i,
                       kColours[i].name, DotText(kColours[i].meaning));
  }
  return out + "  }\n}\n";
}

std::string DagAsMermaid(const ResourceGraph& graph, const ActivityDag& dag) {
  const Frames frames = MakeFrames(graph, dag);
  std::string out = "flowchart TB\n";
  for (const ResourceId resource : frames.order) {
    out += fmt::format("  subgraph r{}[{}]\n", resource.value,
                       MermaidText(ResourceLabel(graph, resource)));
    for (const std::size_t step : frames.of_resource[resource.value]) {
      out += fmt::format("    s{}({})\n", step, MermaidText(frames.steps[step].label));
    }
    out += "  end\n";
  }
  for (std::size_t i = 0; i < frames.steps.size(); ++i) {
    if (frames.steps[i].in_frame) continue;
    out += fmt::format("  s{}([{}])\n", i, MermaidText(frames.steps[i].label));
  }
  // Mermaid colours links by their number in the text.
  std::array<std::string, kColours.size()> numbers;
  std::size_t number = 0;
  const auto add_number = [&](std::size_t kind) {
    if (!numbers[kind].empty()) numbers[kind] += ",";
    numbers[kind] += std::to_string(number++);
  };
  for (std::size_t i = 0; i < dag.steps.size(); ++i) {
    for (const auto& before : dag.steps[i].order) {
      out += fmt::format("  s{} --> s{}\n", before.step.value, i);
      add_number(static_cast<std::size_t>(before.link));
    }
  }
  out += "  subgraph legend[\"links\"]\n";
  for (std::size_t i = 0; i < kColours.size(); ++i) {
    out += fmt::format("    legend{0}_from(( )) -->|{1}| legend{0}_to(( ))\n", i,
                       MermaidText(kColours[i].meaning));
    add_number(i);
  }
  out += "  end\n";
  for (std::size_t i = 0; i < kColours.size(); ++i) {
    out += fmt::format("  linkStyle {} stroke:{},stroke-width:2px\n", numbers[i], kColours[i].name);
  }
  return out;
}

}  // namespace

std::string DrawResourceGraph(const ResourceGraph& graph, PictureFormat format) {
  const bool dot = format == PictureFormat::kDot;
  std::string out = dot ? "digraph resources {\n"
                          "  rankdir=TB;\n"
                          "  node [shape=box, fontname=\"sans-serif\"];\n"
                        : "flowchart TB\n";
  for (std::uint32_t i = 0; i < graph.size(); ++i) {
    const std::string label = ResourceLabel(graph, ResourceId{i});
    out += dot ? fmt::format("  r{} [label={}];\n", i, DotText(label))
               : fmt::format("  r{}[{}]\n", i, MermaidText(label));
  }
  for (const auto& edge : graph.edges()) {
    out += dot ? fmt::format("  r{} -> r{};\n", edge.parent.value, edge.child.value)
               : fmt::format("  r{} --> r{}\n", edge.parent.value, edge.child.value);
  }
  return dot ? out + "}\n" : out;
}

std::string DrawActivityDag(const ResourceGraph& graph, const ActivityDag& dag,
                            PictureFormat format) {
  return format == PictureFormat::kDot ? DagAsDot(graph, dag) : DagAsMermaid(graph, dag);
}

}  // namespace holdfast::compiler
