#include "plugins/banks/s3/s3_store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/banks/object_store/setting_checks.h"
#include "plugins/banks/s3/signing_client.h"
#include "plugins/net/sigv4.h"
#include "plugins/sdk/base64.h"
#include "plugins/sdk/md5.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/value.h"
#include "tests/bank/scripted_server.h"

namespace holdfast::banks::s3 {
namespace {

using net::HttpMethod;
using net::HttpRequest;
using net::HttpResponse;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::PieceSource;
using testing::ScriptedServer;
using ::testing::StartsWith;

constexpr std::uint64_t kPart = 5U << 20U;

class S3Stores : public ::testing::Test {
 protected:
  S3Stores() {
    Bucket bucket;
    bucket.endpoint = "http://s3";
    bucket.name = "b";
    bucket.region = "us-east-1";
    bucket.part_size = kPart;
    bucket.conditional_put = true;
    auto opened = OpenS3Store(server_, bucket, BankUse::kWrite, SteadyTime::max());
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
    server_->seen.clear();
  }

  Result<HttpResponse> Serve(const HttpRequest& request) {
    const std::string target = ScriptedServer::TargetOf(request);
    if (target == "/b/") return HttpResponse{200, {}, ""};
    if (request.method == HttpMethod::kHead) {
      if (writer_.empty()) return HttpResponse{404, {}, ""};
      return HttpResponse{200, {{"x-amz-meta-holdfast-writer", writer_}}, ""};
    }
    if (target.ends_with("?uploads=")) {
      return HttpResponse{200,
                          {},
                          "<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                          "</InitiateMultipartUploadResult>"};
    }
    if (request.method == HttpMethod::kPost) return complete_;
    if (request.method == HttpMethod::kDelete) return HttpResponse{204, {}, ""};
    if (damaged_-- > 0) return HttpResponse{400, {}, "<Error><Code>BadDigest</Code></Error>"};
    return HttpResponse{
        200, {{"ETag", wrong_etag_ ? "\"0\"" : "\"" + Md5Hex(request.body) + "\""}}, ""};
  }

  Status PutStream(const std::string& bytes) {
    PieceSource source(bytes);
    return store_->Put("k", {{}, &source, bytes.size()}, "me", Precondition::kAbsent,
                       SteadyTime::max());
  }

  std::shared_ptr<ScriptedServer> server_ = std::make_shared<ScriptedServer>(
      [this](const HttpRequest& request) { return Serve(request); });
  std::unique_ptr<ObjectStore> store_;
  std::string writer_;
  HttpResponse complete_{
      200, {}, "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"};
  int damaged_ = 0;
  bool wrong_etag_ = false;
  const std::string bytes_ = std::string(kPart, 'a') + "b";
};

TEST_F(S3Stores, AStreamIsStoredInPartsThatTheServerChecks) {
  damaged_ = 2;
  ASSERT_TRUE(PutStream(bytes_));
  EXPECT_THAT(server_->lines(),
              ElementsAre("POST /b/k?uploads=", "PUT /b/k?partNumber=1&uploadId=u",
                          "PUT /b/k?partNumber=1&uploadId=u", "PUT /b/k?partNumber=1&uploadId=u",
                          "PUT /b/k?partNumber=2&uploadId=u", "POST /b/k?uploadId=u"));
  EXPECT_EQ(server_->seen[0].headers["x-amz-meta-holdfast-parts"], std::to_string(kPart));
  Md5 md5;
  md5.Update(AsBytes("b"));
  EXPECT_EQ(server_->seen[4].headers["Content-MD5"], ToBase64(AsText(md5.Finish())));
}

TEST_F(S3Stores, APartOfWhichTheServerHasOtherBytesIsCorrupt) {
  wrong_etag_ = true;
  const Status put = PutStream(bytes_);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(server_->lines().back(), "DELETE /b/k?uploadId=u");
}

TEST_F(S3Stores, AnUploadThatIsNotKnownAnyMoreMayBeCompletedAlready) {
  complete_ = {404, {}, "<Error><Code>NoSuchUpload</Code></Error>"};
  writer_ = "me";
  EXPECT_TRUE(PutStream(bytes_));
  EXPECT_THAT(server_->lines(), Not(Contains(StartsWith("DELETE"))));
  writer_ = "another";
  const Status put = PutStream(bytes_);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kUnavailable);
}

TEST_F(S3Stores, ASuccessThatDoesNotSaySoIsNone) {
  for (const char* const body :
       {"", "<Error><Code>InternalError</Code></Error>", "<CompleteMultipart"}) {
    complete_ = {200, {}, body};
    const Status put = PutStream(bytes_);
    ASSERT_FALSE(put) << body;
    EXPECT_EQ(put.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(put.error().message(), HasSubstr("http://s3"));
  }
}

// A bucket with an upload of t/k, on the 29th at noon.
class SweptBucket : public ::testing::Test {
 protected:
  SweptBucket() {
    Bucket bucket;
    bucket.endpoint = "http://s3";
    bucket.name = "b";
    auto opened = OpenS3Store(server_, bucket, BankUse::kWrite, SteadyTime::max());
    EXPECT_TRUE(opened);
    store_ = std::move(*opened);
  }
  Result<HttpResponse> Serve(const HttpRequest& request) {
    const std::string target = ScriptedServer::TargetOf(request);
    if (target.starts_with("/b/?uploads=")) {
      std::string uploads = fmt::format(
          "<Upload><Key>{}</Key><UploadId>u</UploadId><Initiated>{}.000Z</Initiated></Upload>",
          name_, begun_);
      if (stuck_ || target.find("key-marker=t%2Fj&upload-id-marker=i") == std::string::npos)
        uploads =
            "<IsTruncated>true</IsTruncated><NextKeyMarker>t/j</NextKeyMarker>"
            "<NextUploadIdMarker>i</NextUploadIdMarker>";
      return HttpResponse{
          200,
          {{"Date", "Sun, 29 Nov 2026 12:00:00 GMT"}},
          "<ListMultipartUploadsResult>" + uploads + "</ListMultipartUploadsResult>"};
    }
    if (request.method == HttpMethod::kGet && target.starts_with("/b/t/k?uploadId=u")) {
      return HttpResponse{200, {}, "<ListPartsResult>" + parts_ + "</ListPartsResult>"};
    }
    return HttpResponse{request.method == HttpMethod::kDelete ? 204 : 200, {}, ""};
  }
  static std::string Part(const std::string& written) {
    return "<Part><Size>7</Size><LastModified>" + written + ".000Z</LastModified></Part>";
  }
  Leftovers Sweep(bool dry_run = false) {
    server_->seen.clear();
    auto found = store_->SweepUploads(
        {"t/", std::chrono::hours(24), dry_run, [] { return SteadyTime::max(); }});
    EXPECT_TRUE(found) << found.error().Render();
    return found ? *found : Leftovers();
  }

  std::shared_ptr<ScriptedServer> server_ = std::make_shared<ScriptedServer>(
      [this](const HttpRequest& request) { return Serve(request); });
  std::unique_ptr<ObjectStore> store_;
  bool stuck_ = false;
  std::string name_ = "t/k";
  std::string begun_ = "2026-11-28T11:00:00";
  std::string parts_ = Part("2026-11-28T11:01:00") + Part("2026-11-28T11:02:00");
};

TEST_F(SweptBucket, LosesOldUploadsThatWereNeverCompleted) {
  const Leftovers would = Sweep(/*dry_run=*/true);
  EXPECT_EQ(would.count, 1U);
  EXPECT_EQ(would.bytes, 14U);
  EXPECT_THAT(would.objects, ElementsAre("t/k"));
  EXPECT_THAT(server_->lines(), Not(Contains(StartsWith("DELETE"))));
  EXPECT_EQ(Sweep().count, 1U);
  EXPECT_EQ(server_->lines().back(), "DELETE /b/t/k?uploadId=u");
}

TEST_F(SweptBucket, KeepsUploadsThatGoOn) {
  parts_ += Part("2026-11-28T13:00:00");
  EXPECT_EQ(Sweep().count, 0U);
  parts_.clear();
  EXPECT_EQ(Sweep().count, 1U);
  begun_ = "2026-11-28T13:00:00";
  EXPECT_EQ(Sweep().count, 0U);
}

TEST_F(SweptBucket, KeepsUploadsOfOthers) {
  name_ = "another/k";
  EXPECT_EQ(Sweep().count, 0U);
}

TEST_F(SweptBucket, EndsWhereTheServerGivesTheSamePageAgain) {
  const auto sweep = [this] {
    server_->seen.clear();
    const auto found = store_->SweepUploads(
        {"t/", std::chrono::hours(24), false, [] { return SteadyTime::max(); }});
    EXPECT_LT(server_->seen.size(), 10U);
    return found ? std::string() : std::string(found.error().Render());
  };
  parts_ = "<IsTruncated>true</IsTruncated><NextPartNumberMarker>1</NextPartNumberMarker>" + parts_;
  EXPECT_THAT(sweep(),
              HasSubstr("S3 bucket b at http://s3:80 gives the same part of a list again"));
  stuck_ = true;
  EXPECT_THAT(sweep(),
              HasSubstr("S3 bucket b at http://s3:80 gives the same part of a list again"));
}

TEST(StoreNames, AreThoseThatServersTake) {
  const auto bucket = [](const std::string& name) {
    return CheckBucketName(Value().Set("bucket", name)).has_value();
  };
  for (const std::string& good : std::vector<std::string>{"abc", "holdfast", "a.b-c.4", "127.0.0.x",
                                                          "1.2.3", std::string(63, 'a')})
    EXPECT_TRUE(bucket(good)) << good;
  for (const std::string& bad :
       std::vector<std::string>{"ab", "Abc", "a_b", "a/b", "-abc", "abc.", "a..b", "a b",
                                "127.0.0.1", "caf\xc3\xa9", std::string(64, 'a')})
    EXPECT_FALSE(bucket(bad)) << bad;
  const auto container = [](const std::string& name) {
    return CheckContainerName(Value().Set("container", name)).has_value();
  };
  for (const std::string& good :
       std::vector<std::string>{"", "c", "My backups", "...", std::string(256, 'a')})
    EXPECT_TRUE(container(good)) << good;
  for (const std::string& bad :
       std::vector<std::string>{"a/b", "/", ".", "..", std::string(257, 'a')})
    EXPECT_FALSE(container(bad)) << bad;
}

// What an opening of the bucket b, in us-east-1, says when each request is answered like that.
std::string SaidOfOpening(const HttpResponse& answer) {
  const auto server = std::make_shared<ScriptedServer>([&](const HttpRequest& request) {
    HttpResponse response = answer;
    if (request.method == HttpMethod::kHead) response.body.clear();
    return response;
  });
  Bucket bucket;
  bucket.endpoint = "http://s3";
  bucket.name = "b";
  bucket.region = "us-east-1";
  const auto store = OpenS3Store(server, bucket, BankUse::kWrite, SteadyTime::max());
  return store ? "" : fmt::format("{} {}", NameOf(store.error().code()), store.error().OneLine());
}

TEST(S3Refusals, SayWhichRegionTheServerNames) {
  EXPECT_EQ(SaidOfOpening({400,
                           {},
                           "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is "
                           "wrong</Message><Region>eu-central-1</Region></Error>"}),
            "invalid-input looking at its bucket: http://s3:80 answered 400 "
            "AuthorizationHeaderMalformed: the bucket b is in the region eu-central-1, not in "
            "us-east-1 [region = eu-central-1]");
  EXPECT_THAT(SaidOfOpening({301, {{"x-amz-bucket-region", "eu-west-1"}}, ""}),
              HasSubstr("is in the region eu-west-1, not in us-east-1 [region = eu-west-1]"));
}

TEST(S3Refusals, SayWhatToLookAt) {
  EXPECT_THAT(SaidOfOpening({403, {}, "<Error><Code>AccessDenied</Code></Error>"}),
              AllOf(StartsWith("denied"), HasSubstr("403 AccessDenied"),
                    HasSubstr("the key may not do that with the bucket b")));
  EXPECT_THAT(SaidOfOpening({403, {}, "<Error><Code>SignatureDoesNotMatch</Code></Error>"}),
              HasSubstr("403 SignatureDoesNotMatch [the access key, its secret"));
  EXPECT_THAT(SaidOfOpening({403, {}, "<Error><Code>RequestTimeTooSkewed</Code></Error>"}),
              HasSubstr("the clock of this machine is wrong"));
  for (const HttpResponse& full :
       {HttpResponse{403, {}, "<Error><Code>QuotaExceeded</Code></Error>"},
        HttpResponse{400, {}, "<Error><Code>EntityTooLarge</Code></Error>"},
        HttpResponse{413, {}, ""}}) {
    EXPECT_THAT(SaidOfOpening(full), AllOf(StartsWith("denied"), HasSubstr("a quota")));
  }
}

TEST(S3Listings, BackwardsEndWhereTheServerGivesTheSamePageAgain) {
  for (const std::string contents : {"", "<Contents><Key>t/a</Key><Size>1</Size></Contents>"}) {
    const auto server = std::make_shared<ScriptedServer>([&](const HttpRequest&) {
      return HttpResponse{200,
                          {},
                          "<ListBucketResult><IsTruncated>true</IsTruncated>"
                          "<NextContinuationToken>x</NextContinuationToken>" +
                              contents + "</ListBucketResult>"};
    });
    Bucket bucket;
    bucket.endpoint = "http://s3";
    bucket.name = "b";
    const auto store = OpenS3Store(server, bucket, BankUse::kRead, SteadyTime::max());
    ASSERT_TRUE(store) << store.error().Render();
    server->seen.clear();
    const auto listed = (*store)->List("t/", "", 5, ListDirection::kDescending, SteadyTime::max());
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt);
    EXPECT_THAT(listed.error().message(), HasSubstr("http://s3"));
    EXPECT_EQ(server->seen.size(), 2U);
  }
}

class S3HostileListings : public ::testing::Test {
 protected:
  Result<std::vector<StoredObject>> List(const std::function<Result<HttpResponse>(int)>& page,
                                         ListDirection direction) {
    int asked = 0;
    const auto server =
        std::make_shared<ScriptedServer>([&](const HttpRequest& request) -> Result<HttpResponse> {
          if (request.method == HttpMethod::kHead) return HttpResponse{200, {}, ""};
          if (asked > 100'000) return Internal("it goes on and on");
          return page(asked++);
        });
    Bucket bucket;
    bucket.endpoint = "http://s3";
    bucket.name = "b";
    const auto store = OpenS3Store(server, bucket, BankUse::kRead, SteadyTime::max());
    return (*store)->List("t/", "", 5, direction, SteadyTime::max());
  }
  static HttpResponse Page(const std::string& contents, const std::string& next) {
    return {200,
            {},
            "<ListBucketResult><IsTruncated>" + std::string(next.empty() ? "false" : "true") +
                "</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>" +
                contents + "</ListBucketResult>"};
  }
  static std::string Object(const std::string& name) {
    return "<Contents><Key>" + name + "</Key><Size>1</Size></Contents>";
  }
};

TEST_F(S3HostileListings, ThatNeverEndAreCorrupt) {
  const auto full = [](int number) {
    return Page(Object(fmt::format("t/{:09}", number)), std::to_string(number));
  };
  const auto empty = [](int number) { return Page("", std::to_string(number)); };
  for (const auto& listed :
       {List(full, ListDirection::kDescending), List(empty, ListDirection::kDescending),
        List(empty, ListDirection::kAscending)}) {
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code(), ErrorCode::kCorrupt) << listed.error().Render();
    EXPECT_THAT(listed.error().message(),
                HasSubstr("S3 bucket b at http://s3:80 gives a list that does not end"));
  }
}

TEST_F(S3HostileListings, AnEmptyPageIsNotTheEndWhereTheServerSaysThatThereIsMore) {
  const auto listed =
      List([](int number) { return number == 0 ? Page("", "x") : Page(Object("t/a"), ""); },
           ListDirection::kAscending);
  ASSERT_TRUE(listed) << listed.error().Render();
  ASSERT_EQ(listed->size(), 1U);
  EXPECT_EQ(listed->front().name, "t/a");
}

TEST_F(S3HostileListings, OfWhatHasNoNameOrOfTooManyBytesAreCorrupt) {
  const auto nameless = List([](int) { return Page(Object(""), ""); }, ListDirection::kAscending);
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().code(), ErrorCode::kCorrupt);
  const auto large =
      List([](int) { return Result<HttpResponse>(InvalidInput("http://s3:80 sent too much")); },
           ListDirection::kAscending);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code(), ErrorCode::kCorrupt);
  EXPECT_THAT(large.error().message(), HasSubstr("http://s3:80 sent too much"));
}

// What the server is given to check is what is kept with the object; hashes that are known are not made again.
TEST_F(S3Stores, BytesAreSentWithTheirHashes) {
  const std::string known(64, '7');
  for (const std::string& given : {std::string(), known}) {
    server_->seen.clear();
    damaged_ = 1;
    ASSERT_TRUE(store_->Put("k", {"bytes", nullptr, 5, {given, {}}}, "me", Precondition::kNone,
                            SteadyTime::max()));
    ASSERT_EQ(server_->seen.size(), 2U);
    for (const auto& each : server_->seen) {
      const std::string expected = given.empty() ? Sha256Hex("bytes") : given;
      EXPECT_EQ(each.body_sha256, expected);
      EXPECT_EQ(each.headers.at("x-amz-meta-holdfast-sha256"), expected);
      EXPECT_EQ(each.headers.at("Content-MD5"), ToBase64(AsText(Md5::Of("bytes"))));
    }
  }
}

TEST_F(S3Stores, MoreThanAMebibyteIsHeldToItsMd5Alone) {
  const std::string bytes((std::size_t{1} << 20U) + 1, 'x');
  for (const std::optional<Md5::Digest>& given : {std::optional<Md5::Digest>(), {Md5::Of(bytes)}}) {
    server_->seen.clear();
    ASSERT_TRUE(store_->Put("k", {bytes, nullptr, bytes.size(), {std::string(64, '7'), given}},
                            "me", Precondition::kNone, SteadyTime::max()));
    const ScriptedServer::Seen& put = server_->seen.back();
    EXPECT_EQ(put.body_sha256, net::kUnsignedPayload);
    EXPECT_EQ(put.headers.at("Content-MD5"), ToBase64(AsText(Md5::Of(bytes))));
    EXPECT_EQ(put.headers.at("x-amz-meta-holdfast-md5"), Md5Hex(bytes));
    EXPECT_FALSE(put.headers.contains("x-amz-meta-holdfast-sha256"));
  }
}

TEST_F(S3Stores, AKeyThatNobodyElseWritesIsNotLookedAtWithoutConditionalPut) {
  Bucket bucket;
  bucket.endpoint = "http://s3";
  bucket.name = "b";
  bucket.part_size = kPart;
  bucket.conditional_put = false;
  const auto store = OpenS3Store(server_, bucket, BankUse::kWrite, SteadyTime::max());
  ASSERT_TRUE(store);
  const auto put = [&](Precondition precondition) {
    server_->seen.clear();
    EXPECT_TRUE((*store)->Put("k", {"bytes", nullptr, 5}, "me", precondition, SteadyTime::max()));
    return server_->lines();
  };
  EXPECT_THAT(put(Precondition::kUnique), ElementsAre("PUT /b/k"));
  EXPECT_THAT(put(Precondition::kAbsent), ElementsAre("HEAD /b/k", "PUT /b/k"));
}

TEST_F(S3Stores, AnObjectOfWhichTheServerHasOtherBytesIsCorrupt) {
  wrong_etag_ = true;
  const Status put =
      store_->Put("k", {"bytes", nullptr, 5}, "me", Precondition::kNone, SteadyTime::max());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), ErrorCode::kCorrupt);
}

TEST(S3Signatures, CoverTheBodysSha256) {
  ScriptedServer server([](const HttpRequest&) { return HttpResponse{200, {}, ""}; });
  SigningClient client(server, {"id", "secret", "", "us-east-1"}, SystemClock());
  HttpRequest request;
  request.method = HttpMethod::kPut;
  request.url = "http://s3/b/k";
  request.body = "bytes";
  ASSERT_TRUE(client.Send(request, SteadyTime::max()));
  EXPECT_EQ(server.seen.back().headers.at("X-Amz-Content-Sha256"), Sha256Hex("bytes"));
  request.body_sha256 = std::string(64, '7');
  ASSERT_TRUE(client.Send(request, SteadyTime::max()));
  EXPECT_EQ(server.seen.back().headers.at("X-Amz-Content-Sha256"), request.body_sha256);
}

// `path_style = false`: the bucket is in the host's name, which is signed, and in no path.
TEST(S3Buckets, OfTheVirtualStyleAreInTheHostsNameAndSigned) {
  for (const auto& [endpoint, host] :
       {std::pair{"http://s3.example.org:8080", "b.s3.example.org:8080"},
        std::pair{"https://s3.example.org/", "b.s3.example.org"}}) {
    std::string url;
    ScriptedServer server([&](const HttpRequest& request) {
      url = request.url;
      return HttpResponse{200, {{"ETag", "\"" + Md5Hex(request.body) + "\""}}, ""};
    });
    const auto client = std::make_shared<SigningClient>(
        server, net::SigV4Key{"id", "secret", "", "us-east-1"}, SystemClock());
    Bucket bucket;
    bucket.endpoint = endpoint;
    bucket.name = "b";
    bucket.path_style = false;
    bucket.part_size = kPart;
    const auto store = OpenS3Store(client, bucket, BankUse::kWrite, SteadyTime::max());
    ASSERT_TRUE(store) << store.error().Render();
    const std::string base = std::string(endpoint, 0, std::string(endpoint).find("//") + 2) + host;
    EXPECT_EQ(url, base + "/");
    ASSERT_TRUE(
        (*store)->Put("t/k", {"x", nullptr, 1}, "me", Precondition::kNone, SteadyTime::max()));
    EXPECT_EQ(url, base + "/t/k");
    const net::HttpHeaders& sent = server.seen.back().headers;
    EXPECT_EQ(sent.at("Host"), host);
    EXPECT_THAT(sent.at("Authorization"), AllOf(HasSubstr("SignedHeaders="), HasSubstr("host;")));
    // Whichever style it has, it is one place.
    EXPECT_THAT((*store)->Place(), EndsWith("/b"));
  }
}

// As Swift's s3token answers while its Keystone does not.
TEST(S3Signatures, ThatAreRefusedAfterTheKeyWasTakenAreToBeTriedAgain) {
  int refused = 0;
  int otherwise = 200;
  std::string code = "SignatureDoesNotMatch";
  ScriptedServer server([&](const HttpRequest& request) {
    if (refused == 0) return HttpResponse{otherwise, {}, ""};
    --refused;
    const bool is_head = request.method == HttpMethod::kHead;
    return HttpResponse{403, {}, is_head ? "" : "<Error><Code>" + code + "</Code></Error>"};
  });
  SigningClient client(server, {"id", "secret", "", "us-east-1"}, SystemClock());
  HttpRequest put;
  put.method = HttpMethod::kPut;
  put.url = "http://s3/b/k";
  HttpRequest head = put;
  head.method = HttpMethod::kHead;

  refused = 1;
  auto answer = client.Send(put, SteadyTime::max());
  ASSERT_TRUE(answer) << "the key was never taken: it is wrong";
  EXPECT_EQ(answer->status, 403);
  ASSERT_TRUE(client.Send(put, SteadyTime::max()));

  refused = 1;
  answer = client.Send(put, SteadyTime::max());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(answer.error().message(), "http://s3:80 no longer takes a key that it took before");
  for (const auto& [times, then] : {std::pair{1, 200}, std::pair{1, 404}, std::pair{2, 200}}) {
    refused = times;
    otherwise = then;
    answer = client.Send(head, SteadyTime::max());
    ASSERT_FALSE(answer) << times;
    EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  }

  // It may not do that, whoever it is.
  code = "AccessDenied";
  for (HttpRequest* const request : {&put, &head}) {
    refused = 2;
    answer = client.Send(*request, SteadyTime::max());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 403);
    refused = 0;
  }
}

TEST(S3Objects, SayTheHashThatTheyWereStoredWith) {
  net::HttpHeaders headers;
  const auto server = std::make_shared<ScriptedServer>([&](const HttpRequest&) {
    return HttpResponse{200, headers, ""};
  });
  Bucket bucket;
  bucket.endpoint = "http://s3";
  bucket.name = "b";
  auto store = OpenS3Store(server, bucket, BankUse::kRead, SteadyTime::max());
  ASSERT_TRUE(store);
  headers = {{"x-amz-meta-holdfast-sha256", Sha256Hex("x")}};
  EXPECT_EQ((*store)->Stat("k", SteadyTime::max())->sha256, Sha256Hex("x"));
  headers = {{"x-amz-meta-holdfast-md5", Md5Hex("x")}};
  const auto object = (*store)->Stat("k", SteadyTime::max());
  EXPECT_EQ(object->md5, Md5Hex("x"));
  EXPECT_EQ(object->sha256, "");
}

TEST(S3Objects, SayTheMd5OfTheirPartsUnlessTheyAreEncryptedWithOtherKeys) {
  const std::string md5 = Md5Hex("of parts");
  std::string encryption;
  const auto server = std::make_shared<ScriptedServer>([&](const HttpRequest&) {
    HttpResponse response{
        200, {{"ETag", "\"" + md5 + "-3\""}, {"x-amz-meta-holdfast-parts", "100"}}, ""};
    if (!encryption.empty()) response.headers["x-amz-server-side-encryption"] = encryption;
    return response;
  });
  Bucket bucket;
  bucket.endpoint = "http://s3";
  bucket.name = "b";
  auto store = OpenS3Store(server, bucket, BankUse::kRead, SteadyTime::max());
  ASSERT_TRUE(store);
  for (const auto& [with, known] :
       {std::pair{"", true}, std::pair{"AES256", true}, std::pair{"aws:kms", false}}) {
    encryption = with;
    const auto object = (*store)->Stat("k", SteadyTime::max());
    ASSERT_TRUE(object);
    EXPECT_EQ(object->md5, known ? md5 : "") << with;
    EXPECT_EQ(object->md5_of_parts, known ? 100U : 0U);
  }
}

}  // namespace
}  // namespace holdfast::banks::s3
