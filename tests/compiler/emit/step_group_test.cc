#include "compiler/workflow/step_group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "compiler/workflow/step_names.h"

namespace holdfast::compiler {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

struct Resource {
  std::string id;
  std::vector<std::string> children = {};
  bool pre_finish = false;
  bool no_pre = false;
};

// The groups of a graph whose resources all have pre (but for those that say so), parallel and post.
struct Cut {
  std::vector<std::string> names;  // of the steps
  std::vector<StepGroup> groups;

  // One of the tasks of the first group is `begin`.
  Cut(const std::vector<Resource>& resources, std::uint32_t max_items)
      : Cut(resources, GroupLimits{max_items - 1, max_items, 1000}) {}

  Cut(const std::vector<Resource>& resources, const GroupLimits& limits) {
    ResourceGraphBuilder builder;
    std::set<std::string> pre_finish;
    std::set<std::string> no_pre;
    for (const auto& resource : resources) {
      EXPECT_TRUE(builder.AddResource({{"T::N", resource.id}, resource.id, {}}));
      for (const auto& child : resource.children)
        EXPECT_TRUE(builder.AddEdge({"T::N", resource.id}, {"T::N", child}));
      if (resource.pre_finish) pre_finish.insert(resource.id);
      if (resource.no_pre) no_pre.insert(resource.id);
    }
    const ResourceGraph graph = builder.Build().value();
    ActivityTable table;
    for (const auto& node : graph.nodes()) {
      const bool has = pre_finish.contains(node.key.id);
      const bool pre = !no_pre.contains(node.key.id);
      table.choices.push_back({pre ? StepChoice::Own() : StepChoice::None(),
                               has ? StepChoice::Own() : StepChoice::None(), StepChoice::Own(),
                               StepChoice::Own()});
    }
    const ActivityDag dag = BuildActivityDag(graph, table, FuseMode::kNone).value();
    names = NameSteps(graph, table, dag, StepNames::kReadable);
    groups = CutIntoGroups(graph, table, dag, EssentialGates(dag), names, limits);
    Check(limits);
  }

  // Every step stands in one group, every group in one other, and none has too many items.
  void Check(const GroupLimits& limits) const {
    std::vector<int> steps(names.size(), 0);
    std::vector<int> inside(groups.size(), 0);
    for (std::size_t i = 0; i < groups.size(); ++i) {
      EXPECT_LE(groups[i].items.size(), i == 0 ? limits.first_items : limits.items);
      for (const GroupItem& item : groups[i].items)
        ++(item.kind == GroupItem::Kind::kStep ? steps : inside)[item.index];
    }
    EXPECT_EQ(std::count(steps.begin(), steps.end(), 1), static_cast<long>(steps.size()));
    EXPECT_EQ(inside[0], 0);
    EXPECT_EQ(std::count(inside.begin() + 1, inside.end(), 1),
              static_cast<long>(groups.size() - 1));
  }

  std::uint32_t Depth() const {
    std::vector<std::uint32_t> depth(groups.size(), 1);
    std::uint32_t deepest = 1;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      for (const GroupItem& item : groups[i].items) {
        if (item.kind == GroupItem::Kind::kGroup) depth[item.index] = depth[i] + 1;
      }
      deepest = std::max(deepest, depth[i]);
    }
    return deepest;
  }

  // By the name of the group: its items' names.
  std::map<std::string, std::vector<std::string>> Contents() const {
    std::map<std::string, std::vector<std::string>> out;
    for (const StepGroup& group : groups) {
      auto& items = out[group.name];
      for (const GroupItem& item : group.items) {
        items.push_back(item.kind == GroupItem::Kind::kStep ? names[item.index]
                                                            : groups[item.index].name);
      }
    }
    return out;
  }
};

std::string Numbered(const std::string& stem, int i) {
  std::string digits = std::to_string(i);
  return stem + std::string(5 - digits.size(), '0') + digits;
}

std::vector<Resource> Star(int children, bool pre_finish) {
  std::vector<Resource> out{{"top", {}, pre_finish}};
  for (int i = 0; i < children; ++i) {
    out.push_back({Numbered("c", i)});
    out.front().children.push_back(out.back().id);
  }
  return out;
}

std::vector<Resource> Chain(int length, bool pre_finish) {
  std::vector<Resource> out;
  for (int i = 0; i < length; ++i) {
    out.push_back({Numbered("c", i), {}, pre_finish && i % 50 == 0});
    if (i + 1 < length) out.back().children = {Numbered("c", i + 1)};
  }
  return out;
}

TEST(StepGroups, AreOneWhereThatIsEnough) {
  const Cut cut(Star(5, false), 20);  // 18 steps
  EXPECT_THAT(cut.groups, SizeIs(1));
  EXPECT_EQ(cut.groups[0].name, "main");
  EXPECT_THAT(Cut(Star(6, false), 20).groups, SizeIs(::testing::Gt(1U)));
  EXPECT_THAT(Cut(Star(6, false), GroupLimits{21, 21, 21}).groups, SizeIs(1)) << "as many as fit";
  EXPECT_THAT(Cut(Star(6, false), GroupLimits{20, 21, 21}).groups, SizeIs(2));
}

TEST(StepGroups, OfAStarAreItsChildrenInBatches) {
  for (const std::uint32_t most : {20U, 50U, 200U}) {
    for (const bool pre_finish : {false, true}) {
      SCOPED_TRACE(std::to_string(most) + (pre_finish ? " with pre_finish" : ""));
      const Cut cut(Star(5000, pre_finish), most);
      EXPECT_LE(cut.Depth(), 8U);
      // Of the largest that there can be, not more than six times as many.
      EXPECT_LE(cut.groups.size(), 1 + 6 * cut.names.size() / most);
    }
  }
}

TEST(StepGroups, OfAChainDoNotStandTooDeepInEachOther) {
  for (const std::uint32_t most : {20U, 50U, 200U}) {
    for (const int length : {300, 4000}) {
      for (const bool pre_finish : {false, true}) {
        SCOPED_TRACE(std::to_string(most) + " of " + std::to_string(length));
        EXPECT_LE(Cut(Chain(length, pre_finish), most).Depth(), 60U);
      }
    }
  }
}

TEST(StepGroups, BelowAPreFinishHaveThePreparationsApart) {
  const Cut cut(Star(6, true), 20);
  std::vector<std::string> parts;
  for (const GroupItem& item : cut.groups[0].items) {
    const bool step = item.kind == GroupItem::Kind::kStep;
    const std::string& name = step ? cut.names[item.index] : cut.groups[item.index].name;
    parts.push_back(name.substr(name.rfind('-') + 1));
  }
  EXPECT_THAT(parts, ElementsAre("pre", "fin", "par", "prep", "rest", "post"));
  // The pre_finish waits for the preparations alone; the copies for the preparations, and for the
  // top's pre, without which they must not run.
  const auto& items = cut.groups[0].items;
  EXPECT_THAT(items[1].succeeded, ElementsAre(0U));
  EXPECT_THAT(items[1].finished, ElementsAre(3U));
  EXPECT_THAT(items[3].succeeded, ElementsAre(0U));
  EXPECT_THAT(items[4].succeeded, ElementsAre(0U));
  EXPECT_THAT(items[4].finished, ElementsAre(3U));
}

// What is below the top by way of one of many, of which every one requires the top: so does what requires
// one of them each.
TEST(StepGroups, RequireWhatTheGatesOfTheirStepsRequire) {
  constexpr int kParents = 12;
  std::vector<Resource> resources{{"top", {"open"}}, {"open", {}, false, true}};
  for (int i = 0; i < kParents; ++i) {
    resources.push_back({Numbered("p", i)});
    resources[0].children.push_back(resources.back().id);
  }
  for (int i = 0; i < 5 * kParents; ++i) {
    resources.push_back({Numbered("c", i)});
    resources[1].children.push_back(resources.back().id);
    resources[2U + i % kParents].children.push_back(resources.back().id);
  }
  const Cut cut(resources, 100);
  const auto& items = cut.groups[0].items;
  ASSERT_THAT(cut.names[items.front().index], ::testing::StartsWith("top-"));
  std::size_t of_several = 0;
  for (const GroupItem& item : items) {
    if (item.kind == GroupItem::Kind::kStep) continue;
    if (item.finished.empty()) continue;  // all require one of them
    ++of_several;
    EXPECT_THAT(item.succeeded, ElementsAre(0U)) << cut.groups[item.index].name;
  }
  EXPECT_GE(of_several, 1U);
}

// One resource more: the groups that it is in change, and what those stand in, and nothing else.
TEST(StepGroups, ChangeOnlyAroundWhatChanges) {
  std::vector<Resource> resources = Star(3000, false);
  const auto before = Cut(resources, 100).Contents();
  std::size_t changed = 0;
  for (const int where : {7, 901, 1500, 2222, 2999}) {
    std::vector<Resource> more = resources;
    more.push_back({Numbered("c", where) + "x"});
    more.front().children.push_back(more.back().id);
    for (const auto& [name, items] : Cut(more, 100).Contents()) {
      const auto old = before.find(name);
      if (old == before.end() || old->second != items) ++changed;
    }
  }
  EXPECT_LE(changed, 5U * 4U);
  EXPECT_GE(changed, 5U);
}

}  // namespace
}  // namespace holdfast::compiler
