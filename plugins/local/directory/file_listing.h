#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/local/directory/tree_entry.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// The stream "files" of a checkpoint: one JSON object a line for each entry of the tree, in the
// archive's order, so that a tree can be listed without its data:
//   {"path":"a/b","type":"file","size":12,"mode":"0644","uid":0,"gid":0,"user":"root",
//    "group":"root","mtime":"1764000000.123456789"}
// "path_base64" stands in place of "path" when the path is not UTF-8, likewise "target_base64" of
// "target" (symlink, hard link) and so on. "size" and, where it differs, "data" (bytes without
// holes) stand with files only, "device":"8:1" with devices, "changed":true with what changed
// while it was read, "damaged":true with files that could not be read to their end (zeros stand in
// place of the rest).

// Appends the line of an entry, with its newline.
void AppendFileLine(const TreeEntry& entry, bool changed, bool damaged, std::string& out);

// What a reader needs of a line.
struct FileLine {
  std::string path;    // bytes
  std::string type;    // as NameOf(EntryType) says
  std::string target;  // bytes
  std::uint64_t size = 0;
  std::uint64_t data = 0;
};
Result<FileLine> ParseFileLine(std::string_view line);

// No line of ours is as long: an archive cannot hold a path of more than 1 MiB (libarchive:
// "special header too large"), each byte of it is at most six in a line, and there are two, path
// and target.
inline constexpr std::size_t kLongestFileLine = 16U << 20U;

// Reads lines from a stream; keeps one line of it, which is bounded. One thread.
class FileListingReader {
 public:
  // `source` is borrowed.
  explicit FileListingReader(ByteSource& source) : source_(source) {}
  // nullopt at the end; kCorrupt for a line that is none, or longer than kLongestFileLine.
  Result<std::optional<FileLine>> Next();

 private:
  ByteSource& source_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

}  // namespace holdfast::plugins::directory
