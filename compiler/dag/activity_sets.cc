#include "compiler/dag/activity_sets.h"

#include <algorithm>

namespace holdfast::compiler {
namespace {

// Unions of up to so many activities are listed at once: equal ones then are one set, however they
// came about, and what a wide parent hands down stays a union that is listed where it is needed.
constexpr std::size_t kListedAtOnce = 16;

std::uint64_t HashOf(std::span<const std::uint32_t> items, bool of_sets) {
  std::uint64_t hash = of_sets ? 0x9E3779B97F4A7C15ULL : 0xCBF29CE484222325ULL;
  for (const std::uint32_t item : items) {
    hash = (hash ^ item) * 0x100000001B3ULL;
    hash ^= hash >> 29U;
  }
  return hash;
}

}  // namespace

ActivitySets::ActivitySets(std::uint32_t activity_count)
    : nodes_(1), single_(activity_count, kEmpty), activity_mark_(activity_count, 0) {}

ActivitySets::Set ActivitySets::Single(std::uint32_t activity) {
  Set& set = single_[activity];
  if (set == kEmpty) {
    set = static_cast<Set>(nodes_.size());
    nodes_.push_back({pool_.size(), 1, false});
    pool_.push_back(activity);
  }
  return set;
}

ActivitySets::Set ActivitySets::Intern(std::span<const std::uint32_t> items, bool of_sets) {
  const std::uint64_t hash = HashOf(items, of_sets);
  const auto [first, last] = by_hash_.equal_range(hash);
  for (auto at = first; at != last; ++at) {
    const auto known = this->items(at->second);
    if (nodes_[at->second].of_sets == of_sets &&
        std::equal(known.begin(), known.end(), items.begin(), items.end())) {
      return at->second;
    }
  }
  const auto set = static_cast<Set>(nodes_.size());
  nodes_.push_back({pool_.size(), static_cast<std::uint32_t>(items.size()), of_sets});
  pool_.insert(pool_.end(), items.begin(), items.end());
  by_hash_.emplace(hash, set);
  return set;
}

ActivitySets::Set ActivitySets::Union(std::vector<Set>& members) {
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  if (!members.empty() && members.front() == kEmpty) members.erase(members.begin());
  if (members.empty()) return kEmpty;
  if (members.size() == 1) return members.front();

  std::size_t listed = 0;
  for (const Set member : members) {
    listed += nodes_[member].of_sets ? kListedAtOnce + 1 : nodes_[member].count;
    if (listed > kListedAtOnce) return Intern(members, true);
  }
  scratch_.clear();
  for (const Set member : members) {
    const auto activities = items(member);
    scratch_.insert(scratch_.end(), activities.begin(), activities.end());
  }
  std::sort(scratch_.begin(), scratch_.end());
  scratch_.erase(std::unique(scratch_.begin(), scratch_.end()), scratch_.end());
  return Intern(scratch_, false);
}

ActivitySets::Set ActivitySets::Listed(std::span<const std::uint32_t> activities) {
  if (activities.empty()) return kEmpty;
  if (activities.size() == 1) return Single(activities.front());
  return Intern(activities, false);
}

void ActivitySets::List(std::span<const Set> sets, std::vector<std::uint32_t>& out) {
  const std::size_t begin = out.size();
  ++mark_;
  set_mark_.resize(nodes_.size(), 0);
  stack_.assign(sets.begin(), sets.end());
  while (!stack_.empty()) {
    const Set set = stack_.back();
    stack_.pop_back();
    if (set_mark_[set] == mark_) continue;
    set_mark_[set] = mark_;
    for (const std::uint32_t item : items(set)) {
      if (nodes_[set].of_sets) {
        stack_.push_back(item);
      } else if (activity_mark_[item] != mark_) {
        activity_mark_[item] = mark_;
        out.push_back(item);
      }
    }
  }
  std::sort(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end());
}

}  // namespace holdfast::compiler
