#include "plugins/net/json_answer.h"

#include <string>

#include "plugins/sdk/json.h"

namespace holdfast::net {

ErrorCode CodeOfStatus(int status) {
  if (status == 401 || status == 403 || status == 407) return ErrorCode::kDenied;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 409) return ErrorCode::kConflict;
  if (status == 408 || status == 429 || status >= 500) return ErrorCode::kUnavailable;
  return ErrorCode::kInvalidInput;
}

Result<Value> JsonOf(const HttpResponse& response, std::string_view origin) {
  auto value = ParseJson(response.body, std::string(origin));
  if (!value) return Corrupt(std::string(origin) + " answered with what is no JSON");
  return value;
}

}  // namespace holdfast::net
