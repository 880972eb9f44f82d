#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// The identity of a resource: type and id. A renamed resource is still the same one.
struct ResourceKey {
  std::string type;  // "OS::Nova::Server", "Local::Directory"
  std::string id;    // chosen by a tenant or a cloud: any UTF-8 without NUL, 1 to 1,024 bytes

  std::string str() const { return type + "#" + id; }
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const ResourceKey&, const ResourceKey&) = default;
};

// Reads "type#id" (the first '#' separates); kInvalidInput when a half is missing or not allowed.
// A type is [A-Za-z0-9_-]+ in parts joined by "::", at most 100 bytes.
Result<ResourceKey> ParseResourceKey(std::string_view text);
Status CheckResourceKey(const ResourceKey& key);

// The other end of an edge of the resource graph, with the facts that hold for this pair only
// (the device name of a volume in *this* server).
struct ResourceLink {
  ResourceKey key;
  std::string name;
  Value facts;  // a map or null
};

// A resource as a plugin sees it: read-only, with its parents and children.
struct Resource {
  ResourceKey key;
  std::string name;  // for people; hostile text
  Value extra;       // a map or null: what the protectable plugin knows (path, size, host)
  std::vector<ResourceLink> parents;
  std::vector<ResourceLink> children;
};

}  // namespace holdfast
