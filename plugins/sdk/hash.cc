#include "plugins/sdk/hash.h"

#include <openssl/evp.h>

#include "plugins/sdk/check.h"

namespace holdfast {

namespace {

const EVP_MD* AlgorithmOf(HashKind kind) {
  return kind == HashKind::kMd5 ? EVP_md5() : EVP_sha256();
}

}  // namespace

// OpenSSL fails here only when memory or its own library is broken: nothing a caller could handle.
HashState::HashState(HashKind kind) : kind_(kind), context_(EVP_MD_CTX_new()) {
  HOLDFAST_CHECK(context_ != nullptr);
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), AlgorithmOf(kind), nullptr) == 1);
}

HashState::HashState(HashState&&) noexcept = default;
HashState& HashState::operator=(HashState&&) noexcept = default;
HashState::~HashState() = default;

void HashState::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void HashState::Update(std::span<const std::byte> data) {
  HOLDFAST_CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
}

void HashState::Finish(std::span<std::byte> digest) {
  HOLDFAST_CHECK(static_cast<std::size_t>(EVP_MD_size(AlgorithmOf(kind_))) == digest.size());
  HOLDFAST_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    nullptr) == 1);
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1);
}

HashState HashState::Fork() const {
  HashState other(kind_);
  HOLDFAST_CHECK(EVP_MD_CTX_copy_ex(other.context_.get(), context_.get()) == 1);
  return other;
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
