#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::banks::filesystem {

// A name in a folder of the bank.
struct FolderEntry {
  // The name, and '/' behind that of a folder: in this form the bytes of two entries compare as the
  // whole keys below them do ("a-b" < "a/b" < "a0").
  std::string name;
  bool is_folder() const { return name.back() == '/'; }
};

enum class EntryFilter { kKeys, kTemporary };

// The files and folders in an open folder, unordered. kKeys: only what can be a part of a key;
// kTemporary: temporary files, and the folders that may hold more of them. Symbolic links, devices
// and names that are not ours are left out. The descriptor stays open and is the caller's.
Result<std::vector<FolderEntry>> ReadFolder(int folder, EntryFilter filter);

// Names of temporary files start with this; it is no key character.
inline constexpr char kTemporaryMark = '~';

}  // namespace holdfast::banks::filesystem
