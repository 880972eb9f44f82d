#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/result.h"

struct archive;
struct archive_entry;

namespace holdfast::plugins::directory {

// Reads what ArchiveWriter wrote. The archive is not trusted: an entry whose path or hard link
// target is absolute, empty or holds an empty, "." or ".." part is kCorrupt, and so is an archive
// that ends early or holds anything that no tree has. Errors of the source come through.
class ArchiveReader {
 public:
  // `source` is borrowed.
  static Result<std::unique_ptr<ArchiveReader>> Open(ByteSource& source);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  // The next entry, nullptr at the end. Its content, read or not, is gone with the next call.
  // What is returned is valid until then. Extents are not filled in: see Block.
  Result<const TreeEntry*> Next();
  // Data of a file, in order, holes left out; an empty span at its end.
  struct Block {
    std::uint64_t offset = 0;
    std::span<const std::byte> data;
  };
  Result<Block> NextBlock();

 private:
  explicit ArchiveReader(ByteSource& source);
  Error Failure(const char* what);
  Status Fill();
  static long Give(struct archive* archive, void* self, const void** data);

  ByteSource& source_;
  std::string buffer_;
  std::optional<Error> source_error_;
  struct archive* archive_;              // Owned; freed by the destructor.
  struct archive_entry* raw_ = nullptr;  // Owned by libarchive.
  TreeEntry entry_;
  std::uint64_t read_up_to_ = 0;  // of the current file
};

}  // namespace holdfast::plugins::directory
