#include "plugins/noop/data_pattern.h"

#include <algorithm>
#include <array>
#include <string>

#include "plugins/sdk/stable_hash.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::noop {

namespace {

constexpr std::size_t kBlock = 64U << 10U;

// splitmix64, seeded with FNV-1a of the resource: no library, the same everywhere.
class Pattern {
 public:
  explicit Pattern(const ResourceKey& key) : state_(TextHash({key.str()})) {}
  void Fill(std::array<std::byte, kBlock>& block) {
    for (std::size_t at = 0; at < block.size(); at += sizeof(std::uint64_t)) {
      const std::uint64_t z = MixHash(state_);
      state_ += kMixStep;
      for (std::size_t i = 0; i < sizeof(z); ++i)
        block[at + i] = static_cast<std::byte>(z >> (8 * i));
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace

Status WritePattern(const ResourceKey& key, std::uint64_t size, ByteSink& sink) {
  Pattern pattern(key);
  std::array<std::byte, kBlock> block{};
  while (size > 0) {
    pattern.Fill(block);
    const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(size, block.size()));
    HOLDFAST_RETURN_IF_ERROR(sink.Write(std::span(block).first(part)));
    size -= part;
  }
  return Ok();
}

Status CheckPattern(const ResourceKey& key, std::uint64_t size, ByteSource& source) {
  Pattern pattern(key);
  std::array<std::byte, kBlock> wanted{};
  std::array<std::byte, kBlock> found{};
  std::uint64_t seen = 0;
  while (true) {
    pattern.Fill(wanted);
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t n, ReadFully(source, found));
    if (!std::equal(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n),
                    wanted.begin())) {
      return Corrupt("the data of " + Printable(key.str()) +
                     " is not what noop wrote, after byte " + std::to_string(seen));
    }
    seen += n;
    if (n < found.size()) break;
  }
  if (seen != size) {
    return Corrupt("the data of " + Printable(key.str()) + " has " + std::to_string(seen) +
                   " bytes, not " + std::to_string(size));
  }
  return Ok();
}

}  // namespace holdfast::plugins::noop
