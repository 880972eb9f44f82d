#include "plugins/sdk/md5.h"

#include <openssl/evp.h>

#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {

// As in sha256.cc: a failure is nothing that a caller could handle.
Md5::Md5() : context_(EVP_MD_CTX_new()) {
  HOLDFAST_CHECK(context_ != nullptr);
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr) == 1);
}

Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;
Md5::~Md5() = default;

void Md5::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

void Md5::Update(std::span<const std::byte> data) {
  HOLDFAST_CHECK(EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1);
}

Md5 Md5::Fork() const {
  Md5 other;
  HOLDFAST_CHECK(EVP_MD_CTX_copy_ex(other.context_.get(), context_.get()) == 1);
  return other;
}

Md5::Digest Md5::Finish() {
  Digest digest{};
  HOLDFAST_CHECK(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()),
                                    nullptr) == 1);
  HOLDFAST_CHECK(EVP_DigestInit_ex(context_.get(), nullptr, nullptr) == 1);
  return digest;
}

std::string Md5::FinishHex() { return Hex(Finish()); }

std::string Md5Hex(std::string_view data) {
  Md5 hash;
  hash.Update(std::as_bytes(std::span(data.data(), data.size())));
  return hash.FinishHex();
}

}  // namespace holdfast
