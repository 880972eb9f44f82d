#include "plugins/local/directory/archive_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

constexpr int kBlock = 1 << 20;
// A file name up to this length passes whole, with and without a directory before it.
constexpr std::size_t kLongestSparsePath = 80;

// Holes are given to libarchive as data that it skips without looking at it.
constexpr std::size_t kHoleStep = 1U << 20U;
const std::array<std::byte, kHoleStep>& Zeros() {
  static const std::array<std::byte, kHoleStep> zeros{};
  return zeros;
}

unsigned FileTypeOf(EntryType type) {
  switch (type) {
    case EntryType::kFile:
    case EntryType::kHardLink:
      return AE_IFREG;
    case EntryType::kDirectory:
      return AE_IFDIR;
    case EntryType::kSymlink:
      return AE_IFLNK;
    case EntryType::kFifo:
      return AE_IFIFO;
    case EntryType::kCharacterDevice:
      return AE_IFCHR;
    case EntryType::kBlockDevice:
      return AE_IFBLK;
  }
  return AE_IFREG;
}

}  // namespace

ArchiveWriter::ArchiveWriter(ByteSink& sink)
    : sink_(sink), archive_(archive_write_new()), entry_(archive_entry_new()) {}

ArchiveWriter::~ArchiveWriter() {
  // Freeing closes an archive that was not closed; what that writes is not for a sink that its
  // owner has given up. (archive_write_fail would skip the closing, and leak the block.)
  abandoned_ = true;
  if (archive_ != nullptr) archive_write_free(archive_);
  if (entry_ != nullptr) archive_entry_free(entry_);
}

Result<std::unique_ptr<ArchiveWriter>> ArchiveWriter::Open(ByteSink& sink) {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private.
  std::unique_ptr<ArchiveWriter> writer(new ArchiveWriter(sink));
  if (writer->archive_ == nullptr || writer->entry_ == nullptr) return Internal("out of memory");
  struct archive* const a = writer->archive_;
  HOLDFAST_RETURN_IF_ERROR(
      writer->Outcome(archive_write_set_format_pax(a), "starting the archive"));
  HOLDFAST_RETURN_IF_ERROR(
      writer->Outcome(archive_write_set_options(a, "hdrcharset=BINARY,xattrheader=LIBARCHIVE"),
                      "starting the archive"));
  archive_write_set_bytes_per_block(a, kBlock);
  archive_write_set_bytes_in_last_block(a, 1);  // no padding of the last block
  HOLDFAST_RETURN_IF_ERROR(writer->Outcome(
      archive_write_open2(a, writer.get(), nullptr, &ArchiveWriter::Take, nullptr, nullptr),
      "starting the archive"));
  return writer;
}

long ArchiveWriter::Take(struct archive*, void* self, const void* data, std::size_t size) {
  auto& writer = *static_cast<ArchiveWriter*>(self);
  // After a failure of the sink the rest is dropped and every call of ours fails (Outcome): an
  // error returned here would leave libarchive in a state in which it does not free its block.
  if (!writer.abandoned_ && !writer.sink_error_) {
    auto status = writer.sink_.Write({static_cast<const std::byte*>(data), size});
    if (!status) writer.sink_error_ = std::move(status).error();
  }
  return static_cast<long>(size);
}

Status ArchiveWriter::Outcome(int code, const char* what) {
  if (sink_error_) return *sink_error_;
  if (code == ARCHIVE_OK) return Ok();
  // A warning means that something would not come back as it was: no success for a backup.
  const char* const why = archive_error_string(archive_);
  return Internal(fmt::format("{}: {}", what, Printable(why == nullptr ? "unknown error" : why)));
}

Status ArchiveWriter::Begin(const TreeEntry& entry) {
  struct archive_entry* const e = archive_entry_clear(entry_);
  archive_entry_copy_pathname(e, entry.path.c_str());
  archive_entry_set_filetype(e, FileTypeOf(entry.type));
  archive_entry_set_perm(e, entry.mode);
  archive_entry_set_uid(e, entry.uid);
  archive_entry_set_gid(e, entry.gid);
  if (!entry.user.empty()) archive_entry_copy_uname(e, entry.user.c_str());
  if (!entry.group.empty()) archive_entry_copy_gname(e, entry.group.c_str());
  archive_entry_set_mtime(e, entry.mtime.tv_sec, entry.mtime.tv_nsec);
  archive_entry_set_atime(e, entry.atime.tv_sec, entry.atime.tv_nsec);
  archive_entry_set_size(e,
                         entry.type == EntryType::kFile ? static_cast<la_int64_t>(entry.size) : 0);
  if (entry.type == EntryType::kSymlink) archive_entry_copy_symlink(e, entry.target.c_str());
  if (entry.type == EntryType::kHardLink) archive_entry_copy_hardlink(e, entry.target.c_str());
  if (entry.type == EntryType::kCharacterDevice || entry.type == EntryType::kBlockDevice) {
    archive_entry_set_rdevmajor(e, entry.major);
    archive_entry_set_rdevminor(e, entry.minor);
  }
  for (const Attribute& attribute : entry.attributes) {
    archive_entry_xattr_add_entry(e, attribute.name.c_str(), attribute.value.data(),
                                  attribute.value.size());
  }
  if (entry.sparse) {
    // libarchive cuts GNU.sparse.name to what an old tar header holds (seen in 3.6.2; its issue
    // 901): the whole path goes along as an attribute, which our reader takes.
    if (entry.path.size() > kLongestSparsePath) {
      archive_entry_xattr_add_entry(e, kPathAttribute, entry.path.data(), entry.path.size());
    }
    for (const Extent& extent : entry.extents) {
      archive_entry_sparse_add_entry(e, static_cast<la_int64_t>(extent.offset),
                                     static_cast<la_int64_t>(extent.length));
    }
    // A file that is one hole: libarchive takes an empty map for "no holes".
    if (entry.extents.empty()) {
      archive_entry_sparse_add_entry(e, static_cast<la_int64_t>(entry.size), 0);
    }
  }
  return Outcome(archive_write_header(archive_, e), "writing an entry");
}

Status ArchiveWriter::Data(std::span<const std::byte> data) {
  while (!data.empty()) {
    const la_ssize_t taken = archive_write_data(archive_, data.data(), data.size());
    if (sink_error_) return *sink_error_;
    if (taken <= 0) {
      HOLDFAST_RETURN_IF_ERROR(Outcome(ARCHIVE_FATAL, "writing to the archive"));
    }
    data = data.subspan(static_cast<std::size_t>(taken));
  }
  return Ok();
}

Status ArchiveWriter::Hole(std::uint64_t length) {
  while (length > 0) {
    const std::size_t step = length < kHoleStep ? static_cast<std::size_t>(length) : kHoleStep;
    HOLDFAST_RETURN_IF_ERROR(Data(std::span(Zeros()).first(step)));
    length -= step;
  }
  return Ok();
}

Status ArchiveWriter::Close() {
  return Outcome(archive_write_close(archive_), "ending the archive");
}

}  // namespace holdfast::plugins::directory
