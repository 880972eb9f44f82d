#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "plugins/sdk/md5.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// Hashes of bytes, as far as somebody knows them already: so they need not be made again. They are not trusted: who uses
// one has the bytes held to it on the other side.
struct KnownHashes {
  std::string_view sha256 = {};  // in lower-case hex digits, borrowed; empty: nobody knows it
  std::optional<Md5::Digest> md5 = {};
};

// A stream of bytes that is read once, front to back. Not synchronised: one reader.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Reads at most buffer.size() bytes (which is > 0); 0 means the end. May return fewer than asked.
  virtual Result<std::size_t> Read(std::span<std::byte> buffer) = 0;
  // All that is left to read, where it lies in memory until the source goes: so it need not be copied.
  virtual std::optional<std::string_view> Rest() const { return std::nullopt; }
  // Those of Rest(), and as long-lived as it.
  virtual KnownHashes RestHashes() const { return {}; }
};

// A stream of bytes that is written once, front to back. Not synchronised: one writer.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // Takes all of `data`, or fails; after a failure the sink is not used again.
  virtual Status Write(std::span<const std::byte> data) = 0;
  // True: whoever reads with it holds every byte that came to what is known of it elsewhere, and uses none before. So a bank
  // need not hold them to what its server says, too.
  virtual bool ChecksBytes() const { return false; }
};

// Reads from memory. The bytes, and what is known of them, are borrowed and must outlive the source.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view data, KnownHashes hashes = {})
      : data_(data), hashes_(hashes) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override;
  std::optional<std::string_view> Rest() const override { return data_; }
  KnownHashes RestHashes() const override { return hashes_; }

 private:
  std::string_view data_;
  KnownHashes hashes_;
};

// Collects into a string, at most `limit` bytes: kInvalidInput beyond.
class StringSink final : public ByteSink {
 public:
  explicit StringSink(std::uint64_t limit) : limit_(limit) {}
  Status Write(std::span<const std::byte> data) override;
  const std::string& data() const { return data_; }
  std::string Take() { return std::move(data_); }

 private:
  std::uint64_t limit_;
  std::string data_;
};

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view AsText(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

// Reads until `buffer` is full or the source ends; returns how many bytes are in it.
Result<std::size_t> ReadFully(ByteSource& source, std::span<std::byte> buffer);

}  // namespace holdfast
