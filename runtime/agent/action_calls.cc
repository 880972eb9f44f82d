#include "runtime/agent/action_calls.h"

namespace holdfast::agent {

using engines::mistral::Answer;
using engines::mistral::Api;
using engines::mistral::Call;

Result<Answer> GetOnce(Api& api, std::string target) {
  Call call;
  call.target = std::move(target);
  call.repeatable = false;
  return api.Send(call);
}

Result<Answer> PutOnce(Api& api, std::string target, std::string body) {
  Call call;
  call.method = net::HttpMethod::kPut;
  call.target = std::move(target);
  call.body = std::move(body);
  call.repeatable = false;
  return api.Send(call);
}

bool Answers(Api& api) {
  const auto list = GetOnce(api, "/action_executions?limit=1&fields=id");
  return list && list->body.is_map() && list->body.Find("action_executions") != nullptr;
}

}  // namespace holdfast::agent
