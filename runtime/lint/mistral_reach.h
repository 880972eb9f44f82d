#pragma once

#include <cstddef>
#include <cstdint>
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
  // For a link to be taken.
  Need Taken(const MistralGraph::Link& link) const;
  // For any of the links between two tasks.
  Need Leads(std::size_t from, std::size_t to) const;
  // Whether a task is made more than once in a run: kNever; kAlways: in some run, whatever conditions say. Not where it
  // is Looped.
  MistralGraph::Taken Repeats(std::size_t task) const { return repeats_[task]; }
  // True where there is a circle, and for all that it leads to.
  bool Looped(std::size_t task) const { return looped_[task]; }
  // True for a link that is taken whenever its task has ended.
  bool Forced(const MistralGraph::Link& link) const;
  // The tasks that lead to one, each once.
  std::vector<std::size_t> Before(std::size_t task) const;

 private:
  void Order();
  void FindOnce();
  void FindCertain();
  void FindRepeats();
  bool Together(const MistralGraph::Link& one, const MistralGraph::Link& other) const;
  bool Update(std::size_t task);
  Need FiredOf(std::size_t task) const;
  Need SomeOf(std::size_t task, std::size_t wanted) const;
  bool MayFail(std::size_t task) const;

  const MistralGraph& graph_;
  std::vector<std::size_t> order_;
  std::vector<bool> looped_;
  std::vector<bool> once_;  // as far as the links alone say so
  std::vector<MistralGraph::Taken> repeats_;
  std::vector<bool> certain_;  // it ends in every run; of a join: it runs
  std::vector<Need> created_;
  std::vector<Need> fired_;
  std::vector<Need> succeeded_;
  std::vector<Need> failed_;
};

}  // namespace holdfast::lint
