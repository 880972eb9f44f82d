#include "plugins/engines/mistral/answers.h"

#include "plugins/sdk/json.h"

namespace holdfast::engines::mistral {

bool HasEnded(std::string_view state) {
  return state == "SUCCESS" || state == "ERROR" || state == "CANCELLED" || state == "SKIPPED";
}

Result<Value> GetObject(Api& api, const std::string& target) {
  Call call;
  call.target = target;
  auto answer = api.Send(call);
  if (!answer) return std::move(answer).error();
  if (!answer->body.is_map()) return Corrupt(api.Place() + " answered with what it does not say");
  return std::move(answer->body);
}

Result<Answer> Find(Api& api, const std::string& target) {
  Call call;
  call.target = target;
  auto answer = api.Send(call);
  if (!answer && answer.error().code() == ErrorCode::kNotFound) return Answer();
  if (answer && !answer->body.is_map())
    return Corrupt(api.Place() + " answered with what it does not say");
  return answer;
}

Result<Value::List> GetList(Api& api, const std::string& target, std::string_view key) {
  HOLDFAST_ASSIGN_OR_RETURN(Value answer, GetObject(api, target));
  Value::Map& object = answer.MutableMap();
  const auto list = object.find(key);
  if (list == object.end() || !list->second.is_list()) {
    return Corrupt(api.Place() + " answered with no list of " + std::string(key))
        .Hint("is that the address of Mistral?");
  }
  return std::move(list->second.MutableList());
}

std::string TimeOf(const Value& object, std::string_view key) {
  constexpr std::size_t kWholeSeconds = 19;
  constexpr std::size_t kBetween = 10;
  const std::string text = object.StringOr(key, "");
  if (text.size() < kWholeSeconds) return {};
  return text.substr(0, kBetween) + "T" + text.substr(kBetween + 1, kWholeSeconds - kBetween - 1) +
         "Z";
}

Value MapAt(const Value& object, std::string_view key) {
  const Value* const found = object.Find(key);
  if (found != nullptr && found->is_map()) return *found;
  if (found == nullptr || !found->is_string()) return Value(Value::Map{});
  auto parsed = ParseJson(found->AsString(), key);
  return parsed && parsed->is_map() ? std::move(*parsed) : Value(Value::Map{});
}

}  // namespace holdfast::engines::mistral
