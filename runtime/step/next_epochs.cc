#include "runtime/step/next_epochs.h"

#include <numeric>
#include <vector>

namespace holdfast::runtime {
namespace {

// Consistency groups: a resource that quiesces and all below it; groups that share a resource are
// one. A union-find forest over the resources.
class Groups {
 public:
  Groups(const ResourceGraph& graph, const std::vector<bool>& quiesces) : parent_(graph.size()) {
    std::iota(parent_.begin(), parent_.end(), 0U);
    std::vector<bool> covered = quiesces;
    std::vector<ResourceId> open;
    for (std::uint32_t i = 0; i < graph.size(); ++i) {
      if (quiesces[i]) open.push_back(ResourceId{i});
    }
    while (!open.empty()) {
      const ResourceId id = open.back();
      open.pop_back();
      for (const ResourceId child : graph.children(id)) {
        parent_[Find(child.value)] = Find(id.value);
        if (covered[child.value]) continue;
        covered[child.value] = true;
        open.push_back(child);
      }
    }
  }

  std::uint32_t Find(std::uint32_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }

 private:
  std::vector<std::uint32_t> parent_;
};

void RedoWholeGroups(const ResourceGraph& graph, const std::vector<bool>& quiesces,
                     std::vector<bool>& redo) {
  Groups groups(graph, quiesces);
  std::vector<bool> group(redo.size(), false);
  for (std::uint32_t i = 0; i < redo.size(); ++i) {
    if (redo[i]) group[groups.Find(i)] = true;
  }
  for (std::uint32_t i = 0; i < redo.size(); ++i) redo[i] = group[groups.Find(i)];
}

void RedoWhatQuiescesAbove(const ResourceGraph& graph, const std::vector<bool>& quiesces,
                           std::vector<bool>& redo) {
  std::vector<bool> seen = redo;
  std::vector<ResourceId> open;
  for (std::uint32_t i = 0; i < redo.size(); ++i) {
    if (redo[i]) open.push_back(ResourceId{i});
  }
  while (!open.empty()) {
    const ResourceId id = open.back();
    open.pop_back();
    for (const ResourceId parent : graph.parents(id)) {
      if (quiesces[parent.value]) redo[parent.value] = true;
      if (seen[parent.value]) continue;
      seen[parent.value] = true;
      open.push_back(parent);
    }
  }
}

}  // namespace

std::map<ResourceKey, std::uint64_t> NextEpochs(
    Operation operation, const ResourceGraph& graph,
    const std::function<bool(const ResourceKey&)>& quiesces,
    const std::map<ResourceKey, bool>& finished,
    const std::map<ResourceKey, std::uint64_t>& epochs) {
  const std::size_t n = graph.size();
  std::vector<bool> rests(n, false);
  std::vector<bool> redo(n, false);
  for (std::uint32_t i = 0; i < n; ++i) {
    const ResourceKey& key = graph.nodes()[i].key;
    rests[i] = quiesces(key);
    const auto at = finished.find(key);
    redo[i] = at != finished.end() && !at->second;
  }
  if (operation == Operation::kProtect) RedoWholeGroups(graph, rests, redo);
  if (operation == Operation::kRestore) RedoWhatQuiescesAbove(graph, rests, redo);
  std::map<ResourceKey, std::uint64_t> next;
  for (std::uint32_t i = 0; i < n; ++i) {
    const ResourceKey& key = graph.nodes()[i].key;
    const auto at = epochs.find(key);
    const std::uint64_t epoch = at == epochs.end() ? 1 : at->second;
    next.emplace(key, redo[i] ? epoch + 1 : epoch);
  }
  return next;
}

}  // namespace holdfast::runtime
