#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// A number of bytes; in files an integer or a text such as "8 MiB", "4GiB", "512".
struct ByteSize {
  std::uint64_t bytes = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 sees a 0 in the defaulted comparison.
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

// A share of something; in files a text such as "10%" or "0.5%", or the bare number. More than 0,
// at most 100.
struct Percent {
  double value = 100;
  friend auto operator<=>(const Percent&, const Percent&) = default;
};

enum class FieldType {
  kString,
  kInteger,
  kNumber,
  kBoolean,
  kDuration,    // "90s", "10 min", "26h", "500ms"; a bare number is seconds
  kSize,        // ByteSize
  kPercent,     // Percent
  kStringList,  // a list of strings; in a provider file one value, comma-separated
  kStringMap,   // a map of strings
  kSecret,      // SecretReference: NAME_file, NAME_env, NAME
  kAny,         // any value, for a plugin to read
};

struct Field {
  std::string name;
  FieldType type = FieldType::kString;
  std::string description;  // one sentence for the reference
  bool required = false;
  Value default_value;              // in the form in which a file would say it; null = none
  std::vector<std::string> one_of;  // allowed texts; empty = any
  // Of an integer; of a duration in ms; of a size in bytes; of a text, in a kString or kAny, its length
  // in bytes, which a null given in its place does not have either.
  std::optional<std::int64_t> minimum;
  std::optional<std::int64_t> maximum;
  std::vector<std::string> aliases;  // other names that files may use (bank_swift_user)
};

// What a map of settings, parameters or saved info may hold. Made from a C++ struct (SchemaOf), so
// that nobody writes it twice; exec plugins give theirs as data.
struct Schema {
  int version = 1;  // major: a reader refuses another one
  std::vector<Field> fields;
};

// Checks `value` (a map or null) in full, fills in defaults and turns aliases into names; all
// faults are collected: the first is the error, the others its causes. Positions come from the
// value; `file` and `what` ("parameters of Local::Directory") name it. Durations come back as
// integers in ms, sizes as integers in bytes, percentages as numbers, secrets as {"kind", "where"}
// maps.
Result<Value> CheckAgainstSchema(const Schema& schema, const Value& value, std::string_view file,
                                 std::string_view what);
// The schema as JSON Schema (draft 2020-12), for editors and --json.
Value SchemaToJsonSchema(const Schema& schema);
// The schema as plain data and back: what exec plugins send and bundles keep.
Value SchemaToValue(const Schema& schema);
Result<Schema> SchemaFromValue(const Value& value, std::string_view file);

// "90s" -> milliseconds; kInvalidInput with a hint. And the other direction, shortest exact form.
Result<std::chrono::milliseconds> ParseDuration(std::string_view text);
std::string FormatDuration(std::chrono::milliseconds duration);
Result<ByteSize> ParseByteSize(std::string_view text);
std::string FormatByteSize(ByteSize size);
Result<Percent> ParsePercent(std::string_view text);
std::string FormatPercent(Percent percent);

// --- A schema from a struct ---------------------------------------------------------------------
// A struct describes its fields once:
//
//   struct Settings {
//     std::string staging;
//     std::chrono::seconds timeout{30};
//     template <class Fields>
//     static void Describe(Fields& fields) {
//       fields("staging", &Settings::staging, "folder for dumps").Required();
//       fields("timeout", &Settings::timeout, "how long a command may take").Range(1000, 3600000);
//     }
//   };
//
// Members: std::string, bool, int, std::int64_t, double, std::chrono::seconds and milliseconds,
// ByteSize, Percent, std::vector<std::string>, std::map<std::string, std::string>, SecretReference,
// Value, and std::optional of these. Defaults are those of a default-constructed struct. An
// optional `static constexpr int kVersion` is the schema's version.

namespace schema_internal {

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
constexpr FieldType TypeOf() {
  if constexpr (IsOptional<T>::value) {
    return TypeOf<typename T::value_type>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return FieldType::kString;
  } else if constexpr (std::is_same_v<T, bool>) {
    return FieldType::kBoolean;
  } else if constexpr (std::is_integral_v<T>) {
    return FieldType::kInteger;
  } else if constexpr (std::is_floating_point_v<T>) {
    return FieldType::kNumber;
  } else if constexpr (std::is_same_v<T, std::chrono::seconds> ||
                       std::is_same_v<T, std::chrono::milliseconds>) {
    return FieldType::kDuration;
  } else if constexpr (std::is_same_v<T, ByteSize>) {
    return FieldType::kSize;
  } else if constexpr (std::is_same_v<T, Percent>) {
    return FieldType::kPercent;
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return FieldType::kStringList;
  } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
    return FieldType::kStringMap;
  } else if constexpr (std::is_same_v<T, SecretReference>) {
    return FieldType::kSecret;
  } else {
    static_assert(std::is_same_v<T, Value>, "no schema field can have this type");
    return FieldType::kAny;
  }
}

// A member as a file would say it (for defaults); null for what is empty.
Value ToFileForm(const std::string& v);
Value ToFileForm(bool v);
Value ToFileForm(std::int64_t v);
Value ToFileForm(double v);
Value ToFileForm(std::chrono::milliseconds v);
Value ToFileForm(ByteSize v);
Value ToFileForm(Percent v);
Value ToFileForm(const std::vector<std::string>& v);
Value ToFileForm(const std::map<std::string, std::string>& v);
Value ToFileForm(const SecretReference& v);
Value ToFileForm(const Value& v);
inline Value ToFileForm(int v) { return ToFileForm(static_cast<std::int64_t>(v)); }
inline Value ToFileForm(unsigned v) { return ToFileForm(static_cast<std::int64_t>(v)); }
inline Value ToFileForm(std::chrono::seconds v) { return ToFileForm(std::chrono::milliseconds(v)); }
template <class T>
Value ToFileForm(const std::optional<T>& v) {
  return v ? ToFileForm(*v) : Value();
}

// From a checked value (CheckAgainstSchema) into a member.
void FromChecked(const Value& v, std::string& out);
void FromChecked(const Value& v, bool& out);
void FromChecked(const Value& v, std::int64_t& out);
void FromChecked(const Value& v, double& out);
void FromChecked(const Value& v, std::chrono::milliseconds& out);
void FromChecked(const Value& v, ByteSize& out);
void FromChecked(const Value& v, Percent& out);
void FromChecked(const Value& v, std::vector<std::string>& out);
void FromChecked(const Value& v, std::map<std::string, std::string>& out);
void FromChecked(const Value& v, SecretReference& out);
void FromChecked(const Value& v, Value& out);
inline void FromChecked(const Value& v, int& out) { out = static_cast<int>(v.AsInt()); }
inline void FromChecked(const Value& v, unsigned& out) { out = static_cast<unsigned>(v.AsInt()); }
inline void FromChecked(const Value& v, std::chrono::seconds& out) {
  std::chrono::milliseconds ms{};
  FromChecked(v, ms);
  out = std::chrono::duration_cast<std::chrono::seconds>(ms);
}
template <class T>
void FromChecked(const Value& v, std::optional<T>& out) {
  T inner{};
  FromChecked(v, inner);
  out = std::move(inner);
}

// What `fields(...)` returns while a schema is made.
class FieldOptions {
 public:
  explicit FieldOptions(Field& field) : field_(&field) {}
  FieldOptions& Required() {
    field_->required = true;
    field_->default_value = Value();
    return *this;
  }
  FieldOptions& OneOf(std::vector<std::string> values) {
    field_->one_of = std::move(values);
    return *this;
  }
  // Of an integer; of a duration in milliseconds; of a size in bytes. Both ends included.
  FieldOptions& Range(std::int64_t minimum, std::int64_t maximum) {
    field_->minimum = minimum;
    field_->maximum = maximum;
    return *this;
  }
  // Of a text that stands for something else when it is not given: an empty one, or nothing behind the
  // colon (a variable that was not set), is an error and not that other thing.
  FieldOptions& NotEmpty() {
    field_->minimum = 1;
    return *this;
  }
  FieldOptions& Alias(std::string name) {
    field_->aliases.push_back(std::move(name));
    return *this;
  }

 private:
  Field* field_;  // Not owned; a temporary's use only.
};

// What does not fit into the member is refused by the schema, not cut off.
template <class T>
void LimitToWidth(Field& field) {
  if constexpr (std::is_same_v<T, int> || std::is_same_v<T, unsigned>) {
    field.minimum = std::numeric_limits<T>::min();
    field.maximum = std::numeric_limits<T>::max();
  }
}

struct NoOptions {
  NoOptions& Required() { return *this; }
  NoOptions& OneOf(const std::vector<std::string>&) { return *this; }
  NoOptions& Range(std::int64_t, std::int64_t) { return *this; }
  NoOptions& NotEmpty() { return *this; }
  NoOptions& Alias(const std::string&) { return *this; }
};

template <class T>
struct SchemaVisitor {
  Schema schema;
  T defaults{};
  // C: T, or what it derives from.
  template <class M, class C>
  FieldOptions operator()(std::string_view name, M C::*member, std::string_view description) {
    Field field;
    field.name = std::string(name);
    field.type = TypeOf<M>();
    field.description = std::string(description);
    field.default_value = ToFileForm(defaults.*member);
    if constexpr (IsOptional<M>::value) {
      LimitToWidth<typename M::value_type>(field);
    } else {
      LimitToWidth<M>(field);
    }
    schema.fields.push_back(std::move(field));
    return FieldOptions(schema.fields.back());
  }
};

template <class T>
struct BindVisitor {
  const Value& value;
  T& out;
  template <class M, class C>
  NoOptions operator()(std::string_view name, M C::*member, std::string_view) {
    if (const Value* found = value.Find(name); found != nullptr && !found->is_null()) {
      FromChecked(*found, out.*member);
    }
    return {};
  }
};

}  // namespace schema_internal

template <class T>
Schema SchemaOf() {
  schema_internal::SchemaVisitor<T> visitor;
  T::Describe(visitor);
  if constexpr (requires { T::kVersion; }) visitor.schema.version = T::kVersion;
  return std::move(visitor.schema);
}

// A struct from a value that CheckAgainstSchema(SchemaOf<T>(), ...) has returned.
template <class T>
T BindChecked(const Value& checked) {
  T out{};
  schema_internal::BindVisitor<T> visitor{checked, out};
  T::Describe(visitor);
  return out;
}

// Checks and binds in one go.
template <class T>
Result<T> Bind(const Value& value, std::string_view file, std::string_view what) {
  auto checked = CheckAgainstSchema(SchemaOf<T>(), value, file, what);
  if (!checked) return Error(std::move(checked).error());
  return BindChecked<T>(*checked);
}

// The struct as a value in the file form: what SaveInfo takes. Null members are left out.
namespace schema_internal {
template <class T>
struct DumpVisitor {
  const T& in;
  Value out;
  template <class M, class C>
  NoOptions operator()(std::string_view name, M C::*member, std::string_view) {
    if (Value v = ToFileForm(in.*member); !v.is_null()) out.Set(name, std::move(v));
    return {};
  }
};
}  // namespace schema_internal

template <class T>
Value ToValue(const T& in) {
  schema_internal::DumpVisitor<T> visitor{in, Value(Value::Map{})};
  T::Describe(visitor);
  return std::move(visitor.out);
}

}  // namespace holdfast
