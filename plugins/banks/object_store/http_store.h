#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/banks/object_store/object_store.h"
#include "plugins/net/http_client.h"
#include "plugins/sdk/result.h"

namespace holdfast::banks {

inline constexpr int kForbidden = 403;
inline constexpr int kNotFoundStatus = 404;
inline constexpr int kConflictStatus = 409;
inline constexpr int kPreconditionFailed = 412;
inline constexpr int kTooLarge = 413;
inline constexpr int kRangeNotSatisfiable = 416;
inline constexpr int kNotImplemented = 501;

net::HttpRequest Request(net::HttpMethod method, std::string url);

// Of bytes in memory, made where nobody knows it yet.
Md5::Digest Md5Of(const StoreBody& body);

// What the stores of Swift and S3 do alike: each object has a URL of its own below one, and is asked for with HEAD and GET.
// Thread-safe as far as what is derived from it is.
class HttpStore : public ObjectStore {
 public:
  // Of Swift the URL has the account, too: two of them may have containers of one name.
  std::string Place() const override { return url_; }
  Result<StoredObject> Stat(const std::string& name, SteadyTime deadline) override;
  Result<StoredObject> Get(const std::string& name, std::uint64_t offset, std::uint64_t length,
                           std::string_view etag, ByteSink& sink, SteadyTime deadline) override;

 protected:
  // `url`: of the container or bucket; `origin` is what errors show of the server.
  HttpStore(std::shared_ptr<net::HttpClient> client, std::string url, std::string origin,
            std::chrono::milliseconds longest_silence);

  // What is small, and has an answer that is.
  Result<net::HttpResponse> Send(const net::HttpRequest& request, SteadyTime deadline) {
    return client_->Send(request, deadline);
  }
  // Sends bytes that the server checks; what it finds damaged is sent again, some times.
  Result<net::HttpResponse> SendChecked(
      net::HttpRequest& request, std::string_view bytes,
      const std::function<bool(const net::HttpResponse&)>& is_damaged, SteadyTime deadline);

  std::string UrlOf(std::string_view name) const;
  const std::string& base_url() const { return url_; }
  const std::string& origin() const { return origin_; }

  // Where a server keeps several copies of an object, of which one may be older than the others for a while: has it give
  // the newest one.
  virtual void AskForNewest(net::HttpRequest& /*request*/) const {}
  virtual StoredObject ObjectOf(const std::string& name,
                                const net::HttpResponse& response) const = 0;
  // What a refusal says.
  virtual Error Failure(const net::HttpResponse& response, std::string_view doing) const = 0;
  // The same, to who has asked for an object.
  virtual Error FailureOf(const std::string& name, const net::HttpResponse& response) const;

 private:
  const std::shared_ptr<net::HttpClient> client_;
  const std::string url_;
  const std::string origin_;
  const std::chrono::milliseconds longest_silence_;
};

}  // namespace holdfast::banks
