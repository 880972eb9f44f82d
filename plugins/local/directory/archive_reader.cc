#include "plugins/local/directory/archive_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "plugins/local/directory/archive_writer.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

constexpr std::size_t kBlock = 1U << 20U;

// A path below the root without any way out of it. libarchive ends directories with '/'.
Result<std::string> CleanPath(const char* text) {
  std::string path(text == nullptr ? "" : text);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == ".") return path;
  for (const std::string_view part : Split(path, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return Corrupt(fmt::format("the archive holds the path '{}'", Printable(path)));
    }
  }
  return path;
}

}  // namespace

ArchiveReader::ArchiveReader(ByteSource& source)
    : source_(source), buffer_(kBlock, '\0'), archive_(archive_read_new()) {}

ArchiveReader::~ArchiveReader() {
  if (archive_ != nullptr) archive_read_free(archive_);
}

Result<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(ByteSource& source) {
  // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): the constructor is private.
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader(source));
  if (reader->archive_ == nullptr) return Internal("out of memory");
  struct archive* const a = reader->archive_;
  if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
      archive_read_open(a, reader.get(), nullptr, &ArchiveReader::Give, nullptr) != ARCHIVE_OK) {
    return reader->Failure("opening the archive");
  }
  return reader;
}

long ArchiveReader::Give(struct archive* archive, void* self, const void** data) {
  auto& reader = *static_cast<ArchiveReader*>(self);
  auto got = reader.source_.Read(
      std::as_writable_bytes(std::span(reader.buffer_.data(), reader.buffer_.size())));
  if (!got) {
    reader.source_error_ = std::move(got).error();
    archive_set_error(archive, -1, "source");
    return -1;
  }
  *data = reader.buffer_.data();
  return static_cast<long>(*got);
}

Error ArchiveReader::Failure(const char* what) {
  if (source_error_) return *source_error_;
  const char* const why = archive_error_string(archive_);
  return Corrupt(fmt::format("{}: {}", what, Printable(why == nullptr ? "unknown error" : why)));
}

Result<const TreeEntry*> ArchiveReader::Next() {
  const int code = archive_read_next_header(archive_, &raw_);
  if (code == ARCHIVE_EOF) return static_cast<const TreeEntry*>(nullptr);
  if (code != ARCHIVE_OK) return Failure("reading the archive");
  HOLDFAST_RETURN_IF_ERROR(Fill());
  read_up_to_ = 0;
  return &entry_;
}

Status ArchiveReader::Fill() {
  TreeEntry& e = entry_;
  HOLDFAST_ASSIGN_OR_RETURN(e.path, CleanPath(archive_entry_pathname(raw_)));
  e.mode = static_cast<std::uint32_t>(archive_entry_perm(raw_)) & 07777U;
  e.uid = static_cast<std::uint32_t>(archive_entry_uid(raw_));
  e.gid = static_cast<std::uint32_t>(archive_entry_gid(raw_));
  const char* const user = archive_entry_uname(raw_);
  const char* const group = archive_entry_gname(raw_);
  e.user = user == nullptr ? "" : user;
  e.group = group == nullptr ? "" : group;
  e.mtime = {archive_entry_mtime(raw_), archive_entry_mtime_nsec(raw_)};
  e.atime = {archive_entry_atime(raw_), archive_entry_atime_nsec(raw_)};
  e.size = 0;
  e.major = 0;
  e.minor = 0;
  e.target.clear();
  e.attributes.clear();
  e.sparse = false;
  e.extents.clear();
  if (const char* const link = archive_entry_hardlink(raw_); link != nullptr) {
    e.type = EntryType::kHardLink;
    HOLDFAST_ASSIGN_OR_RETURN(e.target, CleanPath(link));
    return Ok();
  }
  switch (archive_entry_filetype(raw_)) {
    case AE_IFREG:
      e.type = EntryType::kFile;
      e.size = static_cast<std::uint64_t>(archive_entry_size(raw_));
      e.sparse = archive_entry_sparse_count(raw_) > 0;
      break;
    case AE_IFDIR:
      e.type = EntryType::kDirectory;
      break;
    case AE_IFLNK: {
      e.type = EntryType::kSymlink;
      const char* const target = archive_entry_symlink(raw_);
      e.target = target == nullptr ? "" : target;
      break;
    }
    case AE_IFIFO:
      e.type = EntryType::kFifo;
      break;
    case AE_IFCHR:
    case AE_IFBLK:
      e.type = archive_entry_filetype(raw_) == AE_IFCHR ? EntryType::kCharacterDevice
                                                        : EntryType::kBlockDevice;
      e.major = static_cast<std::uint32_t>(archive_entry_rdevmajor(raw_));
      e.minor = static_cast<std::uint32_t>(archive_entry_rdevminor(raw_));
      break;
    default:
      return Corrupt(fmt::format("the archive holds '{}' of an unknown type", Printable(e.path)));
  }
  if (e.path == "." && e.type != EntryType::kDirectory) {
    return Corrupt("the archive's root is not a directory");
  }
  archive_entry_xattr_reset(raw_);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(raw_, &name, &value, &size) == ARCHIVE_OK) {
    if (std::string_view(name) == kPathAttribute) {
      const std::string path(static_cast<const char*>(value), size);
      HOLDFAST_ASSIGN_OR_RETURN(e.path, CleanPath(path.c_str()));
      continue;
    }
    e.attributes.push_back({name, std::string(static_cast<const char*>(value), size)});
  }
  std::sort(e.attributes.begin(), e.attributes.end());
  return Ok();
}

Result<ArchiveReader::Block> ArchiveReader::NextBlock() {
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int code = archive_read_data_block(archive_, &data, &size, &offset);
    if (code == ARCHIVE_EOF) return Block{};
    if (code != ARCHIVE_OK) return Failure("reading the archive");
    if (size == 0) continue;
    const auto at = static_cast<std::uint64_t>(offset);
    if (at < read_up_to_ || at > entry_.size || size > entry_.size - at) {
      return Corrupt(fmt::format("'{}' has data outside its size", Printable(entry_.path)));
    }
    read_up_to_ = at + size;
    return Block{at, {static_cast<const std::byte*>(data), size}};
  }
}

}  // namespace holdfast::plugins::directory
