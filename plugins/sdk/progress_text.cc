#include "plugins/sdk/progress_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

namespace holdfast {

namespace {

// Argo reads them as signed ones.
constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::optional<std::uint64_t> Number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::string TextOf(std::uint64_t done, std::uint64_t total) {
  if (total == 0 || total > kMost || done > total) return "";
  return fmt::format("{}/{}", done, total);
}

}  // namespace

std::string ProgressText(const Progress& progress) { return TextOf(progress.done, progress.total); }

std::string ReadProgressText(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return "";
  const auto done = Number(text.substr(0, slash));
  const auto total = Number(text.substr(slash + 1));
  return done && total ? TextOf(*done, *total) : "";
}

}  // namespace holdfast
