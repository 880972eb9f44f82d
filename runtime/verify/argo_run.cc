#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/local/step_program.h"
#include "runtime/verify/run_settings.h"
#include "runtime/verify/said_run.h"

namespace holdfast::verify {
namespace {

constexpr std::string_view kRunOfFirst = "{{workflow.uid}}";
constexpr std::string_view kRetries = "{{workflow.parameters.retries}}";
constexpr std::string_view kStepDeadline = "{{workflow.parameters.step-deadline}}";
constexpr std::string_view kRunOfParent = "{{workflow.parameters.run}}";  // in a child

class Reader {
 public:
  explicit Reader(const local::Workflow& workflow) : workflow_(workflow) {}

  SaidRun Run() {
    const std::uint32_t start = out_.order.AddNode();
    out_.begin = out_.order.AddNode();
    out_.end = out_.order.AddNode();
    const std::uint32_t entry = workflow_.entrypoint.template_index;
    if (workflow_.templates[entry].dag) {
      Visit(entry, {}, 0, start, out_.end, false);
    } else {
      out_.faults.emplace_back("what the workflow starts with is no DAG");
    }
    CheckEnd();
    for (std::uint32_t i = 0; i < workflow_.templates.size(); ++i) {
      if (workflow_.templates[i].child) leaves_.insert(i);
    }
    for (const std::uint32_t leaf : leaves_) CheckLeaf(workflow_.templates[leaf]);
    if (!has_begin_) out_.faults.emplace_back("there is no task 'begin'");
    for (const local::Parameter& parameter : workflow_.parameters) {
      if (parameter.name == "record" && parameter.value && !parameter.value->text.source().empty())
        out_.faults.emplace_back(
            "parameter record has a value: every run would be that of another one");
    }
    return std::move(out_);
  }

 private:
  struct Ends {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t first_step = 0;  // of what it stands for
    std::uint32_t end_step = 0;
  };

  // As deep as templates stand in each other, which the reader limits. Each once: one that stands in several would be gone
  // through with all in it for each, and is a fault anyway.
  void Visit(std::uint32_t index, std::vector<StartCondition> conditions, std::uint32_t parent,
             std::uint32_t begin, std::uint32_t end, bool in_child) {
    const local::Template& here = workflow_.templates[index];
    const local::DagTemplate& dag = *here.dag;
    const auto group = static_cast<std::uint32_t>(out_.groups.size());
    out_.groups.push_back({here.name, parent, std::move(conditions)});
    if (dag.fail_fast)
      out_.faults.push_back("template " + here.name +
                            " has no 'failFast: false': after a failure what could run would not "
                            "be started");
    std::vector<Ends> ends(dag.tasks.size());
    // After what they depend on: what a condition stands for is known by then.
    for (const std::uint32_t at : dag.order) {
      const local::Task& task = dag.tasks[at];
      Ends& own = ends[at];
      own.first_step = static_cast<std::uint32_t>(out_.steps.size());
      const bool is_begin = task.name == "begin";
      has_begin_ = has_begin_ || is_begin;
      own.begin = own.end = is_begin ? out_.begin : out_.order.AddNode();
      out_.order.Link(begin, own.begin);
      CheckCall(task, is_begin, in_child);
      if (is_begin && !task.depends.empty()) Fault(task, "waits for something");
      CheckStart(dag, task);
      if (is_begin) {
        own.end_step = own.first_step;
        continue;
      }
      if (workflow_.templates[task.call.template_index].dag) {
        own.end = out_.order.AddNode();
        out_.order.Link(own.begin, own.end);
        VisitBelow(task, ConditionsOf(dag, at, ends), group, own, in_child);
      } else if (!task.IsBarrier()) {
        out_.steps.push_back({task.name, group, own.begin, ConditionsOf(dag, at, ends)});
        if (!task.needed) out_.faults.push_back("task " + task.name + " would never start");
      }
      own.end_step = static_cast<std::uint32_t>(out_.steps.size());
      for (const std::uint32_t before : task.depends.tasks())
        out_.order.Link(ends[before].end, own.begin);
    }
    for (const std::uint32_t target : dag.targets) out_.order.Link(ends[target].end, end);
  }

  void VisitBelow(const local::Task& task, std::vector<StartCondition> conditions,
                  std::uint32_t group, const Ends& ends, bool in_child) {
    const std::uint32_t below = task.call.template_index;
    if (!visited_.insert(below).second)
      return Fault(task, "calls " + Printable(task.call.name) +
                             ", as another one does: what is in it would run more than once");
    Visit(below, std::move(conditions), group, ends.begin, ends.end,
          in_child || task.call.child != local::kNoChild);
  }

  void Fault(const local::Task& task, std::string_view what) {
    out_.faults.push_back(fmt::format("task {} {}", Printable(task.name), what));
  }

  // What a step does is its leaf template's, of which a site may have several. But they are the site's own, `begin` and
  // `end` are each one task's, and what a task hands to them decides of which run it is.
  void CheckCall(const local::Task& task, bool is_begin, bool in_child) {
    const local::TemplateCall& call = task.call;
    const bool is_child = call.child != local::kNoChild;
    const bool is_group = workflow_.templates[call.template_index].dag && !is_child;
    if (is_group ? !call.document.empty() && !in_child : call.document != local::kStepTemplates)
      Fault(task, "calls " + Printable(call.name) + ", which is no template of " +
                      std::string(local::kStepTemplates));
    // A group is called as its first resource is.
    const bool is_end = !is_group && call.name.starts_with("end");
    if (is_begin != (call.name == "begin") || is_end)
      Fault(task, "calls the template " + Printable(call.name));
    if (task.exit_hook) Fault(task, "has a hook");
    if (task.when && (is_begin || !task.IsBarrier())) Fault(task, "has a 'when'");
    if (is_child) return CheckChild(task, in_child ? kRunOfParent : kRunOfFirst);
    if (!is_group && !task.IsBarrier()) leaves_.insert(call.template_index);
    bool has_run = false;
    for (const local::NamedText& argument : call.arguments) {
      if (argument.name != "run" || !in_child || is_group || task.IsBarrier()) {
        Fault(task,
              "has an argument '" + Printable(argument.name) + "', which its like never have");
      } else if (argument.value.text.source() != kRunOfParent) {
        Fault(task, "is of another run: " + Printable(argument.value.text.source()));
      }
      has_run = true;
    }
    if (in_child && !is_group && !task.IsBarrier() && !has_run)
      Fault(task, "has no argument 'run'");
  }

  // A child is of the run that starts it, and is called by its part: two of one part would be one.
  void CheckChild(const local::Task& task, std::string_view run) {
    const local::ChildWorkflow& child = workflow_.children[task.call.child];
    for (const local::NamedText& parameter : child.parameters) {
      if (parameter.name == "run" && parameter.value.text.source() != run)
        Fault(task, "is of another run: " + Printable(parameter.value.text.source()));
    }
    const std::string& name = child.name.text.source();
    const std::string prefix = std::string(run) + "-";
    const std::string& started = workflow_.templates[task.call.template_index].document;
    const bool is_own = name.starts_with(prefix) && name.size() > prefix.size() &&
                        started.ends_with("-" + name.substr(prefix.size()));
    if (!is_own || !children_.insert(name).second)
      Fault(task, "starts " + Printable(started) + " as another one's part: " + Printable(name));
  }

  // A leaf template is the site's. It takes its numbers from the run's parameters, or has some of its own, which may not
  // be any: a step that is tried for ever holds the lease for ever, and one without time does nothing.
  void CheckLeaf(const local::Template& leaf) {
    const local::SourceFile& source = workflow_.sources[leaf.source];
    const auto place = [&](Position position) {
      return fmt::format("{}:{}", Printable(source.path.substr(source.path.rfind('/') + 1)),
                         position.line);
    };
    const auto fault = [&](Position position, const std::string& what) {
      out_.faults.push_back(
          fmt::format("{}: template {} {}", place(position), Printable(leaf.name), what));
    };
    if (leaf.active_deadline_text && leaf.active_deadline_text->text.source() != kStepDeadline) {
      fault(leaf.active_deadline_text->position,
            fmt::format("has 'activeDeadlineSeconds' {}, which is neither a number nor {}",
                        Printable(leaf.active_deadline_text->text.source()), kStepDeadline));
    }
    if (leaf.active_deadline && (*leaf.active_deadline < limits::kShortestTry ||
                                 *leaf.active_deadline > limits::kLongestTry)) {
      fault(leaf.position, fmt::format("has 'activeDeadlineSeconds' {}, and may have {} to {}",
                                       leaf.active_deadline->count(), limits::kShortestTry.count(),
                                       std::chrono::seconds(limits::kLongestTry).count()));
    }
    if (leaf.active_deadline && leaf.name.starts_with(local::kStep)) {
      out_.settings.push_back({SaidSetting::Kind::kTryDeadline, leaf.active_deadline->count(),
                               "'activeDeadlineSeconds' of template " + Printable(leaf.name),
                               place(leaf.position)});
    }
    if (!leaf.retry) return;
    const local::RetryStrategy& retry = *leaf.retry;
    if (retry.limit_text && retry.limit_text->text.source() != kRetries) {
      fault(retry.limit_text->position,
            fmt::format("has the 'limit' {} of its 'retryStrategy', which is neither a number nor "
                        "{}",
                        Printable(retry.limit_text->text.source()), kRetries));
    }
    if (!retry.limit && !retry.limit_text)
      fault(leaf.position, "has a 'retryStrategy' without 'limit': tries without end");
    if (retry.limit && (*retry.limit < 0 || *retry.limit > limits::kMostRetries)) {
      fault(leaf.position, fmt::format("has the 'limit' {} of its 'retryStrategy', and may have 0 "
                                       "to {}",
                                       *retry.limit, limits::kMostRetries));
    }
    const auto longest = retry.WaitAfter(static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        retry.limit.value_or(limits::kMostRetries), 1, limits::kMostRetries)));
    if (longest > limits::kLongestPause) {
      fault(
          leaf.position,
          fmt::format("has a 'backoff' that comes to {} s between two tries, and may come to {} s",
                      std::chrono::ceil<std::chrono::seconds>(longest).count(),
                      std::chrono::seconds(limits::kLongestPause).count()));
    }
  }

  // The exit handler: the engine's verdict goes to `end` as it is.
  void CheckEnd() {
    const std::string_view wanted = workflow_.children.empty() ? "end" : "end-with-children";
    const local::Template* const handler =
        workflow_.on_exit ? &workflow_.templates[workflow_.on_exit->template_index] : nullptr;
    if (handler == nullptr || !handler->dag || handler->dag->tasks.size() != 1) {
      out_.faults.emplace_back("'onExit' is not one task");
      return;
    }
    const local::Task& task = handler->dag->tasks.front();
    leaves_.insert(task.call.template_index);
    if (task.call.document != local::kStepTemplates || task.call.name != wanted)
      Fault(task,
            fmt::format("of the exit handler calls {}, not {}", Printable(task.call.name), wanted));
    const bool is_whole = task.call.arguments.size() == 1 &&
                          task.call.arguments.front().name == "status" &&
                          task.call.arguments.front().value.text.source() == "{{workflow.status}}";
    if (!is_whole) Fault(task, "of the exit handler is not told '{{workflow.status}}' alone");
    if (task.when || task.exit_hook) Fault(task, "of the exit handler has a condition or a hook");
  }

  // When its gates have succeeded it starts, however all else that it waits for has ended: tried out, all of it where that
  // is little, else each way of each task alone and many ways of all at random.
  void CheckStart(const local::DagTemplate& dag, const local::Task& task) {
    const std::span<const std::uint32_t> before = task.depends.tasks();
    if (before.empty()) return;
    const std::vector<std::uint32_t> gates = task.depends.RequiredSuccesses();
    std::vector<std::uint32_t> free;
    for (const std::uint32_t other : before) {
      if (!std::binary_search(gates.begin(), gates.end(), other) && !dag.tasks[other].IsBarrier())
        free.push_back(other);
    }
    constexpr std::array kEnds{local::Phase::kSucceeded, local::Phase::kFailed,
                               local::Phase::kError, local::Phase::kOmitted};
    std::vector<local::Phase> ends(dag.tasks.size(), local::Phase::kSucceeded);
    for (const std::uint32_t other : before) {
      if (dag.tasks[other].IsBarrier()) ends[other] = local::Phase::kSkipped;
    }
    const auto starts = [&] {
      return task.depends.Evaluate([&](std::uint32_t other) { return ends[other]; });
    };
    bool always = true;
    constexpr std::size_t kAll = 6;  // 4^6 ways
    std::size_t ways = 1;
    for (std::size_t i = 0; i < std::min(free.size(), kAll); ++i) ways *= kEnds.size();
    const bool all = free.size() <= kAll;
    std::minstd_rand random(1);
    for (std::size_t way = 0; always && way < (all ? ways : kEnds.size() * free.size() + 256);
         ++way) {
      std::size_t rest = way;
      for (std::size_t i = 0; i < free.size(); ++i) {
        if (all) {
          ends[free[i]] = kEnds[rest % kEnds.size()];
          rest /= kEnds.size();
        } else if (way < kEnds.size() * free.size()) {
          ends[free[i]] = way / kEnds.size() == i ? kEnds[way % kEnds.size()] : kEnds[0];
        } else {
          ends[free[i]] = kEnds[random() % kEnds.size()];
        }
      }
      always = starts();
    }
    if (!always) Fault(task, "may not start though all that it needs has succeeded");
  }

  std::vector<StartCondition> ConditionsOf(const local::DagTemplate& dag, std::uint32_t task,
                                           const std::vector<Ends>& ends) const {
    std::set<std::uint32_t> required;
    Collect(dag, task, required);
    StartCondition all{StartCondition::Kind::kAllSucceeded, {}};
    for (const std::uint32_t other : required) {
      for (std::uint32_t step = ends[other].first_step; step < ends[other].end_step; ++step)
        all.steps.push_back(out_.steps[step].name);
    }
    if (all.steps.empty()) return {};
    return {std::move(all)};
  }

  // Barriers stand for what they depend on. Each is looked at once: of several ways to one there may be very many.
  void Collect(const local::DagTemplate& dag, std::uint32_t task,
               std::set<std::uint32_t>& required) const {
    std::set<std::uint32_t> seen{task};
    std::vector<std::uint32_t> open{task};
    while (!open.empty()) {
      const local::DependsExpression& depends = dag.tasks[open.back()].depends;
      open.pop_back();
      for (const std::uint32_t other : depends.RequiredSuccesses()) required.insert(other);
      for (const std::uint32_t other : depends.tasks()) {
        // One that is Skipped has begun to be: what it requires has succeeded.
        if (dag.tasks[other].IsBarrier() && seen.insert(other).second) open.push_back(other);
      }
    }
  }

  const local::Workflow& workflow_;
  SaidRun out_;
  std::set<std::string> children_;   // names
  std::set<std::uint32_t> leaves_;   // templates of the site that are called
  std::set<std::uint32_t> visited_;  // templates with tasks that stand in another one
  bool has_begin_ = false;
};

}  // namespace

SaidRun RunOf(const local::Workflow& workflow) { return Reader(workflow).Run(); }

}  // namespace holdfast::verify
