#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/result.h"

namespace holdfast {

struct ObjectInfo {
  ObjectKey key;
  std::uint64_t size = 0;  // bytes
  std::chrono::system_clock::time_point written;
};

enum class ListDirection { kAscending, kDescending };

struct ListOptions {
  std::string prefix;        // a plain prefix of the whole key; empty = all
  std::string marker;        // only keys after it, in the direction of the listing; not included
  std::size_t limit = 1000;  // 1 to 10,000
  ListDirection direction = ListDirection::kAscending;
};

// How strong CreateExclusive is (design: bank).
enum class ExclusiveStrength {
  kAtomic,   // exactly one of many callers wins
  kSettled,  // exactly one holds after the settle time; until then several may believe they won
};

// Who has created a key of a kSettled bank can wait until it is sure, or take the chance that
// another has it in the end.
enum class Settling { kWait, kAtOnce };

// What writers that died left in a bank, and no listing shows.
struct Leftovers {
  std::string one;  // what it is, for people: "temporary file"
  std::string many;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  // as far as the bank says
  // What some of them were to become, each once and in order; maybe empty.
  std::vector<std::string> objects;
  static constexpr std::size_t kMostObjects = 20;
  void Name(const std::string& object) {
    if (objects.size() < kMostObjects && (objects.empty() || objects.back() != object))
      objects.push_back(object);
  }
};

// A Bank holds checkpoints: a flat map from key to bytes that, once written, never change.
//
// Every bank keeps these promises (plugins/banks/conformance checks them, in tests and as
// `holdfast bank check`):
//   - Put is all or nothing, and durable once it returns success.
//   - Put on a key that exists fails with kConflict; nothing is overwritten. Where two may want the
//     same key at once: CreateExclusive.
//   - Get after Put finds the object, byte for byte. List may lag: never infer absence from it.
//   - Lists are ordered by the bytes of the whole key.
//   - No key continues another ("a" and "a/b"): callers make no such keys. A bank that keeps objects
//     in folders fails the second of them with kConflict; another one may keep both.
// Errors: kNotFound, kConflict, kDenied, kCorrupt, kUnavailable as in error.h; a full store is
// kDenied. A Bank may be used from several threads.
class Bank {
 public:
  virtual ~Bank() = default;

  // Creates `key`, reading exactly `size` bytes from `source`. kInvalidInput when it ends early or
  // goes on, and then nothing is stored.
  virtual Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) = 0;
  // Put of a key that nobody else ever writes, as there are random bits in it: the bank need not look whether it is there. An
  // earlier try of the same call, of which the answer was lost, is no conflict.
  virtual Status PutUnique(const ObjectKey& key, ByteSource& source, std::uint64_t size) {
    return Put(key, source, size);
  }
  // Creates `key`, which others may want at the same time: kConflict for all but one (strength()).
  // With kWait it returns when that is settled; with kAtOnce a kSettled bank may tell several that
  // they have it: where a lost race costs work, and no data. Atomic banks wait for nothing.
  virtual Status CreateExclusive(const ObjectKey& key, std::string_view value,
                                 Settling settling) = 0;
  // Writes `key` whatever was there, all or nothing: for a lease or claim that the caller holds.
  virtual Status Replace(const ObjectKey& key, std::string_view value) = 0;
  // Writes the object's bytes [offset, offset + length) to `sink`; an end beyond the object's is
  // cut off, an offset beyond it is kInvalidInput. kWhole: to the end.
  static constexpr std::uint64_t kWhole = ~std::uint64_t{0};
  virtual Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset = 0,
                     std::uint64_t length = kWhole) = 0;
  // A page with fewer than `limit` objects is the last one.
  virtual Result<std::vector<ObjectInfo>> List(const ListOptions& options) = 0;
  virtual Result<ObjectInfo> Stat(const ObjectKey& key) = 0;
  // kNotFound when there is nothing (any more).
  virtual Status Delete(const ObjectKey& key) = 0;

  // Removes what writers of objects below `prefix` left when they died, if nothing was added to it for
  // `age` by the bank's own time; with `dry_run` only counts it. A bank that can tell its own leftovers
  // from all else may take those of every prefix. A Put that has sent nothing for so long fails.
  // Several may sweep at once, and one that is killed is gone on with by the next.
  virtual Result<Leftovers> SweepLeftovers(const std::string& prefix, std::chrono::seconds age,
                                           bool dry_run);

  // Its server holds what is stored to its MD5. Who stores much gives it along (ByteSource::RestHashes), and makes it where
  // nobody waits for it.
  virtual bool holds_to_md5() const { return false; }

  virtual ExclusiveStrength strength() const = 0;
  // For people: "filesystem bank at /var/lib/holdfast". No secret.
  virtual std::string Describe() const = 0;
  // What two banks have in common that are one, by whatever name each was opened; empty: that cannot be told.
  virtual std::string Place() const { return ""; }
};

// Put of bytes in memory.
Status PutBytes(Bank& bank, const ObjectKey& key, std::string_view value);

}  // namespace holdfast
