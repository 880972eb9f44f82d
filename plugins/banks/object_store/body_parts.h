#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks {

// A body in parts of one size, front to back. What comes from a source is whole in memory, one part at a time: so the
// server is told its checksum, and it can be sent again. Borrows the body.
class BodyParts {
 public:
  BodyParts(const StoreBody& body, std::uint64_t part_size) : body_(body), part_size_(part_size) {}

  bool done() const { return at_ >= body_.size; }
  // Good until the next call. kInvalidInput where a source ends early or, of the last part, goes on.
  Result<std::string_view> Next();

 private:
  Result<std::string_view> Read(std::uint64_t size);

  const StoreBody& body_;
  const std::uint64_t part_size_;
  std::uint64_t at_ = 0;
  std::string read_;
};

// How large the parts of a body are. Of a source: as a bank checks them again when it reads (ObjectStoreOptions::part_size),
// or larger where more than `most_parts` would be needed; kInvalidInput where one of them would be larger than the server
// takes at once, or than memory should hold. Of bytes in memory: what the server takes at once; kInvalidInput where these are
// more parts than it takes.
Result<std::uint64_t> PartSizeOf(const StoreBody& body, std::uint64_t most_at_once,
                                 std::uint64_t most_parts);

}  // namespace holdfast::banks
