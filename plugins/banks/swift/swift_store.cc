#include "plugins/banks/swift/swift_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "plugins/banks/object_store/body_parts.h"
#include "plugins/banks/object_store/http_answer.h"
#include "plugins/banks/object_store/http_store.h"
#include "plugins/banks/object_store/listed_page.h"
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

constexpr int kBadRequest = 400;
constexpr int kUnprocessable = 422;
constexpr int kInsufficientStorage = 507;
// What no cluster refuses for its size.
constexpr std::uint64_t kSurelyTaken = std::uint64_t{1} << 20U;
// The default of Swift's max_file_size, which a cluster that does not show its limits has.
constexpr std::uint64_t kUsualLimit = 5'368'709'122;
constexpr std::uint64_t kMostParts = 1000;
// Parts are called so, and then <object>/<writer>/<number>.
constexpr std::string_view kParts = "~parts/";
constexpr std::size_t kSweepPage = 1000;
constexpr const char* kWriterHeader = "X-Object-Meta-Holdfast-Writer";
// Of a large object, whose ETag is that of a list.
constexpr const char* kMd5Header = "X-Object-Meta-Holdfast-Md5";
// Of a container: large objects are in it, so that whoever deletes one looks.
constexpr const char* kLargeHeader = "X-Container-Meta-Holdfast-Large";

bool IsLarge(const HttpResponse& response) {
  return Lowered(net::HeaderOf(response.headers, "X-Static-Large-Object")) == "true";
}

// "2026-11-29T04:22:34.123450", UTC.
WallTime TimeOf(std::string_view text) {
  constexpr std::size_t kWithMilliseconds = 23;
  const auto time = ParseTime(std::string(text.substr(0, kWithMilliseconds)) + "Z");
  return time ? *time : WallTime();
}

std::string OriginOf(const std::string& url) {
  const auto parsed = net::ParseUrl(url);
  return parsed ? parsed->Origin() : "";
}

class SwiftStore final : public HttpStore {
 public:
  SwiftStore(std::shared_ptr<net::HttpClient> client, Container container, Transfer transfer)
      : HttpStore(std::move(client),
                  container.storage_url + "/" + net::PercentEncoded(container.name),
                  OriginOf(container.storage_url), transfer.longest_silence),
        container_(std::move(container)) {}

  Status Open(BankUse use, SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                              Send(Request(HttpMethod::kHead, base_url()), deadline));
    large_ = !net::HeaderOf(there.headers, kLargeHeader).empty();
    if (there.ok()) return Ok();
    if (there.status != kNotFoundStatus) return Failure(there, "looking at its container");
    if (use == BankUse::kRead) return LookWithAccount(deadline);
    HttpRequest make = Request(HttpMethod::kPut, base_url());
    if (!container_.storage_policy.empty())
      make.headers["X-Storage-Policy"] = container_.storage_policy;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse made, Send(make, deadline));
    if (made.ok()) return Ok();
    return Failure(made, "making its container");
  }

  Status Put(const std::string& name, const StoreBody& body, std::string_view writer,
             Precondition precondition, SteadyTime deadline) override {
    HttpRequest request = Request(HttpMethod::kPut, UrlOf(name));
    request.passing_status = kNotFoundStatus;
    request.headers["Content-Type"] = "application/octet-stream";
    request.headers[kWriterHeader] = std::string(writer);
    if (precondition != Precondition::kNone) request.headers["If-None-Match"] = "*";
    bool large = body.source != nullptr;
    if (!large && body.size > kSurelyTaken) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t most, MostAtOnce(deadline));
      large = body.size > most;
    }
    if (large) return PutLarge(name, body, writer, std::move(request), deadline);
    return SendBytes(Hex(Md5Of(body)), request, body.bytes, deadline);
  }

  Result<std::vector<StoredObject>> List(const std::string& prefix, const std::string& marker,
                                         std::size_t limit, ListDirection direction,
                                         SteadyTime deadline) override {
    HOLDFAST_ASSIGN_OR_RETURN(Page page, ListPage(prefix, marker, limit, direction, deadline));
    return std::move(page.objects);
  }

  Result<Leftovers> SweepUploads(const UploadSweep& sweep) override {
    Leftovers found;
    found.one = "part of a large object that never was";
    found.many = "parts of large objects that never were";
    const std::string prefix = std::string(kParts) + sweep.prefix;
    Upload upload;  // whose parts stand one behind the other
    std::string marker;
    while (true) {
      HOLDFAST_ASSIGN_OR_RETURN(
          const Page page,
          ListPage(prefix, marker, kSweepPage, ListDirection::kAscending, sweep.deadline()));
      HOLDFAST_RETURN_IF_ERROR(CheckListedPage(page.objects, prefix, marker, kSweepPage,
                                               ListDirection::kAscending, Describe()));
      for (const StoredObject& part : page.objects) {
        const std::string of = UploadOf(part.name);
        if (of.empty()) continue;
        if (of != upload.prefix) {
          HOLDFAST_RETURN_IF_ERROR(Sweep(upload, sweep, found));
          upload = {of, {}, true};
        }
        upload.old = upload.old && page.time && part.written + sweep.age <= *page.time;
        upload.parts.push_back(part);
      }
      if (page.objects.empty()) break;
      marker = page.objects.back().name;
    }
    HOLDFAST_RETURN_IF_ERROR(Sweep(upload, sweep, found));
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

  // Where no server of containers answers, Swift's proxy says 404 to whoever stores or deletes an object
  // (swift/proxy/controllers/obj.py), and, of a container with another policy than the first, to whoever reads one.
  Status SeeAll(SteadyTime deadline) override {
    HttpRequest look = Request(HttpMethod::kHead, base_url());
    look.passing_status = kNotFoundStatus;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there, Send(look, deadline));
    return there.ok() ? Ok() : Status(Failure(there, "looking at its container"));
  }

  std::string Describe() const override {
    return fmt::format("Swift container {} at {}", container_.name, origin());
  }

 private:
  struct Page {
    std::vector<StoredObject> objects;
    std::optional<WallTime> time;  // of the server
  };
  Result<Page> ListPage(const std::string& prefix, const std::string& marker, std::size_t limit,
                        ListDirection direction, SteadyTime deadline) {
    std::string url = fmt::format("{}?format=json&limit={}", base_url(), limit);
    if (!prefix.empty()) url += "&prefix=" + net::PercentEncoded(prefix);
    if (!marker.empty()) url += "&marker=" + net::PercentEncoded(marker);
    if (direction == ListDirection::kDescending) url += "&reverse=true";
    HttpRequest request = Request(HttpMethod::kGet, url);
    request.passing_status = kNotFoundStatus;
    auto sent = Send(request, deadline);
    if (!sent) return ListingFailed(std::move(sent).error());
    const HttpResponse response = std::move(*sent);
    if (!response.ok()) return Failure(response, "listing it");
    HOLDFAST_ASSIGN_OR_RETURN(const Value list, net::JsonOf(response, origin()));
    if (!list.is_list()) return Corrupt(origin() + " gave a listing that is none");
    Page page;
    page.time = ServerTime(response);
    std::vector<StoredObject>& found = page.objects;
    found.reserve(list.AsList().size());
    for (const Value& entry : list.AsList()) {
      StoredObject object;
      if (entry.is_map()) object.name = entry.StringOr("name", "");
      // Left out, it could be the page's end.
      if (object.name.empty())
        return Corrupt(origin() + " gave a listing of which an entry has no name");
      object.size = static_cast<std::uint64_t>(std::max<std::int64_t>(entry.IntOr("bytes", 0), 0));
      object.written = TimeOf(entry.StringOr("last_modified", ""));
      found.push_back(std::move(object));
    }
    return page;
  }

  // The parts of one try at a large object.
  struct Upload {
    std::string prefix;  // ~parts/<object>/<writer>/
    std::vector<StoredObject> parts;
    bool old = true;  // each of them
  };

  // The prefix of a part's upload; empty for what is none.
  static std::string UploadOf(const std::string& part) {
    const std::size_t number = part.rfind('/');
    if (number == std::string::npos || number <= kParts.size()) return "";
    const std::size_t writer = part.rfind('/', number - 1);
    if (writer == std::string::npos || writer <= kParts.size()) return "";
    return part.substr(0, number + 1);
  }
  static std::string ObjectOfUpload(const std::string& upload) {
    const std::size_t writer = upload.rfind('/', upload.size() - 2);
    return upload.substr(kParts.size(), writer - kParts.size());
  }

  Status Sweep(const Upload& upload, const UploadSweep& sweep, Leftovers& found) {
    if (upload.parts.empty() || !upload.old) return Ok();
    const std::string name = ObjectOfUpload(upload.prefix);
    HOLDFAST_ASSIGN_OR_RETURN(const auto in_use, PartsOf(name, sweep));
    if (!in_use) return Ok();
    bool any = false;
    for (const StoredObject& part : upload.parts) {
      if (in_use->contains(part.name)) continue;
      if (!sweep.dry_run) {
        HOLDFAST_ASSIGN_OR_RETURN(
            const HttpResponse gone,
            Send(Request(HttpMethod::kDelete, UrlOf(part.name)), sweep.deadline()));
        if (!gone.ok() && gone.status != kNotFoundStatus)
          return Failure(gone, "removing a part of a large object");
      }
      any = true;
      ++found.count;
      found.bytes += part.size;
    }
    if (any) found.Name(name);
    return Ok();
  }

  // The parts that the object of that name is made of; none where there is no such object. nullopt: nobody can tell, as
  // the servers do not agree.
  Result<std::optional<std::set<std::string>>> PartsOf(const std::string& name,
                                                       const UploadSweep& sweep) {
    std::set<std::string> parts;
    HttpRequest look = Request(HttpMethod::kHead, UrlOf(name));
    AskForNewest(look);
    HOLDFAST_ASSIGN_OR_RETURN(HttpResponse there, Send(look, sweep.deadline()));
    if (there.status == kNotFoundStatus) {
      HOLDFAST_RETURN_IF_ERROR(SeeAll(sweep.deadline()));
      HOLDFAST_ASSIGN_OR_RETURN(there, Send(look, sweep.deadline()));
    }
    if (there.status == kNotFoundStatus) {
      HOLDFAST_ASSIGN_OR_RETURN(const Page listed,
                                ListPage(name, "", 1, ListDirection::kAscending, sweep.deadline()));
      if (!listed.objects.empty() && listed.objects.front().name == name)
        return std::optional<std::set<std::string>>();
      return std::optional<std::set<std::string>>(std::move(parts));
    }
    if (!there.ok()) return Failure(there, "looking at a large object");
    if (!IsLarge(there)) return std::optional<std::set<std::string>>(std::move(parts));
    HttpRequest list = Request(HttpMethod::kGet, UrlOf(name) + "?multipart-manifest=get");
    AskForNewest(list);
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse answer, Send(list, sweep.deadline()));
    if (answer.status == kNotFoundStatus) return std::optional<std::set<std::string>>();
    if (!answer.ok()) return Failure(answer, "looking at the parts of a large object");
    HOLDFAST_ASSIGN_OR_RETURN(const Value value, net::JsonOf(answer, origin()));
    if (!value.is_list()) return Corrupt(origin() + " gave a list of parts that is none");
    const std::string container = "/" + container_.name + "/";
    for (const Value& entry : value.AsList()) {
      const std::string part = entry.is_map() ? entry.StringOr("name", "") : "";
      if (part.starts_with(container)) parts.insert(part.substr(container.size()));
    }
    return std::optional<std::set<std::string>>(std::move(parts));
  }

  void AskForNewest(HttpRequest& request) const override { request.headers["X-Newest"] = "true"; }

  StoredObject ObjectOf(const std::string& name, const HttpResponse& response) const override {
    StoredObject object;
    object.name = name;
    object.size = SizeOf(response);
    object.etag = EtagOf(response);
    object.md5 = IsLarge(response) ? net::HeaderOf(response.headers, kMd5Header) : object.etag;
    object.writer = net::HeaderOf(response.headers, kWriterHeader);
    if (const auto written = net::ParseHttpDate(net::HeaderOf(response.headers, "Last-Modified")))
      object.written = *written;
    return object;
  }

  // A 404 of a container says the same where no server of accounts answers.
  Status LookWithAccount(SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse account,
                              Send(Request(HttpMethod::kHead, container_.storage_url), deadline));
    if (net::CodeOfStatus(account.status) == ErrorCode::kUnavailable)
      return Failure(account, "looking at its account");
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse there,
                              Send(Request(HttpMethod::kHead, base_url()), deadline));
    large_ = !net::HeaderOf(there.headers, kLargeHeader).empty();
    if (there.ok()) return Ok();
    if (there.status != kNotFoundStatus) return Failure(there, "looking at its container");
    return NotFound(fmt::format("there is no {} yet", Describe()));
  }

  // Sends bytes and has the server check them.
  Status SendBytes(const std::string& md5, HttpRequest& request, std::string_view bytes,
                   SteadyTime deadline) {
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse response, SendOf(md5, request, bytes, deadline));
    if (!response.ok()) return StoringFailed(response);
    const std::string stored = EtagOf(response);
    if (!stored.empty() && stored != md5)
      return Corrupt(fmt::format("{} has stored other bytes than were sent to it", origin()));
    return Ok();
  }

  // Of a list of parts it may find that out as it reads it.
  static bool IsDamaged(const HttpResponse& response) {
    return response.status == kUnprocessable || response.status == kBadRequest;
  }

  Result<HttpResponse> SendOf(const std::string& etag, HttpRequest& request, std::string_view bytes,
                              SteadyTime deadline) {
    request.headers["ETag"] = etag;
    return SendChecked(request, bytes, &IsDamaged, deadline);
  }

  Error StoringFailed(const HttpResponse& response) const {
    if (response.status == kUnprocessable)
      return Corrupt(fmt::format("bytes are changed on their way to {}", origin()));
    return Failure(response, "storing an object");
  }

  // The largest object that the cluster takes; asked until it has said so. Nobody waits for another one who asks.
  Result<std::uint64_t> MostAtOnce(SteadyTime deadline) {
    if (const std::uint64_t most = most_; most > 0) return most;
    HOLDFAST_ASSIGN_OR_RETURN(const HttpResponse answer,
                              Send(Request(HttpMethod::kGet, origin() + "/info"), deadline));
    constexpr std::string_view kDoing = "asking how large an object may be";
    std::uint64_t most = kUsualLimit;
    if (answer.ok()) {
      HOLDFAST_ASSIGN_OR_RETURN(const Value info, net::JsonOf(answer, origin()));
      const Value* const swift = info.is_map() ? info.Find("swift") : nullptr;
      const std::int64_t said =
          swift != nullptr && swift->is_map() ? swift->IntOr("max_file_size", 0) : 0;
      if (said > 0) most = static_cast<std::uint64_t>(said);
    } else if (answer.status != kForbidden && answer.status != kNotFoundStatus) {
      return Failure(answer, kDoing);  // and not one that shows it to nobody
    }
    most_ = most;
    return most;
  }

  Status PutLarge(const std::string& name, const StoreBody& body, std::string_view writer,
                  HttpRequest request, SteadyTime deadline) {
    HOLDFAST_RETURN_IF_ERROR(NoteLarge(deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t most, MostAtOnce(deadline));
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t part_size, PartSizeOf(body, most, kMostParts));
    std::vector<std::string> names;
    const auto list = SendParts(name, body, part_size, writer, names, deadline);
    bool in_use = false;
    Status done = list ? PutList(name, *list, writer, std::move(request), in_use, deadline)
                       : Status(list.error());
    if (done || in_use) return done;
    for (const std::string& part : names)
      std::ignore = Send(Request(HttpMethod::kDelete, UrlOf(part)), deadline);
    return done;
  }

  // Of parts that the server has.
  struct PartList {
    Value::List parts;
    std::string etags;  // one behind the other, whose MD5 is the ETag of the whole
    std::string md5;
  };

  // `names` are those of all parts that may be there.
  Result<PartList> SendParts(const std::string& name, const StoreBody& body,
                             std::uint64_t part_size, std::string_view writer,
                             std::vector<std::string>& names, SteadyTime deadline) {
    PartList list;
    Md5 whole;
    BodyParts parts(body, part_size);
    while (!parts.done()) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::string_view part, parts.Next());
      whole.Update(part);
      names.push_back(fmt::format("{}{}/{}/{:06}", kParts, name, writer, names.size() + 1));
      HttpRequest one = Request(HttpMethod::kPut, UrlOf(names.back()));
      one.passing_status = kNotFoundStatus;
      const std::string md5 = Md5Hex(part);
      HOLDFAST_RETURN_IF_ERROR(SendBytes(md5, one, part, deadline));
      list.parts.push_back(Value()
                               .Set("path", "/" + container_.name + "/" + names.back())
                               .Set("etag", md5)
                               .Set("size_bytes", static_cast<std::int64_t>(part.size())));
      list.etags += md5;
    }
    list.md5 = whole.FinishHex();
    return list;
  }

  // Makes one object of the parts. A failure with `in_use`: it may be there all the same.
  Status PutList(const std::string& name, const PartList& list, std::string_view writer,
                 HttpRequest request, bool& in_use, SteadyTime deadline) {
    request.url += "?multipart-manifest=put";
    request.headers[kMd5Header] = list.md5;
    HOLDFAST_ASSIGN_OR_RETURN(const std::string json, DumpJson(Value(list.parts)));
    // (A server that has no large objects would take the list for one: its MD5 is another.)
    const auto response = SendOf(Md5Hex(list.etags), request, json, deadline);
    if (response && response->ok()) return Ok();
    // The first answer may have been lost, and the second say that there is such an object already: this one.
    const auto there = Stat(name, deadline);
    if (there && there->writer == writer) return Ok();
    Status failed = response ? Status(StoringFailed(*response)) : Status(response.error());
    in_use = failed.error().code() == ErrorCode::kUnavailable ||
             (!there && there.error().code() != ErrorCode::kNotFound);
    return failed;
  }

  Status NoteLarge(SteadyTime deadline) {
    if (large_) return Ok();
    HttpRequest note = Request(HttpMethod::kPost, base_url());
    note.headers[kLargeHeader] = "true";
    note.repeatable = true;
    note.passing_status = kNotFoundStatus;
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
    HOLDFAST_ASSIGN_OR_RETURN(const Value said, net::JsonOf(response, origin()));
    const Value* const errors = said.Find("Errors");
    if (errors == nullptr || !errors->is_list() || errors->AsList().empty()) return Ok();
    return Unavailable(fmt::format("{} could not delete all parts of '{}'", origin(), name));
  }

  Error FailureOf(const std::string& name, const HttpResponse& response) const override {
    if (response.status == kConflictStatus)
      return Corrupt(fmt::format("{} has not got all parts of the object '{}'", origin(), name));
    return HttpStore::FailureOf(name, response);
  }

  Error Failure(const HttpResponse& response, std::string_view doing) const override {
    const std::string what = fmt::format("{}: {} answered {}", doing, origin(), response.status);
    switch (response.status) {
      case kPreconditionFailed:
        return {ErrorCode::kConflict, what};
      case kForbidden:
        return Error(ErrorCode::kDenied, what)
            .Hint(
                fmt::format("{} may not do that with the container {}: its X-Container-Write and "
                            "X-Container-Read name who may, or the user's role in the project does",
                            container_.user.empty() ? "who asks" : Printable(container_.user),
                            Printable(container_.name)));
      case kTooLarge:
        return Error(ErrorCode::kDenied, what)
            .Hint(fmt::format("a quota is used up: X-Container-Meta-Quota-Bytes or -Count of the "
                              "container {}, or the account's; or the object is larger than the "
                              "cluster takes",
                              Printable(container_.name)));
      case kInsufficientStorage:
        return Error(ErrorCode::kDenied, what).Hint("the cluster is full");
      case kConflictStatus:
        return Error(ErrorCode::kInvalidInput, what)
            .Hint("a container has the storage policy that it was made with");
      case kNotFoundStatus:
        return Unavailable(what).Hint("the container is gone, " + container_.name +
                                      ", or servers of the cluster are");
      default:
        return {net::CodeOfStatus(response.status), what};
    }
  }

  const Container container_;
  std::atomic<bool> large_{false};
  std::atomic<std::uint64_t> most_{0};  // that the cluster takes at once; 0: it has not said so yet
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
