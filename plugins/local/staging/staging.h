#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

// Files that stand beside a resource's data for a short time: staged copies, temporaries of a
// restore. What these calls report as done survives a crash of the machine. Paths in errors are
// printed safe.
namespace holdfast::plugins::staging {

// A hidden file name, ".holdfast-<16 hex>.<suffix>", that depends on the record, the epoch and the
// resource alone: a later step finds what an earlier one wrote, also from another pod.
std::string HiddenName(const Checkpoint& checkpoint, const Resource& resource,
                       std::string_view suffix);
// The 16 hex digits of such names.
std::string HiddenToken(const Checkpoint& checkpoint, const Resource& resource);

// Creates (mode 0600) and opens a file for writing; what was there is removed first. Never follows
// a link.
Result<OwnedDescriptor> CreatePrivateFile(const std::string& path);
Result<OwnedDescriptor> OpenForReading(const std::string& path);
// False when there is nothing; a link counts as something.
Result<bool> Exists(const std::string& path);

Status SyncFile(int descriptor, const std::string& path);
Status SyncFolder(const std::string& folder);
// Renames within one file system and syncs the folder (or both).
Status RenameDurably(const std::string& from, const std::string& to);
// The same, but never over something that stands there: kConflict. Atomic where the file system can
// do that; elsewhere (NFS) after a look.
Status RenameToFree(const std::string& from, const std::string& to);
// Removes a file (nothing there: success) and syncs its folder.
Status RemoveDurably(const std::string& path);
// Makes the missing folders of a path, mode 0755; true when the last one was made.
Result<bool> MakeFolders(const std::string& folder);

// kDenied, with both numbers, when `folder`'s file system has not `needed` bytes (and some more, so
// that it is not filled to the brim) for us.
Status RequireFreeSpace(const std::string& folder, std::uint64_t needed);

}  // namespace holdfast::plugins::staging
