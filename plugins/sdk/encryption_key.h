#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"

namespace holdfast {

// A key that encrypts what a bank holds: XChaCha20-Poly1305 (IETF), which also notices every change.
// Its id is derived from it, so that a key file needs no book of them, and says nothing of the key. What it
// encrypts with, its id and what it makes nonces from are derived from the 32 bytes one by one
// (BLAKE2b, keyed, with a text of their own each).
//
// Its bytes lie in locked memory where the system gives any (not swapped, not in a core dump), and are
// wiped when it goes; nothing prints them but Text(). Movable; const calls from several threads.
class EncryptionKey {
 public:
  static constexpr std::size_t kIdSize = 8;  // bytes; id() has two digits of each
  static constexpr std::size_t kNonceSize = 24;
  static constexpr std::size_t kTagSize = 16;
  using Nonce = std::array<char, kNonceSize>;

  // A new one, at random.
  static EncryptionKey Generate();
  // What Text() gave: 64 hex digits. kInvalidInput, without the text, for anything else.
  static Result<EncryptionKey> Parse(std::string_view text);

  EncryptionKey(EncryptionKey&&) noexcept;
  EncryptionKey& operator=(EncryptionKey&&) noexcept;
  ~EncryptionKey();

  // 16 lower-case hex digits.
  const std::string& id() const { return id_; }
  // The key itself, for a key file.
  Secret Text() const;

  static Nonce RandomNonce();
  // A nonce that follows from the bytes that are to be encrypted and what they are bound to: the same of
  // both gives the same nonce, and so the same encrypted bytes. Others share it by no chance that counts.
  Nonce NonceOf(std::string_view bytes, std::string_view bound_to) const;

  // Encrypts what `bytes` holds from `from` on, in place, and appends kTagSize bytes. It opens only with
  // the same nonce and `bound_to`, which is not stored.
  void Seal(std::string& bytes, std::size_t from, const Nonce& nonce,
            std::string_view bound_to) const;
  // The other way, in place: what is at `data`, `size` bytes with the tag, becomes size - kTagSize bytes.
  // False, and then nothing was decrypted, when anything is not what Seal was given.
  [[nodiscard]] bool Open(char* data, std::size_t size, const Nonce& nonce,
                          std::string_view bound_to) const;

 private:
  struct Material;
  struct Free {
    void operator()(Material* material) const;
  };
  EncryptionKey();
  void Derive();

  std::unique_ptr<Material, Free> material_;
  std::string id_;
};

// A text that could be a key's id.
bool IsKeyId(std::string_view text);

}  // namespace holdfast
