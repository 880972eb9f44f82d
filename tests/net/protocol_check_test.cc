#include "plugins/net/protocol_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/net/cpprest_client.h"
#include "tests/net/test_server.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::TestConnection;
using testing::TestServer;

Result<HttpResponse> Ask(const std::string& url, HttpClient& client) {
  HttpRequest request;
  request.url = url;
  return client.Send(request, std::chrono::steady_clock::now() + seconds(20));
}
std::unique_ptr<HttpClient> Checked() {
  auto inner = MakeCpprestClient({});
  EXPECT_TRUE(inner);
  return std::make_unique<ProtocolCheckedClient>(std::move(*inner));
}
std::string AtPort(const TestServer& server, const std::string& scheme) {
  return scheme + "://127.0.0.1:" + std::to_string(server.port()) + "/";
}
TestServer::Serve Says(std::string words) {
  return [words = std::move(words)](TestConnection& c) { c.Write(words); };
}

TEST(ProtocolCheck, AServerThatSpeaksAnotherProtocolIsNoneThatIsAway) {
  for (const std::string scheme : {"http", "https"}) {
    TestServer ssh(Says("SSH-2.0-OpenSSH_9.2p1\r\n"));
    const auto refused = Ask(AtPort(ssh, scheme), *Checked());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput) << refused.error().Render();
    EXPECT_THAT(refused.error().message(),
                HasSubstr("does not speak HTTP: it says 'SSH-2.0-OpenSSH_9.2p1'"));
  }
}

TEST(ProtocolCheck, WhatIsNoTextIsNotShown) {
  TestServer server(Says(std::string("AMQP\0\0\x09\x01\x1b[31m", 13)));
  const auto refused = Ask(server.Url(), *Checked());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidInput);
  EXPECT_TRUE(refused.error().message().ends_with(" does not speak HTTP"))
      << refused.error().message();
}

TEST(ProtocolCheck, TheSchemeIsToBeThatOfTheServer) {
  const auto authority = testing::MakeAuthority("a");
  const auto answers = [](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, "x");
  };
  TestServer with_tls(answers, testing::MakeCertificate(authority, "IP:127.0.0.1"), "");
  const auto plain = Ask(AtPort(with_tls, "http"), *Checked());
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), ErrorCode::kInvalidInput) << plain.error().Render();
  EXPECT_THAT(plain.error().message(), HasSubstr(" speaks TLS"));
  // The second as Python's servers do, in HTTP/0.9.
  for (const auto& refuses :
       std::vector<TestServer::Serve>{[](TestConnection& c) { c.Answer(400, "this is no HTTP"); },
                                      [](TestConnection& c) { c.Write("<!DOCTYPE HTML>\n"); }}) {
    TestServer without([&](TestConnection& c) {
      const std::string begin = c.Take(4);
      if (begin != "HEAD") return refuses(c);
      c.Write("HTTP/1.1 200 OK\r\n\r\n");
    });
    const auto tls = Ask(AtPort(without, "https"), *Checked());
    ASSERT_FALSE(tls);
    EXPECT_EQ(tls.error().code(), ErrorCode::kInvalidInput) << tls.error().Render();
    EXPECT_THAT(tls.error().message(), HasSubstr(" speaks HTTP without TLS"));
  }
}

TEST(ProtocolCheck, ACertificateThatIsRefusedIsStillThat) {
  const auto authority = testing::MakeAuthority("a");
  TestServer server(Says("x"), testing::MakeCertificate(authority, "IP:127.0.0.1"), "");
  const auto refused = Ask(AtPort(server, "https"), *Checked());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kDenied) << refused.error().Render();
}

TEST(ProtocolCheck, WhoIsAwayOrSilentMayAnswerLater) {
  std::string url;
  {
    TestServer gone(Says(""));
    url = gone.Url();
  }
  for (const auto& serve : std::vector<TestServer::Serve>{
           [](TestConnection& c) { c.Reset(); }, [](TestConnection&) {},
           [](TestConnection& c) {
             TestConnection::Request request;
             if (c.Read(request)) c.Write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
           }}) {
    TestServer server(serve);
    const auto failed = Ask(server.Url(), *Checked());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code(), ErrorCode::kUnavailable) << failed.error().Render();
  }
  EXPECT_EQ(Ask(url, *Checked()).error().code(), ErrorCode::kUnavailable);
  TestServer silent([](TestConnection& c) { c.Stall(); });
  HttpRequest request;
  request.url = silent.Url();
  const auto begin = std::chrono::steady_clock::now();
  const auto late = Checked()->Send(request, begin + milliseconds(300));
  EXPECT_EQ(late.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(5));
}

TEST(ProtocolCheck, WhoHasAnsweredOnceIsNotDoubted) {
  std::atomic<bool> good{true};
  TestServer server([&good](TestConnection& c) {
    TestConnection::Request request;
    if (good && c.Read(request)) return c.Answer(200, "", "Connection: close\r\n");
    c.Write("busy\r\n");
  });
  const auto client = Checked();
  ASSERT_TRUE(Ask(server.Url(), *client));
  good = false;
  const auto failed = Ask(server.Url(), *client);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), ErrorCode::kUnavailable) << failed.error().Render();
}

}  // namespace
}  // namespace holdfast::net
