#include "runtime/cli/critical_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string_view>

#include "compiler/graph/digraph.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {
namespace {

using runtime::ActivityReport;
using runtime::Outcome;
using runtime::RecordReport;
using runtime::ResourceReport;

// What one step did, over all of its activities that ran.
struct StepSpan {
  WallTime started;
  WallTime ended;
  std::vector<std::string> kinds;
  std::vector<std::string> resources;

  double Seconds() const { return std::chrono::duration<double>(ended - started).count(); }
  std::string Text() const {
    std::string text = Join(kinds, " + ") + " of " + resources.front();
    if (resources.size() > 1) text += fmt::format(" and {} more", resources.size() - 1);
    return fmt::format("{} ({})", text, HumanDuration(Seconds()));
  }
};

std::map<std::string, StepSpan, std::less<>> SpansOf(const RecordReport& report) {
  std::map<std::string, StepSpan, std::less<>> spans;
  const auto add = [](std::vector<std::string>& to, std::string text) {
    if (std::find(to.begin(), to.end(), text) == to.end()) to.push_back(std::move(text));
  };
  for (const ResourceReport& resource : report.resources) {
    for (const ActivityReport& activity : resource.activities) {
      if (!activity.outcome || activity.outcome->outcome == Outcome::kOmitted) continue;
      const auto [at, first] = spans.try_emplace(
          activity.step, StepSpan{activity.outcome->started, activity.outcome->ended, {}, {}});
      StepSpan& span = at->second;
      span.started = std::min(span.started, activity.outcome->started);
      span.ended = std::max(span.ended, activity.outcome->ended);
      add(span.kinds, std::string(NameOf(activity.kind)));
      add(span.resources, Printable(resource.resource.name));
    }
  }
  return spans;
}

}  // namespace

std::vector<std::string> CriticalPath(const runtime::RecordReport& report) {
  const auto spans = SpansOf(report);
  std::map<std::string_view, std::uint32_t> numbers;
  std::vector<const StepSpan*> span_of;
  std::vector<double> durations;
  for (const auto& [step, after] : report.order) {
    const auto span = spans.find(step);
    numbers.emplace(step, static_cast<std::uint32_t>(span_of.size()));
    span_of.push_back(span == spans.end() ? nullptr : &span->second);
    durations.push_back(span == spans.end() ? 0 : std::max(0.0, span->second.Seconds()));
  }
  std::vector<compiler::Digraph::Edge> edges;
  for (const auto& [step, after] : report.order) {
    for (const std::string& before : after) {
      if (const auto known = numbers.find(before); known != numbers.end())
        edges.push_back({known->second, numbers.at(step)});
    }
  }
  std::vector<std::string> path;
  const compiler::Digraph graph(static_cast<std::uint32_t>(span_of.size()), std::move(edges));
  const auto longest = compiler::LongestPath(graph, durations);
  if (!longest) return path;
  for (const std::uint32_t node : longest->nodes) {
    if (span_of[node] != nullptr) path.push_back(span_of[node]->Text());
  }
  return path;
}

}  // namespace holdfast::cli
