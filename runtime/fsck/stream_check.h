#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"

namespace holdfast::runtime {

// What is wrong with the stored bytes of one stream.
struct StreamFaults {
  std::map<std::size_t, std::string> missing;  // numbers of segments, with why
  std::map<std::size_t, std::string> damaged;  // of another length, or other bytes
  // Each segment is one, and all of them are not the stream that the manifest lists.
  std::string whole;
  // Its key is not there (the error): the stored bytes were checked against their SHA-256, and no more.
  std::optional<Error> closed;

  bool any() const { return !missing.empty() || !damaged.empty() || !whole.empty(); }
};

// Looks at every segment of a stream and goes on behind a bad one. `sizes`: of the objects that a listing has
// shown, by their keys below `data`; what is not among them, or has another size there, is asked for. With
// `read` every byte is fetched, as a restore does it, and checked; `on_read` is told of plain bytes as
// they come. An error: the bank could not be asked, or options.cancellation.
Result<StreamFaults> CheckStream(const BankSection& data, const StreamManifest& stream,
                                 const std::map<std::string, std::uint64_t>& sizes, bool read,
                                 const DataOptions& options,
                                 const std::function<void(std::uint64_t)>& on_read);

}  // namespace holdfast::runtime
