#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/phase.h"

namespace holdfast::local {

// The `depends` expression of a task, parsed once: names of tasks, each bare or with a result
// (a.Succeeded), joined by &&, || and !, with parentheses. A bare name means
// (a.Succeeded || a.Skipped || a.Daemoned). Nothing here is ever daemoned, and no task is a group:
// .Daemoned, .AnySucceeded and .AllFailed are false.
//
// Tasks are numbers: their place in the DAG template. Parsing and evaluating do not recurse.
class DependsExpression {
 public:
  // What Argo allows in one expression, counted as its evaluator does: 3 for a result of a task,
  // 11 for a bare name, 1 for each operator. A task beyond it ends in phase Error.
  static constexpr std::size_t kMaxNodes = 10'000;

  using TaskNumbers = std::map<std::string, std::uint32_t, std::less<>>;

  DependsExpression() = default;

  // kInvalidInput, saying at which character, for bad syntax, an unknown task (with "did you
  // mean") and an unknown result.
  static Result<DependsExpression> Parse(std::string_view text, const TaskNumbers& tasks);
  // The expression of a `dependencies` list: every one Succeeded, Skipped or Daemoned.
  static DependsExpression AllOf(std::span<const std::uint32_t> tasks);

  // True for a task that depends on nothing.
  bool empty() const { return items_.empty(); }
  // The tasks that it names, each once, in the order of their first mention.
  std::span<const std::uint32_t> tasks() const { return tasks_; }
  std::size_t node_count() const { return node_count_; }
  bool over_limit() const { return node_count_ > kMaxNodes; }

  // The tasks without whose success it cannot be true, sorted: gates, as far as the file says them.
  std::vector<std::uint32_t> RequiredSuccesses() const;

  // `phase_of` gives the phase of each task in tasks(); all are fulfilled.
  bool Evaluate(const std::function<Phase(std::uint32_t)>& phase_of) const;

  // The same for many runs at once, one bit each: `ended(task, phase)` are the runs in which a task
  // ended so, all of one size, `words`.
  using Runs = std::vector<std::uint64_t>;
  Runs EvaluateRuns(std::size_t words,
                    const std::function<Runs(std::uint32_t task, Phase phase)>& ended) const;

 private:
  enum class Kind : std::uint8_t { kTest, kNot, kAnd, kOr };
  struct Item {
    Kind kind = Kind::kTest;
    std::uint8_t phases = 0;  // kTest: one bit for each phase that makes it true
    std::uint32_t task = 0;
  };
  class Parser;

  void AddTest(std::uint32_t task, std::uint8_t phases, std::size_t nodes);
  void AddOperator(Kind kind);

  std::vector<Item> items_;  // reverse Polish
  std::vector<std::uint32_t> tasks_;
  std::size_t node_count_ = 0;
};

}  // namespace holdfast::local
