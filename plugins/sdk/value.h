#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace holdfast {

// Where a value stood in the file that it was read from; 0:0 when it was made in memory.
struct Position {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// A JSON-like value: what plans, parameters, settings, saved info and journal entries are made
// of. Maps are sorted by key, so that the same value is always written as the same bytes.
// Positions are not part of a value's identity: == ignores them.
// A value type; not synchronised.
class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::map<std::string, Value, std::less<>>;
  enum class Kind { kNull, kBool, kInt, kDouble, kString, kList, kMap };

  Value() = default;
  Value(bool v) : data_(v) {}                            // NOLINT(google-explicit-constructor)
  Value(int v) : data_(static_cast<std::int64_t>(v)) {}  // NOLINT(google-explicit-constructor)
  Value(std::int64_t v) : data_(v) {}                    // NOLINT(google-explicit-constructor)
  Value(std::uint64_t v)
      : data_(static_cast<std::int64_t>(v)) {}          // NOLINT(google-explicit-constructor)
  Value(double v) : data_(v) {}                         // NOLINT(google-explicit-constructor)
  Value(const char* v) : data_(std::string(v)) {}       // NOLINT(google-explicit-constructor)
  Value(std::string v) : data_(std::move(v)) {}         // NOLINT(google-explicit-constructor)
  Value(std::string_view v) : data_(std::string(v)) {}  // NOLINT(google-explicit-constructor)
  Value(List v) : data_(std::move(v)) {}                // NOLINT(google-explicit-constructor)
  Value(Map v) : data_(std::move(v)) {}                 // NOLINT(google-explicit-constructor)

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_int() const { return kind() == Kind::kInt; }
  bool is_double() const { return kind() == Kind::kDouble; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_map() const { return kind() == Kind::kMap; }

  // The caller has checked the kind; the wrong one is a bug and ends the process.
  bool AsBool() const;
  std::int64_t AsInt() const;
  double AsDouble() const;  // of an integer, too
  const std::string& AsString() const;
  const List& AsList() const;
  const Map& AsMap() const;
  List& MutableList();  // a null becomes an empty list
  Map& MutableMap();    // a null becomes an empty map

  // The member of a map; nullptr when this is no map or has no such key.
  const Value* Find(std::string_view key) const;
  // The member's text, number or truth; the default when it is absent or of another kind.
  std::string StringOr(std::string_view key, std::string_view fallback) const;
  std::int64_t IntOr(std::string_view key, std::int64_t fallback) const;
  bool BoolOr(std::string_view key, bool fallback) const;
  // Sets a member of a map (a null becomes a map) and returns this, for building in one go.
  Value& Set(std::string_view key, Value value);

  Position position() const { return position_; }
  Position key_position() const { return key_position_; }
  void set_position(Position position) { position_ = position; }
  void set_key_position(Position position) { key_position_ = position; }

  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
  Position position_;
  Position key_position_;
};

// The kind's name in error messages: "a string", "a list".
std::string_view NameOf(Value::Kind kind);

}  // namespace holdfast
