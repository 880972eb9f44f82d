#include "plugins/sdk/value.h"

#include "plugins/sdk/check.h"

namespace holdfast {

bool Value::AsBool() const {
  HOLDFAST_CHECK(is_bool());
  return std::get<bool>(data_);
}

std::int64_t Value::AsInt() const {
  HOLDFAST_CHECK(is_int());
  return std::get<std::int64_t>(data_);
}

double Value::AsDouble() const {
  if (is_int()) return static_cast<double>(std::get<std::int64_t>(data_));
  HOLDFAST_CHECK(is_double());
  return std::get<double>(data_);
}

const std::string& Value::AsString() const {
  HOLDFAST_CHECK(is_string());
  return std::get<std::string>(data_);
}

const Value::List& Value::AsList() const {
  HOLDFAST_CHECK(is_list());
  return std::get<List>(data_);
}

const Value::Map& Value::AsMap() const {
  HOLDFAST_CHECK(is_map());
  return std::get<Map>(data_);
}

Value::List& Value::MutableList() {
  if (is_null()) data_ = List{};
  HOLDFAST_CHECK(is_list());
  return std::get<List>(data_);
}

Value::Map& Value::MutableMap() {
  if (is_null()) data_ = Map{};
  HOLDFAST_CHECK(is_map());
  return std::get<Map>(data_);
}

const Value* Value::Find(std::string_view key) const {
  if (!is_map()) return nullptr;
  const Map& map = std::get<Map>(data_);
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

std::string Value::StringOr(std::string_view key, std::string_view fallback) const {
  const Value* found = Find(key);
  return found != nullptr && found->is_string() ? found->AsString() : std::string(fallback);
}

std::int64_t Value::IntOr(std::string_view key, std::int64_t fallback) const {
  const Value* found = Find(key);
  return found != nullptr && found->is_int() ? found->AsInt() : fallback;
}

bool Value::BoolOr(std::string_view key, bool fallback) const {
  const Value* found = Find(key);
  return found != nullptr && found->is_bool() ? found->AsBool() : fallback;
}

Value& Value::Set(std::string_view key, Value value) {
  MutableMap().insert_or_assign(std::string(key), std::move(value));
  return *this;
}

std::string_view NameOf(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kNull:
      return "nothing";
    case Value::Kind::kBool:
      return "true or false";
    case Value::Kind::kInt:
      return "an integer";
    case Value::Kind::kDouble:
      return "a number";
    case Value::Kind::kString:
      return "a string";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "a map";
  }
  return "nothing";
}

}  // namespace holdfast
