#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace holdfast::verify {

// What comes before what: direct links between nodes, and all that follows from them. Written down as
// plainly as possible, for who proves that a file keeps an order: of tens of thousands of nodes every pair is
// looked at, by brute force. One thread.
class Precedence {
 public:
  // Nodes are numbered from 0.
  std::uint32_t AddNode() { return nodes_++; }
  void Link(std::uint32_t before, std::uint32_t after) { links_.emplace_back(before, after); }

  // After the last link. False when they close a circle.
  bool Sort();

  // Which of `columns` come before each node, directly or not: words(columns) words a node, one bit a
  // column. Sort() has said true.
  std::vector<std::uint64_t> Close(std::span<const std::uint32_t> columns) const;
  static std::size_t Words(std::size_t columns) { return (columns + 63) / 64; }

 private:
  std::uint32_t nodes_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> links_;
  std::vector<std::uint32_t> order_;  // every node after all that come before it
  std::vector<std::uint32_t> first_;  // size + 1 offsets into before_
  std::vector<std::uint32_t> before_;
};

}  // namespace holdfast::verify
