#include "runtime/lint/argo_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/lint/old_yaml.h"
#include "runtime/local/expression.h"

namespace holdfast::lint {
namespace {

enum class Kind : std::uint8_t {
  kAny,
  kBool,
  kInteger,
  kNumber,
  kText,
  kIntOrText,
  kList,
  kMap,
  kObject
};

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::min();

// What a value has to be. The meaning of the numbers:
//   first, count  kObject: its fields, sorted by name; kList, kMap: first = shape of the elements
//   least, most   of numbers the value, of texts the length in bytes, of lists the elements
//   word, words   kText: what it may be; kList: the fields that tell its elements apart
//   group, groups kObject: fields of which at most one may be there; an empty word ends each group
struct Shape {
  Kind kind;
  std::uint32_t first;
  std::uint32_t count;
  std::int64_t least;
  std::int64_t most;
  std::uint32_t word;
  std::uint32_t words;
  std::uint32_t group;
  std::uint32_t groups;
  std::string_view pattern;
};

struct Field {
  std::string_view name;
  std::uint32_t shape;
  bool required;
};

struct Document {
  std::string_view api_version;
  std::string_view kind;
  std::uint32_t shape;
};

#include "runtime/lint/argo_field_table.inc"

constexpr std::string_view kGroup = "argoproj.io/";

// A text longer than this is not held against a pattern: std::regex goes deeper with every
// character.
constexpr std::size_t kLongestForPattern = 1000;

std::span<const Field> FieldsOf(const Shape& shape) {
  return std::span(kFields).subspan(shape.first, shape.count);
}

std::span<const std::string_view> WordsOf(const Shape& shape) {
  return std::span(kWords).subspan(shape.word, shape.words);
}

// The bits of a file's mode: everybody writes them with a 0 in front, and the reader that says octal is
// the one that counts.
bool IsMode(std::string_view path) {
  return path.ends_with(".mode") || path.ends_with(".defaultMode");
}

class Checker {
 public:
  explicit Checker(const local::SourceFile& source) : source_(source) {}

  // `path` is how people call the value: "spec.templates[1]".
  void Check(const Value& value, const Shape& shape, const std::string& path) {
    if (value.is_null()) return;  // as if it were not there
    switch (shape.kind) {
      case Kind::kAny:
        return;
      case Kind::kBool:
        if (!value.is_bool()) Wrong(value, path, "true or false");
        return;
      case Kind::kInteger:
        if (IsReadTwoWays(value, shape, path)) return;
        if (!value.is_int()) return Wrong(value, path, "a whole number");
        return CheckLimits(value, shape, path, static_cast<double>(IntegerOf(value, path)), "");
      case Kind::kNumber:
        if (IsReadTwoWays(value, shape, path)) return;
        if (!value.is_int() && !value.is_double()) return Wrong(value, path, "a number");
        return CheckLimits(value, shape, path, value.AsDouble(), "");
      case Kind::kIntOrText:
        if (IsReadTwoWays(value, shape, path) || value.is_int()) return;
        if (!value.is_string()) return Wrong(value, path, "a whole number or a text");
        return CheckPattern(value, shape, path);
      case Kind::kText:
        return CheckText(value, shape, path);
      case Kind::kList:
        return CheckList(value, shape, path);
      case Kind::kMap:
        if (!value.is_map()) return Wrong(value, path, "a map");
        for (const auto& [key, member] : value.AsMap()) {
          CheckKey(member, key, path);
          Check(member, kShapes[shape.first], path + "." + key);
        }
        return;
      case Kind::kObject:
        return CheckObject(value, shape, path);
    }
  }

  Findings Take() { return std::move(findings_); }

 private:
  void Add(std::string trap, Error error) {
    findings_.push_back({std::move(trap), std::move(error)});
  }

  void Wrong(const Value& value, const std::string& path, std::string_view wanted) {
    Error error = source_.At(value.position(),
                             fmt::format("'{}' is {}, not {}", path, wanted, NameOf(value.kind())));
    if (wanted == "a text" && !value.is_list() && !value.is_map())
      error = std::move(error).Hint("quote it");
    Add("field", std::move(error));
  }

  // The scalar as it is written at a place, if it is one without quotes: as far as what may stand in a
  // number or a word goes.
  std::string_view PlainAt(Position position) const {
    const std::string_view line = source_.Line(position.line);
    if (position.column == 0 || position.column > line.size()) return "";
    const std::string_view rest = line.substr(position.column - 1);
    return rest.substr(0, rest.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"
                                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._"));
  }

  // Is a scalar without quotes another value to the reader of Kubernetes' clients? That is said, then.
  bool IsReadTwoWays(const Value& value, const Shape& shape, const std::string& path) {
    std::string_view plain;
    std::optional<Value> old;
    if (value.is_string()) {
      plain = value.AsString();
      old = OldReading(plain);
      if (old && PlainAt(value.position()) != plain) return false;
    } else if (value.is_int()) {
      plain = PlainAt(value.position());
      old = OldReading(plain);
    }
    if (!old) return false;
    const std::string reading = old->is_bool() ? "a truth" : local::TextOf(*old);
    std::string said = fmt::format("'{}' is {}", path, plain);
    std::string hint = "quote it";
    if (value.is_int()) {
      if (IsMode(path) || old->is_bool() || old->AsDouble() == static_cast<double>(value.AsInt()))
        return false;
      said += fmt::format(", which one reader of YAML takes for {} and another for {}", reading,
                          value.AsInt());
      hint = fmt::format("write {} or {}", reading, value.AsInt());
    } else {
      const bool number = shape.kind == Kind::kInteger || shape.kind == Kind::kNumber;
      if (number && old->is_bool()) return false;  // a word of the wrong type, whoever reads it
      said += fmt::format(" without quotes, which one reader of YAML takes for {}", reading);
      if (number) hint = "write " + reading;
    }
    Add("unquoted",
        source_.At(value.position(), std::move(said), plain.size()).Hint(std::move(hint)));
    return true;
  }

  // A number, as the reader of Kubernetes' clients takes the bits of a mode.
  std::int64_t IntegerOf(const Value& value, const std::string& path) const {
    if (IsMode(path)) {
      const auto old = OldReading(PlainAt(value.position()));
      if (old && old->is_int()) return old->AsInt();
    }
    return value.AsInt();
  }

  void CheckKey(const Value& member, const std::string& key, const std::string& path) {
    const auto old = OldReading(key);
    if (!old || old->is_double() || local::TextOf(*old) == key ||
        PlainAt(member.key_position()) != key)
      return;
    Add("unquoted",
        source_
            .AtKey(member, key,
                   fmt::format("'{}' has the key {} without quotes, which one reader of YAML takes "
                               "for {}",
                               path, key, old->is_bool() ? "a truth" : local::TextOf(*old)))
            .Hint("quote it"));
  }

  void CheckLimits(const Value& value, const Shape& shape, const std::string& path, double number,
                   std::string_view unit) {
    if (shape.least != kNoLimit && number < static_cast<double>(shape.least)) {
      Add("field", source_.At(value.position(), fmt::format("'{}' has to be at least {}{}", path,
                                                            shape.least, unit)));
    } else if (shape.most != kNoLimit && number > static_cast<double>(shape.most)) {
      Add("field", source_.At(value.position(),
                              fmt::format("'{}' may be at most {}{}", path, shape.most, unit)));
    }
  }

  void CheckPattern(const Value& value, const Shape& shape, const std::string& path) {
    const std::string& text = value.AsString();
    // What is filled in when it runs is not known yet.
    if (shape.pattern.empty() || text.find("{{") != std::string::npos) return;
    auto& pattern = patterns_[shape.pattern];
    if (!pattern) pattern.emplace(shape.pattern.begin(), shape.pattern.end());
    if (text.size() <= kLongestForPattern && std::regex_search(text, *pattern)) return;
    Add("field", source_
                     .At(value.position(),
                         fmt::format("'{}' cannot be '{}'", path, Printable(text)), text.size())
                     .Hint(fmt::format("Argo's definitions take what matches {}", shape.pattern)));
  }

  void CheckText(const Value& value, const Shape& shape, const std::string& path) {
    if (!value.is_string()) return Wrong(value, path, "a text");
    const std::string& text = value.AsString();
    if (IsReadTwoWays(value, shape, path)) return;
    const std::span<const std::string_view> words = WordsOf(shape);
    if (!words.empty() && std::find(words.begin(), words.end(), text) == words.end()) {
      std::vector<std::string> names;
      for (const std::string_view word : words) {
        if (!word.empty()) names.emplace_back(word);
      }
      const std::string near = Nearest(text, names);
      return Add("field",
                 source_
                     .At(value.position(),
                         fmt::format("'{}' cannot be '{}'", path, Printable(text)), text.size())
                     .Hint(near.empty() ? "it is one of " + Join(names, ", ")
                                        : fmt::format("did you mean '{}'?", near)));
    }
    CheckPattern(value, shape, path);
    CheckLimits(value, shape, path, static_cast<double>(text.size()), " bytes");
  }

  void CheckList(const Value& value, const Shape& shape, const std::string& path) {
    if (!value.is_list()) return Wrong(value, path, "a list");
    const Value::List& list = value.AsList();
    const auto size = static_cast<std::int64_t>(list.size());
    if (shape.most != kNoLimit && size > shape.most) {
      Add("too-large",
          source_.At(value.position(), fmt::format("'{}' has {}; Argo's definitions take {}", path,
                                                   Counted(list.size(), "element"), shape.most)));
    } else if (shape.least != kNoLimit && size < shape.least) {
      Add("field",
          source_.At(value.position(), fmt::format("'{}' has {}; Argo's definitions want {}", path,
                                                   Counted(list.size(), "element"), shape.least)));
    }
    const std::vector<std::string> keys(WordsOf(shape).begin(), WordsOf(shape).end());
    std::set<std::string> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      Check(list[i], kShapes[shape.first], fmt::format("{}[{}]", path, i));
      if (keys.empty()) continue;
      std::string key;
      for (const std::string_view name : keys) {
        const Value* member = list[i].Find(name);
        const bool scalar = member != nullptr && !member->is_list() && !member->is_map();
        key += (scalar ? local::TextOf(*member) : std::string()) + '\n';
      }
      if (seen.insert(key).second) continue;
      Add("field",
          source_.At(list[i].position(),
                     fmt::format("'{}' has two elements of the same {}", path, Join(keys, ", "))));
    }
  }

  void CheckObject(const Value& value, const Shape& shape, const std::string& path) {
    if (!value.is_map()) return Wrong(value, path, "a map of fields");
    const std::span<const Field> fields = FieldsOf(shape);
    for (const auto& [key, member] : value.AsMap()) {
      const auto found =
          std::lower_bound(fields.begin(), fields.end(), key,
                           [](const Field& field, const std::string& k) { return field.name < k; });
      if (found == fields.end() || found->name != key) {
        Unknown(member, key, fields, path);
        continue;
      }
      Check(member, kShapes[found->shape], path.empty() ? key : path + "." + key);
    }
    for (const Field& field : fields) {
      const Value* member = value.Find(field.name);
      if (!field.required || (member != nullptr && !member->is_null())) continue;
      Add("field", source_.At(value.position(),
                              fmt::format("{} has no '{}'", NameOfPath(path), field.name)));
    }
    CheckGroups(value, shape, path);
  }

  static std::string NameOfPath(const std::string& path) {
    return path.empty() ? "the document" : "'" + path + "'";
  }

  void Unknown(const Value& member, const std::string& key, std::span<const Field> fields,
               const std::string& path) {
    std::vector<std::string> names;
    for (const Field& field : fields) names.emplace_back(field.name);
    const std::string near = Nearest(key, names);
    std::string hint = near.empty() ? "" : fmt::format("did you mean '{}'?", near);
    // What Argo 4.0 has removed.
    if (key == "mutex") hint = "since Argo 4.0: mutexes, a list";
    if (key == "semaphore") hint = "since Argo 4.0: semaphores, a list";
    if (key == "schedule") hint = "since Argo 4.0: schedules, a list";
    if (key == "podPriority") hint = "since Argo 4.0: podPriorityClassName";
    Add("field", source_
                     .AtKey(member, key,
                            fmt::format("{} has no field '{}'", NameOfPath(path), Printable(key)))
                     .Hint(std::move(hint)));
  }

  void CheckGroups(const Value& value, const Shape& shape, const std::string& path) {
    std::vector<std::string> there;
    for (std::uint32_t i = shape.group; i < shape.group + shape.groups; ++i) {
      if (!kWords[i].empty()) {
        const Value* member = value.Find(kWords[i]);
        if (member != nullptr && !member->is_null()) there.emplace_back(kWords[i]);
        continue;
      }
      if (there.size() > 1) {
        Add("field", source_.AtKey(*value.Find(there[1]), there[1],
                                   fmt::format("{} has {}, which exclude each other",
                                               NameOfPath(path), Join(there, " and "))));
      }
      there.clear();
    }
  }

  const local::SourceFile& source_;
  std::map<std::string_view, std::optional<std::regex>> patterns_;
  Findings findings_;
};

}  // namespace

Findings CheckArgoFields(const local::SourceFile& source, const Value& document) {
  Findings found;
  for (const std::string_view key : {"apiVersion", "kind"}) {
    if (document.StringOr(key, "").empty()) {
      found.push_back(
          {"field", source.At(document.position(), fmt::format("the document has no '{}'", key))});
      return found;
    }
  }
  const std::string version = document.StringOr("apiVersion", "");
  const std::string kind = document.StringOr("kind", "");
  std::vector<std::string> kinds;
  for (const Document& known : kDocuments) {
    kinds.emplace_back(known.kind);
    if (known.kind != kind) continue;
    if (known.api_version != version) {
      const Value& at = *document.Find("apiVersion");
      found.push_back(
          {"field", source.At(at.position(),
                              fmt::format("'apiVersion' of a {} is {}", kind, known.api_version),
                              version.size())});
      return found;
    }
    Checker checker(source);
    checker.Check(document, kShapes[known.shape], "");
    return checker.Take();
  }
  // Documents of others may stand in the same file.
  if (!version.starts_with(kGroup)) return found;
  const std::string near = Nearest(kind, kinds);
  found.push_back(
      {"field",
       source
           .At(document.Find("kind")->position(),
               fmt::format("no table is here for the kind '{}'", Printable(kind)), kind.size())
           .Hint(near.empty() ? "there are tables for " + Join(kinds, ", ")
                              : fmt::format("did you mean '{}'?", near))});
  return found;
}

}  // namespace holdfast::lint
