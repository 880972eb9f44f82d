#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/net/http_client.h"
#include "plugins/net/url.h"

namespace holdfast::testing {

// In the place of a client and the server behind it: what a test says is the answer, and all requests are kept. One thread.
class ScriptedServer final : public net::HttpClient {
 public:
  using Serve = std::function<Result<net::HttpResponse>(const net::HttpRequest&)>;
  struct Seen {
    net::HttpMethod method = net::HttpMethod::kGet;
    std::string target;  // path and query
    net::HttpHeaders headers;
    std::string body;
    std::string body_sha256 = {};
  };

  explicit ScriptedServer(Serve serve) : serve_(std::move(serve)) {}
  Result<net::HttpResponse> Send(const net::HttpRequest& request, SteadyTime) override {
    seen.push_back({request.method, TargetOf(request), request.headers, std::string(request.body),
                    request.body_sha256});
    auto response = serve_(request);
    if (response && request.sink != nullptr && response->ok()) {
      if (Status taken = request.sink->Write(AsBytes(response->body)); !taken) return taken.error();
      response->body.clear();
    }
    return response;
  }
  static std::string TargetOf(const net::HttpRequest& request) {
    return net::ParseUrl(request.url)->target;
  }

  // "PUT /a", "DELETE /b", ...
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const Seen& each : seen)
      out.push_back(std::string(NameOf(each.method)) + " " + each.target);
    return out;
  }
  std::vector<Seen> seen;

 private:
  Serve serve_;
};

// Bytes that come in small pieces, and cannot begin anew.
class PieceSource final : public ByteSource {
 public:
  explicit PieceSource(std::string_view bytes) : rest_(bytes) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    const std::size_t count = std::min({buffer.size(), rest_.size(), std::size_t{70'001}});
    std::copy_n(AsBytes(rest_).begin(), count, buffer.begin());
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

}  // namespace holdfast::testing
