#include "plugins/sdk/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 15> kTimeUnits{{{"ms", 1},
                                           {"second", 1000},
                                           {"seconds", 1000},
                                           {"minute", 60'000},
                                           {"minutes", 60'000},
                                           {"s", 1000},
                                           {"sec", 1000},
                                           {"m", 60'000},
                                           {"min", 60'000},
                                           {"h", 3'600'000},
                                           {"hour", 3'600'000},
                                           {"hours", 3'600'000},
                                           {"d", 86'400'000},
                                           {"day", 86'400'000},
                                           {"days", 86'400'000}}};
constexpr std::array<Unit, 12> kSizeUnits{{{"b", 1},
                                           {"k", 1024},
                                           {"kb", 1000},
                                           {"kib", 1024},
                                           {"m", 1 << 20},
                                           {"mb", 1'000'000},
                                           {"mib", 1 << 20},
                                           {"g", 1 << 30},
                                           {"gb", 1'000'000'000},
                                           {"gib", 1 << 30},
                                           {"tb", 1'000'000'000'000},
                                           {"tib", std::int64_t{1} << 40}}};

// "12", "1.5 h": the number times its unit; nothing when it is not that, negative or too large.
template <std::size_t N>
std::optional<std::int64_t> ScaledNumber(std::string_view text, const std::array<Unit, N>& units,
                                         std::int64_t bare_factor) {
  text = Trim(text);
  std::size_t end = 0;
  while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
  if (end == 0) return std::nullopt;
  const std::string unit = Lowered(Trim(text.substr(end)));
  std::int64_t factor = bare_factor;
  if (!unit.empty()) {
    const auto found =
        std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
    if (found == units.end()) return std::nullopt;
    factor = found->factor;
  }
  // Whole numbers stay exact: a size that was written as a text comes back to the byte.
  if (text.substr(0, end).find('.') == std::string_view::npos) {
    std::int64_t whole = 0;
    std::int64_t product = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + end, whole);
    if (error != std::errc() || __builtin_mul_overflow(whole, factor, &product))
      return std::nullopt;
    return product;
  }
  double number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + end, number);
  if (error != std::errc() || at != text.data() + end) return std::nullopt;
  const double scaled = number * static_cast<double>(factor);
  if (!(scaled < 9.0e18)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(scaled));
}

// "10%", "0.5 %", "10"; nothing when it is no number. Any range.
std::optional<double> PercentOf(std::string_view text) {
  text = Trim(text);
  if (text.ends_with('%')) text = Trim(text.substr(0, text.size() - 1));
  double number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || at != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view TypeName(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "string";
    case FieldType::kInteger:
      return "integer";
    case FieldType::kNumber:
      return "number";
    case FieldType::kBoolean:
      return "boolean";
    case FieldType::kDuration:
      return "duration";
    case FieldType::kSize:
      return "size";
    case FieldType::kPercent:
      return "percent";
    case FieldType::kStringList:
      return "string-list";
    case FieldType::kStringMap:
      return "string-map";
    case FieldType::kSecret:
      return "secret";
    case FieldType::kAny:
      return "any";
  }
  return "any";
}

constexpr std::array kAllFieldTypes{
    FieldType::kString,    FieldType::kInteger, FieldType::kNumber,  FieldType::kBoolean,
    FieldType::kDuration,  FieldType::kSize,    FieldType::kPercent, FieldType::kStringList,
    FieldType::kStringMap, FieldType::kSecret,  FieldType::kAny};

std::string_view Wanted(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "a text";
    case FieldType::kInteger:
      return "a whole number";
    case FieldType::kNumber:
      return "a number";
    case FieldType::kBoolean:
      return "true or false";
    case FieldType::kDuration:
      return "a duration such as 90s, 10 min or 26h";
    case FieldType::kSize:
      return "a size such as 8 MiB or 4 GiB";
    case FieldType::kPercent:
      return "a percentage such as 10%, more than 0% and at most 100%";
    case FieldType::kStringList:
      return "a list of texts";
    case FieldType::kStringMap:
      return "a map of texts";
    case FieldType::kSecret:
      return "a text";
    case FieldType::kAny:
      return "a value";
  }
  return "a value";
}

// A value in the file form as the type wants it; nothing when it cannot be.
std::optional<Value> Convert(FieldType type, const Value& value) {
  switch (type) {
    case FieldType::kString:
      if (value.is_string()) return value;
      return std::nullopt;
    case FieldType::kInteger:
      if (value.is_int()) return value;
      return std::nullopt;
    case FieldType::kNumber:
      if ((value.is_int() || value.is_double()) && std::isfinite(value.AsDouble()))
        return Value(value.AsDouble());
      return std::nullopt;
    case FieldType::kBoolean:
      if (value.is_bool()) return value;
      return std::nullopt;
    case FieldType::kDuration: {
      if (value.is_int() && value.AsInt() >= 0 &&
          value.AsInt() <= std::numeric_limits<std::int64_t>::max() / 1000) {
        return Value(value.AsInt() * 1000);
      }
      if (value.is_double() && value.AsDouble() >= 0 && value.AsDouble() < 9.0e15) {
        return Value(static_cast<std::int64_t>(std::llround(value.AsDouble() * 1000)));
      }
      if (!value.is_string()) return std::nullopt;
      const auto ms = ScaledNumber(value.AsString(), kTimeUnits, 1000);
      return ms ? std::optional<Value>(Value(*ms)) : std::nullopt;
    }
    case FieldType::kSize: {
      if (value.is_int() && value.AsInt() >= 0) return value;
      if (!value.is_string()) return std::nullopt;
      const auto bytes = ScaledNumber(value.AsString(), kSizeUnits, 1);
      return bytes ? std::optional<Value>(Value(*bytes)) : std::nullopt;
    }
    case FieldType::kPercent: {
      std::optional<double> percent;
      if (value.is_int() || value.is_double()) percent = value.AsDouble();
      if (value.is_string()) percent = PercentOf(value.AsString());
      if (!percent || !(*percent > 0 && *percent <= 100)) return std::nullopt;
      return Value(*percent);
    }
    case FieldType::kStringList:
      if (!value.is_list()) return std::nullopt;
      for (const Value& item : value.AsList()) {
        if (!item.is_string()) return std::nullopt;
      }
      return value;
    case FieldType::kStringMap:
      if (!value.is_map()) return std::nullopt;
      for (const auto& [key, item] : value.AsMap()) {
        if (!item.is_string()) return std::nullopt;
      }
      return value;
    case FieldType::kSecret:
    case FieldType::kAny:
      return value;
  }
  return std::nullopt;
}

std::string FormatLimit(FieldType type, std::int64_t limit) {
  if (type == FieldType::kDuration) return FormatDuration(std::chrono::milliseconds(limit));
  if (type == FieldType::kSize) return FormatByteSize({static_cast<std::uint64_t>(limit)});
  return std::to_string(limit);
}

// Checks one map against one schema, collecting every fault. `what` may be one thing or many ("the
// directory", "the policy settings"): no sentence has a verb that would have to agree with it.
class Checker {
 public:
  Checker(const Schema& schema, const Value& value, std::string_view file, std::string_view what)
      : schema_(schema), value_(value), file_(file), what_(what) {}

  Result<Value> Run() {
    if (!value_.is_map() && !value_.is_null()) {
      return At(InvalidInput(fmt::format("a map is expected for the {}, not {}", what_,
                                         NameOf(value_.kind()))),
                value_.position(), 1);
    }
    for (const Field& field : schema_.fields) CheckField(field);
    if (value_.is_map()) {
      for (const auto& [key, value] : value_.AsMap()) {
        if (!known_.contains(key)) UnknownKey(key, value);
      }
    }
    if (!errors_.empty()) {
      Error first = std::move(errors_.front());
      for (std::size_t i = 1; i < errors_.size(); ++i)
        first = std::move(first).Because(std::move(errors_[i]));
      return first;
    }
    return std::move(out_);
  }

 private:
  Error At(Error error, Position position, std::uint32_t width) const {
    if (file_.empty()) return error;
    return std::move(error).At({std::string(file_), position.line, position.column, {}, width});
  }

  // The name under which the file gives the field, if any; a field given under two is an error.
  const Value* Given(const Field& field, std::string_view suffix, std::string& name) {
    const Value* found = nullptr;
    std::vector<std::string> names{field.name};
    names.insert(names.end(), field.aliases.begin(), field.aliases.end());
    for (const std::string& base : names) {
      const std::string full = base + std::string(suffix);
      known_.insert({full, true});
      const Value* const value = value_.Find(full);
      if (value == nullptr) continue;
      if (found != nullptr) {
        errors_.push_back(At(InvalidInput(fmt::format(
                                 "'{}' and '{}' are the same setting, given twice", name, full)),
                             value->key_position(), static_cast<std::uint32_t>(full.size())));
        continue;
      }
      found = value;
      name = full;
    }
    return found;
  }

  void CheckField(const Field& field) {
    if (field.type == FieldType::kSecret) {
      CheckSecret(field);
      return;
    }
    std::string name = field.name;
    const Value* const given = Given(field, "", name);
    if (given != nullptr && IsTooShort(field, *given)) {
      errors_.push_back(
          At(InvalidInput(fmt::format("'{}' in the {} is {}", name, what_,
                                      *field.minimum == 1
                                          ? "empty"
                                          : fmt::format("shorter than {} bytes", *field.minimum)))
                 .Hint("give it a value, or leave it out: " + field.description),
             given->key_position(), static_cast<std::uint32_t>(name.size())));
      return;
    }
    if (given == nullptr || given->is_null()) {
      if (field.required) {
        errors_.push_back(
            At(InvalidInput(fmt::format("'{}' is missing in the {}", field.name, what_))
                   .Hint(field.description),
               value_.position(), 1));
      } else if (!field.default_value.is_null()) {
        auto converted = Convert(field.type, field.default_value);
        HOLDFAST_CHECK(converted.has_value());
        out_.Set(field.name, std::move(*converted));
      }
      return;
    }
    auto converted = Convert(field.type, *given);
    if (!converted) {
      errors_.push_back(At(InvalidInput(fmt::format("'{}' in the {} is {}, not {}", name, what_,
                                                    Wanted(field.type), Shown(*given)))
                               .Hint(field.description),
                           given->position(), Width(*given)));
      return;
    }
    if (!CheckAllowed(field, name, *given, *converted)) return;
    out_.Set(field.name, std::move(*converted));
  }

  static bool IsTooShort(const Field& field, const Value& given) {
    const bool has_length = field.type == FieldType::kString || field.type == FieldType::kAny;
    if (!has_length || !field.minimum) return false;
    if (given.is_null()) return true;
    return given.is_string() && std::cmp_less(given.AsString().size(), *field.minimum);
  }

  bool CheckAllowed(const Field& field, const std::string& name, const Value& given,
                    const Value& converted) {
    if (!field.one_of.empty() && converted.is_string() &&
        std::find(field.one_of.begin(), field.one_of.end(), converted.AsString()) ==
            field.one_of.end()) {
      const std::string near = Nearest(converted.AsString(), field.one_of);
      errors_.push_back(
          At(InvalidInput(fmt::format("'{}' in the {} is one of {}, not {}", name, what_,
                                      Join(field.one_of, ", "), Shown(given)))
                 .Hint(near.empty() ? field.description : "did you mean '" + near + "'?"),
             given.position(), Width(given)));
      return false;
    }
    if (converted.is_int() && ((field.minimum && converted.AsInt() < *field.minimum) ||
                               (field.maximum && converted.AsInt() > *field.maximum))) {
      std::string range =
          field.minimum ? "at least " + FormatLimit(field.type, *field.minimum) : "";
      if (field.maximum) {
        range +=
            (range.empty() ? "at most " : ", at most ") + FormatLimit(field.type, *field.maximum);
      }
      errors_.push_back(At(InvalidInput(fmt::format("'{}' in the {} is {}, not {}", name, what_,
                                                    range, Shown(given)))
                               .Hint(field.description),
                           given.position(), Width(given)));
      return false;
    }
    return true;
  }

  void CheckSecret(const Field& field) {
    struct Form {
      std::string_view suffix;
      std::string_view kind;
    };
    constexpr std::array<Form, 3> kForms{{{"_file", "file"}, {"_env", "env"}, {"", "clear"}}};
    std::string first;
    bool given_wrongly = false;
    for (const Form& form : kForms) {
      std::string name;
      const Value* const given = Given(field, form.suffix, name);
      if (given == nullptr || given->is_null()) continue;
      if (!given->is_string() || given->AsString().empty()) {
        // The text itself is never shown: it may be the secret.
        errors_.push_back(
            At(InvalidInput(fmt::format("'{}' in the {} is a text that is not empty", name, what_)),
               given->position(), 1));
        given_wrongly = true;
        continue;
      }
      if (!first.empty()) {
        errors_.push_back(
            At(InvalidInput(fmt::format("'{}' and '{}' both give the same secret", first, name)),
               given->key_position(), static_cast<std::uint32_t>(name.size())));
        continue;
      }
      first = name;
      out_.Set(field.name, Value().Set("kind", form.kind).Set("where", given->AsString()));
    }
    if (first.empty() && field.required && !given_wrongly) {
      errors_.push_back(At(InvalidInput(fmt::format("'{}_file' or '{}_env' is missing in the {}",
                                                    field.name, field.name, what_))
                               .Hint(field.description),
                           value_.position(), 1));
    }
  }

  void UnknownKey(const std::string& key, const Value& value) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : known_) names.push_back(name);
    Error error = InvalidInput(fmt::format("there is no '{}' in the {}", Printable(key), what_));
    const std::string near = Nearest(key, names);
    if (!near.empty()) {
      error = std::move(error).Hint("did you mean '" + near + "'?");
    } else {
      std::vector<std::string> fields;
      for (const Field& field : schema_.fields) fields.push_back(field.name);
      error = std::move(error).Hint(fields.empty() ? "there are none"
                                                   : "there are " + Join(fields, ", "));
    }
    errors_.push_back(
        At(std::move(error), value.key_position(), static_cast<std::uint32_t>(key.size())));
  }

  static std::string Shown(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::kString:
        return "'" + Printable(value.AsString()) + "'";
      case Value::Kind::kInt:
        return std::to_string(value.AsInt());
      case Value::Kind::kDouble:
        return fmt::format("{}", value.AsDouble());
      case Value::Kind::kBool:
        return value.AsBool() ? "true" : "false";
      default:
        return std::string(NameOf(value.kind()));
    }
  }
  static std::uint32_t Width(const Value& value) {
    return value.is_string()
               ? std::max<std::uint32_t>(1, static_cast<std::uint32_t>(value.AsString().size()))
               : 1;
  }

  const Schema& schema_;
  const Value& value_;
  std::string_view file_;
  std::string_view what_;
  std::map<std::string, bool, std::less<>> known_;
  std::vector<Error> errors_;
  Value out_{Value::Map{}};
};

}  // namespace

Result<Value> CheckAgainstSchema(const Schema& schema, const Value& value, std::string_view file,
                                 std::string_view what) {
  return Checker(schema, value, file, what).Run();
}

Value SchemaToJsonSchema(const Schema& schema) {
  Value properties{Value::Map{}};
  Value::List required;
  const auto add = [&](const std::string& name, Value property, const Field& field) {
    property.Set("description", field.description);
    if (!field.default_value.is_null()) property.Set("default", field.default_value);
    if (!field.one_of.empty())
      property.Set("enum", Value::List(field.one_of.begin(), field.one_of.end()));
    properties.Set(name, std::move(property));
  };
  const auto text_or_number = [](std::string_view format) {
    return Value()
        .Set("type", Value::List{Value("string"), Value("integer")})
        .Set("format", format);
  };
  for (const Field& field : schema.fields) {
    Value property;
    switch (field.type) {
      case FieldType::kString:
        property.Set("type", "string");
        break;
      case FieldType::kInteger:
        property.Set("type", "integer");
        break;
      case FieldType::kNumber:
        property.Set("type", "number");
        break;
      case FieldType::kBoolean:
        property.Set("type", "boolean");
        break;
      case FieldType::kDuration:
        property = text_or_number("holdfast-duration");
        break;
      case FieldType::kSize:
        property = text_or_number("holdfast-size");
        break;
      case FieldType::kPercent:
        property.Set("type", Value::List{Value("string"), Value("number")})
            .Set("format", "holdfast-percent");
        break;
      case FieldType::kStringList:
        property.Set("type", "array").Set("items", Value().Set("type", "string"));
        break;
      case FieldType::kStringMap:
        property.Set("type", "object").Set("additionalProperties", Value().Set("type", "string"));
        break;
      case FieldType::kSecret:
        for (const std::string_view suffix : {"_file", "_env", ""}) {
          Value secret = Value().Set("type", "string");
          if (suffix.empty()) secret.Set("deprecated", true).Set("writeOnly", true);
          add(field.name + std::string(suffix), std::move(secret), field);
        }
        continue;
      case FieldType::kAny:
        property = Value(Value::Map{});
        break;
    }
    if (field.type == FieldType::kInteger && field.minimum) property.Set("minimum", *field.minimum);
    if (field.type == FieldType::kInteger && field.maximum) property.Set("maximum", *field.maximum);
    if (field.type == FieldType::kString && field.minimum)
      property.Set("minLength", *field.minimum);
    if (field.required) required.emplace_back(field.name);
    add(field.name, std::move(property), field);
  }
  Value out = Value()
                  .Set("$schema", "https://json-schema.org/draft/2020-12/schema")
                  .Set("type", "object")
                  .Set("additionalProperties", false)
                  .Set("x-version", schema.version)
                  .Set("properties", std::move(properties));
  if (!required.empty()) out.Set("required", std::move(required));
  return out;
}

Value SchemaToValue(const Schema& schema) {
  Value::List fields;
  for (const Field& field : schema.fields) {
    Value entry = Value()
                      .Set("name", field.name)
                      .Set("type", TypeName(field.type))
                      .Set("description", field.description);
    if (field.required) entry.Set("required", true);
    if (!field.default_value.is_null()) entry.Set("default", field.default_value);
    if (!field.one_of.empty())
      entry.Set("one_of", Value::List(field.one_of.begin(), field.one_of.end()));
    if (field.minimum) entry.Set("minimum", *field.minimum);
    if (field.maximum) entry.Set("maximum", *field.maximum);
    if (!field.aliases.empty())
      entry.Set("aliases", Value::List(field.aliases.begin(), field.aliases.end()));
    fields.push_back(std::move(entry));
  }
  return Value().Set("version", schema.version).Set("fields", std::move(fields));
}

namespace {

// The form in which a field is written as data; a schema, too, is checked against a schema.
struct FieldForm {
  std::string name;
  std::string type;
  std::string description;
  bool required = false;
  Value default_value;
  std::vector<std::string> one_of;
  std::optional<std::int64_t> minimum;
  std::optional<std::int64_t> maximum;
  std::vector<std::string> aliases;
  template <class Fields>
  static void Describe(Fields& fields) {
    std::vector<std::string> types;
    types.reserve(std::size(kAllFieldTypes));
    for (const FieldType type : kAllFieldTypes) types.emplace_back(TypeName(type));
    fields("name", &FieldForm::name, "the field's name").Required();
    fields("type", &FieldForm::type, "the field's type").Required().OneOf(types);
    fields("description", &FieldForm::description, "one sentence");
    fields("required", &FieldForm::required, "must it be given?");
    fields("default", &FieldForm::default_value, "its value when it is not given");
    fields("one_of", &FieldForm::one_of, "the texts that are allowed");
    fields("minimum", &FieldForm::minimum,
           "the smallest allowed value; of a string, its length in bytes");
    fields("maximum", &FieldForm::maximum, "the greatest allowed value");
    fields("aliases", &FieldForm::aliases, "other names for it");
  }
};

}  // namespace

Result<Schema> SchemaFromValue(const Value& value, std::string_view file) {
  const auto wrong = [&](const Value& at, std::string message) {
    return InvalidInput(std::move(message))
        .At({std::string(file), at.position().line, at.position().column, {}, 1});
  };
  if (!value.is_map()) return wrong(value, "a schema is a map with 'version' and 'fields'");
  Schema schema;
  schema.version = static_cast<int>(value.IntOr("version", 1));
  const Value* const fields = value.Find("fields");
  if (fields == nullptr || !fields->is_list())
    return wrong(value, "a schema needs a list 'fields'");
  for (const Value& entry : fields->AsList()) {
    HOLDFAST_ASSIGN_OR_RETURN(FieldForm form, Bind<FieldForm>(entry, file, "keys of a field"));
    Field field;
    field.name = std::move(form.name);
    for (const FieldType type : kAllFieldTypes) {
      if (TypeName(type) == form.type) field.type = type;
    }
    field.description = std::move(form.description);
    field.required = form.required;
    field.default_value = std::move(form.default_value);
    field.one_of = std::move(form.one_of);
    field.minimum = form.minimum;
    field.maximum = form.maximum;
    field.aliases = std::move(form.aliases);
    if (!field.default_value.is_null() && field.type != FieldType::kSecret &&
        !Convert(field.type, field.default_value)) {
      return wrong(entry, "the default of '" + Printable(field.name) + "' is not " +
                              std::string(Wanted(field.type)));
    }
    schema.fields.push_back(std::move(field));
  }
  return schema;
}

Result<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  const auto ms = ScaledNumber(text, kTimeUnits, 1000);
  if (!ms) {
    return InvalidInput("'" + Printable(text) + "' is no duration")
        .Hint("write it as 500ms, 90s, 10 min, 26h or 3 days");
  }
  return std::chrono::milliseconds(*ms);
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const std::int64_t ms = duration.count();
  for (const auto& [name, factor] :
       {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"min", 60'000}, Unit{"s", 1000}}) {
    if (ms != 0 && ms % factor == 0) return fmt::format("{}{}", ms / factor, name);
  }
  return fmt::format("{}ms", ms);
}

Result<ByteSize> ParseByteSize(std::string_view text) {
  const auto bytes = ScaledNumber(text, kSizeUnits, 1);
  if (!bytes)
    return InvalidInput("'" + Printable(text) + "' is no size")
        .Hint("write it as 512, 8 MiB or 4 GiB");
  return ByteSize{static_cast<std::uint64_t>(*bytes)};
}

std::string FormatByteSize(ByteSize size) {
  constexpr std::array<std::string_view, 4> kNames{"KiB", "MiB", "GiB", "TiB"};
  std::uint64_t number = size.bytes;
  std::size_t unit = 0;
  while (number != 0 && number % 1024 == 0 && unit < kNames.size()) {
    number /= 1024;
    ++unit;
  }
  return unit == 0 ? std::to_string(number) : fmt::format("{} {}", number, kNames[unit - 1]);
}

Result<Percent> ParsePercent(std::string_view text) {
  const auto percent = PercentOf(text);
  if (!percent || !(*percent > 0 && *percent <= 100)) {
    return InvalidInput("'" + Printable(text) + "' is no percentage")
        .Hint("write it as 10% or 0.5%: more than 0%, at most 100%");
  }
  return Percent{*percent};
}

std::string FormatPercent(Percent percent) { return fmt::format("{}%", percent.value); }

namespace schema_internal {

Value ToFileForm(const std::string& v) { return v.empty() ? Value() : Value(v); }
Value ToFileForm(bool v) { return v; }
Value ToFileForm(std::int64_t v) { return v; }
Value ToFileForm(double v) { return v; }
Value ToFileForm(std::chrono::milliseconds v) { return FormatDuration(v); }
Value ToFileForm(ByteSize v) { return FormatByteSize(v); }
Value ToFileForm(Percent v) { return FormatPercent(v); }
Value ToFileForm(const std::vector<std::string>& v) {
  return v.empty() ? Value() : Value(Value::List(v.begin(), v.end()));
}
Value ToFileForm(const std::map<std::string, std::string>& v) {
  return v.empty() ? Value() : Value(Value::Map(v.begin(), v.end()));
}
// A secret has no default, and no file form that could be written.
Value ToFileForm(const SecretReference&) { return {}; }
Value ToFileForm(const Value& v) { return v; }

void FromChecked(const Value& v, std::string& out) { out = v.AsString(); }
void FromChecked(const Value& v, bool& out) { out = v.AsBool(); }
void FromChecked(const Value& v, std::int64_t& out) { out = v.AsInt(); }
void FromChecked(const Value& v, double& out) { out = v.AsDouble(); }
void FromChecked(const Value& v, std::chrono::milliseconds& out) {
  out = std::chrono::milliseconds(v.AsInt());
}
void FromChecked(const Value& v, ByteSize& out) {
  out.bytes = static_cast<std::uint64_t>(v.AsInt());
}
void FromChecked(const Value& v, Percent& out) { out.value = v.AsDouble(); }
void FromChecked(const Value& v, std::vector<std::string>& out) {
  out.clear();
  for (const Value& item : v.AsList()) out.push_back(item.AsString());
}
void FromChecked(const Value& v, std::map<std::string, std::string>& out) {
  out.clear();
  for (const auto& [key, item] : v.AsMap()) out[key] = item.AsString();
}
void FromChecked(const Value& v, SecretReference& out) {
  const std::string kind = v.StringOr("kind", "");
  out.kind = kind == "file"    ? SecretReference::Kind::kFile
             : kind == "env"   ? SecretReference::Kind::kEnvironment
             : kind == "clear" ? SecretReference::Kind::kClear
                               : SecretReference::Kind::kNone;
  out.where = v.StringOr("where", "");
}
void FromChecked(const Value& v, Value& out) { out = v; }

}  // namespace schema_internal

}  // namespace holdfast
