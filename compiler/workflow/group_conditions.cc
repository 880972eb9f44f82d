#include "compiler/workflow/group_conditions.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "compiler/graph/digraph.h"
#include "plugins/sdk/check.h"

namespace holdfast::compiler {
namespace {

// Where an item stands.
struct Place {
  std::uint32_t group = 0;
  std::uint32_t position = 0;
};

// Something in the item `after` of a group waits for something in the item `before`.
struct Link {
  std::uint32_t after = 0;
  std::uint32_t before = 0;
  std::uint32_t step = 0;  // the one that waits
  bool gate = false;       // for a success
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const Link&, const Link&) = default;
};

// Sets of the items of one group, one for each item.
class ItemSets {
 public:
  explicit ItemSets(std::size_t items) : words_((items + 63) / 64), bits_(items * words_) {}

  bool Has(std::uint32_t set, std::uint32_t item) const {
    return (bits_[set * words_ + item / 64] >> (item % 64) & 1U) != 0;
  }
  // Adds the item and its set.
  void Add(std::uint32_t set, std::uint32_t item) {
    for (std::size_t i = 0; i < words_; ++i) bits_[set * words_ + i] |= bits_[item * words_ + i];
    bits_[set * words_ + item / 64] |= std::uint64_t{1} << (item % 64);
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

class Lifter {
 public:
  Lifter(std::span<const StepConditions> conditions, std::vector<StepGroup>& groups)
      : conditions_(conditions),
        groups_(groups),
        step_place_(conditions.size()),
        group_place_(groups.size()),
        depth_(groups.size(), 0),
        gate_depth_(conditions.size(), -1),
        links_(groups.size()),
        entries_(groups.size(), 0) {}

  void Run() {
    FindPlaces();
    for (std::uint32_t step = 0; step < conditions_.size(); ++step) Lift(step);
    for (std::uint32_t step = 0; step < conditions_.size(); ++step) CountEntries(step);
    for (std::uint32_t group = 0; group < groups_.size(); ++group) SetConditions(group);
  }

 private:
  void FindPlaces() {
    // A group stands above the groups in it in the tree, wherever it does in the list.
    std::vector<std::uint32_t> open{0};
    while (!open.empty()) {
      const std::uint32_t group = open.back();
      open.pop_back();
      for (std::uint32_t i = 0; i < groups_[group].items.size(); ++i) {
        const GroupItem& item = groups_[group].items[i];
        if (item.kind == GroupItem::Kind::kStep) {
          step_place_[item.index] = {group, i};
          continue;
        }
        group_place_[item.index] = {group, i};
        depth_[item.index] = depth_[group] + 1;
        open.push_back(item.index);
      }
    }
  }

  void Lift(std::uint32_t step) {
    for (const StepId gate : conditions_[step].succeeded) LiftOne(step, gate.value, true);
    for (const StepId other : conditions_[step].finished) LiftOne(step, other.value, false);
  }

  // Up to the group that both are in.
  void LiftOne(std::uint32_t step, std::uint32_t before, bool gate) {
    Place here = step_place_[step];
    Place there = step_place_[before];
    while (here.group != there.group) {
      Place& lower = depth_[here.group] >= depth_[there.group] ? here : there;
      lower = group_place_[lower.group];
    }
    links_[here.group].push_back({here.position, there.position, step, gate});
    if (gate) gate_depth_[step] = std::max(gate_depth_[step], depth_[here.group]);
  }

  // A step enters a group when none of its gates is in there.
  void CountEntries(std::uint32_t step) {
    for (std::uint32_t group = step_place_[step].group; depth_[group] > gate_depth_[step];
         group = group_place_[group].group) {
      ++entries_[group];
      if (group == 0) break;
    }
  }

  void SetConditions(std::uint32_t group) {
    std::vector<GroupItem>& items = groups_[group].items;
    std::vector<Link>& links = links_[group];
    std::sort(links.begin(), links.end());
    const auto count = static_cast<std::uint32_t>(items.size());
    std::vector<Digraph::Edge> edges;
    edges.reserve(links.size());
    for (const Link& link : links) edges.push_back({link.before, link.after});
    const Digraph order(count, std::move(edges));
    const auto sorted = TopologicalOrder(order);
    HOLDFAST_CHECK(sorted.has_value());
    std::vector<std::size_t> first_link(count + std::size_t{1}, 0);
    for (const Link& link : links) ++first_link[link.after + 1];
    for (std::size_t i = 1; i < first_link.size(); ++i) first_link[i] += first_link[i - 1];

    ItemSets waits_for(count);
    ItemSets requires_success_of(count);
    for (const std::uint32_t at : *sorted) {
      GroupItem& item = items[at];
      const std::span<const Link> own =
          std::span(links).subspan(first_link[at], first_link[at + 1] - first_link[at]);
      item.succeeded = Required(items, item, depth_[group], own);
      for (const std::uint32_t gate : item.succeeded) {
        requires_success_of.Add(at, gate);
        waits_for.Add(at, gate);
      }
      std::vector<std::uint32_t> before;
      for (const Link& link : own) {
        if (before.empty() || before.back() != link.before) before.push_back(link.before);
      }
      std::erase_if(before, [&](std::uint32_t other) {
        return std::binary_search(item.succeeded.begin(), item.succeeded.end(), other);
      });
      for (const std::uint32_t other : before) waits_for.Add(at, other);
      const auto implied = [&](std::uint32_t other, const ItemSets& sets,
                               const std::vector<std::uint32_t>& by) {
        return std::any_of(by.begin(), by.end(),
                           [&](std::uint32_t last) { return sets.Has(last, other); });
      };
      std::vector<std::uint32_t> essential;
      for (const std::uint32_t gate : item.succeeded) {
        if (!implied(gate, requires_success_of, item.succeeded)) essential.push_back(gate);
      }
      for (const std::uint32_t other : before) {
        if (implied(other, waits_for, before) || implied(other, waits_for, item.succeeded))
          continue;
        item.finished.push_back(other);
      }
      item.succeeded = std::move(essential);
    }
    links = {};
  }

  // The items that an item requires to succeed: what every step that enters it requires.
  std::vector<std::uint32_t> Required(const std::vector<GroupItem>& items, const GroupItem& item,
                                      std::int64_t depth, std::span<const Link> own) const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> required;  // item, step
    for (const Link& link : own) {
      if (!link.gate || gate_depth_[link.step] > depth) continue;
      if (items[link.before].kind == GroupItem::Kind::kStep) {
        required.emplace_back(link.before, link.step);
      } else {
        for (const std::uint32_t gate : items[link.before].succeeded)
          required.emplace_back(gate, link.step);
      }
    }
    std::sort(required.begin(), required.end());
    required.erase(std::unique(required.begin(), required.end()), required.end());
    const std::size_t entries = item.kind == GroupItem::Kind::kStep ? 1 : entries_[item.index];
    std::vector<std::uint32_t> by_all;
    for (std::size_t i = 0; i < required.size();) {
      std::size_t end = i;
      while (end < required.size() && required[end].first == required[i].first) ++end;
      if (end - i == entries) by_all.push_back(required[i].first);
      i = end;
    }
    return by_all;
  }

  std::span<const StepConditions> conditions_;
  std::vector<StepGroup>& groups_;
  std::vector<Place> step_place_;
  std::vector<Place> group_place_;
  std::vector<std::int64_t> depth_;       // by group
  std::vector<std::int64_t> gate_depth_;  // by step: of the lowest group that a gate of its is in
  std::vector<std::vector<Link>> links_;  // by group
  std::vector<std::uint32_t> entries_;    // by group: the steps that enter it
};

}  // namespace

void SetGroupConditions(std::span<const StepConditions> conditions,
                        std::vector<StepGroup>& groups) {
  Lifter(conditions, groups).Run();
}

}  // namespace holdfast::compiler
