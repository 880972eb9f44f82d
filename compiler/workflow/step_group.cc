#include "compiler/workflow/step_group.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <queue>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "compiler/dag/activity_order.h"
#include "compiler/graph/dominators.h"
#include "compiler/graph/walk.h"
#include "compiler/workflow/chunker.h"
#include "compiler/workflow/group_conditions.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/stable_hash.h"

namespace holdfast::compiler {
namespace {

using Part = StepGroup::Part;

// Engines limit how deep groups may stand in each other (Argo: 100).
constexpr std::uint32_t kDeepest = 50;

// The layers in which the activities of different resources stand in any order: nothing in one of
// them waits for anything in a later one.
enum class Layer : std::uint8_t { kPre, kPreFinish, kParallel, kPost };
constexpr std::array kPartOfLayer{Part::kPre, Part::kPreFinish, Part::kParallel, Part::kPost};

struct Item {
  bool group = false;
  std::uint32_t index = 0;  // into the steps, or the groups
  std::uint32_t first = 0;  // its first step
  Layer layer = Layer::kPre;
};

// What is closed and small enough to stand anywhere: the items of a resource and all below it, or of
// several of them.
struct Unit {
  std::uint32_t resource = 0;  // the first one's top
  std::uint32_t first = 0;     // its first step
  bool in_two = false;         // a pre_finish above: preparations apart
  std::size_t steps = 0;       // with all that is in its groups
  std::vector<Item> items;
};

// What has come together at a resource and is in no group yet.
struct Pending {
  std::vector<Item> loose;  // steps of resources that are not closed
  std::vector<Unit> units;
};

std::uint64_t HashOfKey(const ResourceKey& key) {
  return MixHash(TextHash({key.type, "#", key.id}));
}

Layer LayerOf(const ActivityDag::Step& step) {
  const ActivityKind kind = step.activities.front().kind;
  const bool one_kind =
      std::all_of(step.activities.begin(), step.activities.end(),
                  [kind](const ActivityRef& activity) { return activity.kind == kind; });
  if (!one_kind) return Layer::kParallel;  // a leaf's, fused
  switch (kind) {
    case ActivityKind::kPre:
      return Layer::kPre;
    case ActivityKind::kPreFinish:
      return Layer::kPreFinish;
    case ActivityKind::kParallel:
      return Layer::kParallel;
    case ActivityKind::kPost:
      return Layer::kPost;
  }
  return Layer::kParallel;
}

class Cutter {
 public:
  Cutter(const ResourceGraph& graph, const ActivityTable& table, const ActivityDag& dag,
         std::span<const StepConditions> conditions, std::span<const std::string> names,
         const GroupLimits& limits)
      : graph_(graph),
        dag_(dag),
        conditions_(conditions),
        names_(names),
        limits_(limits),
        children_(ReduceResourceGraph(graph).children),
        parents_first_(ParentsFirst(children_)),
        dominators_(children_, parents_first_),
        closed_(ClosedNodes(children_, dominators_, parents_first_)),
        below_pre_finish_(graph.size(), false),
        steps_of_(graph.size() + std::size_t{1}),
        slot_(dag.steps.size(), 0) {
    for (const std::uint32_t resource : parents_first_) {
      const bool below = below_pre_finish_[resource] ||
                         table.Exists(ResourceId{resource}, ActivityKind::kPreFinish);
      if (!below) continue;
      for (const Digraph::Edge& edge : children_.out_edges(resource))
        below_pre_finish_[edge.to] = true;
    }
    for (std::uint32_t step = 0; step < dag.steps.size(); ++step) PlaceStep(step);
  }

  std::vector<StepGroup> Run() {
    std::vector<Item> main = Pack();
    if (!too_deep_.empty()) {
      // What stands in a chain of thousands cannot be groups in groups: it is cut by activities.
      std::vector<bool> open(graph_.size() + std::size_t{1}, false);
      for (const std::uint32_t resource : parents_first_) {
        open[resource] = too_deep_.contains(resource) || open[dominators_.parent(resource)];
        if (open[resource]) closed_[resource] = false;
      }
      groups_.clear();
      depth_.clear();
      main = Pack();
    }
    return Finish(std::move(main));
  }

 private:
  static std::vector<std::uint32_t> ParentsFirst(const Digraph& children) {
    auto order = TopologicalOrder(children);
    HOLDFAST_CHECK(order.has_value());  // the walk has refused cycles
    return std::move(*order);
  }

  // A step of several resources stands where the nearest resource that dominates all of them does, and
  // what is between has an end of it inside and one outside.
  void PlaceStep(std::uint32_t step) {
    const auto& activities = dag_.steps[step].activities;
    std::uint32_t home = activities.front().resource.value;
    for (const ActivityRef& activity : activities)
      home = dominators_.NearestCommon(home, activity.resource.value);
    for (const ActivityRef& activity : activities) {
      for (std::uint32_t at = activity.resource.value; at != home; at = dominators_.parent(at))
        closed_[at] = false;
    }
    steps_of_[home].push_back(step);
  }

  // Bottom-up over the dominator tree; the items of the whole.
  std::vector<Item> Pack() {
    std::vector<Pending> pending(graph_.size() + std::size_t{1});
    for (std::size_t i = parents_first_.size(); i-- != 0;) {
      const std::uint32_t resource = parents_first_[i];
      Pending here = std::move(pending[resource]);
      Pending& above = pending[dominators_.parent(resource)];
      std::vector<Item> own;
      for (const std::uint32_t step : steps_of_[resource]) {
        const bool aggregated = dag_.steps[step].activities.front().resource !=
                                dag_.steps[step].activities.back().resource;
        auto& list = aggregated || !closed_[resource] ? here.loose : own;
        list.push_back({false, step, step, LayerOf(dag_.steps[step])});
      }
      if (!closed_[resource]) {
        MoveTo(above.loose, std::move(here.loose));
        MoveTo(above.units, std::move(here.units));
        continue;
      }
      Unit unit;
      unit.resource = resource;
      unit.in_two = below_pre_finish_[resource];
      unit.steps = own.size() + here.loose.size();
      for (const Unit& inside : here.units) unit.steps += inside.steps;
      unit.items = PackOne(std::move(own), std::move(here), limits_.items, resource);
      if (unit.items.empty()) continue;
      unit.first = FirstOf(unit.items);
      above.units.push_back(std::move(unit));
    }
    Pending here = std::move(pending[dominators_.root()]);
    for (const std::uint32_t step : steps_of_[dominators_.root()])
      here.loose.push_back({false, step, step, LayerOf(dag_.steps[step])});
    return PackOne({}, std::move(here), limits_.first_items, dominators_.root());
  }

  template <class T>
  static void MoveTo(std::vector<T>& to, std::vector<T> from) {
    if (to.size() < from.size()) std::swap(to, from);
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }

  static std::uint32_t FirstOf(const std::vector<Item>& items) {
    return std::min_element(items.begin(), items.end(),
                            [](const Item& a, const Item& b) { return a.first < b.first; })
        ->first;
  }

  static std::size_t Count(const std::vector<Unit>& units) {
    std::size_t count = 0;
    for (const Unit& unit : units) count += unit.items.size();
    return count;
  }

  // At most `limit` items for what has come together at a resource.
  std::vector<Item> PackOne(std::vector<Item> own, Pending here, std::uint32_t limit,
                            std::uint32_t resource) {
    at_ = resource;
    std::vector<Item> loose = std::move(here.loose);
    // Many may wait for one group here: engines then want one more task for it (argo_depends.h).
    if (!loose.empty() && own.size() + loose.size() + Count(here.units) > limit) limit /= 2;
    bool sorted = false;
    for (std::uint64_t level = 0;; ++level) {
      const std::size_t in_units = Count(here.units);
      if (own.size() + loose.size() + in_units <= limit) break;
      const bool can_units = in_units > FewestOf(here.units);
      const bool can_loose = loose.size() > FewestOf(loose);
      // Half the limit is what one wishes for; a few of each kind are always left.
      if (!can_units && !can_loose) break;
      if (can_units && (level == 0 || !can_loose || in_units > loose.size())) {
        here.units = PackUnits(std::move(here.units), level);
        continue;
      }
      if (!can_loose) continue;
      if (!sorted) SortLayers(loose);
      sorted = true;
      loose = PackLoose(loose, level);
    }
    MoveTo(own, std::move(loose));
    for (Unit& unit : here.units) MoveTo(own, std::move(unit.items));
    return own;
  }

  // What is left when all that can stand together does: one for each layer.
  static std::size_t FewestOf(const std::vector<Item>& loose) {
    std::array<bool, kPartOfLayer.size()> seen{};
    for (const Item& item : loose) seen[static_cast<std::size_t>(item.layer)] = true;
    return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), true));
  }
  // One for those that are whole, and preparations and rest of the others.
  static std::size_t FewestOf(const std::vector<Unit>& units) {
    std::array<bool, 3> seen{};
    for (const Unit& unit : units) {
      for (const Item& item : unit.items)
        seen[!unit.in_two ? 0 : IsPreparation(item) ? 1 : 2] = true;
    }
    return static_cast<std::size_t>(std::count(seen.begin(), seen.end(), true));
  }

  std::vector<Unit> PackUnits(std::vector<Unit> units, std::uint64_t level) {
    std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
      return std::pair(a.in_two, a.first) < std::pair(b.in_two, b.first);
    });
    std::vector<Unit> out;
    Chunker chunker(limits_.items);
    for (Unit& unit : units) {
      const bool alike = !out.empty() && out.back().in_two == unit.in_two &&
                         (level != 0 || HaveSameParents(out.back().resource, unit.resource));
      if (!alike) chunker = Chunker(limits_.items);
      const auto preparations = static_cast<std::size_t>(
          std::count_if(unit.items.begin(), unit.items.end(), IsPreparation));
      const std::size_t rest = unit.items.size() - preparations;
      const std::uint64_t hash =
          MixHash(HashOfKey(graph_.node(ResourceId{unit.resource}).key) + level);
      // In shares of what a group may hold; where groups come into groups only their number counts.
      const std::size_t steps =
          level != 0 ? 0 : (unit.steps * limits_.items + limits_.steps - 1) / limits_.steps;
      const bool begins = unit.in_two ? chunker.Begins(hash, preparations, rest, steps)
                                      : chunker.Begins(hash, unit.items.size(), 0, steps);
      if (begins) {
        out.push_back(std::move(unit));
      } else {
        out.back().steps += unit.steps;
        MoveTo(out.back().items, std::move(unit.items));
      }
    }
    for (Unit& unit : out) {
      if (!unit.in_two) {
        unit.items = {Group(std::move(unit.items), Part::kWhole, Layer::kParallel)};
        continue;
      }
      const auto middle = std::partition(unit.items.begin(), unit.items.end(), IsPreparation);
      std::vector<Item> preparations(unit.items.begin(), middle);
      std::vector<Item> rest(middle, unit.items.end());
      unit.items.clear();
      if (!preparations.empty()) {
        unit.items.push_back(
            Group(std::move(preparations), Part::kPreparations, Layer::kPreFinish));
      }
      if (!rest.empty())
        unit.items.push_back(Group(std::move(rest), Part::kRest, Layer::kParallel));
    }
    return out;
  }

  // They wait for the same and the same waits for them: as long as it can be, only those are put
  // together.
  bool HaveSameParents(std::uint32_t a, std::uint32_t b) const {
    const auto of_a = graph_.parents(ResourceId{a});
    const auto of_b = graph_.parents(ResourceId{b});
    return std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end());
  }

  static bool IsPreparation(const Item& item) { return item.layer <= Layer::kPreFinish; }

  // By layer, and in each so that everything comes after what it waits for, else as it is walked: any
  // neighbours can then be put together without waiting for each other in a circle.
  void SortLayers(std::vector<Item>& loose) {
    std::sort(loose.begin(), loose.end(), [](const Item& a, const Item& b) {
      return std::pair(a.layer, a.first) < std::pair(b.layer, b.first);
    });
    std::vector<Item> out;
    out.reserve(loose.size());
    for (std::size_t begin = 0; begin < loose.size();) {
      std::size_t end = begin;
      while (end < loose.size() && loose[end].layer == loose[begin].layer) ++end;
      SortLayer(std::span(loose).subspan(begin, end - begin), out);
      begin = end;
    }
    loose = std::move(out);
  }

  void SortLayer(std::span<const Item> layer, std::vector<Item>& out) {
    for (std::uint32_t i = 0; i < layer.size(); ++i) slot_[layer[i].index] = i + 1;
    std::vector<std::vector<std::uint32_t>> after(layer.size());
    std::vector<std::uint32_t> missing(layer.size(), 0);
    for (std::uint32_t i = 0; i < layer.size(); ++i) {
      const StepConditions& conditions = conditions_[layer[i].index];
      for (const auto* list : {&conditions.succeeded, &conditions.finished}) {
        for (const StepId before : *list) {
          if (slot_[before.value] == 0) continue;
          after[slot_[before.value] - 1].push_back(i);
          ++missing[i];
        }
      }
    }
    std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
    for (std::uint32_t i = 0; i < layer.size(); ++i) {
      if (missing[i] == 0) ready.push(i);
    }
    while (!ready.empty()) {
      const std::uint32_t next = ready.top();
      ready.pop();
      out.push_back(layer[next]);
      for (const std::uint32_t other : after[next]) {
        if (--missing[other] == 0) ready.push(other);
      }
    }
    for (const Item& item : layer) slot_[item.index] = 0;
  }

  std::vector<Item> PackLoose(const std::vector<Item>& loose, std::uint64_t level) {
    std::vector<Item> out;
    std::vector<Item> together;
    Chunker chunker(limits_.items);
    const auto close = [&] {
      if (together.empty()) return;
      const Layer layer = together.front().layer;
      out.push_back(
          Group(std::move(together), kPartOfLayer[static_cast<std::size_t>(layer)], layer));
      together.clear();
    };
    for (const Item& item : loose) {
      if (!together.empty() && together.front().layer != item.layer) {
        close();
        chunker = Chunker(limits_.items);
      }
      const ActivityRef first = dag_.steps[item.first].activities.front();
      if (chunker.Begins(MixHash(HashOfKey(graph_.node(first.resource).key) + level), 1, 0))
        close();
      together.push_back(item);
    }
    close();
    return out;
  }

  // One item for several; one alone stays what it is.
  Item Group(std::vector<Item> items, Part part, Layer layer) {
    if (items.size() == 1) {
      Item alone = items.front();
      alone.layer = layer;
      return alone;
    }
    const Item item{true, static_cast<std::uint32_t>(groups_.size()), FirstOf(items), layer};
    std::uint32_t depth = 1;
    for (const Item& inside : items) {
      if (inside.group) depth = std::max(depth, depth_[inside.index] + 1);
    }
    if (depth > kDeepest && at_ != dominators_.root()) {
      std::uint32_t top = at_;
      while (dominators_.depth(top) > 1) top = dominators_.parent(top);
      too_deep_.insert(top);
    }
    groups_.emplace_back(part, std::move(items));
    depth_.push_back(depth);
    return item;
  }

  std::vector<StepGroup> Finish(std::vector<Item> main) {
    std::vector<StepGroup> out(1);
    out.front().name = "main";
    std::unordered_set<std::string> used;
    // Groups of one group stand together, followed by those in the first of them.
    std::vector<std::pair<std::uint32_t, std::vector<Item>>> open{{0, std::move(main)}};
    while (!open.empty()) {
      auto [group, items] = std::move(open.back());
      open.pop_back();
      std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
        return std::pair(a.first, a.layer) < std::pair(b.first, b.layer);
      });
      const std::size_t others = open.size();
      for (const Item& item : items) {
        GroupItem made;
        made.index = item.index;
        if (item.group) {
          made.kind = GroupItem::Kind::kGroup;
          made.index = static_cast<std::uint32_t>(out.size());
          StepGroup below;
          below.part = groups_[item.index].first;
          below.name = NameOf(item, below.part, used);
          out.push_back(std::move(below));
          open.emplace_back(made.index, std::move(groups_[item.index].second));
        }
        out[group].items.push_back(std::move(made));
      }
      std::reverse(open.begin() + static_cast<std::ptrdiff_t>(others), open.end());
    }
    SetGroupConditions(conditions_, out);
    return out;
  }

  std::string NameOf(const Item& item, Part part, std::unordered_set<std::string>& used) const {
    constexpr std::array<std::string_view, 7> kNames{"all",  "prep", "rest", "pres",
                                                     "fins", "pars", "posts"};
    const std::string_view step = names_[item.first];
    const std::string stem(step.substr(0, step.rfind('-') + 1));
    const std::string plain = stem + std::string(kNames[static_cast<std::size_t>(part)]);
    std::string name = plain;
    for (int again = 2; !used.insert(name).second; ++again)
      name = plain + "-" + std::to_string(again);
    return name;
  }

  const ResourceGraph& graph_;
  const ActivityDag& dag_;
  std::span<const StepConditions> conditions_;
  std::span<const std::string> names_;
  const GroupLimits limits_;
  const Digraph children_;
  const std::vector<std::uint32_t> parents_first_;
  const DominatorTree dominators_;
  std::vector<bool> closed_;
  std::vector<bool> below_pre_finish_;
  std::vector<std::vector<std::uint32_t>> steps_of_;  // by resource, the last one: of the root
  std::vector<std::uint32_t> slot_;  // by step, while a layer is sorted: its place in there, from 1
  std::uint32_t at_ = 0;             // the resource at which groups are made
  std::vector<std::pair<Part, std::vector<Item>>> groups_;
  std::vector<std::uint32_t> depth_;  // by group: how deep groups stand in it, itself counted
  std::unordered_set<std::uint32_t> too_deep_;  // by their top below the root
};

// All steps in one group.
std::vector<StepGroup> OneGroup(std::span<const StepConditions> conditions) {
  std::vector<StepGroup> groups(1);
  groups.front().name = "main";
  std::vector<GroupItem>& items = groups.front().items;
  items.resize(conditions.size());
  const auto positions = [](const std::vector<StepId>& steps) {
    std::vector<std::uint32_t> out;
    out.reserve(steps.size());
    for (const StepId step : steps) out.push_back(step.value);
    return out;
  };
  for (std::uint32_t step = 0; step < conditions.size(); ++step) {
    items[step] = {GroupItem::Kind::kStep, step, positions(conditions[step].succeeded),
                   positions(conditions[step].finished)};
  }
  return groups;
}

}  // namespace

std::vector<StepGroup> CutIntoGroups(const ResourceGraph& graph, const ActivityTable& table,
                                     const ActivityDag& dag,
                                     std::span<const StepConditions> conditions,
                                     std::span<const std::string> names,
                                     const GroupLimits& limits) {
  HOLDFAST_CHECK(limits.items >= kFewestItems && limits.first_items + 1 >= kFewestItems &&
                 limits.steps >= limits.items);
  if (dag.steps.size() <= limits.first_items) return OneGroup(conditions);
  return Cutter(graph, table, dag, conditions, names, limits).Run();
}

}  // namespace holdfast::compiler
