#include "plugins/banks/swift/swift_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "plugins/banks/object_store/hashed_source.h"
#include "plugins/net/json_answer.h"
#include "plugins/net/url.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks::swift {

namespace {

using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;

constexpr int kNotFoundStatus = 404;
constexpr int kConflictStatus = 409;
constexpr int kPreconditionFailed = 412;
constexpr int kRangeNotSatisfiable = 416;
constexpr int kUnprocessable = 422;
constexpr int kInsufficientStorage = 507;
constexpr int kPartialContent = 206;
// What no cluster refuses for its size.
constexpr std::uint64_t kSurelyTaken = std::uint64_t{1} << 20U;
// The default of Swift's max_file_size, which a cluster that does not show its limits has.
constexpr std::uint64_t kUsualLimit = 5'368'709'122;
constexpr std::uint64_t kMostParts = 1000;
constexpr int kTriesOfDamaged = 3;
constexpr const char* kWriterHeader = "X-Object-Meta-Holdfast-Writer";
// Of a container: large objects are in it, so that whoever deletes one looks.
constexpr const char* kLargeHeader = "X-Container-Meta-Holdfast-Large";

HttpRequest Request(HttpMethod method, std::string url) {
  HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  return request;
}

std::string HeaderOf(const HttpResponse& response, const char* name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() ? "" : found->second;
}

std::uint64_t NumberOf(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool IsLarge(const HttpResponse& response) {
  return Lowered(HeaderOf(response, "X-Static-Large-Object")) == "true";
}

std::string Unquoted(std::string text) {
  std::erase(text, '"');
  return text;
}

StoredObject ObjectOf(const std::string& name, const HttpResponse& response) {
  StoredObject object;
  object.name = name;
  object.size = NumberOf(HeaderOf(response, "Content-Length"));
  object.etag = Unquoted(HeaderOf(response, "Etag"));
  if (!IsLarge(response)) object.md5 = object.etag;
  object.writer = HeaderOf(response, kWriterHeader);
  if (const auto written = net::ParseHttpDate(HeaderOf(response, "Last-Modified")))
    object.written = *written;
  return object;
}

// "2026-11-29T04:22:34.123450", UTC.
WallTime TimeOf(std::string_view text) {
  constexpr std::size_t kWithMilliseconds = 23;
  const auto time = ParseTime(std::string(text.substr(0, kWithMilliseconds)) + "Z");
  return time ? *time : WallTime();
}

class SwiftStore final : public ObjectStore {
 public:
  SwiftStore(std::shared_ptr<net::HttpClient> client, Container container, Transfer transfer)
      : client_(std::move(client)),
        container_(std::move(container)),
        url_(container_.storage_url + "/" + net::PercentEncoded(container_.name)),
        transfer_(transfer) {
    if (const auto url = net::ParseUrl(container_.storage_url)) origin_ = url->Origin();
  }

  Status Open(BankUse use, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                              Send(Request(HttpMethod::kHead, url_), deadline));
    large_ = !HeaderOf(there, kLargeHeader).empty();
    if (there.ok()) return Ok();
    if (there.status != kNotFoundStatus) return Failure(there, "looking at its container");
    if (use == BankUse::kRead) return NotFound(fmt::format("there is no {} yet", Describe()));
    HttpRequest make = Request(HttpMethod::kPut, url_);
    if (!container_.storage_policy.empty())
      make.headers["X-Storage-Policy"] = container_.storage_policy;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse made, Send(make, deadline));
    if (made.ok()) return Ok();
    return Failure(made, "making its container");
  }

  Status Put(const std::string& name, const StoreBody& body, std::string_view writer,
             Precondition precondition, SteadyTime deadline) override {
    HttpRequest request = Request(HttpMethod::kPut, UrlOf(name));
    request.headers["Content-Type"] = "application/octet-stream";
    request.headers[kWriterHeader] = std::string(writer);
    if (precondition == Precondition::kAbsent) request.headers["If-None-Match"] = "*";
    if (body.size > kSurelyTaken && body.size > MostAtOnce(deadline))
      return PutLarge(name, body, writer, std::move(request), deadline);
    HOLDFAST_ASSIGN_OR_RETURN(const std::string md5, SendBody(request, body, false, deadline));
    return Ok();
  }

  Result<StoredObject> Stat(const std::string& name, SteadyTime deadline) override {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              Send(Request(HttpMethod::kHead, UrlOf(name)), deadline));
    if (!response.ok()) return FailureOf(name, response);
    return ObjectOf(name, response);
  }

  Result<StoredObject> Get(const std::string& name, std::uint64_t offset, std::uint64_t length,
                           std::string_view etag, ByteSink& sink, SteadyTime deadline) override {
    HttpRequest request = Request(HttpMethod::kGet, UrlOf(name));
    request.sink = &sink;
    request.longest_silence = transfer_.longest_silence;
    const bool ranged = offset != 0 || length != Bank::kWhole;
    if (ranged) {
      request.headers["Range"] = length == Bank::kWhole
                                     ? fmt::format("bytes={}-", offset)
                                     : fmt::format("bytes={}-{}", offset, offset + length - 1);
    }
    if (!etag.empty()) request.headers["If-Match"] = std::string(etag);
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
    if (response.status == kRangeNotSatisfiable)
      return InvalidInput(fmt::format("the object '{}' has no byte {}", name, offset));
    if (!response.ok()) return FailureOf(name, response);
    if (ranged && response.status != kPartialContent)
      return Corrupt(fmt::format("{} gave all of '{}' where a part was asked for", origin_, name));
    return ObjectOf(name, response);
  }

  Result<std::vector<StoredObject>> List(const std::string& prefix, const std::string& marker,
                                         std::size_t limit, ListDirection direction,
                                         SteadyTime deadline) override {
    std::string url = fmt::format("{}?format=json&limit={}", url_, limit);
    if (!prefix.empty()) url += "&prefix=" + net::PercentEncoded(prefix);
    if (!marker.empty()) url += "&marker=" + net::PercentEncoded(marker);
    if (direction == ListDirection::kDescending) url += "&reverse=true";
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              Send(Request(HttpMethod::kGet, url), deadline));
    if (!response.ok()) return Failure(response, "listing it");
    HOLDFAST_ASSIGN_OR_RETURN(const Value list, net::JsonOf(response, origin_));
    if (!list.is_list()) return Corrupt(origin_ + " gave a listing that is none");
    std::vector<StoredObject> found;
    found.reserve(list.AsList().size());
    for (const Value& entry : list.AsList()) {
      if (!entry.is_map()) continue;
      StoredObject object;
      object.name = entry.StringOr("name", "");
      object.size = static_cast<std::uint64_t>(std::max<std::int64_t>(entry.IntOr("bytes", 0), 0));
      object.written = TimeOf(entry.StringOr("last_modified", ""));
      if (!object.name.empty()) found.push_back(std::move(object));
    }
    return found;
  }

  Status Delete(const std::string& name, SteadyTime deadline) override {
    if (large_) {
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                                Send(Request(HttpMethod::kHead, UrlOf(name)), deadline));
      if (!there.ok()) return FailureOf(name, there);
      if (IsLarge(there)) return DeleteLarge(name, deadline);
    }
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              Send(Request(HttpMethod::kDelete, UrlOf(name)), deadline));
    return response.ok() ? Ok() : Status(FailureOf(name, response));
  }

  std::string Describe() const override {
    return fmt::format("Swift container {} at {}", container_.name, origin_);
  }

 private:
  std::string UrlOf(std::string_view name) const {
    std::string url = url_;
    for (const std::string_view part : Split(name, '/')) url += "/" + net::PercentEncoded(part);
    return url;
  }

  // Of what is small.
  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) {
    return client_->Send(request, deadline);
  }

  // Sends the body and has the server check it; the MD5 that it has.
  Result<std::string> SendBody(HttpRequest& request, const StoreBody& body, bool part,
                               SteadyTime deadline) {
    request.longest_silence = transfer_.longest_silence;
    if (body.source != nullptr) return SendSource(request, body, part, deadline);
    request.body = body.bytes;
    const std::string md5 = Md5Hex(body.bytes);
    request.headers["ETag"] = md5;
    for (int tries = 1;; ++tries) {
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
      if (response.status == kUnprocessable && tries < kTriesOfDamaged) continue;
      if (!response.ok()) return StoringFailed(response);
      const std::string stored = Unquoted(HeaderOf(response, "Etag"));
      if (!stored.empty() && stored != md5)
        return Corrupt(fmt::format("{} has stored other bytes than were sent to it", origin_));
      return md5;
    }
  }

  Result<std::string> SendSource(HttpRequest& request, const StoreBody& body, bool part,
                                 SteadyTime deadline) {
    HashedSource source(*body.source, body.size);
    if (part) source.Limit();
    request.source = &source;
    request.source_size = body.size;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
    if (!response.ok()) return StoringFailed(response);
    const std::string md5 = source.Md5Hex();
    if (Unquoted(HeaderOf(response, "Etag")) == md5) return md5;
    const auto gone = client_->Send(Request(HttpMethod::kDelete, request.url), deadline);
    return Corrupt(fmt::format("{} has stored other bytes than were sent to it{}", origin_,
                               gone && gone->ok() ? "" : ", and they are still there"));
  }

  Error StoringFailed(const HttpResponse& response) const {
    if (response.status == kUnprocessable)
      return Corrupt(fmt::format("bytes are changed on their way to {}", origin_));
    return Failure(response, "storing an object");
  }

  // The largest object that the cluster takes; asked once.
  std::uint64_t MostAtOnce(SteadyTime deadline) {
    const std::lock_guard lock(mutex_);
    if (most_) return *most_;
    const auto answer = client_->Send(Request(HttpMethod::kGet, origin_ + "/info"), deadline);
    if (!answer) return kUsualLimit;
    std::uint64_t most = kUsualLimit;
    if (answer->ok()) {
      if (const auto info = net::JsonOf(*answer, origin_); info && info->is_map()) {
        const Value* const swift = info->Find("swift");
        const std::int64_t said =
            swift != nullptr && swift->is_map() ? swift->IntOr("max_file_size", 0) : 0;
        if (said > 0) most = static_cast<std::uint64_t>(said);
      }
    }
    most_ = most;
    return most;
  }

  Status PutLarge(const std::string& name, const StoreBody& body, std::string_view writer,
                  HttpRequest request, SteadyTime deadline) {
    HOLDFAST_RETURN_IF_ERROR(NoteLarge(deadline));
    const std::uint64_t most = MostAtOnce(deadline);
    if ((body.size + most - 1) / most > kMostParts)
      return InvalidInput(
          fmt::format("{} bytes are more than {} parts of {}", body.size, kMostParts, most));
    Value::List parts;
    std::vector<std::string> names;
    Status sent = Ok();
    for (std::uint64_t at = 0; at < body.size && sent; at += most) {
      StoreBody part{{}, body.source, std::min(most, body.size - at)};
      if (body.source == nullptr) part.bytes = body.bytes.substr(at, part.size);
      names.push_back(fmt::format("~parts/{}/{}/{:06}", name, writer, names.size() + 1));
      HttpRequest one = Request(HttpMethod::kPut, UrlOf(names.back()));
      const auto md5 = SendBody(one, part, true, deadline);
      if (!md5) {
        sent = md5.error();
        break;
      }
      parts.push_back(Value()
                          .Set("path", "/" + container_.name + "/" + names.back())
                          .Set("etag", *md5)
                          .Set("size_bytes", static_cast<std::int64_t>(part.size)));
    }
    if (sent) sent = CheckSourceEnds(body);
    if (sent) {
      request.url += "?multipart-manifest=put";
      HOLDFAST_ASSIGN_OR_RETURN(const std::string manifest, DumpJson(Value(std::move(parts))));
      request.body = manifest;
      const auto response = client_->Send(request, deadline);
      if (response && response->ok()) return Ok();
      sent = response ? Status(StoringFailed(*response)) : Status(response.error());
      // Of what is not known to have failed the parts may be in use.
      if (!response) return sent;
    }
    for (const std::string& part : names)
      std::ignore = client_->Send(Request(HttpMethod::kDelete, UrlOf(part)), deadline);
    return sent;
  }

  Status NoteLarge(SteadyTime deadline) {
    if (large_) return Ok();
    HttpRequest note = Request(HttpMethod::kPost, url_);
    note.headers[kLargeHeader] = "true";
    note.repeatable = true;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse noted, Send(note, deadline));
    if (!noted.ok()) return Failure(noted, "noting that it has large objects");
    large_ = true;
    return Ok();
  }

  Status DeleteLarge(const std::string& name, SteadyTime deadline) {
    HttpRequest request = Request(HttpMethod::kDelete, UrlOf(name) + "?multipart-manifest=delete");
    request.headers["Accept"] = "application/json";
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, Send(request, deadline));
    if (!response.ok()) return FailureOf(name, response);
    HOLDFAST_ASSIGN_OR_RETURN(const Value said, net::JsonOf(response, origin_));
    const Value* const errors = said.Find("Errors");
    if (errors == nullptr || !errors->is_list() || errors->AsList().empty()) return Ok();
    return Unavailable(fmt::format("{} could not delete all parts of '{}'", origin_, name));
  }

  // Of an object.
  Error FailureOf(const std::string& name, const HttpResponse& response) const {
    if (response.status == kNotFoundStatus)
      return NotFound(fmt::format("there is no object '{}' in the bank", name));
    if (response.status == kPreconditionFailed)
      return {ErrorCode::kConflict, fmt::format("the object '{}' is another one by now", name)};
    return Failure(response, "asking for an object");
  }

  Error Failure(const HttpResponse& response, std::string_view doing) const {
    const std::string what = fmt::format("{}: {} answered {}", doing, origin_, response.status);
    switch (response.status) {
      case kPreconditionFailed:
        return {ErrorCode::kConflict, what};
      case kInsufficientStorage:
        return Error(ErrorCode::kDenied, what).Hint("the cluster is full");
      case kConflictStatus:
        return Error(ErrorCode::kInvalidInput, what)
            .Hint("a container has the storage policy that it was made with");
      case kNotFoundStatus:
        return NotFound(what).Hint("the container is gone: " + container_.name);
      default:
        return {net::CodeOfStatus(response.status), what};
    }
  }

  const std::shared_ptr<net::HttpClient> client_;
  const Container container_;
  const std::string url_;
  const Transfer transfer_;
  std::string origin_;
  std::atomic<bool> large_{false};
  std::mutex mutex_;
  std::optional<std::uint64_t> most_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenSwiftStore(std::shared_ptr<net::HttpClient> client,
                                                    Container container, Transfer transfer,
                                                    BankUse use, SteadyTime deadline) {
  auto store = std::make_unique<SwiftStore>(std::move(client), std::move(container), transfer);
  HOLDFAST_RETURN_IF_ERROR(store->Open(use, deadline));
  return store;
}

}  // namespace holdfast::banks::swift
