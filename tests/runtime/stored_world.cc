#include "tests/runtime/stored_world.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "plugins/sdk/file.h"

namespace holdfast::testing_runtime {

void SaveWorld(World& world, const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  const auto keys = world.tenant.ListAll();
  ASSERT_TRUE(keys);
  for (const std::string& key : *keys) {
    std::filesystem::create_directories((folder / key).parent_path());
    const auto bytes = world.tenant.GetBytes(key);
    ASSERT_TRUE(bytes);
    std::ofstream(folder / key, std::ios::binary) << *bytes;
  }
}

void LoadWorld(World& world, const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = ReadFile(entry.path());
    ASSERT_TRUE(bytes) << bytes.error().Render();
    const std::string key = std::filesystem::relative(entry.path(), folder).string();
    ASSERT_TRUE(world.tenant.PutBytes(key, *bytes)) << key;
  }
}

}  // namespace holdfast::testing_runtime
