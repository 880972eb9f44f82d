#include "plugins/sdk/resource.h"

#include <algorithm>

#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

constexpr std::size_t kMaxType = 100;
constexpr std::size_t kMaxId = 1024;

bool IsTypeCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

bool IsType(std::string_view type) {
  if (type.empty() || type.size() > kMaxType) return false;
  while (true) {
    const std::size_t end = type.find("::");
    const std::string_view part = type.substr(0, end);
    if (part.empty() || !std::all_of(part.begin(), part.end(), IsTypeCharacter)) return false;
    if (end == std::string_view::npos) return true;
    type.remove_prefix(end + 2);
  }
}

}  // namespace

Status CheckResourceKey(const ResourceKey& key) {
  if (!IsType(key.type)) {
    return InvalidInput("'" + Printable(key.type) + "' is no resource type")
        .Hint("a type looks like OS::Nova::Server or Local::Directory");
  }
  if (key.id.empty()) return InvalidInput("a resource of type " + key.type + " has an empty id");
  if (key.id.size() > kMaxId) {
    return InvalidInput("the id of a resource of type " + key.type + " is longer than 1,024 bytes");
  }
  if (key.id.find('\0') != std::string::npos || !IsUtf8(key.id)) {
    return InvalidInput("the id '" + Printable(key.id) + "' is not UTF-8 text");
  }
  return Ok();
}

Result<ResourceKey> ParseResourceKey(std::string_view text) {
  const std::size_t hash = text.find('#');
  if (hash == std::string_view::npos) {
    return InvalidInput("'" + Printable(text) + "' names no resource")
        .Hint("write TYPE#ID, such as Local::Directory#web");
  }
  ResourceKey key{std::string(text.substr(0, hash)), std::string(text.substr(hash + 1))};
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(key));
  return key;
}

}  // namespace holdfast
