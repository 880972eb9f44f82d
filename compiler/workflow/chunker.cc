#include "compiler/workflow/chunker.h"

#include <algorithm>

namespace holdfast::compiler {

bool Chunker::Begins(std::uint64_t hash, std::size_t first, std::size_t second, std::size_t third) {
  const std::array<std::size_t, 3> entry{first, second, third};
  const std::size_t size = *std::max_element(entry.begin(), entry.end());
  const std::size_t quarter = most_ / 4;
  bool begins = false;
  for (std::size_t i = 0; i < entry.size(); ++i) begins = begins || sizes_[i] + entry[i] > most_;
  if (*std::max_element(sizes_.begin(), sizes_.end()) >= quarter) {
    // Of as many entries as make up a quarter, one begins a group on average.
    begins = begins || hash % quarter < size;
  }
  if (begins) sizes_.fill(0);
  for (std::size_t i = 0; i < entry.size(); ++i) sizes_[i] += entry[i];
  const bool is_new = begins || !any_;
  any_ = true;
  return is_new;
}

}  // namespace holdfast::compiler
