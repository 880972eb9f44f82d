#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::staging {

// Holds a copy to so many bytes a second, so that it leaves the disk and the network to others.
// One thread.
class Pace {
 public:
  // 0 bytes a second: no limit. `context` is borrowed.
  Pace(std::uint64_t bytes_per_second, const Context& context);
  // Counts `bytes` and waits until the rate allows more; CancelledError() when the activity is to end.
  Status Spend(std::uint64_t bytes);
  std::uint64_t spent() const { return spent_; }
  // No call moves more than this at once, so that a slow pace stays even.
  std::size_t slice() const { return slice_; }

 private:
  std::uint64_t rate_;
  const Context& context_;
  SteadyTime begin_;
  std::uint64_t spent_ = 0;
  std::size_t slice_;
};

// A sink that writes to another one at a pace and reports progress. All are borrowed.
class PacedSink final : public ByteSink {
 public:
  // `total` is what the progress shows, 0 = not known.
  PacedSink(ByteSink& sink, Pace& pace, Context& context, std::uint64_t total, std::string what)
      : sink_(sink), pace_(pace), context_(context), total_(total), what_(std::move(what)) {}
  Status Write(std::span<const std::byte> data) override;

 private:
  ByteSink& sink_;
  Pace& pace_;
  Context& context_;
  std::uint64_t total_;
  std::string what_;
};

// Reads to the end of `source` into `sink`; nullptr reads and drops. Returns how many bytes it were.
// CancelledError() when the activity is to end.
Result<std::uint64_t> CopyAll(ByteSource& source, ByteSink* sink, const Context& context);

// The bytes of an open file, from its offset. The descriptor is borrowed; `path` is for errors.
class FileSource final : public ByteSource {
 public:
  FileSource(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override;

 private:
  int descriptor_;
  std::string path_;
};

// Writes to an open file. The descriptor is borrowed; `path` is for errors.
class FileSink final : public ByteSink {
 public:
  FileSink(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  Status Write(std::span<const std::byte> data) override;

 private:
  int descriptor_;
  std::string path_;
};

}  // namespace holdfast::plugins::staging
