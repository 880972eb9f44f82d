#include <set>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/verify/said_run.h"

namespace holdfast::verify {
namespace {

class Reader {
 public:
  explicit Reader(const local::Workflow& workflow) : workflow_(workflow) {}

  SaidRun Run() {
    const std::uint32_t start = out_.order.AddNode();
    out_.begin = out_.order.AddNode();
    out_.end = out_.order.AddNode();
    const std::uint32_t entry = workflow_.entrypoint.template_index;
    if (workflow_.templates[entry].dag) {
      Visit(entry, {}, 0, start, out_.end);
    } else {
      out_.faults.emplace_back("what the workflow starts with is no DAG");
    }
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

  // As deep as templates stand in each other.
  void Visit(std::uint32_t index, std::vector<StartCondition> conditions, std::uint32_t parent,
             std::uint32_t begin, std::uint32_t end) {
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
      CheckCall(task, is_begin);
      if (is_begin) {
        own.end_step = own.first_step;
        continue;
      }
      if (workflow_.templates[task.call.template_index].dag) {
        own.end = out_.order.AddNode();
        out_.order.Link(own.begin, own.end);
        Visit(task.call.template_index, ConditionsOf(dag, at, ends), group, own.begin, own.end);
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

  // What a step does is its leaf template's, which a site may have several of. But `begin` and `end` are each one task's.
  void CheckCall(const local::Task& task, bool is_begin) {
    const std::string& called = workflow_.templates[task.call.template_index].name;
    if (is_begin != (called == "begin") || called == "end")
      out_.faults.push_back("task " + task.name + " calls the template " + Printable(called));
    if (task.exit_hook) out_.faults.push_back("task " + task.name + " has a hook");
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

  // Barriers stand for what they depend on. Chains of them are as short as the compiler makes them.
  void Collect(const local::DagTemplate& dag, std::uint32_t task,
               std::set<std::uint32_t>& required) const {
    for (const std::uint32_t other : dag.tasks[task].depends.RequiredSuccesses())
      required.insert(other);
    for (const std::uint32_t other : dag.tasks[task].depends.tasks()) {
      // One that is Skipped has begun to be: what it requires has succeeded.
      if (dag.tasks[other].IsBarrier()) Collect(dag, other, required);
    }
  }

  const local::Workflow& workflow_;
  SaidRun out_;
  bool has_begin_ = false;
};

}  // namespace

SaidRun RunOf(const local::Workflow& workflow) { return Reader(workflow).Run(); }

}  // namespace holdfast::verify
