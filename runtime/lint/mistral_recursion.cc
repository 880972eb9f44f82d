#include "runtime/lint/mistral_recursion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "compiler/graph/digraph.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

using compiler::Digraph;

// The workflow that is named, or that an expression gives which is written out; empty: only a run knows it.
std::string Callee(const Value& text) {
  const std::string_view word = CutShorthand(text.AsString()).word;
  if (!HasExpression(word)) return std::string(word);
  const auto constant = ConstantIn(word);
  return constant && constant->is_string() ? constant->AsString() : std::string();
}

std::vector<std::uint32_t> Circle(const std::vector<MistralCaller>& callers,
                                  const std::map<std::string_view, std::uint32_t>& numbers,
                                  const std::function<bool(const MistralCall&)>& counts) {
  std::vector<Digraph::Edge> edges;
  for (std::uint32_t from = 0; from < callers.size(); ++from) {
    for (const MistralCall& call : callers[from].calls) {
      const auto to = numbers.find(call.to);
      if (to != numbers.end() && counts(call)) edges.push_back({from, to->second});
    }
  }
  if (edges.empty()) return {};
  return SearchDepthFirst(Digraph(static_cast<std::uint32_t>(callers.size()), std::move(edges)), {})
      .cycle;
}

}  // namespace

std::vector<MistralCall> UnavoidableCalls(const MistralGraph& graph, const MistralReach& reach) {
  std::vector<MistralCall> calls;
  for (std::size_t task = 0; task < graph.tasks.size(); ++task) {
    const MistralGraph::Task& at = graph.tasks[task];
    const Value* const text = at.fields->Find("workflow");
    if (text == nullptr || !text->is_string() || !reach.UnlessFailed(task)) continue;
    if (const Value* const items = at.fields->Find("with-items");
        items != nullptr && MayHaveNoItems(*items))
      continue;
    const bool at_once = at.inbound.empty();
    if (graph.may_succeed_early && !at_once) continue;
    const bool certain = reach.Certain(task) && (at_once || !graph.may_fail_early);
    calls.push_back({Callee(*text), text, certain, at.error_handled});
  }
  return calls;
}

MistralRecursion CheckRecursion(const std::vector<MistralCaller>& callers) {
  std::map<std::string_view, std::uint32_t> numbers;
  for (std::uint32_t caller = 0; caller < callers.size(); ++caller)
    numbers.emplace(callers[caller].name, caller);
  // One that fails before it comes to its call ends the circle, where what calls it does not fail with it.
  std::vector<std::uint32_t> circle =
      Circle(callers, numbers, [](const MistralCall& call) { return call.certain; });
  if (circle.empty())
    circle = Circle(callers, numbers, [](const MistralCall& call) { return !call.caught; });
  if (circle.empty()) return {};
  const MistralCaller& first = callers[circle.front()];
  std::vector<std::string> names;
  names.reserve(circle.size() + 1);
  for (const std::uint32_t caller : circle) names.push_back(Printable(callers[caller].name));
  names.push_back(names.front());
  const std::string& next = callers[circle.size() > 1 ? circle[1] : circle[0]].name;
  const auto call = std::find_if(first.calls.begin(), first.calls.end(),
                                 [&](const MistralCall& one) { return one.to == next; });
  MistralRecursion recursion;
  recursion.caller = circle.front();
  recursion.found.push_back(
      {"circle", first.source
                     ->AtKey(*call->text, "workflow",
                             "workflows start each other without an end: " + Join(names, " -> "))
                     .Hint("start it under a condition that once does not hold")});
  return recursion;
}

}  // namespace holdfast::lint
