#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct evp_md_ctx_st;

namespace holdfast {

enum class HashKind { kMd5, kSha256 };

// Bytes in lower-case hex digits.
std::string Hex(std::span<const std::byte> data);

// What Hash is made of: OpenSSL's state of one kind.
class HashState {
 public:
  explicit HashState(HashKind kind);
  HashState(HashState&&) noexcept;
  HashState& operator=(HashState&&) noexcept;
  ~HashState();

  void Update(std::span<const std::byte> data);
  // Writes the digest, which is as long as its kind is; afterwards this is as new.
  void Finish(std::span<std::byte> digest);
  // Another one, of the same bytes so far.
  HashState Fork() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  HashKind kind_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// A hash of bytes that come in pieces. Movable; one thread at a time.
template <HashKind kKind, std::size_t kSize>
class Hash {
 public:
  using Digest = std::array<std::byte, kSize>;

  Hash() : state_(kKind) {}
  void Update(std::span<const std::byte> data) { state_.Update(data); }
  void Update(std::string_view text) { Update(std::as_bytes(std::span(text.data(), text.size()))); }
  // The digest of everything so far; afterwards this is as new.
  Digest Finish() {
    Digest digest{};
    state_.Finish(digest);
    return digest;
  }
  // The same in lower-case hex digits.
  std::string FinishHex() { return Hex(Finish()); }
  // Another one, of the same bytes so far.
  Hash Fork() const { return Hash(state_.Fork()); }

  static Digest Of(std::string_view text) {
    Hash hash;
    hash.Update(text);
    return hash.Finish();
  }

 private:
  explicit Hash(HashState state) : state_(std::move(state)) {}

  HashState state_;
};

}  // namespace holdfast
