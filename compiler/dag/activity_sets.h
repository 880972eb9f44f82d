#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace holdfast::compiler {

// Sets of activities (small numbers, chosen by the caller) that are handed from resource to
// resource when the activities between do not exist. Sets never change and share what they have in
// common: a resource that adds nothing hands on the set it got, so that a chain, a star and a
// comb of missing activities all cost what they have edges. One thread.
class ActivitySets {
 public:
  using Set = std::uint32_t;
  static constexpr Set kEmpty = 0;

  // Activities are 0 to activity_count-1.
  explicit ActivitySets(std::uint32_t activity_count);

  Set Single(std::uint32_t activity);
  // The union. `members` is scratch space: its contents are lost.
  Set Union(std::vector<Set>& members);
  // The set of these activities (sorted, each once).
  Set Listed(std::span<const std::uint32_t> activities);
  // Adds the activities of all `sets` to `out`, each once, sorted.
  void List(std::span<const Set> sets, std::vector<std::uint32_t>& out);

 private:
  // A set is a sorted list of activities, or the union of other sets.
  struct Node {
    std::size_t begin = 0;
    std::uint32_t count = 0;
    bool of_sets = false;
  };
  std::span<const std::uint32_t> items(Set set) const {
    return std::span(pool_).subspan(nodes_[set].begin, nodes_[set].count);
  }
  // The set with these items: an older one when there is one.
  Set Intern(std::span<const std::uint32_t> items, bool of_sets);

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> pool_;
  std::vector<Set> single_;                              // by activity; kEmpty = not made yet
  std::unordered_multimap<std::uint64_t, Set> by_hash_;  // looked up, never iterated
  // Marks of the last List: what it has met already.
  std::vector<std::uint32_t> set_mark_;
  std::vector<std::uint32_t> activity_mark_;
  std::uint32_t mark_ = 0;
  std::vector<Set> stack_;
  std::vector<std::uint32_t> scratch_;
};

}  // namespace holdfast::compiler
