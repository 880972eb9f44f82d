#include "plugins/banks/s3/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <optional>
#include <utility>

#include "plugins/banks/object_store/body_parts.h"
#include "plugins/banks/object_store/http_answer.h"
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
constexpr std::size_t kMostListed = 1000;
constexpr std::uint64_t kMostParts = 10'000;
constexpr int kTriesOfDamaged = 3;
constexpr std::size_t kMd5Digits = 32;
constexpr const char* kWriterHeader = "x-amz-meta-holdfast-writer";
// An ETag is the MD5 of an object's bytes with some kinds of encryption, and with others it is not.
constexpr const char* kMd5Header = "x-amz-meta-holdfast-md5";
// Of an object that was made of parts from a source, whose MD5 was not known when it was begun: how large they are. Its ETag
// is "<MD5 of the MD5s of its parts>-<number of parts>".
constexpr const char* kPartsHeader = "x-amz-meta-holdfast-parts";

HttpRequest Request(HttpMethod method, std::string url) {
  HttpRequest request;
  request.method = method;
  request.url = std::move(url);
  return request;
}

// With keys of another service they are not.
bool EtagsAreMd5(const HttpResponse& response) {
  const std::string encrypted = HeaderOf(response, "x-amz-server-side-encryption");
  return (encrypted.empty() || encrypted == "AES256") &&
         HeaderOf(response, "x-amz-server-side-encryption-customer-algorithm").empty();
}

StoredObject ObjectOf(const std::string& name, const HttpResponse& response) {
  StoredObject object;
  object.name = name;
  object.size = SizeOf(response);
  object.etag = EtagOf(response);
  object.md5 = HeaderOf(response, kMd5Header);
  const std::string parts = HeaderOf(response, kPartsHeader);
  const std::size_t dash = object.etag.find('-');
  if (!parts.empty() && dash == kMd5Digits && EtagsAreMd5(response)) {
    std::from_chars(parts.data(), parts.data() + parts.size(), object.md5_of_parts);
    if (object.md5_of_parts > 0) object.md5 = object.etag.substr(0, dash);
  }
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
    if (body.source != nullptr || body.size > bucket_.part_size)
      return PutLarge(name, body, writer, absent, deadline);
    HttpRequest request = Request(HttpMethod::kPut, UrlOf(name));
    request.headers["Content-Type"] = "application/octet-stream";
    request.headers[kWriterHeader] = std::string(writer);
    if (absent && bucket_.conditional_put) request.headers["If-None-Match"] = "*";
    request.headers[kMd5Header] = Md5Hex(body.bytes);
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              SendChecked(request, body.bytes, deadline));
    return response.ok() ? Ok() : Status(StoringFailed(response));
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
    AskForRange(request, offset, length);
    if (!etag.empty()) request.headers["If-Match"] = fmt::format("\"{}\"", etag);
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
    if (response.status == kRangeNotSatisfiable)
      return InvalidInput(fmt::format("the object '{}' has no byte {}", name, offset));
    if (!response.ok()) return FailureOf(name, response);
    StoredObject object = ObjectOf(name, response);
    HOLDFAST_ASSIGN_OR_RETURN(object.size, WholeSizeOf(response, offset, length, origin_));
    return object;
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

  // Sends bytes and has the server check them; what it finds damaged is sent again.
  Result<HttpResponse> SendChecked(HttpRequest& request, std::string_view bytes,
                                   SteadyTime deadline) {
    request.longest_silence = bucket_.longest_silence;
    request.body = bytes;
    // The bucket was there: servers that come back may not see it at once. (But an upload that is not known is not.)
    if (request.method == HttpMethod::kPut && request.url.find("uploadId=") == std::string::npos)
      request.passing_status = kNotFoundStatus;
    Md5 md5;
    md5.Update(AsBytes(bytes));
    request.headers["Content-MD5"] = ToBase64(AsText(md5.Finish()));
    for (int tries = 1;; ++tries) {
      HOLDFAST_ASSIGN_OR_RETURN(HttpResponse response, client_->Send(request, deadline));
      if (response.ok() || !IsDamaged(response) || tries == kTriesOfDamaged) return response;
    }
  }

  static bool IsDamaged(const HttpResponse& response) {
    const std::string code = ParseS3Error(response.body).code;
    return code == "BadDigest" || code == "XAmzContentSHA256Mismatch";
  }

  Error StoringFailed(const HttpResponse& response) const {
    if (IsDamaged(response)) return Corrupt("bytes are changed on their way to " + origin_);
    return Failure(response, "storing an object");
  }

  Status PutLarge(const std::string& name, const StoreBody& body, std::string_view writer,
                  bool absent, SteadyTime deadline) {
    std::uint64_t part_size = bucket_.part_size;
    if (body.source != nullptr) {
      HOLDFAST_ASSIGN_OR_RETURN(part_size, PartSizeOfSource(body.size, part_size, kMostParts));
    } else if ((body.size + part_size - 1) / part_size > kMostParts) {
      return InvalidInput(fmt::format("{} bytes are more than {} parts of {}", body.size,
                                      kMostParts, part_size))
          .Hint("a larger part_size");
    }
    const std::string url = UrlOf(name);
    HttpRequest begin = Request(HttpMethod::kPost, url + "?uploads=");
    begin.headers["Content-Type"] = "application/octet-stream";
    begin.headers[kWriterHeader] = std::string(writer);
    if (body.source == nullptr)
      begin.headers[kMd5Header] = Md5Hex(body.bytes);
    else
      begin.headers[kPartsHeader] = std::to_string(part_size);
    // One that was begun twice leaves an upload behind, of no parts.
    begin.repeatable = true;
    begin.passing_status = kNotFoundStatus;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse begun, client_->Send(begin, deadline));
    if (!begun.ok()) return Failure(begun, "beginning an upload");
    HOLDFAST_ASSIGN_OR_RETURN(const std::string id, ParseUploadId(begun.body));
    const std::string upload = url + "?uploadId=" + net::PercentEncoded(id);
    const auto etags = SendParts(url, id, body, part_size, deadline);
    Status done = etags ? Complete(upload, *etags, absent, deadline) : Status(etags.error());
    if (done) return done;
    if (etags) {
      // The first answer may have been lost: then there is no such upload any more, and the object.
      const auto there = Stat(name, deadline);
      if (there && there->writer == writer) return Ok();
      if (done.error().code() == ErrorCode::kUnavailable) return done;
    }
    std::ignore = client_->Send(Request(HttpMethod::kDelete, upload), deadline);
    return done;
  }

  Result<std::vector<std::string>> SendParts(const std::string& url, const std::string& id,
                                             const StoreBody& body, std::uint64_t part_size,
                                             SteadyTime deadline) {
    std::vector<std::string> etags;
    BodyParts parts(body, part_size);
    while (!parts.done()) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string_view part, parts.Next());
      HttpRequest request =
          Request(HttpMethod::kPut, fmt::format("{}?partNumber={}&uploadId={}", url,
                                                etags.size() + 1, net::PercentEncoded(id)));
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, SendChecked(request, part, deadline));
      if (!response.ok()) return StoringFailed(response);
      etags.push_back(EtagOf(response));
      if (EtagsAreMd5(response) && etags.back() != Md5Hex(part))
        return Corrupt(origin_ + " has stored other bytes than were sent to it");
    }
    return etags;
  }

  Status Complete(const std::string& upload, const std::vector<std::string>& etags, bool absent,
                  SteadyTime deadline) {
    const std::string list = CompleteUpload(etags);
    HttpRequest complete = Request(HttpMethod::kPost, upload);
    complete.headers["Content-Type"] = "application/xml";
    if (absent && bucket_.conditional_put) complete.headers["If-None-Match"] = "*";
    // Of one that was carried out the server knows no more: the caller looks.
    complete.repeatable = true;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse completed, SendChecked(complete, list, deadline));
    if (!completed.ok()) return StoringFailed(completed);
    // A server may say 200 before it knows better.
    if (IsCompleted(completed.body)) return Ok();
    return Unavailable(fmt::format("completing an upload: {} answered {}", origin_,
                                   Printable(ParseS3Error(completed.body).code)));
  }

  Result<ListPage> Page(const std::string& prefix, const std::string& after,
                        const std::string& token, std::size_t limit, SteadyTime deadline) {
    std::string query;
    if (!token.empty()) query += "continuation-token=" + net::PercentEncoded(token) + "&";
    query += "list-type=2";
    query += fmt::format("&max-keys={}", std::min(limit, kMostListed));
    if (!prefix.empty()) query += "&prefix=" + net::PercentEncoded(prefix);
    if (!after.empty() && token.empty()) query += "&start-after=" + net::PercentEncoded(after);
    HttpRequest request = Request(HttpMethod::kGet, url_ + "/?" + query);
    request.passing_status = kNotFoundStatus;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, client_->Send(request, deadline));
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
    if (response.status == kNotFoundStatus)
      return Unavailable(what).Hint("the bucket is gone: " + bucket_.name);
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
