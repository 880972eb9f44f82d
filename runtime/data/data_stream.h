#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/segment.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// One stream of a resource, as the manifest lists it. Its segments are the objects
// <attempt>/<name>.<n> (n from 0) below the resource's data section; of those that are adopted the attempt is an earlier one,
// which had stored the same bytes.
struct StreamManifest {
  std::string name;
  std::string attempt;
  std::uint64_t size = 0;   // plain bytes
  std::string key_id = {};  // of the key that all segments are encrypted with; empty: none
  // Hex, of all plain bytes. Of an encrypted stream this is encrypted, too, and bound to the stream's name, size and
  // number of segments (PlainSha256): what was cut off at its end, or put there, is noticed also when
  // the manifest was written anew to match.
  std::string sha256;
  std::vector<SegmentInfo> segments;
  std::map<std::size_t, std::string> adopted = {};  // number to attempt

  // Who has stored a segment.
  const std::string& AttemptOf(std::size_t number) const {
    const auto found = adopted.find(number);
    return found == adopted.end() ? attempt : found->second;
  }
};

// A map without the stream's name: "attempt", "size", "sha256", "key" where there is one, "segments", a
// list of [plain size, plain SHA-256, stored size, stored SHA-256], and where there are such "adopted", a map of earlier
// attempts to lists of numbers of segments.
Value StreamManifestToValue(const StreamManifest& stream);
// kCorrupt, naming the stream, when the value is no such map or contradicts itself.
Result<StreamManifest> StreamManifestFromValue(const Value& value, std::string_view name);

struct DataOptions {
  std::uint64_t segment_size = 8U << 20U;      // plain bytes, 1 MiB to 64 MiB
  unsigned parallel = 4;                       // segments in work at once, 1 to 16
  int zstd_level = 3;                          // 0: nothing is compressed
  const Cancellation* cancellation = nullptr;  // Not owned. Set: the next call fails.
};

// Writes a stream below `data` (the section data/<type>/<id> of a checkpoint). A stream of one
// segment is stored by the caller's thread, in Finish; the second one starts the first of at most
// 2 x `parallel` threads, of which `parallel` are at the bank at once. At most 2 x (parallel + 2) segment buffers are in memory. An error of a thread
// is returned by the next Write or Finish, and by every later call. `on_finish` is called once, by
// Finish on its thread, with what the manifest has to list. A stream of no bytes has no segments.
// Destroyed without Finish, the stream does not count; what it has stored is an orphan for gc.
// Where `data` has keys the stream is encrypted with the current one; its error when there is none to be had.
// `earlier`: attempts at the same stream that came to nothing, the newest last. A segment that one of them has stored, and that
// would be stored again byte for byte, is read (not trusted: every byte is compared) in the place of being sent.
// kInvalidInput: `name` or `attempt` is no single part of a key, or an option is out of range.
Result<std::unique_ptr<DataWriter>> CreateDataStream(
    const BankSection& data, std::string name, std::string attempt, const DataOptions& options,
    std::function<Status(const StreamManifest&)> on_finish,
    const std::vector<std::string>& earlier = {});

// Reads a stream back. More than one segment: fetched ahead by at most `parallel` threads, which
// the first Read starts. Every byte is checked against the manifest before it is handed out:
// kCorrupt names the object, kNotFound a missing one. At most 2 x (parallel + 1) segments are in
// memory. At once: kCorrupt when the manifest contradicts itself, kDenied, naming it, when the key of an
// encrypted stream is not among those of `data`.
Result<std::unique_ptr<ByteSource>> OpenDataStream(const BankSection& data,
                                                   const StreamManifest& stream,
                                                   const DataOptions& options);

// A sample of a stream: the numbers of segments, ascending, that hold at least `share` of its bytes;
// at least one where there is any. Depends on the arguments alone; another seed, others.
std::vector<std::size_t> ChooseSegments(const std::vector<SegmentInfo>& segments, Percent share,
                                        std::string_view seed);
// Like OpenDataStream, but only the segments `chosen` (as ChooseSegments returns them), one after
// the other. They are checked one by one; that all of them are the whole stream is not.
Result<std::unique_ptr<ByteSource>> OpenDataSample(const BankSection& data,
                                                   const StreamManifest& stream,
                                                   std::vector<std::size_t> chosen,
                                                   const DataOptions& options);

// The SHA-256 of a stream's plain bytes in hex, as its manifest says it. Of an encrypted stream: with its key.
Result<std::string> PlainSha256(const BankSection& data, const StreamManifest& stream);

// Checks that every segment is there with its stored size (no bytes are read): what `end` asks
// before a checkpoint becomes available. kNotFound or kCorrupt names the object.
Status StatDataStream(const BankSection& data, const StreamManifest& stream);

}  // namespace holdfast::runtime
