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
#include "plugins/banks/object_store/http_store.h"
#include "plugins/banks/object_store/listed_page.h"
#include "plugins/banks/s3/s3_answers.h"
#include "plugins/net/json_answer.h"
#include "plugins/net/sigv4.h"
#include "plugins/net/url.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::banks::s3 {

namespace {

using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;

constexpr std::size_t kMostListed = 1000;
constexpr std::uint64_t kMostParts = 10'000;
// Of one listing that has to be read to its end: 10 million objects.
constexpr int kMostPages = 10'000;
constexpr std::size_t kMd5Digits = 32;
constexpr const char* kWriterHeader = "x-amz-meta-holdfast-writer";
// The server holds bytes to their Content-MD5, which is signed, each time that they are sent; without one AWS takes nothing into a
// bucket that locks objects. Of what is small the signature has the SHA-256, too; of more it costs a server more than all else
// that it does with the bytes (measured: Swift's s3api, 1.6 times the time of its processors).
constexpr std::uint64_t kMostSignedWhole = std::uint64_t{1} << 20U;
// What is kept with an object, to hold its bytes to when they are read: what the server was given of it to check. (An ETag is the MD5 of
// an object's bytes with some kinds of encryption, and with others it is not.)
constexpr const char* kSha256Header = "x-amz-meta-holdfast-sha256";
constexpr const char* kMd5Header = "x-amz-meta-holdfast-md5";
// Of an object that was made of parts from a source, whose MD5 was not known when it was begun: how large they are. Its ETag
// is "<MD5 of the MD5s of its parts>-<number of parts>".
constexpr const char* kPartsHeader = "x-amz-meta-holdfast-parts";

// With keys of another service they are not.
bool EtagsAreMd5(const HttpResponse& response) {
  const std::string_view encrypted =
      net::HeaderOf(response.headers, "x-amz-server-side-encryption");
  return (encrypted.empty() || encrypted == "AES256") &&
         net::HeaderOf(response.headers, "x-amz-server-side-encryption-customer-algorithm").empty();
}

std::string UrlOfBucket(const Bucket& bucket) {
  std::string base = bucket.endpoint;
  while (base.ends_with('/')) base.pop_back();
  if (bucket.path_style) return base + "/" + bucket.name;
  const std::size_t host = base.find("://") + 3;
  return base.substr(0, host) + bucket.name + "." + base.substr(host);
}

class S3Store final : public HttpStore {
 public:
  S3Store(std::shared_ptr<net::HttpClient> client, Bucket bucket, const net::Url& endpoint)
      : HttpStore(std::move(client), UrlOfBucket(bucket), endpoint.Origin(),
                  bucket.longest_silence),
        bucket_(std::move(bucket)) {}

  Status Open(BankUse use, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                              Send(Request(HttpMethod::kHead, base_url() + "/"), deadline));
    if (there.ok()) return Ok();
    if (there.status != kNotFoundStatus) return WhyRefused(there, deadline);
    if (use == BankUse::kRead) return NotFound(fmt::format("there is no {} yet", Describe()));
    HttpRequest make = Request(HttpMethod::kPut, base_url() + "/");
    const std::string where = "<CreateBucketConfiguration><LocationConstraint>" + bucket_.region +
                              "</LocationConstraint></CreateBucketConfiguration>";
    // The one region of which AWS does not take its name.
    if (bucket_.region != "us-east-1") make.body = where;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse made, Send(make, deadline));
    if (made.ok() || made.status == kConflictStatus) return Ok();
    return Failure(made, "making its bucket");
  }

  Status Put(const std::string& name, const StoreBody& body, std::string_view writer,
             Precondition precondition, SteadyTime deadline) override {
    const bool absent = precondition != Precondition::kNone;
    if (precondition == Precondition::kAbsent && !bucket_.conditional_put) {
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
    const Md5::Digest md5 = Md5Of(body);
    if (body.size <= kMostSignedWhole) {
      request.body_sha256 = Sha256Of(body);
      request.headers[kSha256Header] = request.body_sha256;
    } else {
      request.headers[kMd5Header] = Hex(md5);
    }
    const auto etag = SendBytes(md5, request, body.bytes, deadline);
    return etag ? Ok() : Status(etag.error());
  }

  Result<std::vector<StoredObject>> List(const std::string& prefix, const std::string& marker,
                                         std::size_t limit, ListDirection direction,
                                         SteadyTime deadline) override {
    if (direction == ListDirection::kDescending)
      return ListBackwards(prefix, marker, limit, deadline);
    HOLDFAST_ASSIGN_OR_RETURN(ListPage page, Page(prefix, marker, "", limit, deadline));
    // A page may be empty before the last one.
    for (int pages = 1; page.objects.empty() && !page.next.empty(); ++pages) {
      if (pages == kMostPages) return Endless();
      const std::string before = std::move(page.next);
      HOLDFAST_ASSIGN_OR_RETURN(page, Page(prefix, "", before, limit, deadline));
      if (page.objects.empty() && page.next == before) return Stuck();
    }
    return std::move(page.objects);
  }

  Status Delete(const std::string& name, SteadyTime deadline) override {
    // To delete what is not there is success to S3.
    HOLDFAST_ASSIGN_OR_RETURN(const StoredObject there, Stat(name, deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                              Send(Request(HttpMethod::kDelete, UrlOf(name)), deadline));
    return response.ok() ? Ok() : Status(FailureOf(name, response));
  }

  // An upload that is going on has a young part, or was begun not long ago.
  Result<Leftovers> SweepUploads(const UploadSweep& sweep) override {
    Leftovers found;
    found.one = "upload that was never completed";
    found.many = "uploads that were never completed";
    UploadPage page;
    int pages = 0;
    do {
      if (++pages > kMostPages) return Endless();
      std::string query = "uploads=&max-uploads=" + std::to_string(kMostListed);
      if (!sweep.prefix.empty()) query += "&prefix=" + net::PercentEncoded(sweep.prefix);
      if (!page.next_name.empty()) query += "&key-marker=" + net::PercentEncoded(page.next_name);
      if (!page.next_id.empty()) query += "&upload-id-marker=" + net::PercentEncoded(page.next_id);
      HOLDFAST_ASSIGN_OR_RETURN(
          const HttpResponse response,
          Send(Request(HttpMethod::kGet, base_url() + "/?" + query), sweep.deadline()));
      if (!response.ok()) return Failure(response, "listing its uploads");
      const std::pair before(std::move(page.next_name), std::move(page.next_id));
      HOLDFAST_ASSIGN_OR_RETURN(page, ParseUploadPage(response.body));
      // The uploads of one name are in no order that is known.
      if (!page.next_name.empty() &&
          (page.next_name < before.first || std::pair(page.next_name, page.next_id) == before))
        return Stuck();
      const auto now = ServerTime(response);
      if (!now) return found;
      for (const OpenUpload& upload : page.uploads) {
        if (upload.begun + sweep.age > *now || !upload.name.starts_with(sweep.prefix)) continue;
        HOLDFAST_RETURN_IF_ERROR(Sweep(upload, *now - sweep.age, sweep, found));
      }
    } while (!page.next_name.empty());
    return found;
  }

  std::string Describe() const override {
    return fmt::format("S3 bucket {} at {}", bucket_.name, origin());
  }
  // Whichever style its URL has.
  std::string Place() const override { return origin() + "/" + bucket_.name; }

 private:
  StoredObject ObjectOf(const std::string& name, const HttpResponse& response) const override {
    StoredObject object;
    object.name = name;
    object.size = SizeOf(response);
    object.etag = EtagOf(response);
    object.sha256 = net::HeaderOf(response.headers, kSha256Header);
    object.md5 = net::HeaderOf(response.headers, kMd5Header);
    const std::string_view parts = net::HeaderOf(response.headers, kPartsHeader);
    const std::size_t dash = object.etag.find('-');
    if (!parts.empty() && dash == kMd5Digits && EtagsAreMd5(response)) {
      std::from_chars(parts.data(), parts.data() + parts.size(), object.md5_of_parts);
      if (object.md5_of_parts > 0) object.md5 = object.etag.substr(0, dash);
    }
    object.writer = net::HeaderOf(response.headers, kWriterHeader);
    if (const auto written = net::ParseHttpDate(net::HeaderOf(response.headers, "Last-Modified")))
      object.written = *written;
    return object;
  }

  // The answer to a HEAD has no body, and so does not say why: that to a GET does.
  Error WhyRefused(const HttpResponse& refusal, SteadyTime deadline) {
    constexpr std::string_view kDoing = "looking at its bucket";
    if (net::CodeOfStatus(refusal.status) == ErrorCode::kUnavailable)
      return Failure(refusal, kDoing);
    const auto said =
        Send(Request(HttpMethod::kGet, base_url() + "/?list-type=2&max-keys=1"), deadline);
    return Failure(said && !said->ok() ? *said : refusal, kDoing);
  }

  static std::string Sha256Of(const StoreBody& body) {
    return body.hashes.sha256.empty() ? Sha256Hex(body.bytes) : std::string(body.hashes.sha256);
  }

  // Sends bytes, and has the server check them.
  Result<HttpResponse> SendOf(const Md5::Digest& md5, HttpRequest& request, std::string_view bytes,
                              SteadyTime deadline) {
    request.headers["Content-MD5"] = ToBase64(AsText(md5));
    if (bytes.size() > kMostSignedWhole) request.body_sha256 = net::kUnsignedPayload;
    // The bucket was there: servers that come back may not see it at once. (But an upload that is not known is not.)
    if (request.method == HttpMethod::kPut && request.url.find("uploadId=") == std::string::npos)
      request.passing_status = kNotFoundStatus;
    return SendChecked(request, bytes, &IsDamaged, deadline);
  }

  // The ETag that they got.
  Result<std::string> SendBytes(const Md5::Digest& md5, HttpRequest& request,
                                std::string_view bytes, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, SendOf(md5, request, bytes, deadline));
    if (!response.ok()) return StoringFailed(response);
    std::string etag = EtagOf(response);
    if (!etag.empty() && EtagsAreMd5(response) && etag != Hex(md5))
      return Corrupt(origin() + " has stored other bytes than were sent to it");
    return etag;
  }

  static bool IsDamaged(const HttpResponse& response) {
    const std::string code = ParseS3Error(response.body).code;
    return code == "BadDigest" || code == "XAmzContentSHA256Mismatch";
  }

  Error StoringFailed(const HttpResponse& response) const {
    if (IsDamaged(response)) return Corrupt("bytes are changed on their way to " + origin());
    return Failure(response, "storing an object");
  }

  Status PutLarge(const std::string& name, const StoreBody& body, std::string_view writer,
                  bool absent, SteadyTime deadline) {
    auto part_size = PartSizeOf(body, bucket_.part_size, kMostParts);
    if (!part_size) return std::move(part_size).error().Hint("a larger part_size");
    const std::string url = UrlOf(name);
    HttpRequest begin = Request(HttpMethod::kPost, url + "?uploads=");
    begin.headers["Content-Type"] = "application/octet-stream";
    begin.headers[kWriterHeader] = std::string(writer);
    if (body.source == nullptr)
      begin.headers[kSha256Header] = Sha256Of(body);
    else
      begin.headers[kPartsHeader] = std::to_string(*part_size);
    // One that was begun twice leaves an upload behind, of no parts.
    begin.repeatable = true;
    begin.passing_status = kNotFoundStatus;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse begun, Send(begin, deadline));
    if (!begun.ok()) return Failure(begun, "beginning an upload");
    HOLDFAST_ASSIGN_OR_RETURN(const std::string id, ParseUploadId(begun.body));
    const std::string upload = url + "?uploadId=" + net::PercentEncoded(id);
    const auto etags = SendParts(url, id, body, *part_size, deadline);
    Status done = etags ? Complete(upload, *etags, absent, deadline) : Status(etags.error());
    if (done) return done;
    if (etags) {
      // The first answer may have been lost: then there is no such upload any more, and the object.
      const auto there = Stat(name, deadline);
      if (there && there->writer == writer) return Ok();
      if (done.error().code() == ErrorCode::kUnavailable) return done;
    }
    std::ignore = Send(Request(HttpMethod::kDelete, upload), deadline);
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
      HOLDFAST_ASSIGN_OR_RETURN(std::string etag,
                                SendBytes(Md5::Of(part), request, part, deadline));
      etags.push_back(std::move(etag));
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
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse completed,
                              SendOf(Md5::Of(list), complete, list, deadline));
    if (!completed.ok()) return StoringFailed(completed);
    // A server may say 200 before it knows better.
    if (IsCompleted(completed.body)) return Ok();
    return Unavailable(fmt::format("completing an upload: {} answered {}", origin(),
                                   Printable(ParseS3Error(completed.body).code)));
  }

  // Aborts an upload unless something was added to it since.
  Status Sweep(const OpenUpload& upload, WallTime since, const UploadSweep& sweep,
               Leftovers& found) {
    const std::string url = UrlOf(upload.name) + "?uploadId=" + net::PercentEncoded(upload.id);
    std::uint64_t bytes = 0;
    PartPage page;
    do {
      const std::string behind = page.next.empty() ? "" : "&part-number-marker=" + page.next;
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response,
                                Send(Request(HttpMethod::kGet, url + behind), sweep.deadline()));
      if (response.status == kNotFoundStatus) return Ok();  // it has ended meanwhile
      if (!response.ok()) return Failure(response, "listing the parts of an upload");
      const std::string before = std::move(page.next);
      HOLDFAST_ASSIGN_OR_RETURN(page, ParsePartPage(response.body));
      if (!page.next.empty() && page.next == before) return Stuck();
      for (const StoredObject& part : page.parts) {
        if (part.written > since) return Ok();
        bytes += part.size;
      }
    } while (!page.next.empty());
    if (!sweep.dry_run) {
      HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse gone,
                                Send(Request(HttpMethod::kDelete, url), sweep.deadline()));
      if (!gone.ok() && gone.status != kNotFoundStatus) return Failure(gone, "aborting an upload");
    }
    ++found.count;
    found.bytes += bytes;
    found.Name(upload.name);
    return Ok();
  }

  Result<ListPage> Page(const std::string& prefix, const std::string& after,
                        const std::string& token, std::size_t limit, SteadyTime deadline) {
    std::string query;
    if (!token.empty()) query += "continuation-token=" + net::PercentEncoded(token) + "&";
    query += "list-type=2";
    query += fmt::format("&max-keys={}", std::min(limit, kMostListed));
    if (!prefix.empty()) query += "&prefix=" + net::PercentEncoded(prefix);
    if (!after.empty() && token.empty()) query += "&start-after=" + net::PercentEncoded(after);
    HttpRequest request = Request(HttpMethod::kGet, base_url() + "/?" + query);
    request.passing_status = kNotFoundStatus;
    const auto response = Send(request, deadline);
    if (!response) return ListingFailed(response.error());
    if (!response->ok()) return Failure(*response, "listing it");
    return ParseListPage(response->body);
  }

  // S3 lists forwards alone: the last of all, of which no more than `limit` are kept.
  Result<std::vector<StoredObject>> ListBackwards(const std::string& prefix,
                                                  const std::string& marker, std::size_t limit,
                                                  SteadyTime deadline) {
    std::deque<StoredObject> last;
    std::string token;
    std::string behind;  // the newest that was listed
    for (int pages = 0;; ++pages) {
      if (pages == kMostPages) return Endless();
      HOLDFAST_ASSIGN_OR_RETURN(ListPage page, Page(prefix, "", token, kMostListed, deadline));
      HOLDFAST_RETURN_IF_ERROR(CheckListedPage(page.objects, prefix, behind, kMostListed,
                                               ListDirection::kAscending, Describe()));
      if (page.objects.empty() && !page.next.empty() && page.next == token) return Stuck();
      if (!page.objects.empty()) behind = page.objects.back().name;
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

  // A page of a list says that more comes behind a place that it was asked for itself, or had gone past.
  Error Stuck() const {
    return Corrupt(fmt::format("{} gives the same part of a list again and again", Describe()));
  }

  Error Endless() const {
    return Corrupt(fmt::format("{} gives a list that does not end", Describe()));
  }

  static Error Exists(const std::string& name) {
    return {ErrorCode::kConflict, fmt::format("the object '{}' exists already", name)};
  }

  Error Failure(const HttpResponse& response, std::string_view doing) const override {
    const S3Error said = ParseS3Error(response.body);
    std::string what = fmt::format("{}: {} answered {}", doing, origin(), response.status);
    if (!said.code.empty()) what += " " + Printable(said.code);
    std::string region(net::HeaderOf(response.headers, "x-amz-bucket-region"));
    if (region.empty()) region = said.region;
    if (!region.empty() && region != bucket_.region) {
      return InvalidInput(fmt::format("{}: the bucket {} is in the region {}, not in {}", what,
                                      Printable(bucket_.name), Printable(region),
                                      Printable(bucket_.region)))
          .Hint("region = " + Printable(region));
    }
    if (said.code == "QuotaExceeded" || said.code == "EntityTooLarge" ||
        response.status == kTooLarge) {
      return Error(ErrorCode::kDenied, what)
          .Hint(
              "a quota of the bucket or of its owner is used up, or the object is larger than the "
              "server takes: then a smaller part_size");
    }
    if (response.status == kPreconditionFailed || said.code == "ConditionalRequestConflict")
      return {ErrorCode::kConflict, what};
    if (response.status == kNotFoundStatus)
      return Unavailable(what).Hint("the bucket is gone: " + bucket_.name);
    if (said.code == "RequestTimeTooSkewed")
      return Error(ErrorCode::kDenied, what).Hint("the clock of this machine is wrong");
    if (said.code == "SlowDown" || said.code == "RequestTimeout" || said.code == "InternalError")
      return Unavailable(what);
    if (response.status == kNotImplemented)
      return InvalidInput(what).Hint(
          bucket_.conditional_put
              ? "perhaps it does not know If-None-Match: then 'conditional_put = false'"
              : "it does not know all of S3 that is needed");
    if (response.status == kForbidden)
      return Error(ErrorCode::kDenied, what)
          .Hint(said.code == "AccessDenied"
                    ? "the key may not do that with the bucket " + Printable(bucket_.name) +
                          ": its policy, and those of the bucket, say who may"
                    : "the access key, its secret, its rights, or the region");
    return {net::CodeOfStatus(response.status), what};
  }

  const Bucket bucket_;
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
