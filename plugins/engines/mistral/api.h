#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/net/http_client.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::mistral {

// One request; `target` stands behind the API's /v2: "/executions/ID".
struct Call {
  net::HttpMethod method = net::HttpMethod::kGet;
  std::string target;
  std::string body;  // empty: none
  std::string_view content_type = "application/json";
  // May it be sent again although the first one may have been carried out? nullopt: GET, PUT and DELETE may. False, also of
  // these, for who tries again in a way of its own.
  std::optional<bool> repeatable;
};

struct Answer {
  Value body;                    // null where there is none
  std::optional<WallTime> date;  // the server's clock, to the second
};

// The REST API of OpenStack Mistral, version 2 (https://docs.openstack.org/mistral/latest/user/rest_api_v2.html), as
// somebody whom the environment names: OS_MISTRAL_URL without Keystone, or OS_AUTH_URL and its like.
//
// A call has a deadline, is tried again where it may be, and has these errors, with what Mistral says: kDenied (401,
// 403, a certificate), kNotFound, kConflict (exists already), kInvalidInput (refused; or no Mistral is there), kUnavailable.
// No error holds a password or a token. One thread.
class Api {
 public:
  virtual ~Api() = default;
  // For people: "Mistral at http://127.0.0.1:8989".
  virtual std::string Place() const = 0;
  virtual Result<Answer> Send(const Call& call) = 0;
};

// None of the pointers is owned; all outlive the API.
struct ApiParts {
  const Clock* clock = nullptr;
  Logger* log = nullptr;                       // may be nullptr
  const Cancellation* cancellation = nullptr;  // may be nullptr
  // A definition of 200 tasks takes Mistral half a minute (0.145 s a task, measured).
  std::chrono::milliseconds call_deadline{180'000};
};

// How a program opens the module that holds the client (module.cc).
using OpenApi = void (*)(const ApiParts& parts, Result<std::unique_ptr<Api>>& api);
inline constexpr const char* kOpenApiSymbol = "holdfast_mistral_open";
inline constexpr const char* kApiModule = "engine_mistral";

}  // namespace holdfast::engines::mistral
