#include "compiler/emit/argo/argo_depends.h"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace holdfast::compiler {
namespace {

constexpr std::size_t kLongFormUpTo = 4;
// A result of a task counts 3 nodes, an operator 1: 4 a gate, 5 in the short form; below 10,000.
constexpr std::size_t kMostOperands = 1900;
// From this many gates on, steps with the same ones share a barrier.
constexpr std::size_t kSharedGatesFrom = 9;

class TaskMaker {
 public:
  explicit TaskMaker(const EngineWorkflow& workflow) : workflow_(workflow) {
    std::map<std::vector<StepId>, std::size_t> users;
    for (const WorkflowStep& step : workflow.steps) {
      if (step.conditions.succeeded.size() >= kSharedGatesFrom) ++users[step.conditions.succeeded];
    }
    for (const auto& [gates, count] : users) {
      if (count > 1) shared_gates_.emplace(gates, std::vector<std::string>());
    }
  }

  ArgoTasks Run() {
    out_.tasks.push_back({"begin", false, {}, nullptr});
    for (const WorkflowStep& step : workflow_.steps) {
      std::vector<std::string> depends = Gates(step.conditions.succeeded);
      for (std::string& operand : Ends(step.conditions.finished, kMostOperands - depends.size())) {
        depends.push_back(std::move(operand));
      }
      out_.tasks.push_back({step.name, false, std::move(depends), &step});
    }
    return std::move(out_);
  }

 private:
  const std::string& NameOf(StepId id) const { return workflow_.steps[id.value].name; }

  std::vector<std::string> Gates(const std::vector<StepId>& gates) {
    // Without a gate of its own a step must still not run when `begin` was refused.
    if (gates.empty()) return {"begin.Succeeded"};
    const auto shared = shared_gates_.find(gates);
    if (shared != shared_gates_.end() && !shared->second.empty()) return shared->second;
    std::vector<std::string> operands;
    operands.reserve(gates.size());
    for (const StepId gate : gates) operands.push_back(NameOf(gate) + ".Succeeded");
    // Half of what an expression takes is left for what the step merely comes after.
    if (shared == shared_gates_.end() && operands.size() <= kMostOperands / 2) return operands;
    operands = ThroughBarriers(std::move(operands), "gate", gates_);
    if (shared != shared_gates_.end()) shared->second = operands;
    return operands;
  }

  std::vector<std::string> Ends(const std::vector<StepId>& steps, std::size_t room) {
    std::vector<std::string> operands;
    operands.reserve(steps.size());
    if (steps.size() <= kLongFormUpTo) {
      for (const StepId id : steps) {
        const std::string& name = NameOf(id);
        operands.push_back(
            fmt::format("({0}.Succeeded || {0}.Failed || {0}.Errored || {0}.Omitted)", name));
      }
      return operands;
    }
    out_.short_form = true;
    for (const StepId id : steps) operands.push_back("!" + NameOf(id) + ".Daemoned");
    if (operands.size() <= room) return operands;
    return ThroughBarriers(std::move(operands), "wait", waits_);
  }

  // One barrier a part; barriers of barriers until one expression holds them.
  std::vector<std::string> ThroughBarriers(std::vector<std::string> operands, std::string_view name,
                                           std::size_t& count) {
    out_.barriers = true;
    constexpr std::size_t kPart = kMostOperands / 2;
    do {
      std::vector<std::string> barriers;
      for (std::size_t at = 0; at < operands.size(); at += kPart) {
        ArgoTask barrier{fmt::format("{}-{}", name, ++count), true, {}, nullptr};
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
  ArgoTasks out_;
  // By set of gates: what stands for them, once it has been made.
  std::map<std::vector<StepId>, std::vector<std::string>> shared_gates_;
  std::size_t gates_ = 0;
  std::size_t waits_ = 0;
};

}  // namespace

ArgoTasks MakeArgoTasks(const EngineWorkflow& workflow) { return TaskMaker(workflow).Run(); }

}  // namespace holdfast::compiler
