#include "runtime/lint/mistral_traps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_constants.h"
#include "runtime/lint/mistral_schema.h"
#include "runtime/lint/mistral_shorthand.h"

namespace holdfast::lint {
namespace {

using Graph = MistralGraph;
using local::SourceFile;

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The tasks at whose ends some expression of a workflow looks.
class Watched {
 public:
  explicit Watched(const Value& workflow) { LookInto(workflow); }

  // `task(a)` may also be of one whose name only a run knows.
  bool IsWatched(const std::string& task) const { return all_ || names_.contains(task); }

 private:
  void LookInto(const Value& value) {
    if (value.is_list()) {
      for (const Value& one : value.AsList()) LookInto(one);
    } else if (value.is_map()) {
      for (const auto& [key, one] : value.AsMap()) LookInto(one);
    } else if (value.is_string() && HasExpression(value.AsString())) {
      Look(value.AsString());
    }
  }

  void Look(std::string_view text) {
    constexpr std::string_view kTask = "task";
    if (Has(text, "tasks") || (Has(text, "execution") && Has(text, "state"))) all_ = true;
    for (std::size_t at = text.find(kTask); at != text.npos; at = text.find(kTask, at)) {
      at = text.find_first_not_of(" \t\r\n", at + kTask.size());
      if (at == text.npos) break;
      if (text[at] != '(') continue;
      ++at;
      std::string_view name = Trim(text.substr(at, text.find(')', at) - at));
      if (name.empty()) continue;  // its own
      if (name.size() > 1 && (name[0] == '\'' || name[0] == '"') && name.back() == name[0])
        name = name.substr(1, name.size() - 2);
      if (name.starts_with('$') || name.starts_with("_.")) all_ = true;
      names_.emplace(name);
    }
  }

  bool all_ = false;
  std::set<std::string, std::less<>> names_;
};

// A fail-on by which a task fails for what others have done, as far as one can tell.
bool IsVerdict(const Value* fail_on) {
  if (fail_on == nullptr || ConstantOf(*fail_on)) return false;
  const std::string_view text = fail_on->AsString();
  return !Has(text, "task()") || Has(text, "$") || Has(text, "_.") || Has(text, "tasks(") ||
         Has(text, "execution");
}

class MaskedFailures {
 public:
  MaskedFailures(const SourceFile& source, const Value& workflow, const Graph& graph,
                 const MistralReach& reach)
      : source_(source),
        defaults_(workflow.Find("task-defaults")),
        graph_(graph),
        reach_(reach),
        watched_(workflow) {}

  Findings Run() {
    has_steps_ = std::any_of(graph_.tasks.begin(), graph_.tasks.end(), &IsStep);
    FindGoesOn();
    FindShown();
    for (std::size_t task = 0; task < graph_.tasks.size(); ++task) {
      if (IsMasked(task)) Add(graph_.tasks[task]);
    }
    return std::move(found_);
  }

 private:
  using Marks = std::vector<bool>;

  static bool IsStep(const Graph::Task& task) {
    return task.fields->StringOr("action", "") == mistral_words::kStepAction;
  }
  // Or the part of a workflow of ours.
  bool IsOurs(const Graph::Task& task) const {
    return IsStep(task) || (has_steps_ && task.fields->Find("workflow") != nullptr);
  }

  // What leads to a marked task is marked, too.
  void MarkBefore(Marks& marks) const {
    std::vector<std::size_t> open;
    for (std::size_t task = 0; task < marks.size(); ++task) {
      if (marks[task]) open.push_back(task);
    }
    while (!open.empty()) {
      const std::size_t to = open.back();
      open.pop_back();
      for (const std::size_t link : graph_.tasks[to].inbound) {
        const std::size_t from = graph_.links[link].from;
        if (marks[from]) continue;
        marks[from] = true;
        open.push_back(from);
      }
    }
  }

  void FindShown() {
    for (std::size_t number = 0; number < graph_.tasks.size(); ++number) {
      const Graph::Task& task = graph_.tasks[number];
      shown_.push_back(task.may_end_badly || !task.can_succeed ||
                       IsVerdict(PolicyOf(*task.fields, defaults_, "fail-on")) ||
                       (!goes_on_[number] && MayShow(task)));
    }
    MarkBefore(shown_);
  }

  // Of a task that a failure alone leads to: what it publishes may be the output, and a workflow of its own may fail.
  bool MayShow(const Graph::Task& task) const {
    return task.fields->Find("publish") != nullptr ||
           (!has_steps_ && task.fields->Find("workflow") != nullptr);
  }

  // What comes to a task that is there without any failure goes on as if there were none: that is meant. So is `succeed`.
  void FindGoesOn() {
    std::vector<std::size_t> open;
    goes_on_.assign(graph_.tasks.size(), false);
    const auto reach = [&](std::size_t task) {
      if (goes_on_[task]) return;
      goes_on_[task] = true;
      open.push_back(task);
    };
    for (std::size_t task = 0; task < graph_.tasks.size(); ++task) {
      if (graph_.tasks[task].inbound.empty()) reach(task);
    }
    while (!open.empty()) {
      const std::size_t from = open.back();
      open.pop_back();
      for (const std::size_t link : graph_.tasks[from].outbound) {
        if (graph_.links[link].on != Graph::On::kError) reach(graph_.links[link].to);
      }
    }
    for (std::size_t task = 0; task < graph_.tasks.size(); ++task) {
      if (graph_.tasks[task].may_end_well) goes_on_[task] = true;
    }
    MarkBefore(goes_on_);
  }

  bool IsMasked(std::size_t number) const {
    const Graph::Task& task = graph_.tasks[number];
    // Of one that never succeeds, its failure is meant.
    if (task.excused_by == nullptr || !task.can_fail || !task.can_succeed || task.may_end_badly ||
        !reach_.Failed(number).possible() || watched_.IsWatched(task.name) || IsPublished(task))
      return false;
    const bool ours = IsOurs(task);
    bool for_failures_alone = false;
    for (const std::size_t link : task.outbound) {
      const Graph::Link& out = graph_.links[link];
      if (out.taken == Graph::Taken::kNever || out.on == Graph::On::kSuccess) continue;
      if (shown_[out.to]) return false;
      if (out.on != Graph::On::kError) continue;
      if (goes_on_[out.to] && !ours) return false;
      for_failures_alone = true;
    }
    // `on-error: [noop]`, `on-error: [succeed]`: there is no other way to say that a failure does not matter.
    return ours || (for_failures_alone && !task.may_end_well);
  }

  static bool IsPublished(const Graph::Task& task) {
    return task.fields->Find("publish-on-error") != nullptr ||
           task.excused_by->Find("publish") != nullptr;
  }

  // Those of task-defaults are one finding.
  void Add(const Graph::Task& task) {
    if (!clauses_.insert(task.excused_by).second) return;
    const bool by_error = task.excused_by == task.fields->Find("on-error") ||
                          (defaults_ != nullptr && task.excused_by == defaults_->Find("on-error"));
    found_.push_back(
        {"masked-failure",
         source_
             .AtKey(*task.excused_by, by_error ? "on-error" : "on-complete",
                    fmt::format("when task '{}' fails, nothing shows it: the workflow succeeds all "
                                "the same",
                                Printable(task.name)))
             .Hint(by_error ? "to Mistral a failure that 'on-error' catches is none: lead on to "
                              "'fail', or by 'on-complete', which catches none"
                            : "'succeed' ends the run well, whatever has failed"),
         Severity::kWarning});
  }

  const SourceFile& source_;
  const Value* defaults_;
  const Graph& graph_;
  const MistralReach& reach_;
  Watched watched_;
  bool has_steps_ = false;
  Marks shown_;  // a failure before it may fail the run
  Marks goes_on_;
  std::set<const Value*> clauses_;
  Findings found_;
};

class Secrets {
 public:
  explicit Secrets(const SourceFile& source) : source_(source) {}

  Findings Run(const Value::Map& tasks) {
    for (const auto& [name, task] : tasks) {
      const Value* const action = task.Find("action");
      if (action == nullptr || !action->is_string()) continue;
      const MistralShorthand call = CutShorthand(action->AsString());
      const Value* const input = task.Find("input");
      if (input != nullptr && input->is_map()) {
        for (const auto& [key, value] : input->AsMap()) Input(call.word, key, value, value);
      }
      for (const auto& [key, written] : call.inputs)
        Input(call.word, key, InputOfShorthand(written), *action);
    }
    return std::move(found_);
  }

 private:
  void Input(std::string_view action, std::string_view name, const Value& value,
             const Value& place) {
    if (action == "std.ssh" || action == "std.ssh_proxied") {
      if (name == "password" || name == "private_key")
        Check(value, place, name, "private_key_filename: a file of the executors");
    } else if ((action == "std.http" || action == "std.mistral_http") && name == "headers" &&
               value.is_map()) {
      for (const auto& [header, one] : value.AsMap()) {
        const std::string lower = Lowered(header);
        if (lower == "authorization" || lower == "x-auth-token")
          Check(one, one, header, "an action of the site's that takes it from the executor");
      }
    }
  }

  void Check(const Value& value, const Value& place, std::string_view name, std::string hint) {
    const bool text =
        value.is_string() && !value.AsString().empty() && !HasExpression(value.AsString());
    if (!text && !value.is_int() && !value.is_double()) return;
    found_.push_back(
        {"secret-in-input",
         source_
             .AtKey(place, &place == &value ? name : "action",
                    fmt::format("'{}' is written out: Mistral keeps a definition and its inputs in "
                                "clear in its database",
                                Printable(name)))
             .Hint(std::move(hint)),
         Severity::kWarning});
  }

  const SourceFile& source_;
  Findings found_;
};

}  // namespace

Findings CheckMaskedFailures(const SourceFile& source, const Value& workflow,
                             const MistralGraph& graph, const MistralReach& reach) {
  return MaskedFailures(source, workflow, graph, reach).Run();
}

Findings CheckSecrets(const SourceFile& source, const Value::Map& tasks) {
  return Secrets(source).Run(tasks);
}

}  // namespace holdfast::lint
