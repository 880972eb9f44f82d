#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "plugins/net/cpprest_client.h"
#include "plugins/net/curl_client.h"
#include "plugins/sdk/text.h"
#include "tests/net/test_server.h"

// What every transport behind HttpClient promises, against a server that misbehaves on purpose.
namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::TestConnection;
using testing::TestServer;

SteadyTime In(milliseconds time) { return std::chrono::steady_clock::now() + time; }

HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

// Answers every request of every connection.
TestServer::Serve Always(
    std::function<void(TestConnection&, const TestConnection::Request&)> answer) {
  return [answer = std::move(answer)](TestConnection& connection) {
    TestConnection::Request request;
    while (connection.Read(request)) answer(connection, request);
  };
}

using Make = Result<std::unique_ptr<HttpClient>> (*)(TransportOptions);

class Transport : public ::testing::TestWithParam<Make> {
 protected:
  static std::unique_ptr<HttpClient> Client(TransportOptions options = {}) {
    auto client = GetParam()(std::move(options));
    EXPECT_TRUE(client) << client.error().Render();
    return std::move(*client);
  }
};

int Threads() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
  }
  return 0;
}

TEST_P(Transport, SendsMethodTargetHeadersAndBodyAndReadsTheAnswer) {
  TestServer server(Always([](TestConnection& c, const TestConnection::Request& r) {
    c.Answer(201, r.method + " " + r.target + " " + r.headers.at("Content-Type") + " " + r.body,
             "X-One: 1\r\n");
  }));
  const auto client = Client();
  HttpRequest request = Get(server.Url("/a%20b/c?d=e%2Ff"));
  request.method = HttpMethod::kPost;
  request.headers["content-type"] = "application/json";
  request.body = "{}";
  const auto response = client->Send(request, In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->headers.at("x-one"), "1");
  EXPECT_EQ(response->body, "POST /a%20b/c?d=e%2Ff application/json {}");
}

TEST_P(Transport, HeadHasNoBodyWhateverItsLengthIs) {
  TestServer server(Always([](TestConnection& c, const TestConnection::Request& r) {
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-Method: " + r.method + "\r\n\r\n");
  }));
  const auto client = Client();
  HttpRequest request = Get(server.Url());
  request.method = HttpMethod::kHead;
  for (int i = 0; i < 2; ++i) {
    const auto response = client->Send(request, In(seconds(10)));
    ASSERT_TRUE(response) << response.error().Render();
    EXPECT_EQ(response->headers.at("Content-Length"), "12345");
    EXPECT_EQ(response->headers.at("X-Method"), "HEAD");
    EXPECT_EQ(response->body, "");
  }
}

TEST_P(Transport, WhatIsNotAskedForIsNotSent) {
  TestServer server(Always([](TestConnection& c, const TestConnection::Request& r) {
    std::string names;
    for (const auto& [name, value] : r.headers) names += Lowered(name) + " ";
    c.Answer(200, names);
  }));
  for (const HttpMethod method : {HttpMethod::kGet, HttpMethod::kPut, HttpMethod::kPost,
                                  HttpMethod::kPatch, HttpMethod::kDelete}) {
    HttpRequest request = Get(server.Url());
    request.method = method;
    const std::string body(3'000'000, 'x');
    if (method != HttpMethod::kGet && method != HttpMethod::kDelete) request.body = body;
    const auto response = Client()->Send(request, In(seconds(20)));
    ASSERT_TRUE(response) << response.error().Render();
    EXPECT_THAT(response->body, HasSubstr("host"));
    for (const char* not_sent : {"expect", "content-type", "accept", "transfer-encoding"})
      EXPECT_THAT(response->body, ::testing::Not(HasSubstr(not_sent))) << NameOf(method);
  }
}

TEST_P(Transport, AnErrorStatusIsAResponse) {
  TestServer server(
      Always([](TestConnection& c, const auto&) { c.Answer(503, "busy", "Retry-After: 7\r\n"); }));
  const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->headers.at("retry-after"), "7");
  EXPECT_EQ(response->body, "busy");
}

TEST_P(Transport, AStallEndsAtTheDeadline) {
  TestServer server([](TestConnection& c) { c.Stall(); });
  const auto begin = std::chrono::steady_clock::now();
  const auto response = Client()->Send(Get(server.Url()), In(milliseconds(300)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr("deadline"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST_P(Transport, ABodyThatTricklesEndsAtTheDeadlineToo) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 40; ++i) {
      c.Write("x");
      std::this_thread::sleep_for(milliseconds(25));
    }
  });
  const auto response = Client()->Send(Get(server.Url()), In(milliseconds(400)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
}

TEST_P(Transport, ASilentStreamEndsAfterTheLongestSilence) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    c.Stall();
  });
  StringSink sink(100);
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  request.longest_silence = milliseconds(200);
  const auto response = Client()->Send(request, In(seconds(30)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr("silent"));
  EXPECT_EQ(sink.data(), "abc");
}

TEST_P(Transport, AResetIsUnavailable) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    c.Read(request);
    c.Reset();
  });
  const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
}

TEST_P(Transport, ABodyThatEndsEarlyIsUnavailable) {
  for (const std::string head :
       {"Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n9\r\nabc"}) {
    TestServer server([&](TestConnection& c) {
      TestConnection::Request request;
      if (c.Read(request)) c.Write("HTTP/1.1 200 OK\r\n" + head);
    });
    const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
    ASSERT_FALSE(response) << head;
    EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
  }
}

TEST_P(Transport, ALargeBodyPassesThroughASlowSinkWhole) {
  constexpr std::size_t kSize = std::size_t{100} << 20U;
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string piece(std::size_t{1} << 20U, 'x');
    for (int i = 0; i < 100; ++i) c.Write(piece);
  });
  class Counter final : public ByteSink {
   public:
    Status Write(std::span<const std::byte> data) override {
      size += data.size();
      return Ok();
    }
    std::size_t size = 0;
  } sink;
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  const auto response = Client()->Send(request, In(seconds(100)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(sink.size, kSize);
}

TEST_P(Transport, ABodyBeyondTheLimitIsRefusedAndNotKept) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "1000\r\n" + std::string(4096, 'x') + "\r\n";
    for (int i = 0; i < 10'000; ++i) c.Write(piece);
  });
  HttpRequest request = Get(server.Url());
  request.most_body = 100'000;
  const auto response = Client()->Send(request, In(seconds(30)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kInvalidInput) << response.error().Render();
}

TEST_P(Transport, WhatASinkRefusesEndsTheTransfer) {
  TestServer server(Always([](TestConnection& c, const auto&) { c.Answer(200, "0123456789"); }));
  StringSink sink(3);
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  const auto response = Client()->Send(request, In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kInvalidInput);
}

TEST_P(Transport, TheBodyOfARefusalDoesNotGoIntoTheSink) {
  TestServer server(Always([](TestConnection& c, const auto&) { c.Answer(403, "no"); }));
  StringSink sink(100);
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  const auto response = Client()->Send(request, In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, "no");
  EXPECT_EQ(sink.data(), "");
}

TEST_P(Transport, ACancelledRequestReturnsSoon) {
  TestServer server([](TestConnection& c) { c.Stall(); });
  Cancellation cancellation;
  HttpRequest request = Get(server.Url());
  request.cancellation = &cancellation;
  std::thread canceller([&] { cancellation.Set(); });
  const auto begin = std::chrono::steady_clock::now();
  const auto response = Client()->Send(request, In(seconds(60)));
  canceller.join();
  ASSERT_FALSE(response);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
}

TEST_P(Transport, AConnectionThatWasClosedMeanwhileIsMadeAgain) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (c.Read(request)) c.Answer(200, "once");
  });
  const auto client = Client();
  for (int i = 0; i < 3; ++i) {
    const auto response = client->Send(Get(server.Url()), In(seconds(10)));
    ASSERT_TRUE(response) << response.error().Render();
    EXPECT_EQ(response->body, "once");
  }
  EXPECT_EQ(server.connections(), 3U);
}

TEST_P(Transport, AnAbsentServerIsUnavailable) {
  std::string url;
  {
    TestServer server([](TestConnection&) {});
    url = server.Url();
  }
  const auto response = Client()->Send(Get(url), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
}

// The top-level domain never has one (RFC 6761).
TEST_P(Transport, ANameWithoutAnAddressIsUnavailableAndIsNamed) {
  const auto client = Client({});
  for (int i = 0; i < 3; ++i) {
    const auto response = client->Send(Get("http://swift.invalid/v1"), In(seconds(30)));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
    EXPECT_THAT(response.error().OneLine(), HasSubstr("http://swift.invalid"));
  }
}

TEST_P(Transport, HasFewThreads) {
  TestServer server(Always([](TestConnection& c, const auto&) { c.Answer(200, ""); }));
  const auto client = Client();
  const int before = Threads();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client->Send(Get(server.Url()), In(seconds(10))));
  EXPECT_LE(Threads(), before + 5);
}

TEST_P(Transport, AnErrorNamesTheServerAndNoHeader) {
  TestServer server([](TestConnection& c) { c.Reset(); });
  HttpRequest request = Get(server.Url("/path?token=hidden-in-query"));
  request.headers["Authorization"] = "Bearer hidden-in-header";
  const auto response = Client()->Send(request, In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().Render(), HasSubstr(std::to_string(server.port())));
  EXPECT_THAT(response.error().Render(), ::testing::Not(HasSubstr("hidden")));
}

class Tls : public Transport {
 protected:
  const testing::TestCertificate authority_ = testing::MakeAuthority("test authority");
  const testing::TestCertificate for_address_ =
      testing::MakeCertificate(authority_, "IP:127.0.0.1");
  TestServer::Serve serve_ =
      Always([](TestConnection& c, const auto&) { c.Answer(200, "over TLS"); });

  TransportOptions Trusting() const {
    TransportOptions options;
    options.ca_pem = authority_.certificate_pem;
    return options;
  }
  Result<HttpResponse> Try(const TestServer& server, TransportOptions options) {
    // The sanitizers make the reading of a system's authorities slow: on a machine with other work, more than 10 s.
    return Client(std::move(options))->Send(Get(server.Url()), In(seconds(60)));
  }
};

TEST_P(Tls, AServerOfTheOwnAuthorityIsTrusted) {
  TestServer server(serve_, for_address_, "");
  const auto response = Try(server, Trusting());
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, "over TLS");
}

TEST_P(Tls, AnAddressMayBeOneOfIpv6) {
  std::ifstream interfaces("/proc/net/if_inet6");
  const std::string addresses{std::istreambuf_iterator<char>(interfaces), {}};
  if (addresses.find("00000000000000000000000000000001 ") == std::string::npos)
    GTEST_SKIP() << "this machine has no loopback of IPv6";
  std::mutex mutex;
  std::string host;
  const auto serve = Always([&](TestConnection& c, const auto& request) {
    const std::lock_guard lock(mutex);
    host = request.headers.at("host");
    c.Answer(200, "to ::1");
  });
  for (const auto& certificate :
       {testing::TestCertificate(), testing::MakeCertificate(authority_, "IP:::1")}) {
    TestServer server(serve, certificate, "", AF_INET6);
    const auto response = Try(server, Trusting());
    ASSERT_TRUE(response) << response.error().Render();
    EXPECT_EQ(response->body, "to ::1");
    const std::lock_guard lock(mutex);
    EXPECT_EQ(host, "[::1]:" + std::to_string(server.port()));
  }
  TestServer other(serve_, for_address_, "", AF_INET6);
  const auto refused = Try(other, Trusting());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("not for ::1"));
}

TEST_P(Tls, AnUnknownAuthorityIsDeniedAndSaysWhy) {
  TestServer server(serve_, for_address_, "");
  TransportOptions options;
  options.ca_pem = testing::MakeAuthority("another").certificate_pem;
  for (TransportOptions each : {options, TransportOptions()}) {
    const auto response = Try(server, each);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kDenied) << response.error().Render();
    EXPECT_THAT(response.error().message(), HasSubstr("certificate is not accepted"));
  }
}

TEST_P(Tls, ACertificateForAnotherNameIsDenied) {
  TestServer server(serve_, testing::MakeCertificate(authority_, "DNS:other.example,IP:127.0.0.2"),
                    "");
  const auto response = Try(server, Trusting());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(response.error().message(), HasSubstr("not for 127.0.0.1"));
}

TEST_P(Tls, TheServerNameMayBeAnotherThanTheUrls) {
  TestServer server(serve_, testing::MakeCertificate(authority_, "DNS:api.example"), "");
  TransportOptions options = Trusting();
  options.server_name = "api.example";
  const auto response = Try(server, options);
  EXPECT_TRUE(response) << response.error().Render();
}

TEST_P(Tls, SkippedVerificationTakesAnyCertificate) {
  TestServer server(serve_, testing::MakeCertificate(authority_, "DNS:other.example"), "");
  TransportOptions options;
  options.skip_verify = true;
  const auto response = Try(server, options);
  EXPECT_TRUE(response) << response.error().Render();
}

TEST_P(Tls, AClientCertificateIsShown) {
  TestServer server(serve_, for_address_, authority_.certificate_pem);
  TransportOptions options = Trusting();
  const testing::TestCertificate own = testing::MakeCertificate(authority_, "");
  options.client_certificate_pem = own.certificate_pem;
  options.client_key_pem = own.key_pem;
  const auto response = Try(server, options);
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, "over TLS");
}

TEST_P(Tls, WithoutTheClientCertificateThatIsWantedItIsDenied) {
  TestServer server(serve_, for_address_, authority_.certificate_pem);
  const auto response = Try(server, Trusting());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kDenied) << response.error().Render();
}

TEST_P(Tls, AKeyOfAnotherCertificateIsRefusedBeforeAnythingIsSent) {
  TransportOptions options;
  options.client_certificate_pem = for_address_.certificate_pem;
  options.client_key_pem = testing::MakeCertificate(authority_, "").key_pem;
  const auto client = GetParam()(options);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code(), ErrorCode::kInvalidInput);
  options.client_key_pem.clear();
  EXPECT_FALSE(GetParam()(options));
  options = {};
  options.ca_pem = "no certificate";
  EXPECT_FALSE(GetParam()(options));
}

TEST_P(Tls, APlainServerWhereTlsIsMeantIsNoSuccess) {
  TestServer server([](TestConnection& c) { c.Answer(400, "this is no TLS"); });
  const auto response =
      Client(Trusting())
          ->Send(Get("https://127.0.0.1:" + std::to_string(server.port()) + "/"), In(seconds(10)));
  EXPECT_FALSE(response);
}

TEST_P(Transport, ARequestGoesThroughTheProxyThatIsNamed) {
  TestServer proxy(Always([](TestConnection& c, const TestConnection::Request& r) {
    c.Answer(200, "proxied " + r.target);
  }));
  TransportOptions options;
  options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto response = Client(options)->Send(Get("http://server.invalid/x"), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_THAT(response->body, HasSubstr("server.invalid"));
}

TEST_P(Tls, GoesThroughTheTunnelOfAProxy) {
  TestServer server(serve_, testing::MakeCertificate(authority_, "DNS:server.invalid"), "");
  std::string target;
  TestServer proxy([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request) || request.method != "CONNECT") return;
    target = request.target;
    c.Write("HTTP/1.1 200 Connection established\r\n\r\n");
    c.Tunnel(server.port());
  });
  TransportOptions options = Trusting();
  options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto response = Client(options)->Send(Get("https://server.invalid/x"), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, "over TLS");
  EXPECT_EQ(target, "server.invalid:443");
}

TEST_P(Tls, AnIpv6AddressIsInBracketsWhereAProxyReadsIt) {
  TestServer server(serve_, testing::MakeCertificate(authority_, "IP:fd00::1"), "");
  std::mutex mutex;
  std::string line;
  TestServer proxy([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    {
      const std::lock_guard lock(mutex);
      line = request.method + " " + request.target;
    }
    if (request.method != "CONNECT") return c.Answer(200, "for " + request.headers.at("host"));
    c.Write("HTTP/1.1 200 Connection established\r\n\r\n");
    c.Tunnel(server.port());
  });
  TransportOptions options = Trusting();
  options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto secure = Client(options)->Send(Get("https://[fd00::1]:6443/x"), In(seconds(10)));
  ASSERT_TRUE(secure) << secure.error().Render();
  EXPECT_EQ(secure->body, "over TLS");
  {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(line, "CONNECT [fd00::1]:6443");
  }
  const auto plain = Client(options)->Send(Get("http://[fd00::1]:2746/x"), In(seconds(10)));
  ASSERT_TRUE(plain) << plain.error().Render();
  EXPECT_EQ(plain->body, "for [fd00::1]:2746");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(line, "GET http://[fd00::1]:2746/x");
}

TEST_P(Transport, ATunnelThatIsRefusedIsNoSuccess) {
  TestServer proxy([](TestConnection& c) {
    TestConnection::Request request;
    if (c.Read(request) && request.method == "CONNECT") c.Answer(407, "no");
  });
  TransportOptions options;
  options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy.port());
  const auto response = Client(options)->Send(Get("https://server.invalid/x"), In(seconds(10)));
  EXPECT_FALSE(response && response->ok());
  EXPECT_GE(proxy.connections(), 1U);
}

std::string NameOfTransport(const ::testing::TestParamInfo<Make>& info) {
  return info.param == &MakeCurlClient ? "curl" : "cpprest";
}
const auto kBoth = ::testing::Values(&MakeCpprestClient, &MakeCurlClient);
INSTANTIATE_TEST_SUITE_P(Both, Transport, kBoth, NameOfTransport);
INSTANTIATE_TEST_SUITE_P(Both, Tls, kBoth, NameOfTransport);

}  // namespace
}  // namespace holdfast::net
