#pragma once

#include <string>
#include <vector>

#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// A path that names the inode behind a descriptor, also one opened with O_PATH, also of a symlink:
// what the xattr calls take where a descriptor is not enough.
std::string PathOfDescriptor(int fd);

// Reads all extended attributes of a descriptor that is open for reading, sorted by name. Of the
// namespace `system` only POSIX ACLs. A file system without attributes has none. kInvalidInput
// when they are more than an entry of the archive can hold (kAttributeLimit).
Result<std::vector<Attribute>> ReadAttributes(int fd);
// The same through a path (PathOfDescriptor).
Result<std::vector<Attribute>> ReadAttributesAt(const std::string& path);
// Bytes of names and values that one entry may have: libarchive refuses to read headers over 1 MiB,
// and writes values in base64.
inline constexpr std::size_t kAttributeLimit = 600U << 10U;

// Makes the attributes of the inode at `path` (PathOfDescriptor) equal to `wanted` (sorted): sets
// what differs and, when `exact`, removes what is not wanted. Returns the names that the file
// system or our rights do not allow to be set; other failures are errors.
Result<std::vector<std::string>> WriteAttributes(const std::string& path,
                                                 const std::vector<Attribute>& wanted, bool exact);

}  // namespace holdfast::plugins::directory
