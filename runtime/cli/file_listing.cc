#include "runtime/cli/file_listing.h"

#include <fmt/format.h>

#include <charconv>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/layout.h"

namespace holdfast::cli {
namespace {

// A path or a link's target; bytes that are no UTF-8 stand in KEY_base64.
std::string NameOf(const Value& entry, std::string_view key) {
  const std::string base64 = entry.StringOr(std::string(key) + "_base64", "");
  if (base64.empty()) return Printable(entry.StringOr(key, ""));
  return Printable(FromBase64(base64).value_or(base64));
}

char LetterOf(std::string_view type) {
  if (type == "directory") return 'd';
  if (type == "symlink") return 'l';
  if (type == "fifo") return 'p';
  if (type == "character-device") return 'c';
  if (type == "block-device") return 'b';
  return '-';
}

// "0644" as "rw-r--r--", with s and t as `ls` writes them.
std::string PermissionsOf(std::string_view octal) {
  unsigned mode = 0;
  std::from_chars(octal.data(), octal.data() + octal.size(), mode, 8);
  std::string out;
  constexpr std::string_view kLetters = "rwxrwxrwx";
  for (unsigned i = 0; i < 9; ++i) out += (mode >> (8 - i) & 1U) != 0 ? kLetters[i] : '-';
  const auto special = [&](unsigned bit, std::size_t at, char set, char without) {
    if ((mode & bit) != 0) out[at] = out[at] == 'x' ? set : without;
  };
  special(04000, 2, 's', 'S');
  special(02000, 5, 's', 'S');
  special(01000, 8, 't', 'T');
  return out;
}

// "1764000000.123456789" as a time to the second.
std::string TimeOf(const std::string& text) {
  std::int64_t seconds = 0;
  const char* const end = text.data() + text.size();
  if (std::from_chars(text.data(), end, seconds).ec != std::errc()) return text;
  const std::string full = FormatTime(WallTime{} + std::chrono::seconds(seconds));
  return full.substr(0, full.find('.')) + "Z";
}

std::string OwnerOf(const Value& entry, std::string_view name, std::string_view number) {
  const std::string text = entry.StringOr(name, "");
  return text.empty() ? std::to_string(entry.IntOr(number, 0)) : Printable(text);
}

std::string TextOf(const Value& entry) {
  const std::string type = entry.StringOr("type", "");
  std::string out = fmt::format(
      "{}{} {:<8} {:<8} {:>12} {} {}", LetterOf(type), PermissionsOf(entry.StringOr("mode", "")),
      OwnerOf(entry, "user", "uid"), OwnerOf(entry, "group", "gid"), entry.IntOr("size", 0),
      TimeOf(entry.StringOr("mtime", "")), NameOf(entry, "path"));
  if (type == "symlink") out += " -> " + NameOf(entry, "target");
  if (type == "hard-link") out += " = " + NameOf(entry, "target");
  if (entry.BoolOr("damaged", false)) {
    out += "  (could not be read to its end)";
  } else if (entry.BoolOr("changed", false)) {
    out += "  (changed while it was read)";
  }
  return out;
}

}  // namespace

Status PrintFileListing(const Output& out, const BankSection& checkpoint,
                        const runtime::ResourceManifest& manifest,
                        const runtime::StreamManifest& stream) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const BankSection data,
      checkpoint.Narrow(runtime::DataPrefix(manifest.resource), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(const auto source, runtime::OpenDataStream(data, stream, {}));
  std::string rest;  // a line that is not whole yet
  std::vector<std::byte> buffer(64U << 10U);
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t n, source->Read(buffer));
    if (n == 0) break;
    rest.append(reinterpret_cast<const char*>(buffer.data()), n);
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const Value entry,
          ParseJson(std::string_view(rest).substr(begin, end - begin), "the listing"));
      out.Json("file", Value(entry).Set("resource", manifest.resource.str()));
      out.Line(TextOf(entry));
    }
    rest.erase(0, begin);
  }
  return Ok();
}

}  // namespace holdfast::cli
