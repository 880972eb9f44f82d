#include "plugins/sdk/sha256.h"

#include <openssl/evp.h>

#include "plugins/sdk/check.h"

namespace holdfast {

// OpenSSL fails here only when memory or its own library is broken: nothing a caller could handle.
Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  HOLDFAST_CHECK(context_ != nullptr);
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void Sha256::Update(std::span<const std::byte> data) {
  HOLDFAST_CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
}

Sha256::Digest Sha256::Finish() {
  Digest digest{};
  unsigned int length = 0;
  HOLDFAST_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    &length) == 1);
  HOLDFAST_CHECK(length == digest.size());
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1);
  return digest;
}

std::string Sha256::FinishHex() { return Hex(Finish()); }

std::string Sha256Hex(std::string_view data) {
  Sha256 hash;
  hash.Update(data);
  return hash.FinishHex();
}

bool IsSha256Hex(std::string_view text) {
  constexpr std::size_t kDigits = 2 * std::tuple_size_v<Sha256::Digest>;
  return text.size() == kDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string Hex(std::span<const std::byte> data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(data.size() * 2);
  for (const std::byte b : data) {
    out += kDigits[std::to_integer<unsigned>(b) >> 4U];
    out += kDigits[std::to_integer<unsigned>(b) & 0xFU];
  }
  return out;
}

}  // namespace holdfast
