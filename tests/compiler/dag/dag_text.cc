#include "tests/compiler/dag/dag_text.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

constexpr std::array<std::string_view, kActivityKindCount> kKinds{"pre", "fin", "par", "post"};
constexpr std::array<std::string_view, 5> kColours{"green", "yellow", "red", "indigo", "fin"};

ResourceKey KeyOf(std::string_view name) { return {"Test::Node", std::string(name)}; }

}  // namespace

DagCase ReadCase(std::string_view text) {
  ResourceGraphBuilder builder;
  std::map<std::string, std::array<StepChoice, kActivityKindCount>> choices;
  const std::array<StepChoice, kActivityKindCount> nothing{StepChoice::None(), StepChoice::None(),
                                                           StepChoice::None(), StepChoice::None()};
  for (const std::string_view line : Split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name(Trim(line.substr(0, colon)));
    choices.insert_or_assign(name, nothing);
    EXPECT_TRUE(builder.AddResource({KeyOf(name), name, {}}).has_value());
    bool children = false;
    for (std::string_view word : Split(line.substr(colon + 1), ' ')) {
      word = Trim(word);
      if (word.empty()) continue;
      if (word == ">") {
        children = true;
      } else if (children) {
        if (choices.try_emplace(std::string(word), nothing).second) {
          EXPECT_TRUE(builder.AddResource({KeyOf(word), std::string(word), {}}).has_value());
        }
        EXPECT_TRUE(builder.AddEdge(KeyOf(name), KeyOf(word)).has_value());
      } else {
        const auto at = word.find('@');
        const auto kind = std::find(kKinds.begin(), kKinds.end(), word.substr(0, at));
        EXPECT_NE(kind, kKinds.end()) << word;
        choices[name][static_cast<std::size_t>(kind - kKinds.begin())] =
            at == std::string_view::npos ? StepChoice::Own()
                                         : StepChoice::Aggregate(std::string(word.substr(at + 1)));
      }
    }
  }
  auto graph = builder.Build();
  EXPECT_TRUE(graph.has_value());
  DagCase result{std::move(*graph), {}};
  for (const auto& node : result.graph.nodes()) result.table.choices.push_back(choices[node.name]);
  return result;
}

std::string NameOf(const ResourceGraph& graph, ActivityRef activity) {
  return graph.node(activity.resource).name + "." +
         std::string(kKinds[static_cast<std::size_t>(activity.kind)]);
}

std::string RenderDag(const ResourceGraph& graph, const ActivityDag& dag) {
  std::string text;
  for (const auto& step : dag.steps) {
    std::vector<std::string> words;
    for (const ActivityRef activity : step.activities) words.push_back(NameOf(graph, activity));
    text += Join(words, "+");
    if (!step.order.empty()) text += " <";
    for (const auto& before : step.order) {
      text += " " + NameOf(graph, dag.steps[before.step.value].activities.front()) + ":" +
              std::string(kColours[static_cast<std::size_t>(before.link)]);
    }
    text += " |";
    for (std::size_t i = 0; i < step.activities.size(); ++i) {
      if (step.activities.size() > 1) text += " " + words[i] + ":";
      if (step.gates[i].empty()) text += " begin";
      for (const ActivityRef gate : step.gates[i]) text += " " + NameOf(graph, gate);
    }
    text += "\n";
  }
  return text;
}

}  // namespace holdfast::compiler
