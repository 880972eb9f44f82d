#include "plugins/net/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const std::filesystem::path& file) {
  auto text = ReadFile(file);
  EXPECT_TRUE(text) << text.error().Render();
  return text ? *std::move(text) : "";
}

// --- AWS's own suite -----------------------------------------------------------------------------------

class Suite : public ::testing::TestWithParam<std::string> {};

TEST_P(Suite, IsSignedAsAwsSays) {
  const std::filesystem::path folder =
      std::filesystem::path(HOLDFAST_SIGV4_SUITE) / std::string(GetParam());
  const auto context = ParseJson(Text(folder / "context.json"), "context.json");
  ASSERT_TRUE(context) << context.error().Render();
  const Value& credentials = *context->Find("credentials");
  SigV4Key key;
  key.access_key = credentials.StringOr("access_key_id", "");
  key.secret_key = credentials.StringOr("secret_access_key", "");
  key.session_token = credentials.StringOr("token", "");
  key.region = context->StringOr("region", "");
  key.service = context->StringOr("service", "");
  const auto date = ParseTime(context->StringOr("timestamp", ""));
  ASSERT_TRUE(date);

  const std::string text = Text(folder / "request.txt");
  const std::size_t end = std::min(text.find("\n\n"), text.size());
  const std::string body = end < text.size() ? text.substr(end + 2) : "";
  SigV4Request request;
  bool first = true;
  std::string* newest = nullptr;
  for (const std::string_view line : Split(std::string_view(text).substr(0, end), '\n')) {
    if (first) {
      first = false;
      const std::size_t begin = line.find(' ') + 1;
      const std::string_view target = line.substr(begin, line.rfind(' ') - begin);
      request.method = line.substr(0, begin - 1);
      const std::size_t question = std::min(target.find('?'), target.size());
      request.path = target.substr(0, question);
      request.query = target.substr(std::min(question + 1, target.size()));
    } else if (line.starts_with(' ')) {
      newest->append(line);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      const auto [at, is_new] =
          request.headers.try_emplace(std::string(line.substr(0, colon)), line.substr(colon + 1));
      if (!is_new) at->second.append(",").append(line.substr(colon + 1));
      newest = &at->second;
    }
  }
  const std::string hash = Sha256Hex(body);
  request.payload_hash = hash;
  request.headers["X-Amz-Date"] = SigV4Date(*date);
  if (context->BoolOr("sign_body", false)) request.headers["X-Amz-Content-Sha256"] = hash;
  if (!key.session_token.empty() && !context->BoolOr("omit_session_token", false))
    request.headers["X-Amz-Security-Token"] = key.session_token;

  const SigV4Signature signature = SignV4(request, key, *date);
  EXPECT_EQ(signature.canonical_request, Text(folder / "header-canonical-request.txt"));
  EXPECT_EQ(signature.string_to_sign, Text(folder / "header-string-to-sign.txt"));
  EXPECT_EQ(signature.signature, Text(folder / "header-signature.txt"));
}

std::vector<std::string> Cases() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_SIGV4_SUITE)) {
    if (entry.is_directory()) out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}
INSTANTIATE_TEST_SUITE_P(SigV4, Suite, ::testing::ValuesIn(Cases()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});
TEST(SigV4, TheSuiteIsThere) { EXPECT_GE(Cases().size(), 30U); }

// --- The examples of S3's documentation -------------------------------------------------------------------

class S3Examples : public ::testing::Test {
 protected:
  S3Examples() {
    key_.access_key = "AKIAIOSFODNN7EXAMPLE";
    key_.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    key_.region = "us-east-1";
  }
  std::string Authorization(HttpRequest request, std::string_view payload = "") {
    const auto time = ParseTime("2013-05-24T00:00:00Z");
    request.url.insert(0, "https://examplebucket.s3.amazonaws.com");
    const Status signed_one = SignForS3(request, key_, *time, Sha256Hex(payload));
    EXPECT_TRUE(signed_one) << signed_one.error().Render();
    return request.headers["Authorization"];
  }
  SigV4Key key_;
};

TEST_F(S3Examples, GetObjectWithARange) {
  HttpRequest request;
  request.url = "/test.txt";
  request.headers["Range"] = "bytes=0-9";
  request.headers["User-Agent"] = "not signed";
  EXPECT_EQ(Authorization(request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Examples, PutObject) {
  HttpRequest request;
  request.method = HttpMethod::kPut;
  request.url = "/test$file.text";
  request.headers["Date"] = "Fri, 24 May 2013 00:00:00 GMT";
  request.headers["x-amz-storage-class"] = "REDUCED_REDUNDANCY";
  EXPECT_THAT(
      Authorization(request, "Welcome to Amazon S3."),
      HasSubstr("SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
                "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_F(S3Examples, GetBucketLifecycle) {
  HttpRequest request;
  request.url = "/?lifecycle";
  EXPECT_THAT(Authorization(request),
              HasSubstr("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST_F(S3Examples, ListObjects) {
  HttpRequest request;
  request.url = "/?max-keys=2&prefix=J";
  EXPECT_THAT(Authorization(request),
              HasSubstr("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

// --- What the suite does not have ----------------------------------------------------------------------

TEST(SignForS3, SignsTheHostThatTransportsWrite) {
  SigV4Key key;
  key.region = "us-east-1";
  const WallTime time;
  const auto host = [&](const std::string& url) {
    HttpRequest request;
    request.url = url;
    EXPECT_TRUE(SignForS3(request, key, time, kUnsignedPayload));
    return request.headers["Host"];
  };
  EXPECT_EQ(host("http://h.example/b"), "h.example");
  EXPECT_EQ(host("https://h.example:443/b"), "h.example");
  EXPECT_EQ(host("https://h.example:80/b"), "h.example:80");
  EXPECT_EQ(host("http://[::1]:9000/b"), "[::1]:9000");
}

TEST(SignForS3, SignsAgainWithoutWhatWasSignedBefore) {
  SigV4Key key;
  key.access_key = "access";
  key.secret_key = "hidden-key";
  key.session_token = "session";
  key.region = "us-east-1";
  HttpRequest request;
  request.url = "http://h.example/b/k";
  ASSERT_TRUE(SignForS3(request, key, WallTime(), kUnsignedPayload));
  EXPECT_EQ(request.headers["X-Amz-Content-Sha256"], "UNSIGNED-PAYLOAD");
  EXPECT_EQ(request.headers["X-Amz-Security-Token"], "session");
  EXPECT_THAT(request.headers["Authorization"], HasSubstr("x-amz-security-token"));
  EXPECT_THAT(request.headers["Authorization"], Not(HasSubstr("hidden-key")));
  HttpRequest later = request;
  ASSERT_TRUE(SignForS3(later, key, WallTime() + std::chrono::hours(1), kUnsignedPayload));
  HttpRequest fresh;
  fresh.url = request.url;
  ASSERT_TRUE(SignForS3(fresh, key, WallTime() + std::chrono::hours(1), kUnsignedPayload));
  EXPECT_EQ(later.headers, fresh.headers);
  EXPECT_NE(later.headers["Authorization"], request.headers["Authorization"]);
}

TEST(SignForS3, APathIsSignedOnceEncodedHoweverItIsWritten) {
  SigV4Key key;
  const auto path = [&](std::string_view text) {
    SigV4Request request;
    request.method = "GET";
    request.path = text;
    const std::string canonical = SignV4(request, key, WallTime()).canonical_request;
    return std::string(Split(canonical, '\n')[1]);
  };
  EXPECT_EQ(path(""), "/");
  EXPECT_EQ(path("/b/a%2fb"), "/b/a%2Fb");
  EXPECT_EQ(path("/b/a@b+c=d"), "/b/a%40b%2Bc%3Dd");
  EXPECT_EQ(path("/b/100%"), "/b/100%25");
  EXPECT_EQ(path("/b//../x/"), "/b//../x/");
}

}  // namespace
}  // namespace holdfast::net
