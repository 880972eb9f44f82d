#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::local {

// A file that a person wrote, kept so that errors can show its lines.
struct SourceFile {
  std::string path;
  std::string text;
  // Where each line of `text` begins, for those who ask for many (IndexLines); else each is looked for.
  std::shared_ptr<const std::vector<std::size_t>> line_starts = nullptr;

  // The text must not change any more.
  void IndexLines();
  // Without its end, from 1; empty where there is none.
  std::string_view Line(std::uint32_t line) const;
  // kInvalidInput at a place in this file, with the line and a caret `width` columns wide.
  Error At(Position position, std::string message, std::size_t width = 1) const;
  // The same at the key under which `value` stands.
  Error AtKey(const Value& value, std::string_view key, std::string message) const;
};

// The fields of one kind of object, as the local engine sees them.
struct FieldTable {
  std::string_view object;                    // "a DAG task", for messages
  std::span<const std::string_view> read;     // the engine acts on them
  std::span<const std::string_view> ignored;  // matter to a cluster only
  std::span<const std::string_view> refused;  // Argo has them, the engine does not
};

// Refuses, at its place, whatever is no map and every key that is not in the table's first two
// lists.
Status CheckFields(const SourceFile& source, const Value& value, const FieldTable& table);

// A scalar as Argo takes it where a text is wanted: numbers and truths are written out.
Result<std::string> TextOfScalar(const SourceFile& source, const Value& value,
                                 std::string_view what);

// The member `key` of `map`, checked to be of the wanted kind; nullptr when it is absent or null.
Result<const Value*> ListField(const SourceFile& source, const Value& map, std::string_view key);
Result<const Value*> MapField(const SourceFile& source, const Value& map, std::string_view key);

}  // namespace holdfast::local
