#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// One stored segment of a stream, as the manifest lists it.
struct SegmentInfo {
  std::uint64_t plain_size = 0;
  std::string plain_sha256;  // hex
  std::uint64_t stored_size = 0;
  std::string stored_sha256;  // hex, of header and payload
};

// One stream of a resource, as the manifest lists it. Its segments are the objects
// <attempt>/<name>.<n> (n from 0) below the resource's data section.
struct StreamManifest {
  std::string name;
  std::string attempt;
  std::uint64_t size = 0;  // plain bytes
  std::string sha256;      // hex, of all plain bytes
  std::vector<SegmentInfo> segments;
};

Value StreamManifestToValue(const StreamManifest& stream);
Result<StreamManifest> StreamManifestFromValue(const Value& value, std::string_view name);

struct DataOptions {
  std::uint64_t segment_size = 8U << 20U;  // plain bytes, 1 MiB to 64 MiB
  unsigned parallel = 4;                   // segments in work at once, 1 to 16
  int zstd_level = 3;
  const Cancellation* cancellation = nullptr;  // Not owned. Set: the next call fails.
};

// Writes a stream below `data` (the section data/<type>/<id> of a checkpoint). At most
// 2 x (parallel + 1) segment buffers are in memory. `on_finish` is called once, by Finish, with
// what the manifest has to list. A stream of no bytes has no segments.
Result<std::unique_ptr<DataWriter>> CreateDataStream(
    const BankSection& data, std::string name, std::string attempt, const DataOptions& options,
    std::function<Status(const StreamManifest&)> on_finish);

// Reads a stream back, segments fetched ahead in parallel. Every byte is checked against the
// manifest before it is handed out: kCorrupt names the object, kNotFound a missing one.
Result<std::unique_ptr<ByteSource>> OpenDataStream(const BankSection& data,
                                                   const StreamManifest& stream,
                                                   const DataOptions& options);

// Checks that every segment is there with its stored size (no bytes are read): what `end` asks
// before a checkpoint becomes available.
Status StatDataStream(const BankSection& data, const StreamManifest& stream);

}  // namespace holdfast::runtime
