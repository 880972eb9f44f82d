#include "runtime/lint/mistral_joins.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "compiler/graph/digraph.h"
#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/mistral_reach.h"

namespace holdfast::lint {
namespace {

using Graph = MistralGraph;
using local::SourceFile;

class Checker {
 public:
  Checker(const SourceFile& source, const Graph& graph, const MistralReach& reach)
      : source_(source), graph_(graph), reach_(reach) {}

  Findings Run(const Value& tasks) {
    if (std::none_of(graph_.tasks.begin(), graph_.tasks.end(),
                     [](const Graph::Task& task) { return task.inbound.empty(); }))
      Add("start", tasks, "tasks", "there is no task to start with: each has an inbound link");
    for (std::size_t task = 0; task < graph_.tasks.size(); ++task) {
      if (graph_.tasks[task].join != nullptr) {
        Join(task);
      } else {
        NoJoin(task);
      }
    }
    Circles();
    return std::move(found_);
  }

 private:
  void Add(std::string trap, const Value& value, std::string_view key, std::string message,
           Severity severity = Severity::kError, std::string hint = "") {
    found_.push_back({std::move(trap),
                      source_.AtKey(value, key, std::move(message)).Hint(std::move(hint)),
                      severity});
  }
  std::string NameOf(std::size_t task) const { return Printable(graph_.tasks[task].name); }

  void Join(std::size_t task) {
    const Value& join = *graph_.tasks[task].join;
    const std::vector<std::size_t> before = reach_.Before(task);
    if (before.empty()) return Add("join", join, "join", "it joins nothing: no link leads here");
    if (join.is_double())
      return Add("join", join, "join", "Mistral takes such a number, and the run breaks over it",
                 Severity::kError, fmt::format("join: {:.0f}", join.AsDouble()));
    if (join.is_int() && static_cast<std::size_t>(join.AsInt()) > before.size())
      return Add(
          "join", join, "join",
          fmt::format("it waits for {} tasks, and {} lead here", join.AsInt(), before.size()));
    if (reach_.Created(task).possible() && HangsAt(task, before)) return;
    if (reach_.Fired(task).possible()) {
      if (join.is_string() && join.AsString() == "all") All(task, before);
      return;
    }
    if (!reach_.Created(task).possible())
      return Add("join", join, "join", "it never runs: no link that leads here is ever taken",
                 Severity::kWarning);
    // What catches its failure makes the run a good one.
    const bool caught = graph_.tasks[task].error_handled;
    Add("join", join, "join", "it cannot run, and fails: " + WhyNot(task, before),
        caught ? Severity::kWarning : OfRuns(task));
  }

  // Where a join is not made in each run, or another task may end the run in time, there are runs that are good.
  Severity OfRuns(std::size_t join) const {
    // One that fails may end the run well itself.
    const bool itself = graph_.tasks[join].may_end_well && reach_.Failed(join).possible();
    return reach_.MadeUnlessFailed(join) && !itself && !MayEndWell(join) ? Severity::kError
                                                                         : Severity::kWarning;
  }
  bool MayEndWell(std::size_t without) const {
    for (std::size_t task = 0; task < graph_.tasks.size(); ++task) {
      if (task != without && graph_.tasks[task].may_end_well &&
          (reach_.Fired(task).possible() || reach_.Failed(task).possible()))
        return true;
    }
    return false;
  }

  // Mistral looks for a way to each task that leads to a join, and back along a circle for ever. What comes after a join
  // does not make it run.
  bool HangsAt(std::size_t task, const std::vector<std::size_t>& before) {
    const Value& join = *graph_.tasks[task].join;
    const auto add = [&](std::string message) {
      Add("join", join, "join", std::move(message), OfRuns(task));
      return true;
    };
    for (const std::size_t from : before) {
      if (reach_.AfterUnreachedCircle(from))
        return add(fmt::format(
            "the run hangs here: {} comes after a circle that nothing leads into", NameOf(from)));
    }
    const std::vector<std::size_t> after = reach_.OnlyAfter(task);
    if (before.size() - after.size() < reach_.WantedBy(task))
      return add(fmt::format("it waits for {}, and that comes after it: the run hangs here",
                             NameOf(after.front())));
    if (!reach_.Fired(task).possible() && !reach_.Failed(task).possible())
      return add("it waits for tasks that wait for it: the run hangs here");
    return false;
  }

  std::string WhyNot(std::size_t task, const std::vector<std::size_t>& before) const {
    const std::size_t count = graph_.tasks.size();
    Need all = Need::Nothing(count);
    for (const std::size_t from : before) {
      const Need way = reach_.Leads(from, task);
      if (!way.possible()) return fmt::format("{} never leads here", NameOf(from));
      all.And(way);
    }
    const std::size_t other = all.Contradiction(count);
    if (other == count) return "too few of the tasks that lead here ever do so in one run";
    return fmt::format("one way here needs {} to succeed, and another one needs it to fail",
                       NameOf(other));
  }

  // It can run, and yet fails in runs that look good.
  void All(std::size_t task, const std::vector<std::size_t>& before) {
    const Value& join = *graph_.tasks[task].join;
    for (const std::size_t from : before) {
      bool only_failure = graph_.tasks[from].can_succeed;
      bool only_condition = true;
      for (const std::size_t number : graph_.tasks[from].outbound) {
        const Graph::Link& link = graph_.links[number];
        if (link.to != task) continue;
        only_failure = only_failure && link.on == Graph::On::kError;
        only_condition = only_condition && link.taken != Graph::Taken::kAlways;
      }
      if (only_failure) {
        Add("join", join, "join",
            fmt::format(
                "{} leads here only when it fails: when it succeeds, this task fails instead of it",
                NameOf(from)),
            Severity::kWarning, "on-complete, or no join with that one");
      } else if (only_condition) {
        Add("join", join, "join",
            fmt::format(
                "{} leads here under a condition alone: when it does not hold, this task fails",
                NameOf(from)),
            Severity::kWarning);
      }
    }
  }

  // For steps of ours it is never meant that they run twice.
  void NoJoin(std::size_t task) {
    const Graph::Task& at = graph_.tasks[task];
    if (at.fields->StringOr("action", "") != mistral_words::kStepAction || reach_.Looped(task))
      return;
    const Graph::Taken twice = reach_.Repeats(task);
    if (twice == Graph::Taken::kNever) return;
    const std::vector<std::size_t> before = reach_.Before(task);
    Add("join", *at.fields, at.name,
        before.size() == 1
            ? fmt::format("{} leads here more than once: the step would be run for each",
                          NameOf(before[0]))
            : fmt::format("{} tasks lead here without 'join: all': the step would be run for each",
                          before.size()),
        twice == Graph::Taken::kAlways ? Severity::kError : Severity::kWarning);
  }

  void Circles() {
    const auto reached = [this](const Graph::Link& link) {
      return reach_.Created(link.from).possible();
    };
    constexpr std::string_view kEndless =
        "tasks lead to each other in a circle, without a condition: ";
    const std::vector<std::uint32_t> endless = Circle([&](const Graph::Link& link) {
      return reach_.UnlessFailed(link.from) && reach_.Sure(link);
    });
    if (!endless.empty())
      return AddCircle(endless, kEndless,
                       MayEndWell(graph_.tasks.size()) ? Severity::kWarning : Severity::kError);
    const std::vector<std::uint32_t> entered =
        Circle([&](const Graph::Link& link) { return reached(link) && reach_.Sure(link); });
    if (!entered.empty()) return AddCircle(entered, kEndless, Severity::kWarning);
    const std::vector<std::uint32_t> until_failure = Circle([&](const Graph::Link& link) {
      return reached(link) && link.taken == Graph::Taken::kAlways && link.on != Graph::On::kError;
    });
    if (!until_failure.empty())
      return AddCircle(until_failure, "tasks lead to each other in a circle, until one fails: ",
                       Severity::kWarning);
    const std::vector<std::uint32_t> unreached =
        Circle([&](const Graph::Link& link) { return !reached(link); });
    if (!unreached.empty())
      AddCircle(unreached,
                "nothing leads into this circle, and it never runs: ", Severity::kWarning);
  }

  void AddCircle(const std::vector<std::uint32_t>& circle, std::string_view what,
                 Severity severity) {
    std::vector<std::string> names;
    names.reserve(circle.size() + 1);
    for (const std::size_t task : circle) names.push_back(NameOf(task));
    names.push_back(names.front());
    const Graph::Task& first = graph_.tasks[circle.front()];
    Add("circle", *first.fields, first.name,
        fmt::format("{}{}", what, holdfast::Join(names, " -> ")), severity);
  }

  // The tasks of a circle of such links, in their order; empty: there is none.
  std::vector<std::uint32_t> Circle(const std::function<bool(const Graph::Link&)>& counts) const {
    std::vector<compiler::Digraph::Edge> edges;
    for (const Graph::Link& link : graph_.links) {
      if (counts(link))
        edges.push_back(
            {static_cast<std::uint32_t>(link.from), static_cast<std::uint32_t>(link.to)});
    }
    const auto size = static_cast<std::uint32_t>(graph_.tasks.size());
    return SearchDepthFirst(compiler::Digraph(size, std::move(edges)), {}).cycle;
  }

  const SourceFile& source_;
  const Graph& graph_;
  const MistralReach& reach_;
  Findings found_;
};

}  // namespace

Findings CheckJoins(const SourceFile& source, const MistralGraph& graph, const MistralReach& reach,
                    const Value& tasks) {
  return Checker(source, graph, reach).Run(tasks);
}

}  // namespace holdfast::lint
