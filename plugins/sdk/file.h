#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast {

// Reads a whole file of at most `limit` bytes (kInvalidInput beyond it). Errors name the path.
Result<std::string> ReadFile(const std::string& path, std::uint64_t limit = 1U << 30U);

// Writes a file so that a crash leaves the old contents or the new ones: a temporary file in the
// same folder, fsync, rename, fsync of the folder. A file that has these contents already is left
// untouched. The mode is 0644 as the umask allows.
Status WriteFileDurably(const std::string& path, std::string_view contents);

}  // namespace holdfast
