#pragma once

#include <string>
#include <string_view>

#include "plugins/net/http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::net {

// AWS's signature, version 4, in a request's headers, in the variant that S3 has: a path is encoded once, and neither dots nor
// slashes in it are taken away.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

struct SigV4Key {
  std::string access_key;
  std::string secret_key;     // a secret
  std::string session_token;  // a secret; empty: none
  std::string region;         // "us-east-1"
  std::string service = "s3";
};

// What is signed of a request.
struct SigV4Request {
  std::string_view method;
  std::string_view
      path;  // as it is sent; what is not encoded there, or is otherwise, is as S3 would encode it
  std::string_view query;         // the same, behind the '?'; empty: none
  HttpHeaders headers;            // all that are signed: Host and X-Amz-Date at least
  std::string_view payload_hash;  // as SignForS3
};

// Each step, for tests and for who looks for a difference. None has a secret.
struct SigV4Signature {
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;      // in hex digits
  std::string authorization;  // the header
};

// `date` is that of the header X-Amz-Date.
SigV4Signature SignV4(const SigV4Request& request, const SigV4Key& key, WallTime date);

// "20130524T000000Z"
std::string SigV4Date(WallTime time);

// For a body that is not read before it is sent: it goes over TLS, or somebody else checks it.
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Signs a request with all of its headers (but User-Agent, which proxies may change), and adds what S3 wants of them: Host,
// X-Amz-Date, X-Amz-Content-Sha256, X-Amz-Security-Token, Authorization. Where it is sent again later than some minutes after
// `now`, it is to be signed again: the old ones of these headers are replaced. `payload_hash`: Sha256Hex of the body, or
// kUnsignedPayload. kInvalidInput for a URL that is none.
Status SignForS3(HttpRequest& request, const SigV4Key& key, WallTime now,
                 std::string_view payload_hash);

}  // namespace holdfast::net
