#include "plugins/local/directory/tree_archiver.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "plugins/local/directory/file_listing.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

constexpr std::size_t kBuffer = 1U << 20U;

}  // namespace

RateLimit::RateLimit(Context& context, std::uint64_t bytes_per_second)
    : context_(context), rate_(bytes_per_second), start_(context.clock().Steady()) {}

Status RateLimit::Pass(std::uint64_t bytes) {
  if (rate_ == 0) return Ok();
  passed_ += bytes;
  const auto due =
      start_ + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(
                   static_cast<double>(passed_) / static_cast<double>(rate_)));
  for (;;) {
    if (context_.cancelled()) return CancelledError();
    const auto now = context_.clock().Steady();
    if (now >= due) return Ok();
    // Short pieces: a stop must not wait for a large file.
    std::this_thread::sleep_for(
        std::min<SteadyTime::duration>(due - now, std::chrono::milliseconds(50)));
  }
}

TreeArchiver::TreeArchiver(Context& context, ArchiveWriter& archive, ByteSink& listing,
                           std::uint64_t rate_limit)
    : context_(context),
      archive_(archive),
      listing_(listing),
      rate_(context, rate_limit),
      buffer_(kBuffer) {}

Result<bool> TreeArchiver::Visit(const TreeEntry& entry, FileContent* content) {
  Failpoint("directory:read-entry");
  auto archived = Archive(entry, content);
  if (!archived) return std::move(archived).error().While(Printable(entry.path));
  return archived;
}

Result<bool> TreeArchiver::Archive(const TreeEntry& entry, FileContent* content) {
  bool changed = false;
  if (content == nullptr) {
    HOLDFAST_RETURN_IF_ERROR(archive_.Begin(entry));
  } else if (!entry.sparse && entry.size <= kBuffer) {
    // Read before the header is written, so that a file that cannot be read can still be left out.
    const auto all = std::span(buffer_).first(static_cast<std::size_t>(entry.size));
    const std::size_t got = all.empty() ? 0 : content->ReadAt(0, all);
    if (content->failure()) return false;
    std::fill(all.begin() + static_cast<std::ptrdiff_t>(got), all.end(), std::byte{0});
    HOLDFAST_RETURN_IF_ERROR(archive_.Begin(entry));
    HOLDFAST_RETURN_IF_ERROR(archive_.Data(all));
    HOLDFAST_RETURN_IF_ERROR(rate_.Pass(entry.size));
    bytes_ += entry.size;
  } else {
    HOLDFAST_RETURN_IF_ERROR(archive_.Begin(entry));
    HOLDFAST_RETURN_IF_ERROR(WriteContent(entry, *content));
  }
  if (content != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(changed, content->Changed());
  }
  AppendFileLine(entry, changed, content != nullptr && content->failure().has_value(), lines_);
  HOLDFAST_RETURN_IF_ERROR(FlushListing(kBuffer));
  if (bytes_ - reported_ >= (16U << 20U)) {
    context_.Report({bytes_, 0, "reading"});
    reported_ = bytes_;
  }
  return true;
}

Status TreeArchiver::WriteContent(const TreeEntry& entry, FileContent& content) {
  if (!entry.sparse) return WriteRange(content, 0, entry.size);
  std::uint64_t at = 0;
  for (const Extent& extent : entry.extents) {
    HOLDFAST_RETURN_IF_ERROR(archive_.Hole(extent.offset - at));
    HOLDFAST_RETURN_IF_ERROR(WriteRange(content, extent.offset, extent.length));
    at = extent.offset + extent.length;
  }
  return archive_.Hole(entry.size - at);
}

Status TreeArchiver::WriteRange(FileContent& content, std::uint64_t offset, std::uint64_t length) {
  while (length > 0) {
    if (context_.cancelled()) return CancelledError();
    const auto piece = std::span(buffer_).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(length, kBuffer)));
    // The header has promised the length: what the file no longer has, or does not give, is zeros.
    const std::size_t got = content.failure() ? 0 : content.ReadAt(offset, piece);
    std::fill(piece.begin() + static_cast<std::ptrdiff_t>(got), piece.end(), std::byte{0});
    HOLDFAST_RETURN_IF_ERROR(archive_.Data(piece));
    HOLDFAST_RETURN_IF_ERROR(rate_.Pass(piece.size()));
    bytes_ += piece.size();
    if (bytes_ - reported_ >= (16U << 20U)) {
      context_.Report({bytes_, 0, "reading"});
      reported_ = bytes_;
    }
    offset += piece.size();
    length -= piece.size();
  }
  return Ok();
}

Status TreeArchiver::FlushListing(std::size_t at_least) {
  if (lines_.size() < at_least || lines_.empty()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(listing_.Write(AsBytes(lines_)));
  lines_.clear();
  return Ok();
}

Status TreeArchiver::Finish() {
  context_.Report({bytes_, bytes_, "reading"});
  return FlushListing(0);
}

}  // namespace holdfast::plugins::directory
