#include "runtime/local/depends.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

constexpr std::uint8_t Bit(Phase phase) {
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(phase));
}

constexpr std::uint8_t kBare = Bit(Phase::kSucceeded) | Bit(Phase::kSkipped);
constexpr std::size_t kNodesOfBare = 11;
constexpr std::size_t kNodesOfResult = 3;

struct ResultName {
  std::string_view name;
  std::uint8_t phases;
};
constexpr std::array<ResultName, 8> kResults{{
    {"Succeeded", Bit(Phase::kSucceeded)},
    {"Failed", Bit(Phase::kFailed)},
    {"Errored", Bit(Phase::kError)},
    {"Skipped", Bit(Phase::kSkipped)},
    {"Omitted", Bit(Phase::kOmitted)},
    {"Daemoned", 0},
    {"AnySucceeded", 0},
    {"AllFailed", 0},
}};

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

void DependsExpression::AddTest(std::uint32_t task, std::uint8_t phases, std::size_t nodes) {
  items_.push_back({Kind::kTest, phases, task});
  node_count_ += nodes;
}

void DependsExpression::AddOperator(Kind kind) {
  items_.push_back({kind, 0, 0});
  ++node_count_;
}

// The shunting-yard algorithm: `stack_` holds the operators and open parentheses that still wait
// for their right side.
class DependsExpression::Parser {
 public:
  Parser(std::string_view text, const TaskNumbers& numbers) : text_(text), numbers_(numbers) {}

  Result<DependsExpression> Parse() {
    bool want_operand = true;
    while (true) {
      while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' ||
                                    text_[at_] == '\r')) {
        ++at_;
      }
      if (at_ == text_.size()) break;
      const char c = text_[at_];
      if (want_operand) {
        if (c == '!') {
          stack_.push_back({Op::kNot, at_++});
        } else if (c == '(') {
          stack_.push_back({Op::kOpen, at_++});
        } else if (IsNameCharacter(c)) {
          HOLDFAST_RETURN_IF_ERROR(Operand());
          want_operand = false;
        } else {
          return Bad(at_, fmt::format("a task's name was expected, not '{}'",
                                      Printable(text_.substr(at_, 1))));
        }
      } else if (c == ')') {
        HOLDFAST_RETURN_IF_ERROR(Close());
      } else if (text_.substr(at_, 2) == "&&" || text_.substr(at_, 2) == "||") {
        const Op op = c == '&' ? Op::kAnd : Op::kOr;
        Reduce(op);
        stack_.push_back({op, at_});
        at_ += 2;
        want_operand = true;
      } else {
        return Bad(at_, fmt::format("'&&', '||' or ')' was expected, not '{}'",
                                    Printable(text_.substr(at_, 1))));
      }
    }
    if (want_operand) {
      return Bad(at_,
                 out_.items_.empty() ? "it is empty" : "it ends where a task's name was expected");
    }
    Reduce(Op::kOr);
    if (!stack_.empty()) return Bad(stack_.back().at, "'(' is never closed");
    return std::move(out_);
  }

 private:
  enum class Op : std::uint8_t { kOpen, kOr, kAnd, kNot };  // in order of how tightly they bind
  struct Waiting {
    Op op;
    std::size_t at;
  };

  Error Bad(std::size_t at, const std::string& what) const {
    return InvalidInput(fmt::format("{}, at character {}", what, at + 1));
  }

  // Emits what waits and binds at least as tightly as `op`.
  void Reduce(Op op) {
    while (!stack_.empty() && stack_.back().op >= op && stack_.back().op != Op::kOpen) {
      const Op top = stack_.back().op;
      out_.AddOperator(top == Op::kNot ? Kind::kNot : top == Op::kAnd ? Kind::kAnd : Kind::kOr);
      stack_.pop_back();
    }
  }

  Status Close() {
    Reduce(Op::kOr);
    if (stack_.empty()) return Bad(at_, "')' closes nothing");
    stack_.pop_back();
    ++at_;
    return Ok();
  }

  std::string_view Word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && IsNameCharacter(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  Status Operand() {
    const std::size_t start = at_;
    const std::string_view name = Word();
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) {
      std::vector<std::string> names;
      for (const auto& entry : numbers_) names.push_back(entry.first);
      const std::string near = Nearest(name, names);
      return Bad(start, fmt::format("there is no task '{}' in this template", Printable(name)))
          .Hint(near.empty() ? "" : fmt::format("did you mean '{}'?", near));
    }
    if (seen_.insert(found->second).second) out_.tasks_.push_back(found->second);
    if (at_ == text_.size() || text_[at_] != '.') {
      out_.AddTest(found->second, kBare, kNodesOfBare);
      return Ok();
    }
    ++at_;
    const std::size_t result_at = at_;
    const std::string_view result = Word();
    for (const ResultName& known : kResults) {
      if (known.name == result) {
        out_.AddTest(found->second, known.phases, kNodesOfResult);
        return Ok();
      }
    }
    std::vector<std::string> names;
    names.reserve(std::size(kResults));
    for (const ResultName& known : kResults) names.emplace_back(known.name);
    const std::string near = Nearest(result, names);
    return Bad(result_at, fmt::format("a task has no result '{}'", Printable(result)))
        .Hint(near.empty() ? "the results are " + Join(names, ", ")
                           : fmt::format("did you mean '{}'?", near));
  }

  std::string_view text_;
  const TaskNumbers& numbers_;
  std::size_t at_ = 0;
  std::vector<Waiting> stack_;
  std::unordered_set<std::uint32_t> seen_;
  DependsExpression out_;
};

Result<DependsExpression> DependsExpression::Parse(std::string_view text,
                                                   const TaskNumbers& tasks) {
  return Parser(text, tasks).Parse();
}

DependsExpression DependsExpression::AllOf(std::span<const std::uint32_t> tasks) {
  DependsExpression all;
  std::unordered_set<std::uint32_t> seen;
  for (const std::uint32_t task : tasks) {
    if (seen.insert(task).second) all.tasks_.push_back(task);
    all.AddTest(task, kBare, kNodesOfBare);
    if (all.items_.size() > 1) all.AddOperator(Kind::kAnd);
  }
  return all;
}

std::vector<std::uint32_t> DependsExpression::RequiredSuccesses() const {
  using Set = std::vector<std::uint32_t>;  // sorted
  std::vector<Set> stack;
  for (const Item& item : items_) {
    if (item.kind == Kind::kTest) {
      stack.push_back(item.phases == Bit(Phase::kSucceeded) ? Set{item.task} : Set{});
    } else if (item.kind == Kind::kNot) {
      stack.back().clear();
    } else {
      Set right = std::move(stack.back());
      stack.pop_back();
      Set both;
      if (item.kind == Kind::kAnd) {
        std::set_union(stack.back().begin(), stack.back().end(), right.begin(), right.end(),
                       std::back_inserter(both));
      } else {
        std::set_intersection(stack.back().begin(), stack.back().end(), right.begin(), right.end(),
                              std::back_inserter(both));
      }
      stack.back() = std::move(both);
    }
  }
  return stack.empty() ? Set{} : std::move(stack.back());
}

bool DependsExpression::Evaluate(const std::function<Phase(std::uint32_t)>& phase_of) const {
  std::vector<bool> stack;
  for (const Item& item : items_) {
    if (item.kind == Kind::kTest) {
      stack.push_back((item.phases & Bit(phase_of(item.task))) != 0);
    } else if (item.kind == Kind::kNot) {
      stack.back() = !stack.back();
    } else {
      const bool right = stack.back();
      stack.pop_back();
      stack.back() = item.kind == Kind::kAnd ? stack.back() && right : stack.back() || right;
    }
  }
  return stack.empty() || stack.back();
}

DependsExpression::Runs DependsExpression::EvaluateRuns(
    std::size_t words, const std::function<Runs(std::uint32_t task, Phase phase)>& ended) const {
  std::vector<Runs> stack;
  for (const Item& item : items_) {
    if (item.kind == Kind::kTest) {
      Runs runs(words, 0);
      for (const Phase phase :
           {Phase::kSucceeded, Phase::kFailed, Phase::kError, Phase::kSkipped, Phase::kOmitted}) {
        if ((item.phases & Bit(phase)) == 0) continue;
        const Runs more = ended(item.task, phase);
        for (std::size_t i = 0; i < words; ++i) runs[i] |= more[i];
      }
      stack.push_back(std::move(runs));
    } else if (item.kind == Kind::kNot) {
      for (std::uint64_t& word : stack.back()) word = ~word;
    } else {
      const Runs right = std::move(stack.back());
      stack.pop_back();
      Runs& left = stack.back();
      for (std::size_t i = 0; i < words; ++i)
        left[i] = item.kind == Kind::kAnd ? left[i] & right[i] : left[i] | right[i];
    }
  }
  return stack.empty() ? Runs(words, ~std::uint64_t{0}) : std::move(stack.back());
}

}  // namespace holdfast::local
