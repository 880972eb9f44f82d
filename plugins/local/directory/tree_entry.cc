#include "plugins/local/directory/tree_entry.h"

namespace holdfast::plugins::directory {

std::string_view NameOf(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return "file";
    case EntryType::kDirectory:
      return "directory";
    case EntryType::kSymlink:
      return "symlink";
    case EntryType::kHardLink:
      return "hard-link";
    case EntryType::kFifo:
      return "fifo";
    case EntryType::kCharacterDevice:
      return "character-device";
    case EntryType::kBlockDevice:
      return "block-device";
  }
  return "unknown";
}

std::uint64_t TreeEntry::DataSize() const {
  if (type != EntryType::kFile) return 0;
  if (!sparse) return size;
  std::uint64_t sum = 0;
  for (const Extent& extent : extents) sum += extent.length;
  return sum;
}

bool IsWorkName(std::string_view name) {
  const auto is = [name](std::string_view prefix) {
    return name.size() == prefix.size() + 16 && name.substr(0, prefix.size()) == prefix &&
           name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
  };
  // ".holdfast-<16 hex>.staged" and others: files of our other plugins (local/staging/staging.h).
  constexpr std::string_view kOthers = ".holdfast-";
  const std::size_t dot = name.find('.', 1);
  const bool others = dot == kOthers.size() + 16 && name.starts_with(kOthers) &&
                      name.substr(0, dot).find_first_not_of("0123456789abcdef", kOthers.size()) ==
                          std::string_view::npos;
  return is(kStagingPrefix) || is(kRestorePrefix) || others;
}

}  // namespace holdfast::plugins::directory
