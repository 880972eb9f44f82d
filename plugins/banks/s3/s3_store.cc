#include "plugins/banks/s3/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>
#include <utility>

#include "plugins/banks/object_store/hashed_source.h"
#include "plugins/banks/s3/s3_answers.h"
#include "plugins/net/json_answer.h"
#include "plugins/net/url.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks::s3 {

namespace {

using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;

constexpr int kForbidden = 403;
constexpr int kNotFoundStatus = 404;
constexpr int kConflictStatus = 409;
constexpr int kPreconditionFailed = 412;
constexpr int kRangeNotSatisfiable = 416;
constexpr int kPartialContent = 206;
constexpr std::size_t kMostListed = 1000;
constexpr std::uint64_t kMostParts = 10'000;
constexpr int kTriesOfDamaged = 3;
constexpr const char* kWriterHeader = "x-amz-meta-holdfast-writer";
// An ETag is the MD5 of an object's bytes with some kinds of encryption, and with others it is not.
constexpr const char* kMd5Header = "x-amz-meta-holdfast-md5";

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

std::string EtagOf(const HttpResponse& response) {
  std::string etag = HeaderOf(response, "ETag");
  std::erase(etag, '"');
  return etag;
}

StoredObject ObjectOf(const std::string& name, const HttpResponse& response) {
  StoredObject object;
  object.name = name;
  const std::string size = HeaderOf(response, "Content-Length");
  std::from_chars(size.data(), size.data() + size.size(), object.size);
  object.etag = EtagOf(response);
  object.md5 = HeaderOf(response, kMd5Header);
  object.writer = HeaderOf(response, kWriterHeader);
  if (const auto written = net::ParseHttpDate(HeaderOf(response, "Last-Modified")))
    object.written = *written;
  return object;
}

class S3Store final : public ObjectStore {
 public:
  S3Store(std::shared_ptr<net::HttpClient> client, Bucket bucket, const net::Url& endpoint)
      : client_(std::move(client)), bucket_(std::move(bucket)), origin_(endpoint.Origin()) {
    std::string base = bucket_.endpoint;
    while (base.ends_with('/')) base.pop_back();
    url_ = base + "/" + bucket_.name;
    if (!bucket_.path_style) {
      const std::size_t host = base.find("://") + 3;
      url_ = base.substr(0, host) + bucket_.name + "." + base.substr(host);
    }
  }

  Status Open(BankUse use, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                              client_->Send(Request(HttpMethod::kHead, url_ + "/"), deadline));
    if (there.ok()) return Ok();
    if (there.status != kNotFoundStatus) return Failure(there, "looking at its bucket");
    if (use == BankUse::kRead) return NotFound(fmt::format("there is no {} yet", Describe()));
    HttpRequest make = Request(HttpMethod::kPut, url_ + "/");
    const std::string where = "<CreateBucketConfiguration><LocationConstraint>" + bucket_.region +
                              "</LocationConstraint></CreateBucketConfiguration>";
    // The one region of which AWS does not take its name.
    if (bucket_.region != "us-east-1") make.body = where;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse made, client_->Send(make, deadline));
    if (made.ok() || made.status == kConflictStatus) return Ok();
    return Failure(made, "making its bucket");
  }

  Status Put(const std::string& name, const StoreBody& body, std::string_view writer,
             Precondition precondition, SteadyTime deadline) override {
    const bool absent = precondition == Precondition::kAbsent;
    if (absent && !bucket_.conditional_put) {
      // As near as such a server gets. (Who has written it, the caller asks.)
      const auto there = Stat(name, deadline);
      if (there) return Exists(name);
      if (there.error().code() != ErrorCode::kNotFound) return there.error();
    }
    if (body.size > bucket_.part_size) return PutLarge(name, body, writer, absent, deadline);
    HttpRequest request = Request(HttpMethod::kPut, UrlOf(name));
    request.headers["Content-Type"] = "application/octet-stream";
    request.headers[kWriterHeader] = std::string(writer);
    if (absent && bucket_.conditional_put) request.headers["If-None-Match"] = "*";
    if (body.source == nullptr) request.headers[kMd5Header] = Md5Hex(body.bytes);
    HOLDFAST_ASSIGN_OR_RETURN(const std::string etag, SendBody(request, body, false, deadline));
    return Ok();
  }

  Result<StoredObject> Stat(const std::string& name, SteadyTime deadline) override {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              client_->Send(Request(HttpMethod::kHead, UrlOf(name)), deadline));
    if (!response.ok()) return FailureOf(name, response);
    return ObjectOf(name, response);
  }

  Result<StoredObject> Get(const std::string& name, std::uint64_t offset, std::uint64_t length,
                           std::string_view etag, ByteSink& sink, SteadyTime deadline) override {
    HttpRequest request = Request(HttpMethod::kGet, UrlOf(name));
    request.sink = &sink;
    request.longest_silence = bucket_.longest_silence;
    const bool ranged = offset != 0 || length != Bank::kWhole;
    if (ranged) {
      request.headers["Range"] = length == Bank::kWhole
                                     ? fmt::format("bytes={}-", offset)
                                     : fmt::format("bytes={}-{}", offset, offset + length - 1);
    }
    if (!etag.empty()) request.headers["If-Match"] = fmt::format("\"{}\"", etag);
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
    if (direction == ListDirection::kDescending)
      return ListBackwards(prefix, marker, limit, deadline);
    HOLDFAST_ASSIGN_OR_RETURN(ListPage page, Page(prefix, marker, "", limit, deadline));
    return std::move(page.objects);
  }

  Status Delete(const std::string& name, SteadyTime deadline) override {
    // To delete what is not there is success to S3.
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject there, Stat(name, deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              client_->Send(Request(HttpMethod::kDelete, UrlOf(name)), deadline));
    return response.ok() ? Ok() : Status(FailureOf(name, response));
  }

  std::string Describe() const override {
    return fmt::format("S3 bucket {} at {}", bucket_.name, origin_);
  }

 private:
  std::string UrlOf(std::string_view name) const {
    std::string url = url_;
    for (const std::string_view part : Split(name, '/')) url += "/" + net::PercentEncoded(part);
    return url;
  }

  // The ETag of what the server has stored.
  Result<std::string> SendBody(HttpRequest& request, const StoreBody& body, bool part,
                               SteadyTime deadline) {
    request.longest_silence = bucket_.longest_silence;
    if (body.source != nullptr) return SendSource(request, body, part, deadline);
    request.body = body.bytes;
    HOLDFAST_ASSIGN_OR_RETURN(const std::string digest, DigestOf(body.bytes));
    request.headers["Content-MD5"] = digest;
    for (int tries = 1;; ++tries) {
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
      if (response.ok()) return EtagOf(response);
      const bool damaged = ParseS3Error(response.body).code == "BadDigest";
      if (damaged && tries < kTriesOfDamaged) continue;
      if (damaged) return Corrupt("bytes are changed on their way to " + origin_);
      return Failure(response, "storing an object");
    }
  }

  static Result<std::string> DigestOf(std::string_view bytes) {
    Md5 md5;
    md5.Update(AsBytes(bytes));
    return ToBase64(AsText(md5.Finish()));
  }

  Result<std::string> SendSource(HttpRequest& request, const StoreBody& body, bool part,
                                 SteadyTime deadline) {
    HashedSource source(*body.source, body.size);
    if (part) source.Limit();
    request.source = &source;
    request.source_size = body.size;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
    if (!response.ok()) return Failure(response, "storing an object");
    const std::string etag = EtagOf(response);
    const bool encrypted = !HeaderOf(response, "x-amz-server-side-encryption").empty();
    if (encrypted || etag == source.Md5Hex()) return etag;
    std::ignore = client_->Send(Request(HttpMethod::kDelete, request.url), deadline);
    return Corrupt(origin_ + " has stored other bytes than were sent to it");
  }

  Status PutLarge(const std::string& name, const StoreBody& body, std::string_view writer,
                  bool absent, SteadyTime deadline) {
    const std::uint64_t most = bucket_.part_size;
    if ((body.size + most - 1) / most > kMostParts)
      return InvalidInput(
                 fmt::format("{} bytes are more than {} parts of {}", body.size, kMostParts, most))
          .Hint("a larger part_size");
    const std::string url = UrlOf(name);
    HttpRequest begin = Request(HttpMethod::kPost, url + "?uploads=");
    begin.headers["Content-Type"] = "application/octet-stream";
    begin.headers[kWriterHeader] = std::string(writer);
    // One that was begun twice leaves an upload behind, which gc finds.
    begin.repeatable = true;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse begun, client_->Send(begin, deadline));
    if (!begun.ok()) return Failure(begun, "beginning an upload");
    HOLDFAST_ASSIGN_OR_RETURN(const std::string id, ParseUploadId(begun.body));
    const std::string of_upload = "uploadId=" + net::PercentEncoded(id);
    Status done = SendParts(url, of_upload, body, absent, deadline);
    if (done || done.error().code() == ErrorCode::kUnavailable) return done;
    std::ignore = client_->Send(Request(HttpMethod::kDelete, url + "?" + of_upload), deadline);
    return done;
  }

  Status SendParts(const std::string& url, const std::string& of_upload, const StoreBody& body,
                   bool absent, SteadyTime deadline) {
    std::vector<std::string> etags;
    for (std::uint64_t at = 0; at < body.size; at += bucket_.part_size) {
      StoreBody part{{}, body.source, std::min(bucket_.part_size, body.size - at)};
      if (body.source == nullptr) part.bytes = body.bytes.substr(at, part.size);
      HttpRequest request = Request(
          HttpMethod::kPut, fmt::format("{}?partNumber={}&{}", url, etags.size() + 1, of_upload));
      HOLDFAST_ASSIGN_OR_RETURN(std::string etag, SendBody(request, part, true, deadline));
      etags.push_back(std::move(etag));
    }
    HOLDFAST_RETURN_IF_ERROR(CheckSourceEnds(body));
    const std::string list = CompleteUpload(etags);
    HttpRequest complete = Request(HttpMethod::kPost, url + "?" + of_upload);
    complete.headers["Content-Type"] = "application/xml";
    complete.body = list;
    if (absent && bucket_.conditional_put) complete.headers["If-None-Match"] = "*";
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse completed, client_->Send(complete, deadline));
    if (!completed.ok()) return Failure(completed, "completing an upload");
    // A server may say 200 before it knows better.
    const S3Error error = ParseS3Error(completed.body);
    if (error.code.empty()) return Ok();
    return Unavailable(
        fmt::format("completing an upload: {} answered {}", origin_, Printable(error.code)));
  }

  Result<ListPage> Page(const std::string& prefix, const std::string& after,
                        const std::string& token, std::size_t limit, SteadyTime deadline) {
    std::string query;
    if (!token.empty()) query += "continuation-token=" + net::PercentEncoded(token) + "&";
    query += "list-type=2";
    query += fmt::format("&max-keys={}", std::min(limit, kMostListed));
    if (!prefix.empty()) query += "&prefix=" + net::PercentEncoded(prefix);
    if (!after.empty() && token.empty()) query += "&start-after=" + net::PercentEncoded(after);
    HOLDFAST_ASSIGN_OR_RETURN(
        const HttpResponse response,
        client_->Send(Request(HttpMethod::kGet, url_ + "/?" + query), deadline));
    if (!response.ok()) return Failure(response, "listing it");
    return ParseListPage(response.body);
  }

  // S3 lists forwards alone: the last of all, of which no more than `limit` are kept.
  Result<std::vector<StoredObject>> ListBackwards(const std::string& prefix,
                                                  const std::string& marker, std::size_t limit,
                                                  SteadyTime deadline) {
    std::deque<StoredObject> last;
    std::string token;
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(ListPage page, Page(prefix, "", token, kMostListed, deadline));
      bool over = false;
      for (StoredObject& object : page.objects) {
        over = !marker.empty() && object.name >= marker;
        if (over) break;
        last.push_back(std::move(object));
        if (last.size() > limit) last.pop_front();
      }
      if (over || page.next.empty()) break;
      token = page.next;
    }
    return std::vector<StoredObject>(last.rbegin(), last.rend());
  }

  static Error Exists(const std::string& name) {
    return {ErrorCode::kConflict, fmt::format("the object '{}' exists already", name)};
  }

  Error FailureOf(const std::string& name, const HttpResponse& response) const {
    if (response.status == kNotFoundStatus)
      return NotFound(fmt::format("there is no object '{}' in the bank", name));
    if (response.status == kPreconditionFailed)
      return {ErrorCode::kConflict, fmt::format("the object '{}' is another one by now", name)};
    return Failure(response, "asking for an object");
  }

  Error Failure(const HttpResponse& response, std::string_view doing) const {
    const S3Error said = ParseS3Error(response.body);
    std::string what = fmt::format("{}: {} answered {}", doing, origin_, response.status);
    if (!said.code.empty()) what += " " + Printable(said.code);
    if (response.status == kPreconditionFailed || said.code == "ConditionalRequestConflict")
      return {ErrorCode::kConflict, what};
    if (said.code == "RequestTimeTooSkewed")
      return Error(ErrorCode::kDenied, what).Hint("the clock of this machine is wrong");
    if (said.code == "SlowDown" || said.code == "RequestTimeout" || said.code == "InternalError")
      return Unavailable(what);
    if (response.status == kForbidden)
      return Error(ErrorCode::kDenied, what)
          .Hint("the access key, its secret, its rights, or the region");
    return {net::CodeOfStatus(response.status), what};
  }

  const std::shared_ptr<net::HttpClient> client_;
  const Bucket bucket_;
  const std::string origin_;
  std::string url_;
};

}  // namespace

Result<std::unique_ptr<ObjectStore>> OpenS3Store(std::shared_ptr<net::HttpClient> client,
                                                 Bucket bucket, BankUse use, SteadyTime deadline) {
  HOLDFAST_ASSIGN_OR_RETURN(const net::Url endpoint, net::ParseUrl(bucket.endpoint));
  auto store = std::make_unique<S3Store>(std::move(client), std::move(bucket), endpoint);
  HOLDFAST_RETURN_IF_ERROR(store->Open(use, deadline));
  return store;
}

}  // namespace holdfast::banks::s3
