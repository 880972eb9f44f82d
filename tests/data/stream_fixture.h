#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>

#include "plugins/banks/memory/memory_bank.h"
#include "runtime/data/data_stream.h"

namespace holdfast::runtime {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

inline BankSection SectionOf(Bank& bank) {
  return BankSection::Open(bank, "t/local/data/T/r", SectionAccess::kWrite).value();
}

inline std::string KeyOf(std::string_view attempt_and_name, std::size_t number) {
  return std::string(attempt_and_name) + "." + std::to_string(number);
}

// Bytes that zstd cannot make smaller; the same for the same seed.
inline std::string RandomBytes(std::size_t size, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += 8) {
    const std::uint64_t word = random();
    bytes.replace(i, std::min<std::size_t>(8, size - i), reinterpret_cast<const char*>(&word),
                  std::min<std::size_t>(8, size - i));
  }
  return bytes;
}

// Lines that zstd makes much smaller, no two segments alike.
inline std::string TextBytes(std::size_t size) {
  std::string text;
  text.reserve(size + 32);
  for (std::uint64_t line = 0; text.size() < size; ++line) {
    text += "line " + std::to_string(line) + " of the dump\n";
  }
  text.resize(size);
  return text;
}

inline DataOptions SmallOptions(unsigned parallel = 3) {
  DataOptions options;
  options.segment_size = kMiB;
  options.parallel = parallel;
  options.zstd_level = 1;
  return options;
}

// What became of writing a stream.
struct Written {
  std::optional<StreamManifest> manifest;  // set when Finish called on_finish
  std::optional<Error> error;
  DataInfo info;
};

// Writes `bytes` in pieces of `piece` bytes and finishes.
inline Written WriteStream(const BankSection& data, std::string_view bytes,
                           const DataOptions& options, std::size_t piece = 100'000,
                           std::string name = "dump", std::string attempt = "a1") {
  Written written;
  auto writer = CreateDataStream(data, std::move(name), std::move(attempt), options,
                                 [&](const StreamManifest& manifest) {
                                   EXPECT_FALSE(written.manifest) << "on_finish was called twice";
                                   written.manifest = manifest;
                                   return Ok();
                                 });
  if (!writer) {
    written.error = writer.error();
    return written;
  }
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, piece);
    if (Status status = (*writer)->Write(AsBytes(part)); !status) {
      written.error = status.error();
      return written;
    }
    bytes.remove_prefix(part.size());
  }
  auto info = (*writer)->Finish();
  if (info) {
    written.info = *info;
  } else {
    written.error = info.error();
  }
  return written;
}

// What was read, up to the end or the error.
struct Taken {
  std::string bytes;
  std::optional<Error> error;
};

inline Taken ReadAll(Result<std::unique_ptr<ByteSource>> source, std::size_t piece) {
  Taken taken;
  if (!source) {
    taken.error = source.error();
    return taken;
  }
  std::string buffer(piece, '\0');
  for (;;) {
    auto count = (*source)->Read(std::as_writable_bytes(std::span(buffer.data(), buffer.size())));
    if (!count) {
      taken.error = count.error();
      return taken;
    }
    if (*count == 0) return taken;
    taken.bytes.append(buffer, 0, *count);
  }
}

inline Taken ReadStream(const BankSection& data, const StreamManifest& manifest,
                        const DataOptions& options, std::size_t piece = 70'000) {
  return ReadAll(OpenDataStream(data, manifest, options), piece);
}

inline std::string Text(const std::optional<Error>& error) {
  return error ? std::string(NameOf(error->code())) + ": " + error->OneLine() : "no error";
}

}  // namespace holdfast::runtime
