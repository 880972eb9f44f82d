#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/result.h"

struct archive;
struct archive_entry;

namespace holdfast::plugins::directory {

// In an archive only: the path of a sparse file where it is long.
inline constexpr const char* kPathAttribute = "holdfast.path";

// Writes a tree as a tar archive in pax format (libarchive). Names are bytes (hdrcharset=BINARY),
// times have nanoseconds, extended attributes (ACLs among them) are LIBARCHIVE.xattr records,
// sparse files GNU.sparse 1.0. Any tar that reads pax can list and extract it. Memory: two blocks
// of 1 MiB.
class ArchiveWriter {
 public:
  // `sink` is borrowed and gets the archive's bytes, in blocks of 1 MiB.
  static Result<std::unique_ptr<ArchiveWriter>> Open(ByteSink& sink);
  ~ArchiveWriter();
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  // Starts an entry. A file's content follows: exactly entry.size bytes by Data and Hole, in order,
  // holes where the entry's extents say so.
  Status Begin(const TreeEntry& entry);
  Status Data(std::span<const std::byte> data);
  Status Hole(std::uint64_t length);
  // Ends the archive. Without it the archive is cut off.
  Status Close();

 private:
  explicit ArchiveWriter(ByteSink& sink);
  Status Outcome(int code, const char* what);
  static long Take(struct archive* archive, void* self, const void* data, std::size_t size);

  ByteSink& sink_;
  std::optional<Error> sink_error_;  // what the sink said, behind libarchive's back
  bool abandoned_ = false;           // nothing more goes to the sink
  struct archive* archive_;          // Owned; freed by the destructor.
  struct archive_entry* entry_;      // Owned; one for all entries, cleared in between.
};

}  // namespace holdfast::plugins::directory
