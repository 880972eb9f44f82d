#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plugins/local/directory/archive_writer.h"
#include "plugins/local/directory/tree_reader.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// Holds a stream of bytes to a rate. One thread.
class RateLimit {
 public:
  // Bytes per second; 0 = no limit.
  RateLimit(Context& context, std::uint64_t bytes_per_second);
  // Waits until `bytes` more may pass; CancelledError when the step is to end meanwhile.
  Status Pass(std::uint64_t bytes);

 private:
  Context& context_;
  std::uint64_t rate_;
  SteadyTime start_;
  std::uint64_t passed_ = 0;
};

// Writes every entry of a walk to an archive and a line of it to a listing.
class TreeArchiver final : public TreeVisitor {
 public:
  // Everything is borrowed. Progress goes to the context.
  TreeArchiver(Context& context, ArchiveWriter& archive, ByteSink& listing,
               std::uint64_t rate_limit);
  Result<bool> Visit(const TreeEntry& entry, FileContent* content) override;
  // Writes what is left of the listing; the archive is closed by its owner.
  Status Finish();

 private:
  Result<bool> Archive(const TreeEntry& entry, FileContent* content);
  Status WriteContent(const TreeEntry& entry, FileContent& content);
  Status WriteRange(FileContent& content, std::uint64_t offset, std::uint64_t length);
  Status FlushListing(std::size_t at_least);

  Context& context_;
  ArchiveWriter& archive_;
  ByteSink& listing_;
  RateLimit rate_;
  std::vector<std::byte> buffer_;
  std::string lines_;
  std::uint64_t bytes_ = 0;
  std::uint64_t reported_ = 0;
};

}  // namespace holdfast::plugins::directory
