// The bundle as a folder beside a workflow file: reading and writing it (bundle.h).

#include <filesystem>

#include "plugins/sdk/bundle.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/sha256.h"

namespace holdfast {

namespace fs = std::filesystem;

Result<BundleFiles> ReadBundleFolder(const std::string& folder) {
  BundleFiles out;
  HOLDFAST_ASSIGN_OR_RETURN(out.files["bundle.json"], ReadFile(folder + "/bundle.json"));
  out.sha256 = Sha256Hex(out.files["bundle.json"]);
  HOLDFAST_ASSIGN_OR_RETURN(const Bundle bundle,
                            ParseBundle(out.files["bundle.json"], folder + "/bundle.json"));
  for (std::size_t i = 0; i < bundle.shards.size(); ++i) {
    const std::string name = "shard-" + std::to_string(i) + ".json";
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, ReadFile(folder + "/" + name));
    if (Sha256Hex(text) != bundle.shards[i].sha256) {
      return InvalidInput(folder + "/" + name + " is not the one that bundle.json names")
          .Hint("it was changed after the compile; compile again");
    }
    out.files[name] = std::move(text);
  }
  return out;
}

Status WriteBundleFolder(const std::string& folder, const BundleFiles& files) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return SystemError(error.value(), "making the folder " + folder);
  // bundle.json last: a folder that was left half-way does not match it and is refused.
  for (const auto& [name, text] : files.files) {
    if (name != "bundle.json")
      HOLDFAST_RETURN_IF_ERROR(WriteFileDurably(folder + "/" + name, text));
  }
  HOLDFAST_RETURN_IF_ERROR(
      WriteFileDurably(folder + "/bundle.json", files.files.at("bundle.json")));
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const bool ours = name.starts_with("shard-") && name.ends_with(".json");
    if (ours && !files.files.contains(name)) fs::remove(entry.path(), error);
  }
  return Ok();
}

}  // namespace holdfast
