#include "plugins/sdk/encryption_key.h"

#include <sodium.h>

#include <algorithm>
#include <span>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {
namespace {

constexpr std::size_t kKeySize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
static_assert(EncryptionKey::kNonceSize == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(EncryptionKey::kTagSize == crypto_aead_xchacha20poly1305_ietf_ABYTES);

// What a derived key is for; 16 bytes each (crypto_generichash_blake2b_PERSONALBYTES).
using Purpose = const char (&)[crypto_generichash_blake2b_PERSONALBYTES + 1];
constexpr char kForId[] = "holdfast key  id";
constexpr char kForSegments[] = "holdfast segment";
constexpr char kForNonces[] = "holdfast  nonces";

const unsigned char* Unsigned(const char* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* Unsigned(char* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

// Chooses among the processor's instructions; safe to call again, from any thread.
void Initialise() { HOLDFAST_CHECK(sodium_init() >= 0); }

void DeriveInto(unsigned char* out, std::size_t size, const unsigned char* key, Purpose purpose) {
  HOLDFAST_CHECK(crypto_generichash_blake2b_salt_personal(out, size, nullptr, 0, key, kKeySize,
                                                          nullptr, Unsigned(purpose)) == 0);
}

}  // namespace

struct EncryptionKey::Material {
  unsigned char key[kKeySize];
  unsigned char of_segments[kKeySize];
  unsigned char of_nonces[kKeySize];
};

void EncryptionKey::Free::operator()(Material* material) const { sodium_free(material); }

EncryptionKey::EncryptionKey() {
  Initialise();
  // Locked where a limit of locked memory allows it; wiped by sodium_free either way.
  void* const memory = sodium_malloc(sizeof(Material));
  HOLDFAST_CHECK(memory != nullptr);
  material_.reset(static_cast<Material*>(memory));
}
EncryptionKey::EncryptionKey(EncryptionKey&&) noexcept = default;
EncryptionKey& EncryptionKey::operator=(EncryptionKey&&) noexcept = default;
EncryptionKey::~EncryptionKey() = default;

void EncryptionKey::Derive() {
  DeriveInto(material_->of_segments, kKeySize, material_->key, kForSegments);
  DeriveInto(material_->of_nonces, kKeySize, material_->key, kForNonces);
  // BLAKE2b gives at least 16 bytes; their first half is enough to tell keys apart.
  std::array<unsigned char, 2 * kIdSize> id{};
  DeriveInto(id.data(), id.size(), material_->key, kForId);
  id_ = Hex(std::as_bytes(std::span(id).first<kIdSize>()));
}

EncryptionKey EncryptionKey::Generate() {
  EncryptionKey key;
  randombytes_buf(key.material_->key, kKeySize);
  key.Derive();
  return key;
}

Result<EncryptionKey> EncryptionKey::Parse(std::string_view text) {
  EncryptionKey key;
  std::size_t size = 0;
  const char* end = nullptr;
  if (text.size() != 2 * kKeySize ||
      sodium_hex2bin(key.material_->key, kKeySize, text.data(), text.size(), nullptr, &size,
                     &end) != 0 ||
      size != kKeySize || end != text.data() + text.size()) {
    return InvalidInput("a key is 64 hex digits");
  }
  key.Derive();
  return key;
}

Secret EncryptionKey::Text() const {
  std::string text(2 * kKeySize + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), material_->key, kKeySize);
  text.pop_back();  // its final zero
  return Secret(std::move(text));
}

EncryptionKey::Nonce EncryptionKey::RandomNonce() {
  Initialise();
  Nonce nonce{};
  randombytes_buf(nonce.data(), nonce.size());
  return nonce;
}

EncryptionKey::Nonce EncryptionKey::NonceOf(std::string_view bytes,
                                            std::string_view bound_to) const {
  crypto_generichash_state state;
  std::array<unsigned char, kNonceSize> hash{};
  // The length first: no two pairs are the same bytes one after the other.
  std::array<unsigned char, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<unsigned char>((std::uint64_t{bound_to.size()} >> (8 * i)) & 0xFFU);
  }
  crypto_generichash_init(&state, material_->of_nonces, kKeySize, hash.size());
  crypto_generichash_update(&state, length.data(), length.size());
  crypto_generichash_update(&state, Unsigned(bound_to.data()), bound_to.size());
  crypto_generichash_update(&state, Unsigned(bytes.data()), bytes.size());
  crypto_generichash_final(&state, hash.data(), hash.size());
  sodium_memzero(&state, sizeof(state));
  Nonce nonce{};
  std::copy(hash.begin(), hash.end(), nonce.begin());
  return nonce;
}

void EncryptionKey::Seal(std::string& bytes, std::size_t from, const Nonce& nonce,
                         std::string_view bound_to) const {
  HOLDFAST_CHECK(from <= bytes.size());
  const std::size_t size = bytes.size() - from;
  bytes.resize(bytes.size() + kTagSize);
  unsigned char* const at = Unsigned(bytes.data() + from);
  HOLDFAST_CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(
                     at, nullptr, at, size, Unsigned(bound_to.data()), bound_to.size(), nullptr,
                     Unsigned(nonce.data()), material_->of_segments) == 0);
}

bool EncryptionKey::Open(char* data, std::size_t size, const Nonce& nonce,
                         std::string_view bound_to) const {
  if (size < kTagSize) return false;
  unsigned char* const at = Unsigned(data);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             at, nullptr, nullptr, at, size, Unsigned(bound_to.data()), bound_to.size(),
             Unsigned(nonce.data()), material_->of_segments) == 0;
}

bool IsKeyId(std::string_view text) {
  return text.size() == 2 * EncryptionKey::kIdSize &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace holdfast
