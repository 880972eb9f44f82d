#include "plugins/local/directory/tree_cloner.h"

#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "plugins/sdk/failpoint.h"

namespace holdfast::plugins::directory {
namespace {

constexpr std::size_t kBuffer = 1U << 20U;

}  // namespace

TreeCloner::TreeCloner(Context& context, TreeWriter& writer, CloneMode mode)
    : context_(context), writer_(writer), mode_(mode) {}

Result<bool> TreeCloner::Visit(const TreeEntry& entry, FileContent* content) {
  Failpoint("directory:staging-entry");
  Status added = writer_.Add(entry, [&](int to) -> Status {
    if (mode_ == CloneMode::kCopy) return Copy(to, entry, *content);
    if (entry.size == 0) return Ok();
    if (::ioctl(to, FICLONE, content->fd()) == 0) return Ok();
    const int why = errno;
    if (why == EOPNOTSUPP || why == ENOTTY || why == EINVAL || why == EXDEV) {
      return InvalidInput("the file system cannot share blocks between files (reflink)")
          .Hint(why == EXDEV ? "'one_file_system: true' leaves out what is mounted below, or use "
                               "'snapshot: copy'"
                             : "btrfs and XFS can; use 'snapshot: copy' or 'snapshot: command'");
    }
    return SystemError(why, "sharing the file's blocks");
  });
  if (!added) return std::move(added).error();
  return true;
}

Status TreeCloner::Copy(int to, const TreeEntry& entry, FileContent& content) {
  if (!entry.sparse) {
    HOLDFAST_RETURN_IF_ERROR(CopyRange(to, content, 0, entry.size));
  } else {
    for (const Extent& extent : entry.extents) {
      HOLDFAST_RETURN_IF_ERROR(CopyRange(to, content, extent.offset, extent.length));
    }
  }
  // A hole at the end, or a file that has become shorter: the size that was promised.
  if (::ftruncate(to, static_cast<off_t>(entry.size)) != 0)
    return SystemError(errno, "setting the size");
  return Ok();
}

Status TreeCloner::CopyRange(int to, FileContent& content, std::uint64_t offset,
                             std::uint64_t length) {
  while (length > 0) {
    if (context_.cancelled()) return CancelledError();
    if (in_kernel_) {
      auto from_offset = static_cast<off_t>(offset);
      auto to_offset = static_cast<off_t>(offset);
      const ssize_t copied = ::copy_file_range(content.fd(), &from_offset, to, &to_offset,
                                               std::min<std::uint64_t>(length, 64U << 20U), 0);
      if (copied > 0) {
        offset += static_cast<std::uint64_t>(copied);
        length -= static_cast<std::uint64_t>(copied);
        continue;
      }
      if (copied < 0 && (errno == ENOSPC || errno == EDQUOT)) return SystemError(errno, "copying");
      // 0 is the end of the file, or a file system that does not support it; whatever else it is,
      // plain calls say which side is at fault.
      in_kernel_ = copied == 0;
    }
    buffer_.resize(kBuffer);
    const auto piece = std::as_writable_bytes(std::span(
        buffer_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(length, kBuffer))));
    const std::size_t got = content.ReadAt(offset, piece);
    if (got == 0) return Ok();  // shorter than it was, or unreadable: the walk looks
    for (std::size_t done = 0; done < got;) {
      const ssize_t written =
          ::pwrite(to, buffer_.data() + done, got - done, static_cast<off_t>(offset + done));
      if (written < 0) {
        if (errno == EINTR) continue;
        return SystemError(errno, "copying");
      }
      done += static_cast<std::size_t>(written);
    }
    offset += got;
    length -= got;
  }
  return Ok();
}

}  // namespace holdfast::plugins::directory
