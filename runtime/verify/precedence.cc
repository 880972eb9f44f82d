#include "runtime/verify/precedence.h"

namespace holdfast::verify {

bool Precedence::Sort() {
  first_.assign(nodes_ + std::size_t{1}, 0);
  std::vector<std::uint32_t> first_after(nodes_ + std::size_t{1}, 0);
  for (const auto& [before, after] : links_) {
    ++first_[after + std::size_t{1}];
    ++first_after[before + std::size_t{1}];
  }
  for (std::size_t i = 1; i <= nodes_; ++i) {
    first_[i] += first_[i - 1];
    first_after[i] += first_after[i - 1];
  }
  before_.resize(links_.size());
  std::vector<std::uint32_t> after_of(links_.size());
  std::vector<std::uint32_t> next = first_;
  std::vector<std::uint32_t> next_after = first_after;
  for (const auto& [before, after] : links_) {
    before_[next[after]++] = before;
    after_of[next_after[before]++] = after;
  }
  std::vector<std::uint32_t> missing(nodes_);
  order_.clear();
  for (std::uint32_t node = 0; node < nodes_; ++node) {
    missing[node] = first_[node + std::size_t{1}] - first_[node];
    if (missing[node] == 0) order_.push_back(node);
  }
  for (std::size_t at = 0; at < order_.size(); ++at) {
    const std::uint32_t node = order_[at];
    for (std::uint32_t i = first_after[node]; i < first_after[node + std::size_t{1}]; ++i) {
      if (--missing[after_of[i]] == 0) order_.push_back(after_of[i]);
    }
  }
  return order_.size() == nodes_;
}

std::vector<std::uint64_t> Precedence::Close(std::span<const std::uint32_t> columns) const {
  const std::size_t words = Words(columns.size());
  constexpr std::uint32_t kNone = 0xFFFFFFFFU;
  std::vector<std::uint32_t> column_of(nodes_, kNone);
  for (std::uint32_t i = 0; i < columns.size(); ++i) column_of[columns[i]] = i;
  std::vector<std::uint64_t> bits(nodes_ * words, 0);
  for (const std::uint32_t node : order_) {
    std::uint64_t* const here = &bits[node * words];
    for (std::uint32_t i = first_[node]; i < first_[node + std::size_t{1}]; ++i) {
      const std::uint32_t before = before_[i];
      const std::uint64_t* const there = &bits[before * words];
      for (std::size_t word = 0; word < words; ++word) here[word] |= there[word];
      if (column_of[before] != kNone)
        here[column_of[before] / 64] |= std::uint64_t{1} << (column_of[before] % 64);
    }
  }
  return bits;
}

}  // namespace holdfast::verify
