#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// Where a resource's files live on a cluster: a volume that the pods of its steps mount. On one
// machine it is there already.
struct Volume {
  enum class Kind {
    kClaim,     // a PersistentVolumeClaim of the namespace in which the workflows run
    kHostPath,  // a folder of the node
  };
  Kind kind = Kind::kClaim;
  std::string source;  // the claim's name, or the node's absolute path
  std::string path;  // absolute: where pods see it, and what the paths of its resources begin with

  friend bool operator==(const Volume&, const Volume&) = default;
};

// As it stands in inventories and, under "volume", in a resource's extra: {"claim" or "hostPath",
// "path"}; and back. kInvalidInput (with the value's position, in `file`) for anything else; a claim
// is a name that Kubernetes takes, a path is absolute and has no "..".
inline constexpr std::string_view kVolumeKey = "volume";
Value VolumeToValue(const Volume& volume);
Result<Volume> VolumeFromValue(const Value& value, std::string_view file);
// The volume of a resource, by its extra.
Result<std::optional<Volume>> VolumeOf(const Value& extra, std::string_view file);

// "<what is readable of the source>-<hash>", [a-z][a-z0-9-]*, at most 33 bytes: what leaf templates
// for it are called, "step-<this>". The hash has 32 bits: among the volumes of a site, two with one name are not
// to be expected, and lint and Argo refuse two templates of one name.
std::string NameOfVolume(const Volume& volume);

}  // namespace holdfast
