#include "runtime/local/source_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/local/expression.h"

namespace holdfast::local {
namespace {

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void SourceFile::IndexLines() {
  std::vector<std::size_t> starts{0};
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    starts.push_back(at + 1);
  line_starts = std::make_shared<const std::vector<std::size_t>>(std::move(starts));
}

std::string_view SourceFile::Line(std::uint32_t line) const {
  std::size_t start = 0;
  if (line == 0) return "";
  if (line_starts != nullptr) {
    if (line > line_starts->size()) return "";
    start = (*line_starts)[line - 1];
  } else {
    for (std::uint32_t at = 1; at < line; ++at) {
      start = text.find('\n', start);
      if (start == std::string::npos) return "";
      ++start;
    }
  }
  return std::string_view(text).substr(start, text.find('\n', start) - start);
}

Error SourceFile::At(Position position, std::string message, std::size_t width) const {
  Where where;
  where.file = path;
  where.line = position.line;
  where.column = position.column;
  where.text = Line(position.line);
  where.width = static_cast<std::uint32_t>(width);
  return InvalidInput(std::move(message)).At(std::move(where));
}

Error SourceFile::AtKey(const Value& value, std::string_view key, std::string message) const {
  return At(value.key_position(), std::move(message), key.size());
}

Status CheckFields(const SourceFile& source, const Value& value, const FieldTable& table) {
  if (!value.is_map()) {
    return source.At(value.position(), fmt::format("{} is a map of fields, not {}", table.object,
                                                   NameOf(value.kind())));
  }
  for (const auto& [key, member] : value.AsMap()) {
    if (Contains(table.read, key) || Contains(table.ignored, key)) continue;
    if (Contains(table.refused, key)) {
      return source
          .AtKey(member, key,
                 fmt::format("the local engine does not run '{}' of {}", key, table.object))
          .Hint("docs/reference/argo-subset.md lists the part of the Argo language that it runs");
    }
    std::vector<std::string> names(table.read.begin(), table.read.end());
    names.insert(names.end(), table.ignored.begin(), table.ignored.end());
    const std::string near = Nearest(key, names);
    std::vector<std::string> shown(table.read.begin(), table.read.end());
    return source
        .AtKey(member, key, fmt::format("{} has no field '{}'", table.object, Printable(key)))
        .Hint(near.empty() ? "its fields are " + Join(shown, ", ")
                           : fmt::format("did you mean '{}'?", near));
  }
  return Ok();
}

Result<std::string> TextOfScalar(const SourceFile& source, const Value& value,
                                 std::string_view what) {
  if (value.is_list() || value.is_map() || value.is_null()) {
    return source.At(value.position(),
                     fmt::format("{} is a text, not {}", what, NameOf(value.kind())));
  }
  return TextOf(value);
}

Result<const Value*> ListField(const SourceFile& source, const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  if (found == nullptr || found->is_null()) return nullptr;
  if (!found->is_list()) {
    return source.AtKey(*found, key,
                        fmt::format("'{}' is a list, not {}", key, NameOf(found->kind())));
  }
  return found;
}

Result<const Value*> MapField(const SourceFile& source, const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  if (found == nullptr || found->is_null()) return nullptr;
  if (!found->is_map()) {
    return source.AtKey(*found, key,
                        fmt::format("'{}' is a map of fields, not {}", key, NameOf(found->kind())));
  }
  return found;
}

}  // namespace holdfast::local
