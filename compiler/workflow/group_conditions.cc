#include "compiler/workflow/group_conditions.h"

#include <algorithm>
#include <bit>
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

// Sets of the items of one group.
class ItemSets {
 public:
  ItemSets(std::size_t sets, std::size_t items) : words_((items + 63) / 64), bits_(sets * words_) {}

  bool Has(std::uint32_t set, std::uint32_t item) const {
    return (bits_[set * words_ + item / 64] >> (item % 64) & 1U) != 0;
  }
  void Put(std::uint32_t set, std::uint32_t item) {
    bits_[set * words_ + item / 64] |= std::uint64_t{1} << (item % 64);
  }
  void Clear(std::uint32_t set) {
    for (std::size_t i = 0; i < words_; ++i) bits_[set * words_ + i] = 0;
  }
  void AddAll(std::uint32_t set, std::uint32_t other) {
    for (std::size_t i = 0; i < words_; ++i) bits_[set * words_ + i] |= bits_[other * words_ + i];
  }
  void KeepCommon(std::uint32_t set, std::uint32_t other) {
    for (std::size_t i = 0; i < words_; ++i) bits_[set * words_ + i] &= bits_[other * words_ + i];
  }
  // Adds an item and its own set.
  void Add(std::uint32_t set, std::uint32_t item) {
    AddAll(set, item);
    Put(set, item);
  }
  std::vector<std::uint32_t> ItemsOf(std::uint32_t set) const {
    std::vector<std::uint32_t> items;
    for (std::size_t i = 0; i < words_; ++i) {
      for (std::uint64_t word = bits_[set * words_ + i]; word != 0; word &= word - 1)
        items.push_back(static_cast<std::uint32_t>(i * 64) +
                        static_cast<std::uint32_t>(std::countr_zero(word)));
    }
    return items;
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

    ItemSets waits_for(count, count);
    // By item; the last two are for RequiredByAll.
    ItemSets requires_success_of(count + std::size_t{2}, count);
    for (const std::uint32_t at : *sorted) {
      GroupItem& item = items[at];
      const std::span<const Link> own =
          std::span(links).subspan(first_link[at], first_link[at + 1] - first_link[at]);
      item.succeeded =
          item.kind == GroupItem::Kind::kStep
              ? Required(items, depth_[group], own)
              : RequiredByAll(items, item.index, depth_[group], own, requires_success_of);
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

  // The items that a step requires to succeed.
  std::vector<std::uint32_t> Required(const std::vector<GroupItem>& items, std::int64_t depth,
                                      std::span<const Link> own) const {
    std::vector<std::uint32_t> required;
    for (const Link& link : own) {
      if (!IsGate(link, depth)) continue;
      if (items[link.before].kind == GroupItem::Kind::kStep) {
        required.push_back(link.before);
      } else {
        const auto& gates = items[link.before].succeeded;
        required.insert(required.end(), gates.begin(), gates.end());
      }
    }
    std::sort(required.begin(), required.end());
    required.erase(std::unique(required.begin(), required.end()), required.end());
    return required;
  }

  // The items that a group requires to succeed: every step that enters it has them as gates, or what its
  // gates are requires them.
  std::vector<std::uint32_t> RequiredByAll(const std::vector<GroupItem>& items, std::uint32_t group,
                                           std::int64_t depth, std::span<const Link> own,
                                           ItemSets& sets) const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> gates;  // step, item
    for (const Link& link : own) {
      if (IsGate(link, depth)) gates.emplace_back(link.step, link.before);
    }
    std::sort(gates.begin(), gates.end());
    const auto common = static_cast<std::uint32_t>(items.size());
    const std::uint32_t of_one = common + 1;
    std::size_t steps = 0;
    for (std::size_t i = 0; i < gates.size(); ++steps) {
      const std::uint32_t step = gates[i].first;
      sets.Clear(of_one);
      for (; i < gates.size() && gates[i].first == step; ++i) {
        const std::uint32_t gate = gates[i].second;
        sets.AddAll(of_one, gate);
        if (items[gate].kind == GroupItem::Kind::kStep) sets.Put(of_one, gate);
      }
      if (steps == 0) {
        sets.Clear(common);
        sets.AddAll(common, of_one);
      } else {
        sets.KeepCommon(common, of_one);
      }
    }
    if (steps == 0 || steps != entries_[group]) return {};
    return sets.ItemsOf(common);
  }

  // What keeps a step from running, and does not stand closer to it than a group of that depth.
  bool IsGate(const Link& link, std::int64_t depth) const {
    return link.gate && gate_depth_[link.step] <= depth;
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
