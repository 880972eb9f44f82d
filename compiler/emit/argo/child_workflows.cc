#include "compiler/emit/argo/child_workflows.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "compiler/workflow/chunker.h"
#include "plugins/sdk/stable_hash.h"

namespace holdfast::compiler {
namespace {

using Part = StepGroup::Part;

// Argo's definitions refuse more templates in one object, Kubernetes more bytes.
constexpr std::size_t kMostTemplates = 200;
constexpr std::size_t kMostBytes = 1'000'000;
// Of a task in the status of a run, as measured.
constexpr std::size_t kBytesOfStatus = 450;
// Names of fields and quotes of a task that calls a leaf template, with the argument that a child's have.
constexpr std::size_t kBytesOfTask = 170;
// Kubernetes keeps '&&' as twice six bytes.
constexpr std::size_t kBytesOfAnd = 14;
constexpr std::size_t kBytesOfTemplate = 80;
// A task without depends, by the longest name.
constexpr std::size_t kMostBytesOfCall = kBytesOfTask + kBytesOfStatus + 300;
// Kind, metadata, parameters, limits; of the Workflow that is started also `begin` and `end`.
constexpr std::size_t kBytesOfObject = 4'000;
constexpr std::size_t kObjectTemplates = 1;
constexpr std::size_t kObjectTasks = 2;

bool IsPreparation(Part part) {
  return part == Part::kPreparations || part == Part::kPre || part == Part::kPreFinish;
}

class Divider {
 public:
  Divider(EngineWorkflow& workflow, const EmitOptions& options)
      : workflow_(workflow), options_(options), limit_(LimitOf(options)) {
    // What every object has beside its groups.
    limit_.tasks -= std::min(limit_.tasks, kObjectTasks);
    limit_.templates -= std::min(limit_.templates, kObjectTemplates);
    limit_.bytes -= std::min(limit_.bytes, kBytesOfObject);
  }

  void Run() {
    const std::size_t groups = workflow_.groups.size();
    sizes_.resize(groups);
    // A group stands in the list before those that are in it; new ones come at the end.
    for (std::size_t group = groups; group-- != 0;) {
      ArgoSize size = Own(static_cast<std::uint32_t>(group));
      for (const GroupItem& item : workflow_.groups[group].items) {
        if (item.kind == GroupItem::Kind::kGroup) size += sizes_[item.index];
      }
      if (!size.FitsInto(limit_)) size = Divide(static_cast<std::uint32_t>(group));
      sizes_[group] = size;
    }
    if (divided_) Renumber();
  }

 private:
  // Neighbours that wait for the same: positions in their group.
  struct Child {
    std::vector<std::uint32_t> positions;
    ArgoSize size;
  };

  ArgoSize Own(std::uint32_t group) const {
    return SizeOf(workflow_, group,
                  MakeArgoTasks(workflow_, group, options_.max_tasks_per_template));
  }

  // The size of the group with what stays in its object.
  ArgoSize Divide(std::uint32_t group) {
    divided_ = true;
    std::vector<Child> children = FindChildren(group);
    std::vector<bool> separate(children.size(), false);
    // Those that are worth an object first, and all of a size: which of two that are about the same is
    // the larger one must not matter.
    for (std::size_t least = limit_.tasks / 8;; least /= 4) {
      ArgoSize rest = Own(group);
      for (std::size_t i = 0; i < children.size(); ++i) {
        separate[i] = children[i].size.tasks >= least;
        if (!separate[i]) rest += children[i].size;
      }
      if (rest.FitsInto(limit_) || least == 0) break;
    }
    Separate(group, children, separate);
    ArgoSize size = Own(group);
    for (const GroupItem& item : workflow_.groups[group].items) {
      if (item.kind == GroupItem::Kind::kGroup && !workflow_.groups[item.index].separate)
        size += sizes_[item.index];
    }
    return size;
  }

  std::vector<Child> FindChildren(std::uint32_t group) const {
    const std::vector<GroupItem>& items = workflow_.groups[group].items;
    std::vector<Child> children;
    Chunker chunker(limit_.tasks);
    const GroupItem* last = nullptr;
    for (std::uint32_t at = 0; at < items.size(); ++at) {
      const GroupItem& item = items[at];
      if (item.kind != GroupItem::Kind::kGroup) continue;
      const StepGroup& inside = workflow_.groups[item.index];
      const bool alike =
          last != nullptr && last->succeeded == item.succeeded && last->finished == item.finished &&
          IsPreparation(workflow_.groups[last->index].part) == IsPreparation(inside.part);
      if (!alike) chunker = Chunker(limit_.tasks);
      const ArgoSize& size = sizes_[item.index];
      bool begins = chunker.Begins(MixHash(TextHash({inside.name})), size.tasks) || !alike;
      if (!begins) {
        ArgoSize both = children.back().size;
        both += size;
        // A template that calls them.
        const std::size_t calls = children.back().positions.size() + 1;
        both += {calls, 1, kBytesOfTemplate + calls * kMostBytesOfCall};
        begins = !both.FitsInto(limit_) || calls > options_.max_tasks_per_template;
      }
      if (begins) children.emplace_back();
      children.back().positions.push_back(at);
      children.back().size += size;
      last = &item;
    }
    return children;
  }

  void Separate(std::uint32_t group, const std::vector<Child>& children,
                const std::vector<bool>& separate) {
    std::vector<GroupItem> items = std::move(workflow_.groups[group].items);
    // By old position: the new one; the first of those that stand together there; how many there are.
    std::vector<std::uint32_t> moved(items.size(), 0);
    std::vector<std::ptrdiff_t> members(items.size(), 1);
    std::vector<std::uint32_t> head(items.size());
    for (std::uint32_t at = 0; at < items.size(); ++at) head[at] = at;
    for (std::size_t i = 0; i < children.size(); ++i) {
      if (!separate[i]) continue;
      const std::vector<std::uint32_t>& positions = children[i].positions;
      const std::uint32_t first = positions.front();
      for (const std::uint32_t at : positions) head[at] = first;
      members[first] = std::ssize(positions);
      if (positions.size() == 1) {
        workflow_.groups[items[first].index].separate = true;
      } else {
        items[first].index = Together(items, positions, children[i].size);
      }
    }
    std::vector<GroupItem> kept;
    for (std::uint32_t at = 0; at < items.size(); ++at) {
      if (head[at] != at) continue;
      moved[at] = static_cast<std::uint32_t>(kept.size());
      kept.push_back(std::move(items[at]));
    }
    for (GroupItem& item : kept) Remap(item, head, members, moved);
    workflow_.groups[group].items = std::move(kept);
  }

  // What was waited for by one of several is waited for by all of them; to have succeeded only where each
  // of them had to.
  static void Remap(GroupItem& item, const std::vector<std::uint32_t>& head,
                    const std::vector<std::ptrdiff_t>& members,
                    const std::vector<std::uint32_t>& moved) {
    std::vector<std::uint32_t> succeeded;
    std::vector<std::uint32_t> finished;
    for (const std::uint32_t gate : item.succeeded) {
      const std::uint32_t first = head[gate];
      // The members of one child need not be neighbours in the list.
      const auto count = std::count_if(item.succeeded.begin(), item.succeeded.end(),
                                       [&](std::uint32_t other) { return head[other] == first; });
      (count == members[first] ? succeeded : finished).push_back(moved[first]);
    }
    for (const std::uint32_t other : item.finished) finished.push_back(moved[head[other]]);
    for (auto* list : {&succeeded, &finished}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    item.finished.clear();
    std::set_difference(finished.begin(), finished.end(), succeeded.begin(), succeeded.end(),
                        std::back_inserter(item.finished));
    item.succeeded = std::move(succeeded);
  }

  // A group of groups, in an object of its own.
  std::uint32_t Together(std::vector<GroupItem>& items, std::span<const std::uint32_t> positions,
                         const ArgoSize& size) {
    StepGroup made;
    made.separate = true;
    made.part = workflow_.groups[items[positions.front()].index].part;
    made.name = workflow_.groups[items[positions.front()].index].name + "-set";
    for (const std::uint32_t at : positions) {
      const StepGroup& member = workflow_.groups[items[at].index];
      if (member.part != made.part)
        made.part = IsPreparation(made.part) ? Part::kPreparations : Part::kRest;
      made.items.push_back({GroupItem::Kind::kGroup, items[at].index, {}, {}});
    }
    workflow_.groups.push_back(std::move(made));
    sizes_.push_back(size);
    return static_cast<std::uint32_t>(workflow_.groups.size() - 1);
  }

  // Groups of one group stand together, followed by those in the first of them.
  void Renumber() {
    std::vector<StepGroup>& groups = workflow_.groups;
    std::vector<StepGroup> out;
    out.reserve(groups.size());
    out.push_back(std::move(groups.front()));
    std::vector<std::uint32_t> open{0};
    while (!open.empty()) {
      const std::uint32_t group = open.back();
      open.pop_back();
      const std::size_t others = open.size();
      for (std::size_t i = 0; i < out[group].items.size(); ++i) {
        GroupItem& item = out[group].items[i];
        if (item.kind != GroupItem::Kind::kGroup) continue;
        const std::uint32_t old = item.index;
        item.index = static_cast<std::uint32_t>(out.size());
        open.push_back(item.index);
        out.push_back(std::move(groups[old]));
      }
      std::reverse(open.begin() + static_cast<std::ptrdiff_t>(others), open.end());
    }
    groups = std::move(out);
  }

  EngineWorkflow& workflow_;
  const EmitOptions& options_;
  ArgoSize limit_;
  std::vector<ArgoSize> sizes_;  // by group, with what is in it and in no object of its own
  bool divided_ = false;
};

}  // namespace

ArgoSize LimitOf(const EmitOptions& options) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  ArgoSize limit{options.max_tasks_per_workflow, kMostTemplates, kMostBytes};
  if (options.max_tasks_per_workflow > EmitOptions{}.max_tasks_per_workflow)
    limit.templates = limit.bytes = kNone;
  return limit;
}

ArgoSize SizeOf(const EngineWorkflow& workflow, std::uint32_t group, const ArgoTasks& tasks) {
  ArgoSize size{tasks.tasks.size(), 1, kBytesOfTemplate + workflow.groups[group].name.size()};
  for (const ArgoTask& task : tasks.tasks) {
    size.bytes += kBytesOfTask + kBytesOfStatus + 3 * task.name.size() + task.volume.size();
    for (const std::string& operand : task.depends) {
      size.bytes += operand.size() + kBytesOfAnd;
      // In the long form.
      size.bytes += 6 * static_cast<std::size_t>(std::count(operand.begin(), operand.end(), '&'));
    }
  }
  return size;
}

void DivideIntoWorkflows(EngineWorkflow& workflow, const EmitOptions& options) {
  Divider(workflow, options).Run();
}

}  // namespace holdfast::compiler
