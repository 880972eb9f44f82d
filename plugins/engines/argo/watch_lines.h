#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

// Cuts a stream into its lines, whatever pieces it comes in, and hands on those that are not empty. A last
// line without its end was cut off, and is not handed on. kCorrupt for a line of more than `most` bytes.
class LineSink final : public ByteSink {
 public:
  using Take = std::function<Status(std::string_view line)>;
  // An object is 1 MiB at most, and its event is one line.
  static constexpr std::size_t kLongest = std::size_t{16} << 20U;
  explicit LineSink(Take take, std::size_t most = kLongest) : take_(std::move(take)), most_(most) {}
  Status Write(std::span<const std::byte> data) override;

 private:
  Take take_;
  std::size_t most_;
  std::string begun_;
};

// One event of a watch.
struct WatchEvent {
  enum class Kind { kChanged, kDeleted, kBookmark, kExpired, kFailed };
  Kind kind = Kind::kChanged;
  Value object;                  // the workflow, its nodes expanded
  std::string resource_version;  // of the object or the bookmark
  std::string message;           // of kExpired (410 Gone) and kFailed
};

// A line of the Kubernetes API's watch, {"type": ..., "object": ...}, or of the Argo server's stream,
// {"result": {"type", "object"}} or {"error": {...}}, with or without "data: " before it. kCorrupt for
// what is none.
Result<WatchEvent> ReadWatchLine(std::string_view line);
// A sink that hands on the events of a watch.
LineSink EventSink(std::function<Status(const WatchEvent&)> take);

}  // namespace holdfast::engines::argo
