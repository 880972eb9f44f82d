#include "plugins/banks/object_store/http_store.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/banks/object_store/http_answer.h"
#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks {

namespace {

constexpr int kTriesOfDamaged = 3;

}  // namespace

net::HttpRequest Request(net::HttpMethod method, std::string url) {
  net::HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  return request;
}

Md5::Digest Md5Of(const StoreBody& body) {
  return body.hashes.md5 ? *body.hashes.md5 : Md5::Of(body.bytes);
}

HttpStore::HttpStore(std::shared_ptr<net::HttpClient> client, std::string url, std::string origin,
                     std::chrono::milliseconds longest_silence)
    : client_(std::move(client)),
      url_(std::move(url)),
      origin_(std::move(origin)),
      longest_silence_(longest_silence) {}

std::string HttpStore::UrlOf(std::string_view name) const {
  std::string url = url_;
  for (const std::string_view part : Split(name, '/')) url += "/" + net::PercentEncoded(part);
  return url;
}

Result<StoredObject> HttpStore::Stat(const std::string& name, SteadyTime deadline) {
  net::HttpRequest request = Request(net::HttpMethod::kHead, UrlOf(name));
  AskForNewest(request);
  HOLDFAST_ASSIGN_OR_RETURN(const net::HttpResponse response, Send(request, deadline));
  if (!response.ok()) return FailureOf(name, response);
  return ObjectOf(name, response);
}

Result<StoredObject> HttpStore::Get(const std::string& name, std::uint64_t offset,
                                    std::uint64_t length, std::string_view etag, ByteSink& sink,
                                    SteadyTime deadline) {
  net::HttpRequest request = Request(net::HttpMethod::kGet, UrlOf(name));
  request.sink = &sink;
  request.longest_silence = longest_silence_;
  AskForRange(request, offset, length);
  if (!etag.empty())
    request.headers["If-Match"] = fmt::format("\"{}\"", etag);
  else if (!sink.ChecksBytes())
    AskForNewest(request);
  HOLDFAST_ASSIGN_OR_RETURN(const net::HttpResponse response, Send(request, deadline));
  if (response.status == kRangeNotSatisfiable)
    return InvalidInput(fmt::format("the object '{}' has no byte {}", name, offset));
  if (!response.ok()) return FailureOf(name, response);
  StoredObject object = ObjectOf(name, response);
  HOLDFAST_ASSIGN_OR_RETURN(object.size, WholeSizeOf(response, offset, length, origin_));
  return object;
}

Result<net::HttpResponse> HttpStore::SendChecked(
    net::HttpRequest& request, std::string_view bytes,
    const std::function<bool(const net::HttpResponse&)>& is_damaged, SteadyTime deadline) {
  request.longest_silence = longest_silence_;
  request.body = bytes;
  for (int tries = 1;; ++tries) {
    HOLDFAST_ASSIGN_OR_RETURN(net::HttpResponse response, Send(request, deadline));
    if (response.ok() || !is_damaged(response) || tries == kTriesOfDamaged) return response;
  }
}

Error HttpStore::FailureOf(const std::string& name, const net::HttpResponse& response) const {
  if (response.status == kNotFoundStatus)
    return NotFound(fmt::format("there is no object '{}' in the bank", name));
  if (response.status == kPreconditionFailed)
    return {ErrorCode::kConflict, fmt::format("the object '{}' is another one by now", name)};
  return Failure(response, "asking for an object");
}

}  // namespace holdfast::banks
