#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/manifest.h"

namespace holdfast::runtime {

// A checkpoint's sections in the two banks, and how each is read and written.
struct CopyEnds {
  BankSection from;  // checkpoints/<id>, read
  BankSection to;    // the same there, writable
  DataOptions from_options;
  DataOptions to_options;
  std::string attempt;  // that everything is written under
  // Attempts that came to nothing, the oldest first, of whose data nobody may still delete anything.
  std::vector<std::string> earlier;
  // Asked before a manifest is written: does the copy still hold the record?
  std::function<Status()> check_held;
  // So many plain bytes more are read; an error ends the copy. Any thread.
  std::function<Status(std::uint64_t)> advanced;
};

struct CopiedResource {
  std::uint64_t bytes = 0;   // plain
  std::uint64_t stored = 0;  // as they are stored there
  std::uint64_t reused = 0;  // of `stored`, what an earlier attempt had sent
};

// Copies what a checkpoint holds of one resource: its streams, read with every check that a restore makes and
// cut, compressed and encrypted anew as the target's settings say; the raw objects of its attempt; its saved info
// and, last, its manifest. Where the target has the manifest already, of an earlier attempt, nothing is sent, if it is of
// the same contents and its data is there (else kConflict or kCorrupt; kUnavailable: of another attempt, which the next copy
// clears away). kCorrupt, too, where the original lacks what its manifest names. Thread-safe for different resources.
Result<CopiedResource> CopyResource(const CopyEnds& ends, const ResourceManifest& manifest);

// The raw objects of a manifest's attempt, with their plain sizes; no manifest lists them.
Result<std::map<std::string, std::uint64_t>> RawObjects(const BankSection& checkpoint,
                                                        const ResourceManifest& manifest);
// Is what a copy that was made earlier has of a resource there: its data, its saved info where there is a key that
// opens it, and those raw objects? kNotFound or kCorrupt names the object.
Status StatCopy(const BankSection& checkpoint, const ResourceManifest& manifest,
                const std::map<std::string, std::uint64_t>& raw);

}  // namespace holdfast::runtime
