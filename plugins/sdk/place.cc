#include "plugins/sdk/place.h"

#include <fmt/format.h>

#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast {

Place Place::File(std::string_view parameter, std::string_view path) {
  return {std::string(parameter), std::string(kPaths), CleanPath(path), false, nullptr};
}

Place Place::Folder(std::string_view parameter, std::string_view path) {
  return {std::string(parameter), std::string(kPaths), CleanPath(path), true, nullptr};
}

std::string Place::str() const {
  return is_path() ? fmt::format("'{}'", Printable(name))
                   : fmt::format("{} '{}'", space, Printable(name));
}

std::string CleanPath(std::string_view path) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  std::string clean;
  for (const std::string_view part : parts) {
    clean += '/';
    clean += part;
  }
  return clean.empty() ? "/" : clean;
}

bool IsWithin(std::string_view path, std::string_view folder) {
  if (folder == "/" || path == folder) return true;
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace holdfast
