#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace holdfast::compiler {

// Groups neighbours of a sequence: at most `most` each, between a quarter and half of it as a rule. A
// group begins where the hash of an entry says so, whatever stands before it: one entry more or less
// changes the groups next to it (as in content-defined chunking).
class Chunker {
 public:
  explicit Chunker(std::size_t most) : most_(most) {}

  // Whether a new group begins with this entry, of that size: of three things none may become more
  // than `most` in a group.
  bool Begins(std::uint64_t hash, std::size_t first, std::size_t second = 0, std::size_t third = 0);

 private:
  std::size_t most_;
  bool any_ = false;
  std::array<std::size_t, 3> sizes_{};
};

}  // namespace holdfast::compiler
