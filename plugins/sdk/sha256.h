#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace holdfast {

// SHA-256 of bytes that come in pieces. Movable; one thread at a time.
class Sha256 {
 public:
  using Digest = std::array<std::byte, 32>;

  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void Update(std::span<const std::byte> data);
  void Update(std::string_view text) { Update(std::as_bytes(std::span(text.data(), text.size()))); }
  // The digest of everything so far; afterwards this is as new.
  Digest Finish();
  // The same in 64 lower-case hex digits.
  std::string FinishHex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// SHA-256 in 64 lower-case hex digits.
std::string Sha256Hex(std::string_view data);

// A text that could be one of these.
bool IsSha256Hex(std::string_view text);

// Bytes in lower-case hex digits.
std::string Hex(std::span<const std::byte> data);

}  // namespace holdfast
