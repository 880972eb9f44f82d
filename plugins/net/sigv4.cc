#include "plugins/net/sigv4.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "plugins/net/url.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kEnd = "aws4_request";

std::string Hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  HOLDFAST_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                      reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                      bytes.data(), &size) != nullptr);
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

// %XX as the byte that it is; a '%' that begins none is one.
std::string Decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string CanonicalPath(std::string_view path) {
  std::vector<std::string> segments;
  for (const std::string_view segment : Split(path, '/'))
    segments.push_back(PercentEncoded(Decoded(segment)));
  const std::string out = Join(segments, "/");
  return out.empty() ? "/" : out;
}

std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const std::string_view part : Split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view value =
        equals < part.size() ? part.substr(equals + 1) : std::string_view();
    parts.emplace_back(PercentEncoded(Decoded(part.substr(0, equals))),
                       PercentEncoded(Decoded(value)));
  }
  std::sort(parts.begin(), parts.end());
  std::string out;
  for (const auto& [name, value] : parts) {
    if (!out.empty()) out += '&';
    out += name + "=" + value;
  }
  return out;
}

// Without blanks at its ends, and with one where there are several.
std::string CanonicalValue(std::string_view value) {
  std::string out;
  for (const char c : Trim(value)) {
    const char plain = c == '\t' || c == '\r' || c == '\n' ? ' ' : c;
    if (plain != ' ' || out.back() != ' ') out += plain;
  }
  return out;
}

}  // namespace

std::string SigV4Date(WallTime time) {
  // "2013-05-24T00:00:00.000Z"
  std::string out;
  for (const char c : FormatTime(time).substr(0, 19)) {
    if (c != '-' && c != ':') out += c;
  }
  return out + "Z";
}

SigV4Signature SignV4(const SigV4Request& request, const SigV4Key& key, WallTime date) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& [name, value] : request.headers)
    headers.emplace_back(Lowered(name), CanonicalValue(value));
  std::sort(headers.begin(), headers.end());
  std::string lines;
  std::string names;
  for (const auto& [name, value] : headers) {
    lines += name + ":" + value + "\n";
    if (!names.empty()) names += ';';
    names += name;
  }
  SigV4Signature out;
  out.canonical_request =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, CanonicalPath(request.path),
                  CanonicalQuery(request.query), lines, names, request.payload_hash);
  const std::string time = SigV4Date(date);
  const std::string day = time.substr(0, time.find('T'));
  const std::string scope = fmt::format("{}/{}/{}/{}", day, key.region, key.service, kEnd);
  out.string_to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, scope, Sha256Hex(out.canonical_request));
  std::string signing_key = "AWS4" + key.secret_key;
  for (const std::string_view part :
       {std::string_view(day), std::string_view(key.region), std::string_view(key.service), kEnd}) {
    signing_key = Hmac(signing_key, part);
  }
  const std::string signature = Hmac(signing_key, out.string_to_sign);
  out.signature = Hex(AsBytes(signature));
  out.authorization = fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                                  key.access_key, scope, names, out.signature);
  return out;
}

Status SignForS3(HttpRequest& request, const SigV4Key& key, WallTime now,
                 std::string_view payload_hash) {
  HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  if (!request.headers.contains("Host")) {
    // As transports write it.
    const std::uint16_t usual = url.scheme == "https" ? 443 : 80;
    request.headers["Host"] =
        url.HostInUrl() + (url.port == usual ? "" : ":" + std::to_string(url.port));
  }
  request.headers["X-Amz-Date"] = SigV4Date(now);
  request.headers["X-Amz-Content-Sha256"] = std::string(payload_hash);
  if (!key.session_token.empty()) request.headers["X-Amz-Security-Token"] = key.session_token;
  request.headers.erase("Authorization");
  SigV4Request what;
  what.method = NameOf(request.method);
  const std::size_t question = std::min(url.target.find('?'), url.target.size());
  what.path = std::string_view(url.target).substr(0, question);
  if (question < url.target.size()) what.query = std::string_view(url.target).substr(question + 1);
  what.headers = request.headers;
  what.headers.erase("User-Agent");
  what.payload_hash = payload_hash;
  request.headers["Authorization"] = SignV4(what, key, now).authorization;
  return Ok();
}

}  // namespace holdfast::net
