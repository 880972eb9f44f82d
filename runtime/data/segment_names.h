#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"

namespace holdfast::runtime {

// The key of a segment below its resource's data section: <attempt>/<name>.<n>.
std::string SegmentKey(std::string_view attempt, std::string_view name, std::uint64_t number);
// The same, of whichever attempt has stored it.
std::string SegmentKey(const StreamManifest& stream, std::size_t number);
// The number behind the name, <n>; nullopt for what no writer names so.
std::optional<std::size_t> SegmentNumber(std::string_view text);

// What an encrypted segment is bound to: its whole key in the bank.
std::string SegmentPlace(const BankSection& data, std::string_view key);

// The stream's `sha256` in its encrypted form; stream.key_id and all else but sha256 are set.
Result<std::string> SealSha256(const BankSection& data, const StreamManifest& stream,
                               const EncryptionKey& key, std::string_view sha256);

// kInvalidInput when one of the two is no single part of a key.
Status CheckStreamParts(std::string_view attempt, std::string_view name);

// kInvalidInput when an option is outside the range that its comment names.
Status CheckDataOptions(const DataOptions& options);

// kCorrupt, naming the stream, when the manifest contradicts itself or lists sizes or hashes that
// no writer gives.
Status CheckStreamManifest(const StreamManifest& stream);

}  // namespace holdfast::runtime
