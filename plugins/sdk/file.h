#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"

namespace holdfast {

// Reads a whole file of at most `limit` bytes; kInvalidInput beyond it, and for what is no file: a
// folder, a device, a pipe with a name, which may have no writer. What a shell hands over is read to
// its end: a pipe without a name (/dev/stdin, <(...)), a terminal. Errors name the path.
Result<std::string> ReadFile(const std::string& path, std::uint64_t limit = 1U << 30U);

// Writes a file so that a crash leaves the old contents or the new ones: a temporary file in the
// same folder, fsync, rename, fsync of the folder. A file that has these contents already is left
// untouched. A new file gets mode 0644 as the umask allows, one that is replaced keeps its mode. Of a
// symbolic link the file that it leads to is written. A device or a pipe is written into as it is;
// kUnavailable for a pipe that nobody reads, kInvalidInput for a folder.
Status WriteFileDurably(const std::string& path, std::string_view contents);

// The folder that a path names something in: "." for a name alone.
std::string FolderOf(const std::string& path);

// Writes all of it to an open file, and has it on the disk. Errors name the path.
Status WriteToDisk(int descriptor, std::string_view data, const std::string& path);

// What WriteFileDurably would put its file in the place of: nothing that is there, or a regular file.
// False for devices, pipes, folders.
bool IsFileOrAbsent(const std::string& path);

}  // namespace holdfast
