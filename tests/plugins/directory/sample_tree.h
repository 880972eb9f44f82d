#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::testing_plugins {

// Writes a file, making nothing else; ends the test when that fails.
void WriteFile(const std::string& path, std::string_view contents);
std::string ReadFile(const std::string& path);
bool Exists(const std::string& path);
void MakeFolder(const std::string& path, unsigned mode = 0755);
// Sets atime and mtime of what stands at path (no symlink is followed).
void SetTimes(const std::string& path, std::int64_t seconds, long nanoseconds);
// A file of `size` bytes with 4 KiB of data at `data_at` and holes elsewhere.
void WriteSparse(const std::string& path, std::int64_t size, std::int64_t data_at);
// Sets a POSIX ACL that gives `uid` rwx beside the owner's rw-, group's r-- and others' nothing;
// false where the file system has none. `is_default`: the default ACL of a directory.
bool SetAcl(const std::string& path, unsigned uid, bool is_default);
// True when SEEK_HOLE, extended attributes, or device nodes work at the folder.
bool HasHoles(const std::string& folder);
bool HasAttributes(const std::string& folder);
bool HasDevices(const std::string& folder);

// A tree with one of everything that a file system has, as far as this one has it: what is left out
// is printed with the reason.
void MakeSampleTree(const std::string& root);
// A random tree, always the same for the same seed; up to about `entries` entries.
void MakeRandomTree(const std::string& root, std::uint64_t seed, int entries);

}  // namespace holdfast::testing_plugins
