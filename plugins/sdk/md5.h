#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace holdfast {

// MD5 (RFC 1321) of bytes that come in pieces, for servers that name objects' bytes by it: against accidents, not against
// attackers. Movable; one thread at a time.
class Md5 {
 public:
  Md5();
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;
  ~Md5();

  void Update(std::span<const std::byte> data);
  // Another one, of the same bytes so far.
  Md5 Fork() const;
  using Digest = std::array<std::byte, 16>;
  // The digest of everything so far; afterwards this is as new.
  Digest Finish();
  // The same in 32 lower-case hex digits.
  std::string FinishHex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string Md5Hex(std::string_view data);

}  // namespace holdfast
