#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/key_file.h"

namespace holdfast {

// What a holder of a section may do below its prefix. A section can only get narrower: kRead never
// hands out kWrite, and so on.
enum class SectionAccess {
  kRead,    // get, list, stat
  kDelete,  // kRead and delete
  kWrite,   // everything
};

// A jail in a bank: a key prefix and rights. All keys given to it are below its prefix; listings
// show only what is there, with the prefix taken off. Keys are checked before they are joined
// (ObjectKey), so nothing climbs out. A value type; the bank and the keys are borrowed and must outlive it.
// As thread-safe as its bank.
class BankSection {
 public:
  // The section `prefix` (one or more key parts) of a bank, or kInvalidInput. `keys` are those of the provider,
  // nullptr where it has none; every narrower section has them, too. A section itself encrypts nothing:
  // whoever writes data or saved info through it does.
  static Result<BankSection> Open(Bank& bank, std::string_view prefix, SectionAccess access,
                                  const KeyRing* keys = nullptr);

  // A narrower section below this one; kDenied when it would allow more than this one does.
  Result<BankSection> Narrow(std::string_view prefix, SectionAccess access) const;

  // As in Bank, with keys below the section. What the rights forbid is kDenied.
  Status Put(std::string_view key, ByteSource& source, std::uint64_t size) const;
  Status PutBytes(std::string_view key, std::string_view value) const;
  // PutBytes for a key that a crashed earlier attempt may have written already: when it exists
  // with equal bytes this is success, with other bytes kConflict. `hashes`: of `value`, as ByteSource::RestHashes.
  Status PutSame(std::string_view key, std::string_view value, KnownHashes hashes = {}) const;
  // The same for a key that nobody else ever writes (Bank::PutUnique).
  Status PutUnique(std::string_view key, std::string_view value, KnownHashes hashes = {}) const;
  Status CreateExclusive(std::string_view key, std::string_view value,
                         Settling settling = Settling::kWait) const;
  Status Replace(std::string_view key, std::string_view value) const;
  Status Get(std::string_view key, ByteSink& sink, std::uint64_t offset = 0,
             std::uint64_t length = Bank::kWhole) const;
  // The whole object; kInvalidInput when it is larger than `limit` bytes.
  Result<std::string> GetBytes(std::string_view key, std::uint64_t limit = 64U << 20U) const;
  Status Delete(std::string_view key) const;
  // Delete for which "nothing there" is success.
  Status DeleteIfPresent(std::string_view key) const;
  Result<bool> Exists(std::string_view key) const;
  Result<ObjectInfo> Stat(std::string_view key) const;
  // Every key below `prefix` (a plain prefix of what follows this section's own), paged until the
  // end; without the section's prefix. Memory: all names; for small listings.
  Result<std::vector<std::string>> ListAll(std::string_view prefix = "") const;
  // The newest key (greatest) below `prefix`, or kNotFound: for numbered series.
  Result<std::string> Last(std::string_view prefix) const;

  const std::string& prefix() const { return prefix_; }
  SectionAccess access() const { return access_; }
  Bank& bank() const { return *bank_; }
  const KeyRing* keys() const { return keys_; }

 private:
  BankSection(Bank& bank, std::string prefix, SectionAccess access, const KeyRing* keys)
      : bank_(&bank), prefix_(std::move(prefix)), access_(access), keys_(keys) {}
  Result<ObjectKey> Key(std::string_view key) const;
  Status SameIsThere(std::string_view key, std::string_view value, Status put) const;
  Status Require(SectionAccess access) const;

  Bank* bank_;  // Not owned; outlives this.
  std::string prefix_;
  SectionAccess access_;
  const KeyRing* keys_;  // Not owned; outlives this. May be nullptr.
};

}  // namespace holdfast
