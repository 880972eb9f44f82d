#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/md5.h"

namespace holdfast::banks {

// A source whose bytes are hashed as they are read. Borrows the other one.
class HashedSource final : public ByteSource {
 public:
  HashedSource(ByteSource& source, std::uint64_t size) : source_(source), left_(size) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override;
  // Ends after its bytes, whatever comes behind them: it is a part of something.
  void Limit() { limited_ = true; }
  std::string Md5Hex() { return md5_.FinishHex(); }

 private:
  ByteSource& source_;
  std::uint64_t left_;
  bool limited_ = false;
  Md5 md5_;
};

// After all parts of a body: kInvalidInput where its source goes on.
Status CheckSourceEnds(const StoreBody& body);

}  // namespace holdfast::banks
