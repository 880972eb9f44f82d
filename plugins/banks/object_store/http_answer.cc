#include "plugins/banks/object_store/http_answer.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "plugins/sdk/bank.h"

namespace holdfast::banks {

namespace {

constexpr int kPartialContent = 206;

bool IsAll(std::uint64_t offset, std::uint64_t length) {
  return offset == 0 && length == Bank::kWhole;
}

std::optional<std::uint64_t> Number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::string EtagOf(const net::HttpResponse& response) {
  std::string etag(net::HeaderOf(response.headers, "ETag"));
  std::erase(etag, '"');
  return etag;
}

std::optional<WallTime> ServerTime(const net::HttpResponse& response) {
  return net::ParseHttpDate(net::HeaderOf(response.headers, "Date"));
}

std::uint64_t SizeOf(const net::HttpResponse& response) {
  std::string_view left = net::HeaderOf(response.headers, "Content-Length");
  return Number(left).value_or(0);
}

void AskForRange(net::HttpRequest& request, std::uint64_t offset, std::uint64_t length) {
  if (IsAll(offset, length)) return;
  request.headers["Range"] = length == Bank::kWhole
                                 ? fmt::format("bytes={}-", offset)
                                 : fmt::format("bytes={}-{}", offset, offset + length - 1);
}

Result<std::uint64_t> WholeSizeOf(const net::HttpResponse& response, std::uint64_t offset,
                                  std::uint64_t length, std::string_view origin) {
  if (IsAll(offset, length)) return SizeOf(response);
  // "bytes 100-199/1000"
  constexpr std::string_view kUnit = "bytes ";
  std::string_view left = net::HeaderOf(response.headers, "Content-Range");
  if (response.status == kPartialContent && left.starts_with(kUnit)) {
    left.remove_prefix(kUnit.size());
    const auto first = Number(left);
    const std::size_t slash = left.find('/');
    if (first && *first == offset && slash != std::string_view::npos) {
      left.remove_prefix(slash + 1);
      if (const auto size = Number(left)) return *size;
    }
  }
  return Corrupt(fmt::format("{} gave other bytes than those from {} on that it was asked for",
                             origin, offset));
}

}  // namespace holdfast::banks
