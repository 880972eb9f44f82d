#pragma once

#include <string_view>

#include "plugins/net/http_client.h"
#include "plugins/sdk/error.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::net {

// What a status that is no success means to a caller of a REST API: kDenied (401, 403, 407), kNotFound,
// kConflict (409), kUnavailable (408, 429, 500 and above: the same call may succeed later), else kInvalidInput.
ErrorCode CodeOfStatus(int status);

// The JSON of a response; kCorrupt, naming the server (`origin`), where its body is none.
Result<Value> JsonOf(const HttpResponse& response, std::string_view origin);

}  // namespace holdfast::net
