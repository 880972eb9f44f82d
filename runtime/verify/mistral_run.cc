#include <fmt/format.h>

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/verify/mistral_form.h"
#include "runtime/verify/said_run.h"

namespace holdfast::verify {
namespace {

namespace words = mistral_words;
using mistral::Definition;
using mistral::Task;

// Deeper than any that the compiler writes; the recursion below goes as deep.
constexpr std::size_t kDeepest = 100;

class Reader {
 public:
  explicit Reader(const std::vector<Definition>& definitions) {
    for (const Definition& definition : definitions)
      definitions_.emplace(definition.name, &definition);
    start_ = definitions.front().name;
    out_.faults = FormFaults(definitions);
    out_.settings = SettingsIn(definitions);
  }

  SaidRun Run() {
    const std::uint32_t start = out_.order.AddNode();
    out_.begin = out_.order.AddNode();
    out_.end = out_.order.AddNode();
    const std::uint32_t last = out_.order.AddNode();
    Visit(*definitions_.at(start_), {}, 0, start, last);
    for (const auto& [name, definition] : definitions_) {
      if (!visited_.contains(name))
        out_.faults.push_back(fmt::format(
            "{}: nothing starts {}", PlaceOf(*definition, definition->position), Printable(name)));
    }
    return std::move(out_);
  }

 private:
  struct Ends {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::size_t inbound = 0;
  };

  void Fault(const Definition& here, const Task& task, std::string_view what) {
    out_.faults.push_back(fmt::format("{}: task {} of {} {}", PlaceOf(here, task.position),
                                      Printable(task.name), Printable(here.name), what));
  }

  // As deep as workflows start each other. Each once: what is started again is a fault, and not gone through again, as
  // what it starts would be each time.
  void Visit(const Definition& here, std::vector<StartCondition> conditions, std::uint32_t parent,
             std::uint32_t begin, std::uint32_t end) {
    const auto group = static_cast<std::uint32_t>(out_.groups.size());
    open_.push_back(here.name);
    visited_.insert(here.name);
    // A `gate` is asked before anything in the group is started.
    for (const Task& task : here.tasks) {
      if (RoleOf(task, group == 0) != TaskRole::kGate || task.action != words::kStepAction)
        continue;
      StartCondition any{StartCondition::Kind::kAnyCanRun, {}};
      const std::string asked = InputOf(task, "step");
      for (const std::string_view step : Split(asked, ',')) any.steps.emplace_back(step);
      conditions.push_back(std::move(any));
    }
    out_.groups.push_back({here.name, parent, std::move(conditions)});
    std::map<std::string_view, Ends> ends;
    for (const Task& task : here.tasks) {
      Ends& own = ends[task.name];
      const TaskRole role = RoleOf(task, group == 0);
      own.begin = role == TaskRole::kBegin ? out_.begin
                  : role == TaskRole::kEnd ? out_.end
                                           : out_.order.AddNode();
      own.end = own.begin;
      if (role == TaskRole::kPart) {
        own.end = out_.order.AddNode();
        out_.order.Link(own.begin, own.end);
        VisitBelow(here, task, group, own.begin, own.end);
      } else if (role == TaskRole::kStep && task.action == words::kStepAction) {
        out_.steps.push_back({task.name, group, own.begin, {}});
      }
    }
    for (const Task& task : here.tasks) Link(here, task, RoleOf(task, group == 0), ends);
    for (const Task& task : here.tasks) {
      const Ends& own = ends.at(task.name);
      out_.order.Link(begin, own.begin);
      out_.order.Link(own.end, end);
      if (own.inbound > 1 && !task.join_all)
        Fault(here, task, "has several inbound links and no 'join: all': it would run for each");
      if (own.inbound == 0 && task.join_all) Fault(here, task, "joins nothing");
      const TaskRole role = RoleOf(task, group == 0);
      const bool is_first = role == TaskRole::kBegin || role == TaskRole::kGate;
      if (own.inbound > 0 && is_first) Fault(here, task, "has an inbound link");
      if (own.inbound == 0 && !is_first)
        Fault(here, task, "has no inbound link: it would start at once");
    }
    if (group != 0) CheckVerdict(here);
    open_.pop_back();
  }

  // A sub-workflow has ended when all in it has, links or not. But its verdict looks at what has ended before it alone:
  // a step that fails later, and whose links lead on, fails nothing.
  void CheckVerdict(const Definition& here) {
    std::map<std::string_view, std::vector<const Task*>> before;
    const Task* verdict = nullptr;
    for (const Task& task : here.tasks) {
      if (RoleOf(task, false) == TaskRole::kVerdict) verdict = &task;
      for (const auto* const list : {&task.on_success, &task.on_complete}) {
        for (const std::string& name : *list) before[name].push_back(&task);
      }
    }
    if (verdict == nullptr) return;  // the form's fault
    std::set<std::string_view> waits_for{verdict->name};
    std::vector<const Task*> open{verdict};
    while (!open.empty()) {
      const Task& task = *open.back();
      open.pop_back();
      for (const Task* const one : before[task.name]) {
        if (waits_for.insert(one->name).second) open.push_back(one);
      }
    }
    for (const Task& task : here.tasks) {
      if (!waits_for.contains(task.name))
        Fault(here, *verdict,
              fmt::format("does not wait for {}: nobody would see it fail", Printable(task.name)));
    }
  }

  void VisitBelow(const Definition& here, const Task& task, std::uint32_t group,
                  std::uint32_t begin, std::uint32_t end) {
    const auto below = definitions_.find(task.workflow);
    if (below == definitions_.end())
      return Fault(here, task, "starts " + Printable(task.workflow) + ", which is not there");
    for (const std::string& name : open_) {
      if (name == task.workflow) return Fault(here, task, "starts what it is a part of");
    }
    if (visited_.contains(task.workflow))
      return Fault(here, task,
                   "starts " + Printable(task.workflow) +
                       ", as another task does: what is in it would run more than once");
    if (open_.size() == kDeepest)
      return Fault(here, task,
                   fmt::format("starts {}: more than {} workflows in each other",
                               Printable(task.workflow), kDeepest));
    Visit(*below->second, {}, group, begin, end);
  }

  void Link(const Definition& here, const Task& task, TaskRole role,
            std::map<std::string_view, Ends>& ends) {
    // What is first in a group may stop it. A step that did would leave joins waiting.
    const bool is_first = role == TaskRole::kBegin || role == TaskRole::kGate;
    if (!task.on_success.empty() && !is_first)
      Fault(here, task, "has on-success: who waits for it would wait for ever");
    if (!task.on_error.empty()) Fault(here, task, "has on-error");
    if (!task.on_complete.empty() && is_first)
      Fault(here, task, "has on-complete: steps would run although it said no");
    for (const auto* const list : {&task.on_success, &task.on_complete}) {
      for (const std::string& name : *list) {
        const auto after = ends.find(name);
        if (after == ends.end()) {
          Fault(here, task, "leads to " + Printable(name) + ", which is not there");
          continue;
        }
        ++after->second.inbound;
        out_.order.Link(ends.at(task.name).end, after->second.begin);
      }
    }
  }

  std::map<std::string_view, const Definition*> definitions_;
  std::string start_;
  std::vector<std::string> open_;
  std::set<std::string_view> visited_;
  SaidRun out_;
};

}  // namespace

SaidRun RunOf(const std::vector<Definition>& definitions) { return Reader(definitions).Run(); }

}  // namespace holdfast::verify
