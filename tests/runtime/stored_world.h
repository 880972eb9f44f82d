#pragma once

#include <filesystem>

#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {

// The objects of a world's tenant as files below a folder, a fixture of a format. Each checks itself.
void SaveWorld(World& world, const std::filesystem::path& folder);
void LoadWorld(World& world, const std::filesystem::path& folder);

}  // namespace holdfast::testing_runtime
