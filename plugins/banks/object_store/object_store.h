#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks {

// An object as its server knows it.
struct StoredObject {
  std::string name;
  std::uint64_t size = 0;
  // What tells these bytes from later ones of the same name, as the server gives it; of a listing maybe empty.
  std::string etag;
  // MD5 of the whole, in lower-case hex digits; with `md5_of_parts` that of the MD5s of its parts of so many bytes. Empty: the
  // server does not say.
  std::string md5;
  std::uint64_t md5_of_parts = 0;
  // SHA-256 of the whole, that was put there with it; empty: none was.
  std::string sha256;
  std::string writer;  // that was given to Put; not of a listing
  WallTime written;
};

// What a bank and its store hold in memory of one source.
inline constexpr std::uint64_t kMostInMemory = std::uint64_t{8} << 20U;

// Bytes to be stored: in memory, or from a source that is read once.
struct StoreBody {
  std::string_view bytes;
  ByteSource* source = nullptr;  // not owned; in the place of `bytes`
  std::uint64_t size = 0;        // of either
  KnownHashes hashes = {};       // of `bytes`
};

enum class Precondition {
  kNone,
  kAbsent,  // nothing of that name is there, as far as the server can see at that moment
  kUnique,  // nobody else writes it: as kAbsent where the server sees to that, and kNone elsewhere
};

// What a sweep of uploads is asked for.
struct UploadSweep {
  std::string prefix;        // of the names that the uploads were to get
  std::chrono::seconds age;  // since when nothing was added to one, by the server's time
  bool dry_run = false;
  std::function<SteadyTime()> deadline;  // of the next request
};

// What the two HTTP banks are made of: an account at a server that keeps objects by name. Its calls are sent again, and
// give up, as the net::HttpClient under it does. Errors: kNotFound, kConflict (kAbsent), kDenied, kUnavailable, kCorrupt as in
// bank.h; none has a secret. Thread-safe.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // All or nothing, and checked against a checksum on the server's side. What is sent in parts is there once they are put
  // together. A call that was sent again, as its first answer was lost, may give kConflict over its own object: `writer`,
  // which is unique, is kept with it (Stat) to tell.
  // kInvalidInput where a source does not have exactly `size` bytes.
  virtual Status Put(const std::string& name, const StoreBody& body, std::string_view writer,
                     Precondition precondition, SteadyTime deadline) = 0;
  // The newest one, where the store keeps several copies.
  virtual Result<StoredObject> Stat(const std::string& name, SteadyTime deadline) = 0;
  // Bytes [offset, offset + length) to `sink`; Bank::kWhole: to the end. What is returned has the size of the whole. With an `etag`, of that object alone: kConflict
  // where it is another one by now. kInvalidInput for a range that begins behind the end, or at it. Without one the newest, as Stat,
  // unless the sink checks its bytes (ByteSink::ChecksBytes): so it may have no others.
  virtual Result<StoredObject> Get(const std::string& name, std::uint64_t offset,
                                   std::uint64_t length, std::string_view etag, ByteSink& sink,
                                   SteadyTime deadline) = 0;
  // At most `limit` objects behind `marker`, in the order of their names' bytes; fewer than `limit` means no more, or that
  // the server gives no more at once: an empty page is the end.
  virtual Result<std::vector<StoredObject>> List(const std::string& prefix,
                                                 const std::string& marker, std::size_t limit,
                                                 ListDirection direction, SteadyTime deadline) = 0;
  virtual Status Delete(const std::string& name, SteadyTime deadline) = 0;

  // Success: what it says is not there is not. While its servers come back, one may say so of what is there; this waits until
  // they all do. To be asked between two that say kNotFound.
  virtual Status SeeAll(SteadyTime) { return Ok(); }

  // Uploads in parts of which no object came and to which nothing is added any more: all of them are removed, or counted.
  // What the store does not say the time of is young.
  virtual Result<Leftovers> SweepUploads(const UploadSweep&) { return Leftovers(); }

  virtual std::string Describe() const = 0;
  virtual std::string Place() const { return ""; }  // as of a Bank
};

}  // namespace holdfast::banks
