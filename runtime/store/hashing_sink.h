#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/sha256.h"

namespace holdfast::runtime {

// Keeps the SHA-256 and the number of the bytes that it is given, and none of them. A value type; one thread at a time.
class HashingSink final : public ByteSink {
 public:
  // Whether the hash is held to one that is known, so that the bank need not look at the bytes, too (ByteSink::ChecksBytes).
  enum class Against { kNothing, kKnownHash };
  explicit HashingSink(Against against) : against_(against) {}

  Status Write(std::span<const std::byte> data) override {
    hash_.Update(data);
    size_ += data.size();
    return Ok();
  }
  bool ChecksBytes() const override { return against_ == Against::kKnownHash; }
  std::uint64_t size() const { return size_; }
  // Once, at the end.
  std::string FinishHex() { return hash_.FinishHex(); }

 private:
  const Against against_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::runtime
