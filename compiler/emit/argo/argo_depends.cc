#include "compiler/emit/argo/argo_depends.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace holdfast::compiler {
namespace {

constexpr std::size_t kLongFormUpTo = 4;
// A result of a task counts 3 nodes, an operator 1: 4 a gate, 5 in the short form; below 10,000.
constexpr std::size_t kMostOperands = 1900;
// What one barrier stands for.
constexpr std::size_t kPart = kMostOperands / 2;
// From this many gates on, steps with the same ones share a barrier.
constexpr std::size_t kSharedGatesFrom = 9;

// Ids of a group's tasks in the status for all that wait for it (argo: "k sinks x m dependents").
constexpr std::size_t kManyChildIds = 500;

std::size_t BarriersFor(std::size_t operands) {
  std::size_t barriers = 0;
  do {
    operands = (operands + kPart - 1) / kPart;
    barriers += operands;
  } while (operands > kPart);
  return barriers;
}

class TaskMaker {
 public:
  TaskMaker(const EngineWorkflow& workflow, std::uint32_t group, std::uint32_t max_tasks)
      : workflow_(workflow), is_main_(group == 0), items_(workflow.groups[group].items) {
    std::map<std::vector<std::uint32_t>, std::size_t> users;
    for (const GroupItem& item : items_) {
      if (item.succeeded.size() >= kSharedGatesFrom) ++users[item.succeeded];
    }
    std::size_t tasks = items_.size() + (is_main_ ? 1 : 0);
    for (const auto& [gates, count] : users) {
      if (count == 1) continue;
      tasks += BarriersFor(gates.size());
      if (tasks > max_tasks) break;
      shared_gates_.emplace(gates, std::vector<std::string>());
    }
    for (const std::uint32_t position : FannedGroups()) {
      if (++tasks > max_tasks) break;
      fanned_.emplace(position, std::string());
    }
  }

  ArgoTasks Run() {
    if (is_main_) out_.tasks.push_back({ArgoTask::Kind::kBegin, "begin"});
    for (std::uint32_t at = 0; at < items_.size(); ++at) {
      const GroupItem& item = items_[at];
      std::vector<std::string> depends = Gates(item.succeeded);
      for (std::string& operand : Ends(item.finished, kMostOperands - depends.size())) {
        depends.push_back(std::move(operand));
      }
      const bool step = item.kind == GroupItem::Kind::kStep;
      out_.tasks.push_back(
          {step ? ArgoTask::Kind::kStep : ArgoTask::Kind::kGroup, NameOf(at), std::move(depends),
           step ? workflow_.steps[item.index].comment : workflow_.groups[item.index].comment,
           step ? std::string_view(workflow_.steps[item.index].volume) : std::string_view(),
           !step && workflow_.groups[item.index].separate});
    }
    return std::move(out_);
  }

 private:
  const std::string& NameOf(std::uint32_t position) const {
    const GroupItem& item = items_[position];
    return item.kind == GroupItem::Kind::kStep ? workflow_.steps[item.index].name
                                               : workflow_.groups[item.index].name;
  }

  // The groups that cost the status most, those first.
  std::vector<std::uint32_t> FannedGroups() const {
    std::vector<std::size_t> dependents(items_.size(), 0);
    for (const GroupItem& item : items_) {
      for (const std::uint32_t other : item.finished) ++dependents[other];
    }
    std::vector<std::pair<std::size_t, std::uint32_t>> found;
    for (std::uint32_t at = 0; at < items_.size(); ++at) {
      if (items_[at].kind == GroupItem::Kind::kStep || dependents[at] < 2) continue;
      // A child Workflow is one pod in the status.
      if (workflow_.groups[items_[at].index].separate) continue;
      const std::size_t ids = dependents[at] * workflow_.groups[items_[at].index].items.size();
      if (ids > kManyChildIds) found.emplace_back(ids, at);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<std::uint32_t> out;
    out.reserve(found.size());
    for (const auto& [ids, at] : found) out.push_back(at);
    return out;
  }

  std::vector<std::string> Gates(const std::vector<std::uint32_t>& gates) {
    // Without a gate of its own an item must still not run when `begin` was refused. A group in
    // another is called only when it was not.
    if (gates.empty() && is_main_) return {"begin.Succeeded"};
    const auto shared = shared_gates_.find(gates);
    if (shared != shared_gates_.end() && !shared->second.empty()) return shared->second;
    std::vector<std::string> operands;
    operands.reserve(gates.size());
    for (const std::uint32_t gate : gates) operands.push_back(NameOf(gate) + ".Succeeded");
    // Half of what an expression takes is left for what the item merely comes after.
    if (shared == shared_gates_.end() && operands.size() <= kPart) return operands;
    operands = ThroughBarriers(std::move(operands), "gate", gates_);
    if (shared != shared_gates_.end()) shared->second = operands;
    return operands;
  }

  std::vector<std::string> Ends(const std::vector<std::uint32_t>& items, std::size_t room) {
    std::vector<std::string> operands;
    operands.reserve(items.size());
    std::vector<std::uint32_t> others;
    for (const std::uint32_t item : items) {
      const auto fanned = fanned_.find(item);
      if (fanned == fanned_.end()) {
        others.push_back(item);
        continue;
      }
      if (fanned->second.empty())
        fanned->second = ThroughBarriers({LongForm(item)}, "wait", waits_).front();
      operands.push_back(fanned->second);
    }
    if (others.size() <= kLongFormUpTo) {
      for (const std::uint32_t item : others) operands.push_back(LongForm(item));
      return operands;
    }
    out_.short_form = true;
    for (const std::uint32_t item : others) operands.push_back("!" + NameOf(item) + ".Daemoned");
    if (operands.size() <= room) return operands;
    return ThroughBarriers(std::move(operands), "wait", waits_);
  }

  std::string LongForm(std::uint32_t item) const {
    return fmt::format("({0}.Succeeded || {0}.Failed || {0}.Errored || {0}.Omitted)", NameOf(item));
  }

  // One barrier a part; barriers of barriers until one expression holds them.
  std::vector<std::string> ThroughBarriers(std::vector<std::string> operands, std::string_view name,
                                           std::size_t& count) {
    out_.barriers = true;
    do {
      std::vector<std::string> barriers;
      for (std::size_t at = 0; at < operands.size(); at += kPart) {
        ArgoTask barrier{ArgoTask::Kind::kBarrier, fmt::format("{}-{}", name, ++count)};
        for (std::size_t i = at; i < operands.size() && i < at + kPart; ++i) {
          barrier.depends.push_back(std::move(operands[i]));
        }
        barriers.push_back(barrier.name + ".Skipped");
        out_.tasks.push_back(std::move(barrier));
      }
      operands = std::move(barriers);
    } while (operands.size() > kPart);
    return operands;
  }

  const EngineWorkflow& workflow_;
  const bool is_main_;
  const std::vector<GroupItem>& items_;
  ArgoTasks out_;
  // By set of gates: what stands for them, once it has been made.
  std::map<std::vector<std::uint32_t>, std::vector<std::string>> shared_gates_;
  // By position of a group that many wait for: what stands for its end, once it has been made.
  std::map<std::uint32_t, std::string> fanned_;
  std::size_t gates_ = 0;
  std::size_t waits_ = 0;
};

}  // namespace

ArgoTasks MakeArgoTasks(const EngineWorkflow& workflow, std::uint32_t group,
                        std::uint32_t max_tasks) {
  return TaskMaker(workflow, group, max_tasks).Run();
}

}  // namespace holdfast::compiler
