#include "plugins/net/http_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "plugins/net/cpprest_client.h"
#include "tests/net/listener_fixture.h"
#include "tests/net/test_server.h"
#include "tests/sdk/sanitizers.h"

// What the listener promises, to clients that do not keep to any rule.
namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(Listener, AnswersOneRequestAConnection) {
  Start();
  const std::string answer =
      Ask("POST /v1/x?a=%20 HTTP/1.1\r\nHost: h\r\nX-A: one\r\nx-a: two\r\nContent-Length: "
          "5\r\n\r\nhello"
          "POST /second HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-One: 1\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\n{\"size\":5}"));
  ASSERT_EQ(service_.heads().size(), 1U);
  const HttpHead head = service_.heads()[0];
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/v1/x?a=%20");
  EXPECT_EQ(head.headers.at("X-A"), "one, two");
  EXPECT_EQ(head.peer, "127.0.0.1");
  EXPECT_THAT(service_.bodies(), ::testing::ElementsAre("hello"));
}

TEST_F(Listener, ReadsAChunkedBodyAndOneThatIsWaitedFor) {
  Start();
  EXPECT_THAT(
      Ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
      HasSubstr("{\"size\":3}"));
  const Peer peer(port());
  EXPECT_TRUE(
      peer.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_THAT(peer.Read(milliseconds(500)), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  EXPECT_TRUE(peer.Send("ab"));
  EXPECT_THAT(peer.Read(), HasSubstr("{\"size\":2}"));
}

TEST_F(Listener, RefusesBeforeTheBody) {
  Start();
  const Peer peer(port());
  EXPECT_TRUE(peer.Send("POST / HTTP/1.1\r\nHost: h\r\nRefuse: 1\r\nContent-Length: 1000\r\n\r\n"));
  const std::string answer = peer.Read();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(answer, HasSubstr("{\"error\":\"refused\"}"));
  EXPECT_THAT(service_.bodies(), IsEmpty());
}

TEST_F(Listener, RefusesADeclaredBodyThatIsTooLargeAtOnce) {
  Start();
  const Peer peer(port());
  EXPECT_TRUE(peer.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"));
  const std::string answer = peer.Read();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer, HasSubstr("a body has at most 1.0 MiB"));
  EXPECT_THAT(answer, Not(HasSubstr("(still open)")));
  EXPECT_THAT(service_.heads(), IsEmpty());
}

TEST_F(Listener, TakesABodyOfTheLimit) {
  Start();
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n" +
                  std::string(std::size_t{1} << 20U, 'x')),
              HasSubstr("{\"size\":1048576}"));
}

TEST_F(Listener, CutsAChunkedBodyAtTheLimit) {
  Start();
  const Peer peer(port());
  EXPECT_TRUE(peer.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(std::size_t{1} << 16U, 'x') + "\r\n";
  std::size_t chunks = 0;
  // 64 MiB at most: it throws away for a while what comes after the answer.
  while (chunks < 1024 && peer.Send(chunk)) ++chunks;
  EXPECT_GE(chunks, 16U);
  EXPECT_THAT(peer.Read(), Not(HasSubstr("(still open)")));
  EXPECT_THAT(service_.bodies(), IsEmpty());
}

TEST_F(Listener, SaysWhyAChunkedBodyWasCut) {
  Start();
  const Peer peer(port());
  EXPECT_TRUE(peer.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(std::size_t{1} << 16U, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i) EXPECT_TRUE(peer.Send(chunk));
  EXPECT_THAT(peer.Read(), StartsWith("HTTP/1.1 413 "));
}

TEST_F(Listener, ReadsFewLongBodiesAtOnce) {
  Start();
  constexpr std::size_t kShort = std::size_t{64} << 10U;
  const std::string chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n";
  const auto declared = [](std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n";
  };
  // That it is told to go on says that it is one of the few.
  const auto begin = [&](const std::string& head) {
    auto peer = std::make_unique<Peer>(port());
    EXPECT_TRUE(peer->Send(head + "Expect: 100-continue\r\n\r\n"));
    EXPECT_THAT(peer->Read(milliseconds(500)), StartsWith("HTTP/1.1 100 "));
    return peer;
  };
  const auto whole = begin(chunked);
  auto left = begin(declared(kShort + 1));
  EXPECT_THAT(Ask(declared(kShort + 1) + "\r\n"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(chunked + "\r\n"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Ask(declared(kShort) + "\r\n" + std::string(kShort, 'x')),
              HasSubstr("{\"size\":65536}"));

  EXPECT_TRUE(whole->Send("0\r\n\r\n"));
  EXPECT_THAT(whole->Read(), HasSubstr("{\"size\":0}"));
  const auto next = begin(chunked);
  left.reset();
  Eventually([&] {
    const std::string answer = Ask(declared(kShort + 1) + "\r\n" + std::string(kShort + 1, 'x'));
    return answer.find("{\"size\":65537}") != std::string::npos;
  });
  EXPECT_THAT(service_.bodies().back(), ::testing::SizeIs(kShort + 1));
}

TEST_F(Listener, RefusesHeadersThatAreTooLarge) {
  Start();
  const Peer peer(port());
  peer.Send("GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + std::string(std::size_t{17} << 10U, 'x'));
  EXPECT_THAT(peer.Read(), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(service_.heads(), IsEmpty());
}

TEST_F(Listener, RefusesWhatIsNoHttp) {
  Start();
  EXPECT_THAT(Ask("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nx"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(service_.bodies(), IsEmpty());
}

TEST_F(Listener, ClosesAConnectionThatDoesNotSendItsRequest) {
  ListenerOptions options;
  options.limits.head_deadline = milliseconds(300);
  options.limits.request_deadline = milliseconds(300);
  Start(std::move(options));
  const Peer silent(port());
  const Peer slow(port());
  EXPECT_TRUE(slow.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"));
  const auto begin = std::chrono::steady_clock::now();
  // Each byte in time does not make the request one that is in time.
  for (int i = 0; i < 50 && slow.Send("x"); ++i) std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(slow.Read(), "");
  EXPECT_EQ(silent.Read(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(8));
  EXPECT_THAT(service_.bodies(), IsEmpty());
}

TEST_F(Listener, ServesSoManyRequestsAndNoMore) {
  ListenerOptions options;
  options.limits.most_connections = 2;
  Start(std::move(options));
  auto one = std::make_unique<Peer>(port());
  const Peer two(port());
  for (const Peer* const peer : {static_cast<const Peer*>(one.get()), &two})
    EXPECT_TRUE(peer->Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"));
  Eventually([this] { return service_.heads().size() == 2; });
  const Peer three(port());
  EXPECT_EQ(three.Read(), "");
  one.reset();
  std::string answer;
  Eventually([this, &answer] {
    answer = Ask(kGet);
    return answer.starts_with("HTTP/1.1 202 ");
  });
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, GivesThePlaceOfWhoSaysNothingToSomebodyNew) {
  ListenerOptions options;
  options.limits.most_connections = 2;
  options.limits.head_deadline = seconds(60);
  Start(std::move(options));
  const Peer busy(port());
  EXPECT_TRUE(busy.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"));
  Eventually([this] { return service_.heads().size() == 1; });
  const Peer first(port());
  EXPECT_TRUE(first.Send("GET / HTTP/1.1\r\n"));
  const Peer second(port());
  EXPECT_EQ(first.Read(), "");
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 202 "));
  EXPECT_EQ(second.Read(), "");
  // Who has said what it wants keeps its place.
  EXPECT_TRUE(busy.Send("x"));
  EXPECT_THAT(busy.Read(), StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, GivesThePlaceOfWhoIsRefusedToSomebodyNew) {
  ListenerOptions options;
  options.limits.most_connections = 2;
  options.limits.longest_farewell = seconds(60);
  Start(std::move(options));
  const std::string refused =
      "POST / HTTP/1.1\r\nHost: h\r\nRefuse: 1\r\nContent-Length: 9\r\n\r\n";
  const Peer first(port());
  const Peer second(port());
  for (const Peer* const peer : {&first, &second}) {
    EXPECT_TRUE(peer->Send(refused));
    EXPECT_THAT(peer->Read(milliseconds(500)), StartsWith("HTTP/1.1 401 "));
  }
  EXPECT_THAT(Ask(kGet), StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, GivesAHeadLessTimeThanABody) {
  ListenerOptions options;
  options.limits.head_deadline = milliseconds(200);
  Start(std::move(options));
  const Peer silent(port());
  const Peer slow(port());
  EXPECT_TRUE(slow.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_EQ(silent.Read(), "");
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_TRUE(slow.Send("x"));
  EXPECT_THAT(slow.Read(), StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, WantsOneHost) {
  Start();
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(service_.heads(), IsEmpty());
  EXPECT_THAT(Ask("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, KnowsNoCodingButChunked) {
  Start();
  for (const char* const coding : {"gzip, chunked", "gzip", "chunked, gzip", "identity",
                                   "chunked\r\nTransfer-Encoding: gzip"}) {
    EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + std::string(coding) +
                    "\r\n\r\n0\r\n\r\n"),
                ::testing::AnyOf(StartsWith("HTTP/1.1 501 "), StartsWith("HTTP/1.1 400 ")))
        << coding;
  }
  EXPECT_THAT(
      Ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(service_.heads(), IsEmpty());
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 202 "));
}

TEST_F(Listener, HasItsOwnAnswersShapedByTheService) {
  Start();
  for (const std::string& request :
       {std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\n\r\n"), std::string("hello\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + std::string(std::size_t{17} << 10U, 'x')}) {
    const std::string answer = Ask(request);
    EXPECT_THAT(answer, HasSubstr("X-Shaped: 1\r\n")) << request.substr(0, 100);
    EXPECT_THAT(answer, HasSubstr("{\"error\":\"")) << request.substr(0, 100);
  }
}

TEST_F(Listener, FinishesTheRequestsAtWorkWhenItEnds) {
  Start();
  const Peer peer(port());
  EXPECT_TRUE(peer.Send("GET / HTTP/1.1\r\nHost: h\r\nSlow: 1\r\n\r\n"));
  while (service_.heads().empty()) std::this_thread::sleep_for(milliseconds(5));
  const std::uint16_t old = port();
  listener_->Stop();
  EXPECT_THAT(peer.Read(), StartsWith("HTTP/1.1 202 "));
  EXPECT_FALSE(Peer(old).connected());
  listener_->Stop();
}

TEST_F(Listener, IsNotThereAnyMoreWhenItHasEnded) {
  for (int i = 0; i < 20; ++i) {
    Start();
    const std::uint16_t old = port();
    const auto begin = std::chrono::steady_clock::now();
    listener_->Stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(1));
    EXPECT_FALSE(Peer(old).connected());
  }
}

TEST_F(Listener, OneAddressHasOneListener) {
  Start();
  ListenerOptions options;
  options.address = listener_->address();
  const auto second = HttpListener::Start(std::move(options), service_, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

TEST_F(Listener, SpeaksTls) {
#if HOLDFAST_THREAD_SANITIZER
  GTEST_SKIP()
      << "cpprestsdk is not compiled with it: what its threads hand to each other looks like races";
#endif
  const auto authority = testing::MakeAuthority("Authority");
  const auto certificate = testing::MakeCertificate(authority, "IP:127.0.0.1");
  ListenerOptions options;
  options.certificate_pem = certificate.certificate_pem;
  options.key_pem = certificate.key_pem;
  Start(std::move(options));
  TransportOptions transport;
  transport.ca_pem = authority.certificate_pem;
  const auto client = MakeCpprestClient(std::move(transport));
  ASSERT_TRUE(client);
  for (int i = 0; i < 3; ++i) {
    HttpRequest request;
    request.method = HttpMethod::kPost;
    request.url = "https://" + listener_->address().Text() + "/";
    request.body = "four";
    const auto answer = (*client)->Send(request, std::chrono::steady_clock::now() + seconds(10));
    ASSERT_TRUE(answer) << answer.error().Render();
    EXPECT_EQ(answer->status, 202);
    EXPECT_EQ(answer->body, "{\"size\":4}");
  }
  // Plain HTTP gets nothing, and ends nothing.
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), Not(HasSubstr("202")));
}

TEST_F(Listener, RefusesACertificateWithAnotherKey) {
  const auto authority = testing::MakeAuthority("Authority");
  ListenerOptions options;
  options.address.host = "127.0.0.1";
  options.certificate_pem = testing::MakeCertificate(authority, "IP:127.0.0.1").certificate_pem;
  options.key_pem = authority.key_pem;
  EXPECT_EQ(HttpListener::Start(options, service_, log_).error().code(), ErrorCode::kInvalidInput);
  options.certificate_pem = "no certificate";
  EXPECT_EQ(HttpListener::Start(options, service_, log_).error().code(), ErrorCode::kInvalidInput);
}

TEST(ListenAddress, IsAnAddressInDigitsWithAPort) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:8779")->Text(), "127.0.0.1:8779");
  EXPECT_TRUE(ParseListenAddress("127.8.0.1:0")->loopback);
  EXPECT_EQ(ParseListenAddress("[::1]:8779")->Text(), "[::1]:8779");
  EXPECT_TRUE(ParseListenAddress("[::1]:8779")->loopback);
  EXPECT_FALSE(ParseListenAddress("0.0.0.0:8779")->loopback);
  EXPECT_FALSE(ParseListenAddress("[::]:8779")->loopback);
  for (const char* const wrong :
       {"", "8779", ":8779", "localhost:8779", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000",
        "127.0.0.1:-1", "::1:8779", "[::1]", "[127.0.0.1]:1"}) {
    const auto address = ParseListenAddress(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_EQ(address.error().code(), ErrorCode::kUsage) << wrong;
  }
}

}  // namespace
}  // namespace holdfast::net
