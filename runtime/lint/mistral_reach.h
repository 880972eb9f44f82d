#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "runtime/lint/mistral_graph.h"

namespace holdfast::lint {

// What has to be so for something to happen in a run: certain tasks have succeeded, others have failed.
class Need {
 public:
  static Need Nothing(std::size_t tasks) {
    return Need(std::vector<std::uint64_t>((2 * tasks + 63) / 64));
  }
  static Need Never() { return Need(std::nullopt); }

  bool possible() const { return bits_.has_value(); }
  // A task, of which both are needed: there is no such run. `tasks` where there is none.
  std::size_t Contradiction(std::size_t tasks) const;
  bool NeedsSuccess(std::size_t task) const { return Has(2 * task); }
  bool NeedsFailure(std::size_t task) const { return Has(2 * task + 1); }

  void AddOutcome(std::size_t task, bool success);
  // Both happen.
  void And(const Need& other);
  // One of the two happens.
  void Or(const Need& other);

  friend bool operator==(const Need& a, const Need& b) { return a.bits_ == b.bits_; }

 private:
  explicit Need(std::optional<std::vector<std::uint64_t>> bits) : bits_(std::move(bits)) {}
  bool Has(std::size_t bit) const { return bits_ && ((*bits_)[bit / 64] >> (bit % 64) & 1U) != 0; }

  std::optional<std::vector<std::uint64_t>> bits_;
};

// What is needed for each task of a graph.
class MistralReach {
 public:
  explicit MistralReach(const MistralGraph& graph);

  // For a link to lead there: that of `task` itself, and its outcome.
  const Need& Created(std::size_t task) const { return created_[task]; }
  // For it to run. A join that is created may not: it fails, then.
  const Need& Fired(std::size_t task) const { return fired_[task]; }
  // For it to fail: when it runs, or because it is a join that cannot any more.
  const Need& Failed(std::size_t task) const { return failed_[task]; }
  // For a link to be taken.
  Need Taken(const MistralGraph::Link& link) const;
  // For any of the links between two tasks.
  Need Leads(std::size_t from, std::size_t to) const;
  // Whether a task is made more than once in a run: kNever; kAlways: in some run, whatever conditions say. Not where it
  // is Looped.
  MistralGraph::Taken Repeats(std::size_t task) const { return repeats_[task]; }
  // True where there is a circle, and for all that it leads to.
  bool Looped(std::size_t task) const { return looped_[task]; }
  // True for a task that runs in every run; for a join, too.
  bool Certain(std::size_t task) const { return certain_[task]; }
  // True for a task that runs in every run in which no failure that nothing catches comes before it.
  bool UnlessFailed(std::size_t task) const { return unless_failed_[task]; }
  // The same for a task that is made: a join may not run then.
  bool MadeUnlessFailed(std::size_t task) const;
  // Of the tasks that lead to one, those that nothing leads to but by way of it.
  std::vector<std::size_t> OnlyAfter(std::size_t task) const;
  // True for a task that is never made, on a circle of such tasks or after one.
  bool AfterUnreachedCircle(std::size_t task) const { return after_unreached_circle_[task]; }
  // True for a link that is taken whenever its task has ended.
  bool Sure(const MistralGraph::Link& link) const;
  // How many of the tasks that lead to one have to do so for it to run.
  std::size_t WantedBy(std::size_t task) const;
  // The tasks that lead to one, each once.
  std::vector<std::size_t> Before(std::size_t task) const;

 private:
  void Order();
  // Sure, as far as it is known of what comes before it.
  bool Forced(const MistralGraph::Link& link) const;
  void FindOnce();
  void FindCertain();
  // Those that run when each of the links that count is taken; `counts` may look at what `run` says of what comes before.
  void RunBy(std::vector<bool>& run,
             const std::function<bool(const MistralGraph::Link&)>& counts) const;
  bool RunsBy(const std::vector<bool>& run,
              const std::function<bool(const MistralGraph::Link&)>& counts, std::size_t task) const;
  bool LeadsUnlessFailed(const MistralGraph::Link& link) const;
  void FindUnreachedCircles();
  void FindRepeats();
  bool Together(const MistralGraph::Link& one, const MistralGraph::Link& other) const;
  bool Update(std::size_t task);
  Need FiredOf(std::size_t task) const;
  Need SomeOf(std::size_t task, std::size_t wanted) const;
  bool MayFail(std::size_t task) const;
  bool MayNotLead(std::size_t from, std::size_t to) const;
  bool TooFewLead(std::size_t task) const;

  const MistralGraph& graph_;
  std::vector<std::size_t> order_;
  std::vector<bool> looped_;
  std::vector<bool> once_;  // as far as the links alone say so
  std::vector<MistralGraph::Taken> repeats_;
  std::vector<bool> certain_;
  std::vector<bool> unless_failed_;
  std::vector<bool> after_unreached_circle_;
  std::vector<bool> created_never_;  // there are runs in which it is not made
  std::vector<Need> created_;
  std::vector<Need> fired_;
  std::vector<Need> succeeded_;
  std::vector<Need> failed_;
};

}  // namespace holdfast::lint
