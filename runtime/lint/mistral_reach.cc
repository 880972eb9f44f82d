#include "runtime/lint/mistral_reach.h"

#include <algorithm>
#include <utility>

namespace holdfast::lint {

using Graph = MistralGraph;

std::size_t Need::Contradiction(std::size_t tasks) const {
  if (!bits_) return tasks;
  for (std::size_t word = 0; word < bits_->size(); ++word) {
    // A task's two bits stand beside each other.
    const std::uint64_t both = (*bits_)[word] & ((*bits_)[word] >> 1U) & 0x5555555555555555U;
    for (std::size_t bit = 0; both != 0 && bit < 64; bit += 2) {
      if ((both >> bit & 1U) != 0) return (word * 64 + bit) / 2;
    }
  }
  return tasks;
}

void Need::AddOutcome(std::size_t task, bool success) {
  if (!bits_) return;
  const std::size_t bit = 2 * task + (success ? 0 : 1);
  (*bits_)[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

void Need::And(const Need& other) {
  if (!bits_ || !other.bits_) {
    bits_.reset();
    return;
  }
  for (std::size_t word = 0; word < bits_->size(); ++word) (*bits_)[word] |= (*other.bits_)[word];
}

void Need::Or(const Need& other) {
  if (!other.bits_) return;
  if (!bits_) {
    bits_ = other.bits_;
    return;
  }
  for (std::size_t word = 0; word < bits_->size(); ++word) (*bits_)[word] &= (*other.bits_)[word];
}

MistralReach::MistralReach(const Graph& graph) : graph_(graph) {
  const std::size_t count = graph.tasks.size();
  created_.assign(count, Need::Never());
  fired_ = succeeded_ = failed_ = created_;
  created_never_.assign(count, false);
  Order();
  FindOnce();
  FindCertain();
  // Nothing is reached at first; what is reached only grows, and what it needs only shrinks.
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::size_t task : order_) changed = Update(task) || changed;
  }
  FindRepeats();
  FindUnreachedCircles();
}

// Along the links; what is on circles comes last, in any order.
void MistralReach::Order() {
  const std::size_t count = graph_.tasks.size();
  std::vector<std::size_t> missing(count, 0);
  for (const Graph::Link& link : graph_.links) ++missing[link.to];
  for (std::size_t task = 0; task < count; ++task) {
    if (missing[task] == 0) order_.push_back(task);
  }
  for (std::size_t at = 0; at < order_.size(); ++at) {
    for (const std::size_t link : graph_.tasks[order_[at]].outbound) {
      const std::size_t to = graph_.links[link].to;
      if (--missing[to] == 0) order_.push_back(to);
    }
  }
  looped_.assign(count, true);
  for (const std::size_t task : order_) looped_[task] = false;
  for (std::size_t task = 0; task < count; ++task) {
    if (looped_[task]) order_.push_back(task);
  }
}

void MistralReach::FindOnce() {
  once_.assign(graph_.tasks.size(), false);
  for (const std::size_t task : order_) {
    if (looped_[task]) break;
    const Graph::Task& at = graph_.tasks[task];
    bool once = at.join != nullptr || at.inbound.empty();
    if (!once) {
      const std::vector<std::size_t> before = Before(task);
      // on-complete and another one of the same task are two links that are taken.
      std::size_t complete = 0;
      for (const std::size_t link : at.inbound)
        complete += graph_.links[link].on == Graph::On::kComplete ? 1 : 0;
      once = before.size() == 1 && once_[before[0]] && (complete == 0 || at.inbound.size() == 1);
    }
    once_[task] = once;
  }
}

void MistralReach::FindCertain() {
  RunBy(certain_, [this](const Graph::Link& link) { return Forced(link); });
  RunBy(unless_failed_, [this](const Graph::Link& link) { return LeadsUnlessFailed(link); });
}

bool MistralReach::LeadsUnlessFailed(const Graph::Link& link) const {
  const bool fails_else = link.on == Graph::On::kSuccess && !graph_.tasks[link.from].error_handled;
  return Forced(link) || (fails_else && link.taken == Graph::Taken::kAlways);
}

bool MistralReach::MadeUnlessFailed(std::size_t task) const {
  const std::vector<std::size_t>& inbound = graph_.tasks[task].inbound;
  return inbound.empty() || std::any_of(inbound.begin(), inbound.end(), [&](std::size_t link) {
           return unless_failed_[graph_.links[link].from] && LeadsUnlessFailed(graph_.links[link]);
         });
}

void MistralReach::RunBy(std::vector<bool>& run,
                         const std::function<bool(const Graph::Link&)>& counts) const {
  run.assign(graph_.tasks.size(), false);
  // On a circle, until nothing more is found.
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::size_t task : order_) {
      if (run[task] || !RunsBy(run, counts, task)) continue;
      run[task] = true;
      changed = changed || looped_[task];
    }
  }
}

bool MistralReach::RunsBy(const std::vector<bool>& run,
                          const std::function<bool(const Graph::Link&)>& counts,
                          std::size_t task) const {
  const Graph::Task& at = graph_.tasks[task];
  if (at.inbound.empty()) return true;
  std::vector<std::size_t> leading;
  for (const std::size_t link : at.inbound) {
    const Graph::Link& in = graph_.links[link];
    if (run[in.from] && counts(in)) leading.push_back(in.from);
  }
  std::sort(leading.begin(), leading.end());
  leading.erase(std::unique(leading.begin(), leading.end()), leading.end());
  return leading.size() >= WantedBy(task);
}

std::vector<std::size_t> MistralReach::OnlyAfter(std::size_t task) const {
  if (!looped_[task]) return {};
  std::vector<bool> reached(graph_.tasks.size(), false);
  std::vector<std::size_t> open;
  for (std::size_t start = 0; start < graph_.tasks.size(); ++start) {
    if (!graph_.tasks[start].inbound.empty()) continue;
    reached[start] = true;
    open.push_back(start);
  }
  while (!open.empty()) {
    const std::size_t from = open.back();
    open.pop_back();
    for (const std::size_t number : graph_.tasks[from].outbound) {
      const Graph::Link& link = graph_.links[number];
      if (link.to == task || reached[link.to] || link.taken == Graph::Taken::kNever) continue;
      reached[link.to] = true;
      open.push_back(link.to);
    }
  }
  std::vector<std::size_t> after = Before(task);
  std::erase_if(after, [&](std::size_t from) { return reached[from]; });
  return after;
}

void MistralReach::FindUnreachedCircles() {
  const std::size_t count = graph_.tasks.size();
  std::vector<std::size_t> missing(count, 0);
  const auto counts = [this](const Graph::Link& link) {
    return !created_[link.from].possible() && !created_[link.to].possible();
  };
  for (const Graph::Link& link : graph_.links) missing[link.to] += counts(link) ? 1 : 0;
  std::vector<std::size_t> open;
  for (std::size_t task = 0; task < count; ++task) {
    if (missing[task] == 0) open.push_back(task);
  }
  for (std::size_t at = 0; at < open.size(); ++at) {
    for (const std::size_t number : graph_.tasks[open[at]].outbound) {
      const Graph::Link& link = graph_.links[number];
      if (counts(link) && --missing[link.to] == 0) open.push_back(link.to);
    }
  }
  after_unreached_circle_.assign(count, false);
  for (std::size_t task = 0; task < count; ++task)
    after_unreached_circle_[task] = missing[task] != 0;
}

std::vector<std::size_t> MistralReach::Before(std::size_t task) const {
  std::vector<std::size_t> before;
  for (const std::size_t link : graph_.tasks[task].inbound)
    before.push_back(graph_.links[link].from);
  std::sort(before.begin(), before.end());
  before.erase(std::unique(before.begin(), before.end()), before.end());
  return before;
}

bool MistralReach::Together(const Graph::Link& one, const Graph::Link& other) const {
  Need both = Taken(one);
  both.And(Taken(other));
  return both.possible() && both.Contradiction(graph_.tasks.size()) == graph_.tasks.size();
}

void MistralReach::FindRepeats() {
  constexpr auto kNever = Graph::Taken::kNever;
  constexpr auto kAlways = Graph::Taken::kAlways;
  repeats_.assign(graph_.tasks.size(), kNever);
  for (const std::size_t task : order_) {
    if (looped_[task]) break;
    Graph::Taken& repeats = repeats_[task];
    const std::vector<std::size_t>& inbound = graph_.tasks[task].inbound;
    if (graph_.tasks[task].join != nullptr) continue;
    for (std::size_t one = 0; one < inbound.size() && repeats != kAlways; ++one) {
      const Graph::Link& link = graph_.links[inbound[one]];
      if (link.taken == kNever) continue;
      if (repeats_[link.from] != kNever && Taken(link).possible())
        repeats = link.taken == kAlways ? repeats_[link.from] : Graph::Taken::kMaybe;
      for (std::size_t before = 0; before < one && repeats != kAlways; ++before) {
        const Graph::Link& other = graph_.links[inbound[before]];
        const bool always = link.taken == kAlways && other.taken == kAlways;
        if ((repeats == kNever || always) && Together(link, other))
          repeats = always ? kAlways : Graph::Taken::kMaybe;
      }
    }
  }
}

bool MistralReach::MayFail(std::size_t task) const {
  const Graph::Task& at = graph_.tasks[task];
  return at.can_fail || (at.join != nullptr && !certain_[task]);
}

bool MistralReach::Forced(const Graph::Link& link) const {
  if (link.taken != Graph::Taken::kAlways) return false;
  if (link.on == Graph::On::kComplete) return true;
  if (link.on == Graph::On::kSuccess ? !MayFail(link.from) : !graph_.tasks[link.from].can_succeed)
    return true;
  // Or when it leads there either way.
  return std::any_of(graph_.tasks[link.from].outbound.begin(),
                     graph_.tasks[link.from].outbound.end(), [&](std::size_t number) {
                       const Graph::Link& other = graph_.links[number];
                       return other.to == link.to && other.taken == Graph::Taken::kAlways &&
                              other.on != link.on;
                     });
}

Need MistralReach::Taken(const Graph::Link& link) const {
  if (link.taken == Graph::Taken::kNever) return Need::Never();
  Need success = succeeded_[link.from];
  Need failure = failed_[link.from];
  // Of a task that is made several times, one may succeed and another one fail.
  if (once_[link.from]) {
    success.AddOutcome(link.from, true);
    failure.AddOutcome(link.from, false);
  }
  if (link.on == Graph::On::kSuccess) return success;
  if (link.on == Graph::On::kError) return failure;
  success.Or(failure);
  return success;
}

Need MistralReach::Leads(std::size_t from, std::size_t to) const {
  Need need = Need::Never();
  for (const std::size_t link : graph_.tasks[from].outbound) {
    if (graph_.links[link].to == to) need.Or(Taken(graph_.links[link]));
  }
  return need;
}

bool MistralReach::Update(std::size_t task) {
  const Graph::Task& at = graph_.tasks[task];
  Need created = at.inbound.empty() ? Need::Nothing(graph_.tasks.size()) : Need::Never();
  for (const std::size_t link : at.inbound) created.Or(Taken(graph_.links[link]));
  Need fired = at.join == nullptr || at.inbound.empty() ? created : FiredOf(task);
  Need failed = at.can_fail ? fired : Need::Never();
  // A join that cannot run any more fails.
  if (at.join != nullptr && !at.inbound.empty() && TooFewLead(task)) failed.Or(created);
  const bool never = created_never_[task];
  created_never_[task] =
      !at.inbound.empty() && std::all_of(at.inbound.begin(), at.inbound.end(), [&](auto link) {
        return MayNotLead(graph_.links[link].from, task);
      });
  const bool changed = created != created_[task] || fired != fired_[task] ||
                       failed != failed_[task] || never != created_never_[task];
  succeeded_[task] = at.can_succeed ? fired : Need::Never();
  created_[task] = std::move(created);
  fired_[task] = std::move(fired);
  failed_[task] = std::move(failed);
  return changed;
}

bool MistralReach::Sure(const Graph::Link& link) const {
  return Forced(link) || (link.taken == Graph::Taken::kAlways && link.on == Graph::On::kSuccess &&
                          !failed_[link.from].possible());
}

// Whether it may come to an end, or never be made, without a link that is taken from the one to the other.
bool MistralReach::MayNotLead(std::size_t from, std::size_t to) const {
  if (created_never_[from]) return true;
  if (!fired_[from].possible() && !failed_[from].possible()) return false;
  return std::none_of(graph_.tasks[from].outbound.begin(), graph_.tasks[from].outbound.end(),
                      [&](std::size_t number) {
                        return graph_.links[number].to == to && Sure(graph_.links[number]);
                      });
}

bool MistralReach::TooFewLead(std::size_t task) const {
  const std::vector<std::size_t> before = Before(task);
  const auto missing = static_cast<std::size_t>(std::count_if(
      before.begin(), before.end(), [&](std::size_t from) { return MayNotLead(from, task); }));
  // The one that has made it leads here.
  return before.size() - std::min(missing, before.size() - 1) < WantedBy(task);
}

// How many of the tasks that lead to one have to do so.
std::size_t MistralReach::WantedBy(std::size_t task) const {
  const Value* const join = graph_.tasks[task].join;
  if (join == nullptr) return 1;
  if (!join->is_string()) return static_cast<std::size_t>(join->AsDouble());
  return join->AsString() == "all" ? Before(task).size() : 1;
}

Need MistralReach::FiredOf(std::size_t task) const {
  const Value& join = *graph_.tasks[task].join;
  if (!join.is_string() || join.AsString() == "one") return SomeOf(task, WantedBy(task));
  Need all = Need::Nothing(graph_.tasks.size());
  for (const std::size_t from : Before(task)) all.And(Leads(from, task));
  return all.Contradiction(graph_.tasks.size()) == graph_.tasks.size() ? all : Need::Never();
}

// Of several tasks that lead here, so many. What is needed by so many of them that the others are too few, is needed.
Need MistralReach::SomeOf(std::size_t task, std::size_t wanted) const {
  const std::size_t count = graph_.tasks.size();
  std::vector<Need> ways;
  for (const std::size_t from : Before(task)) {
    Need way = Leads(from, task);
    if (way.possible()) ways.push_back(std::move(way));
  }
  if (ways.size() < wanted) return Need::Never();
  Need need = Need::Nothing(count);
  for (std::size_t other = 0; other < count; ++other) {
    std::size_t successes = 0;
    std::size_t failures = 0;
    for (const Need& way : ways) {
      successes += way.NeedsSuccess(other) ? 1 : 0;
      failures += way.NeedsFailure(other) ? 1 : 0;
    }
    if (ways.size() - std::min(successes, failures) < wanted) return Need::Never();
    if (ways.size() - successes < wanted) need.AddOutcome(other, true);
    if (ways.size() - failures < wanted) need.AddOutcome(other, false);
  }
  return need.Contradiction(count) == count ? need : Need::Never();
}

}  // namespace holdfast::lint
