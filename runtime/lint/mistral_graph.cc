#include "runtime/lint/mistral_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

using Graph = MistralGraph;

constexpr std::array<std::string_view, 4> kCommands{"noop", "fail", "succeed", "pause"};
constexpr std::array kClauses{std::pair{std::string_view("on-complete"), Graph::On::kComplete},
                              std::pair{std::string_view("on-success"), Graph::On::kSuccess},
                              std::pair{std::string_view("on-error"), Graph::On::kError}};

// Of a value that is written out, as such or as an expression; kMaybe: it is another one.
Graph::Taken Constant(const Value& value) {
  const std::optional<Value> constant = ConstantOf(value);
  if (!constant) return Graph::Taken::kMaybe;
  return Holds(*constant) ? Graph::Taken::kAlways : Graph::Taken::kNever;
}

bool HasExpressions(const Value& value) {
  if (value.is_string())
    return HasExpression(value.AsString()) || value.AsString().find("{%") != std::string::npos;
  if (value.is_list())
    return std::any_of(value.AsList().begin(), value.AsList().end(), &HasExpressions);
  return value.is_map() && std::any_of(value.AsMap().begin(), value.AsMap().end(),
                                       [](const auto& one) { return HasExpressions(one.second); });
}

bool CanSucceed(const Value& task, const Value* defaults) {
  if (const Value* const fail_on = PolicyOf(task, defaults, "fail-on");
      fail_on != nullptr && Constant(*fail_on) == Graph::Taken::kAlways)
    return false;
  // Of no items, every action succeeds.
  const Value* const items = task.Find("with-items");
  return task.StringOr("action", "") != "std.fail" || (items != nullptr && MayHaveNoItems(*items));
}

// std.noop without an input, and std.echo with a text.
bool IsHarmless(const Value& task) {
  if (task.Find("workflow") != nullptr) return false;
  const std::string text = task.StringOr("action", mistral_words::kNoAction);
  const MistralShorthand call = CutShorthand(text);
  const Value* const input = task.Find("input");
  if (call.word == mistral_words::kNoAction) return input == nullptr && call.inputs.empty();
  if (call.word != "std.echo") return false;
  std::size_t inputs = call.inputs.size();
  if (input != nullptr) inputs += input->is_map() ? input->AsMap().size() : 2;
  return inputs == 1 &&
         (call.Has("output") || (input != nullptr && input->Find("output") != nullptr));
}

// What does nothing and asks for nothing cannot fail.
bool CanFail(const Value& task, const Value* defaults) {
  if (!IsHarmless(task)) return true;
  for (const char* const name : {"fail-on", "timeout", "retry", "concurrency", "wait-before",
                                 "wait-after", "pause-before"}) {
    const Value* const policy = PolicyOf(task, defaults, name);
    if (policy == nullptr) continue;
    const bool may_end_it =
        std::string_view(name) == "fail-on" || std::string_view(name) == "timeout";
    if ((may_end_it && !IsNothing(*policy)) || HasExpressions(*policy)) return true;
  }
  return task.Find("target") != nullptr ||
         std::any_of(task.AsMap().begin(), task.AsMap().end(), [](const auto& field) {
           return !field.first.starts_with("on-") && HasExpressions(field.second);
         });
}

// noop, fail, succeed, pause.
bool IsMistralCommand(std::string_view name) {
  return std::find(kCommands.begin(), kCommands.end(), name) != kCommands.end();
}

class Builder {
 public:
  Builder(const local::SourceFile& source, const Value& workflow, Findings& found)
      : source_(source), defaults_(workflow.Find("task-defaults")), found_(found) {}

  Graph Build(const Value::Map& tasks) {
    for (const auto& [name, fields] : tasks) {
      if (name == "version") continue;
      Graph::Task task;
      task.name = name;
      task.fields = &fields;
      const Value* const join = fields.Find("join");
      if (join != nullptr && !IsNothing(*join)) task.join = join;
      task.can_succeed = CanSucceed(fields, defaults_);
      task.can_fail = CanFail(fields, defaults_);
      numbers_.emplace(name, graph_.tasks.size());
      graph_.tasks.push_back(std::move(task));
    }
    for (std::size_t from = 0; from < graph_.tasks.size(); ++from) ReadLinks(from);
    for (const std::size_t number : commands_) {
      const Graph::Task& task = graph_.tasks[number];
      found_.push_back(
          {"name",
           source_.AtKey(
               *task.fields, task.name,
               fmt::format("'{}' is a command of Mistral: the link to this task is one to that",
                           task.name))});
    }
    return std::move(graph_);
  }

 private:
  void ReadLinks(std::size_t from) {
    for (const auto& [clause, on] : kClauses) {
      const Value* value = graph_.tasks[from].fields->Find(clause);
      std::vector<MistralLink> links =
          value == nullptr ? std::vector<MistralLink>() : LinksOf(*value);
      const bool own = !links.empty();
      if (!own && defaults_ != nullptr && (value = defaults_->Find(clause)) != nullptr)
        links = LinksOf(*value);
      for (const MistralLink& link : links) {
        // Those of task-defaults lead from every task but themselves.
        if (!own && link.to == graph_.tasks[from].name) continue;
        const bool never =
            link.condition != nullptr && Constant(*link.condition) == Graph::Taken::kNever;
        if (on == Graph::On::kError && !never) graph_.tasks[from].error_handled = true;
        if (link.to == "succeed" && !never && MayEndSo(from, on)) {
          graph_.may_succeed_early = true;
          graph_.tasks[from].may_end_well = true;
        }
        if (link.to == "fail" && !never) {
          graph_.may_fail_early = true;
          graph_.tasks[from].may_end_badly = true;
        }
        const bool always =
            link.condition == nullptr || Constant(*link.condition) == Graph::Taken::kAlways;
        if (always &&
            (on == Graph::On::kError || (on == Graph::On::kComplete && link.to == "succeed")))
          graph_.tasks[from].excused_by = value;
        Take(from, link, on);
      }
    }
  }

  bool MayEndSo(std::size_t task, Graph::On on) const {
    return on == Graph::On::kSuccess ? graph_.tasks[task].can_succeed
           : on == Graph::On::kError
               ? graph_.tasks[task].can_fail || graph_.tasks[task].join != nullptr
               : true;
  }

  void Take(std::size_t from, const MistralLink& link, Graph::On on) {
    const auto number = numbers_.find(link.to);
    if (number != numbers_.end()) {
      // Mistral runs the command; what leads to it still has an inbound link.
      if (IsMistralCommand(link.to)) commands_.insert(number->second);
      Graph::Link added{from, number->second, on, Graph::Taken::kAlways};
      if (link.condition != nullptr) added.taken = Constant(*link.condition);
      graph_.tasks[from].outbound.push_back(graph_.links.size());
      graph_.tasks[added.to].inbound.push_back(graph_.links.size());
      graph_.links.push_back(added);
      return;
    }
    if (IsMistralCommand(link.to)) return;
    std::vector<std::string> names;
    for (const auto& [name, other] : numbers_) names.push_back(name);
    const std::string near = Nearest(link.to, names);
    found_.push_back(
        {"reference",
         source_
             .At(link.value->position(), fmt::format("there is no task '{}'", Printable(link.to)))
             .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near))});
  }

  const local::SourceFile& source_;
  const Value* defaults_;
  Findings& found_;
  Graph graph_;
  std::map<std::string, std::size_t, std::less<>> numbers_;
  std::set<std::size_t> commands_;
};

}  // namespace

const Value* PolicyOf(const Value& task, const Value* defaults, std::string_view name) {
  const Value* const own = task.Find(name);
  if ((own != nullptr && !IsNothing(*own)) || defaults == nullptr) return own;
  const Value* const of_all = defaults->Find(name);
  return of_all == nullptr ? own : of_all;
}

MistralGraph ReadGraph(const local::SourceFile& source, const Value& workflow, Findings& found) {
  return Builder(source, workflow, found).Build(workflow.Find("tasks")->AsMap());
}

}  // namespace holdfast::lint
