#include "plugins/sdk/real_path.h"

#include <unistd.h>

#include <array>
#include <climits>
#include <optional>
#include <utility>
#include <vector>

#include "plugins/sdk/place.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

// What a symlink says; nothing when this is none.
std::optional<std::string> LinkAt(const std::string& path) {
  std::array<char, PATH_MAX> text;
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  if (size <= 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

// Not std::filesystem::weakly_canonical: that fails at a folder that may not be read, and takes a link
// that leads to nothing for a file, where a restore through it would make what it leads to.
std::string RealPath(std::string_view path) {
  constexpr int kMaxLinks = 40;   // as Linux has it
  std::vector<std::string> open;  // the parts still to walk, the next one last
  const auto walk_next = [&open](std::string_view text) {
    const auto parts = Split(text, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) open.emplace_back(*part);
  };
  walk_next(path);
  std::string real;  // of "/": nothing
  int links = 0;
  while (!open.empty()) {
    const std::string part = std::move(open.back());
    open.pop_back();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      real.resize(real.empty() ? 0 : real.rfind('/'));
      continue;
    }
    std::string at = real + "/" + part;
    const auto target = LinkAt(at);
    if (!target) {
      real = std::move(at);
      continue;
    }
    if (++links > kMaxLinks) return CleanPath(path);
    if (target->front() == '/') real.clear();
    walk_next(*target);
  }
  return real.empty() ? "/" : real;
}

}  // namespace holdfast
