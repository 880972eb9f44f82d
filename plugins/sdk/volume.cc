#include "plugins/sdk/volume.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/cluster_name.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/safe_name.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace {

constexpr std::size_t kShortHash = 8;

struct VolumeForm {
  std::string claim;
  std::string host_path;
  std::string path;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("claim", &VolumeForm::claim, "a PersistentVolumeClaim of the namespace").NotEmpty();
    fields("hostPath", &VolumeForm::host_path, "a folder of the node").NotEmpty();
    fields("path", &VolumeForm::path, "where the pods of its steps see it").Required().NotEmpty();
  }
};

bool IsCleanAbsolute(std::string_view path) {
  return !path.empty() && path.front() == '/' && CleanPath(path) == path;
}

}  // namespace

Value VolumeToValue(const Volume& volume) {
  return Value()
      .Set(volume.kind == Volume::Kind::kClaim ? "claim" : "hostPath", volume.source)
      .Set("path", volume.path);
}

Result<Volume> VolumeFromValue(const Value& value, std::string_view file) {
  HOLDFAST_ASSIGN_OR_RETURN(const VolumeForm form, Bind<VolumeForm>(value, file, "volume"));
  const auto at = [&](std::string_view key, Error error) {
    const Value* const found = value.Find(key);
    const Position position = found == nullptr ? value.position() : found->position();
    return std::move(error).At({std::string(file), position.line, position.column, {}, 1});
  };
  if (form.claim.empty() == form.host_path.empty()) {
    return at("", InvalidInput("a volume has either 'claim' or 'hostPath'"));
  }
  if (!form.claim.empty() && !IsDnsSubdomain(form.claim)) {
    return at("claim", InvalidInput(fmt::format("no PersistentVolumeClaim can be called '{}'",
                                                Printable(form.claim))));
  }
  for (const auto& [key, path] : {std::pair{"hostPath", &form.host_path}, {"path", &form.path}}) {
    if (path->empty() || IsCleanAbsolute(*path)) continue;
    return at(key, InvalidInput(fmt::format("{} of a volume is an absolute path without '..' and "
                                            "a final '/': '{}'",
                                            key, Printable(*path))));
  }
  if (form.path == "/") {
    return at("path", InvalidInput("a pod has a root of its own: mount the volume below it"));
  }
  if (!form.claim.empty()) return Volume{Volume::Kind::kClaim, form.claim, form.path};
  return Volume{Volume::Kind::kHostPath, form.host_path, form.path};
}

Result<std::optional<Volume>> VolumeOf(const Value& extra, std::string_view file) {
  const Value* const value = extra.is_map() ? extra.Find(kVolumeKey) : nullptr;
  if (value == nullptr || value->is_null()) return std::optional<Volume>();
  HOLDFAST_ASSIGN_OR_RETURN(Volume volume, VolumeFromValue(*value, file));
  return std::optional(std::move(volume));
}

std::string NameOfVolume(const Volume& volume) {
  // No part can have a NUL.
  std::string whole = volume.kind == Volume::Kind::kClaim ? "claim" : "hostPath";
  for (const std::string& part : {volume.source, volume.path}) (whole += '\0') += part;
  std::string name = SafeName(volume.source);
  if (name.empty()) name = "v";
  return name + "-" + Sha256Hex(whole).substr(0, kShortHash);
}

}  // namespace holdfast
