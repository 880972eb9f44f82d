#include "plugins/local/directory/file_listing.h"

#include <fmt/format.h>

#include <iterator>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

// `"key":"text"`, or `"key_base64":"..."` for bytes that are no UTF-8.
void AppendText(std::string_view key, std::string_view text, std::string& out) {
  if (!IsUtf8(text)) {
    fmt::format_to(std::back_inserter(out), "\"{}_base64\":\"{}\"", key, ToBase64(text));
    return;
  }
  fmt::format_to(std::back_inserter(out), "\"{}\":\"", key);
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

Result<std::string> TextOf(const Value& line, std::string_view key) {
  const std::string base64 = line.StringOr(std::string(key) + "_base64", "");
  if (base64.empty()) return line.StringOr(key, "");
  auto bytes = FromBase64(base64);
  if (!bytes) return Corrupt("the file listing holds bad base64");
  return bytes;
}

}  // namespace

void AppendFileLine(const TreeEntry& entry, bool changed, bool damaged, std::string& out) {
  auto to = std::back_inserter(out);
  out += '{';
  AppendText("path", entry.path, out);
  fmt::format_to(to, ",\"type\":\"{}\"", NameOf(entry.type));
  if (entry.type == EntryType::kFile) {
    fmt::format_to(to, ",\"size\":{}", entry.size);
    if (const std::uint64_t data = entry.DataSize(); data != entry.size) {
      fmt::format_to(to, ",\"data\":{}", data);
    }
  }
  fmt::format_to(to, ",\"mode\":\"{:04o}\",\"uid\":{},\"gid\":{}", entry.mode, entry.uid,
                 entry.gid);
  if (!entry.user.empty()) {
    out += ',';
    AppendText("user", entry.user, out);
  }
  if (!entry.group.empty()) {
    out += ',';
    AppendText("group", entry.group, out);
  }
  fmt::format_to(to, ",\"mtime\":\"{}.{:09}\"", entry.mtime.tv_sec, entry.mtime.tv_nsec);
  if (entry.type == EntryType::kSymlink || entry.type == EntryType::kHardLink) {
    out += ',';
    AppendText("target", entry.target, out);
  }
  if (entry.type == EntryType::kCharacterDevice || entry.type == EntryType::kBlockDevice) {
    fmt::format_to(to, ",\"device\":\"{}:{}\"", entry.major, entry.minor);
  }
  if (changed) out += ",\"changed\":true";
  if (damaged) out += ",\"damaged\":true";
  out += "}\n";
}

Result<FileLine> ParseFileLine(std::string_view line) {
  auto value = ParseJson(line, "files");
  if (!value || !value->is_map()) return Corrupt("the file listing holds a line that is no entry");
  FileLine result;
  HOLDFAST_ASSIGN_OR_RETURN(result.path, TextOf(*value, "path"));
  HOLDFAST_ASSIGN_OR_RETURN(result.target, TextOf(*value, "target"));
  result.type = value->StringOr("type", "");
  result.size = static_cast<std::uint64_t>(value->IntOr("size", 0));
  result.data =
      static_cast<std::uint64_t>(value->IntOr("data", static_cast<std::int64_t>(result.size)));
  if (result.path.empty() || result.type.empty()) {
    return Corrupt("the file listing holds an entry without path or type");
  }
  return result;
}

Result<std::optional<FileLine>> FileListingReader::Next() {
  for (;;) {
    const std::size_t end = buffer_.find('\n', at_);
    if (end != std::string::npos) {
      const std::string_view line(buffer_.data() + at_, end - at_);
      at_ = end + 1;
      HOLDFAST_ASSIGN_OR_RETURN(FileLine parsed, ParseFileLine(line));
      return std::optional<FileLine>(std::move(parsed));
    }
    if (ended_) {
      if (at_ < buffer_.size()) return Corrupt("the file listing ends inside a line");
      return std::optional<FileLine>();
    }
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t have = buffer_.size();
    if (have > kLongestFileLine) {
      return Corrupt(
          fmt::format("the file listing holds a line of more than {} bytes", kLongestFileLine));
    }
    buffer_.resize(have + (256U << 10U));
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got,
                              source_.Read(std::as_writable_bytes(
                                  std::span(buffer_.data() + have, buffer_.size() - have))));
    buffer_.resize(have + got);
    ended_ = got == 0;
  }
}

}  // namespace holdfast::plugins::directory
