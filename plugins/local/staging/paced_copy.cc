#include "plugins/local/staging/paced_copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::staging {
namespace {

constexpr std::size_t kLargestSlice = 1U << 20U;
constexpr std::size_t kSmallestSlice = 4U << 10U;

}  // namespace

Pace::Pace(std::uint64_t bytes_per_second, const Context& context)
    : rate_(bytes_per_second),
      context_(context),
      begin_(context.clock().Steady()),
      slice_(bytes_per_second == 0
                 ? kLargestSlice
                 : std::clamp<std::size_t>(static_cast<std::size_t>(bytes_per_second / 10),
                                           kSmallestSlice, kLargestSlice)) {}

Status Pace::Spend(std::uint64_t bytes) {
  spent_ += bytes;
  if (context_.cancelled()) return CancelledError();
  if (rate_ == 0) return Ok();
  const auto due =
      begin_ + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(
                   static_cast<double>(spent_) / static_cast<double>(rate_)));
  for (;;) {
    const auto now = context_.clock().Steady();
    if (now >= due) return Ok();
    std::this_thread::sleep_for(
        std::min<SteadyTime::duration>(due - now, std::chrono::milliseconds(50)));
    if (context_.cancelled()) return CancelledError();
  }
}

Status PacedSink::Write(std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto part = data.first(std::min(data.size(), pace_.slice()));
    HOLDFAST_RETURN_IF_ERROR(sink_.Write(part));
    HOLDFAST_RETURN_IF_ERROR(pace_.Spend(part.size()));
    context_.Report({pace_.spent(), total_, what_});
    data = data.subspan(part.size());
  }
  return Ok();
}

Result<std::uint64_t> CopyAll(ByteSource& source, ByteSink* sink, const Context& context) {
  std::vector<std::byte> buffer(256U << 10U);
  std::uint64_t total = 0;
  for (;;) {
    if (context.cancelled()) return CancelledError();
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, source.Read(buffer));
    if (got == 0) return total;
    if (sink != nullptr) HOLDFAST_RETURN_IF_ERROR(sink->Write(std::span(buffer.data(), got)));
    total += got;
  }
}

Result<std::size_t> FileSource::Read(std::span<std::byte> buffer) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, buffer.data(), buffer.size());
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) return SystemError(errno, fmt::format("reading '{}'", Printable(path_)));
  }
}

Status FileSink::Write(std::span<const std::byte> data) {
  while (!data.empty()) {
    const ssize_t put = ::write(descriptor_, data.data(), data.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, fmt::format("writing '{}'", Printable(path_)));
    }
    data = data.subspan(static_cast<std::size_t>(put));
  }
  return Ok();
}

}  // namespace holdfast::plugins::staging
