#include "runtime/cli/added_order.h"

#include <fmt/format.h>

#include <set>
#include <string_view>

#include "plugins/sdk/counted.h"

namespace holdfast::cli {
namespace {

// The steps that a step comes after by the order of its activities.
std::set<std::string> NeededBefore(const LoadedBundle& bundle, const std::string& step) {
  std::set<std::string> needed;
  std::vector<std::string> open{step};
  while (!open.empty()) {
    const BundleStep* const at = bundle.FindStep(open.back());
    open.pop_back();
    if (at == nullptr) continue;
    for (const std::string& before : at->order) {
      if (needed.insert(before).second) open.push_back(before);
    }
    for (const BundleActivity& activity : at->activities) {
      for (const BundleGate& gate : activity.gates) {
        if (needed.insert(gate.step).second) open.push_back(gate.step);
      }
    }
  }
  return needed;
}

std::string_view LastOf(std::string_view path) { return path.substr(path.rfind('.') + 1); }

// The template in which a task of that path stands, as the step stands in it, too.
std::string_view CommonTemplate(std::string_view path, std::string_view step) {
  const std::size_t dot = path.rfind('.');
  const std::string_view folder = dot == std::string_view::npos ? "" : path.substr(0, dot + 1);
  const std::string_view below = step.substr(folder.size());
  const std::size_t end = below.find('.');
  return end == std::string_view::npos ? "" : below.substr(0, end);
}

}  // namespace

AddedOrder FindAddedOrder(const LoadedBundle& bundle, const std::vector<local::ListedStep>& steps,
                          const local::ListedStep& step) {
  AddedOrder out;
  const std::set<std::string> needed = NeededBefore(bundle, step.task);
  // begin and the gates of templates are no work of a resource.
  const auto counts = [&bundle](const local::ListedStep& other) {
    return !other.never && bundle.FindStep(other.task) != nullptr;
  };
  for (const std::size_t place : local::StepsBefore(steps, step.name)) {
    if (!needed.contains(steps[place].task) && counts(steps[place]))
      out.steps.push_back(steps[place].task);
  }
  for (const std::string& path : step.order) {
    AddedWait wait{std::string(LastOf(path)), 0, 0, std::string(CommonTemplate(path, step.name))};
    for (const local::ListedStep& other : steps) {
      const bool inside = other.name == path || other.name.starts_with(path + ".");
      if (!inside || !counts(other)) continue;
      ++wait.steps;
      if (needed.contains(other.task)) ++wait.needed;
    }
    if (wait.needed < wait.steps) out.waits.push_back(std::move(wait));
  }
  return out;
}

std::string Render(const AddedOrder& added) {
  if (added.steps.empty()) return {};
  std::string out = fmt::format("\ncomes after {} more because of how the file is cut:\n",
                                Counted(added.steps.size(), "step"));
  for (const AddedWait& wait : added.waits) {
    out += fmt::format("- {}: it needs {} of its {}", wait.task, wait.needed,
                       Counted(wait.steps, "step"));
    if (!wait.because_of.empty())
      out += fmt::format("; {}, which it stands in, waits for it", wait.because_of);
    out += "\n";
  }
  if (added.waits.empty()) out += "- what it waits for waits for more itself\n";
  return out;
}

}  // namespace holdfast::cli
