// The two streams of a directory's checkpoint: the archive, and the lines that list it.
#include "plugins/local/directory/archive_reader.h"
#include "plugins/local/directory/file_listing.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;
using namespace holdfast::plugins::directory;

namespace {

bool StaysBelow(std::string_view path) {
  if (path == ".") return true;
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") return false;
    at = end + 1;
  }
  return path.find('\0') == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemorySource source(fuzz::TextOf(data, size));
  auto reader = ArchiveReader::Open(source);
  while (reader) {
    const auto entry = (*reader)->Next();
    if (!entry || *entry == nullptr) break;
    fuzz::Require(StaysBelow((*entry)->path), "no path leads out of the tree");
    if ((*entry)->type == EntryType::kHardLink) {
      fuzz::Require(StaysBelow((*entry)->target), "no hard link leads out of the tree");
    }
    if ((*entry)->type != EntryType::kFile) continue;
    std::uint64_t at = 0;
    const std::uint64_t whole = (*entry)->size;
    for (;;) {
      const auto block = (*reader)->NextBlock();
      if (!block || block->data.empty()) break;
      fuzz::Require(block->offset >= at && block->offset + block->data.size() <= whole,
                    "data comes in order and lies inside the file");
      at = block->offset + block->data.size();
    }
  }
  MemorySource lines(fuzz::TextOf(data, size));
  FileListingReader listing(lines);
  for (;;) {
    const auto line = listing.Next();
    if (!line || !*line) break;
  }
  return 0;
}
