#include "plugins/net/http_listener.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <mutex>
#include <thread>

#include "plugins/net/cpprest_client.h"
#include "plugins/sdk/json.h"
#include "tests/net/test_server.h"

// What the listener promises, to clients that do not keep to any rule.
namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class NoLog final : public Logger {
 public:
  void Log(LogLevel /*level*/, std::string_view /*message*/, const Value& /*fields*/) override {}
};

// Answers with what it was asked; refuses what a header says.
class Echo final : public HttpService {
 public:
  std::optional<HttpReply> Refuse(const HttpHead& head) override {
    const std::lock_guard lock(mutex_);
    heads_.push_back(head);
    if (head.headers.contains("Refuse")) return ErrorReply(401, "refused");
    return std::nullopt;
  }
  HttpReply Answer(const HttpHead& head, std::string body) override {
    if (head.headers.contains("Slow")) std::this_thread::sleep_for(milliseconds(500));
    const std::lock_guard lock(mutex_);
    bodies_.push_back(body);
    HttpReply reply;
    reply.status = 202;
    reply.body = *DumpJson(Value().Set("size", static_cast<std::int64_t>(body.size())));
    reply.headers["X-One"] = "1";
    return reply;
  }
  std::vector<HttpHead> heads() {
    const std::lock_guard lock(mutex_);
    return heads_;
  }
  std::vector<std::string> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

 private:
  std::mutex mutex_;
  std::vector<HttpHead> heads_;
  std::vector<std::string> bodies_;
};

// A client that sends what it is told to.
class Peer {
 public:
  explicit Peer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { ::close(socket_); }

  bool connected() const { return connected_; }
  bool Send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // What comes until the other side closes, or nothing has for `longest`.
  std::string Read(milliseconds longest = seconds(10)) const {
    std::string out;
    for (;;) {
      pollfd wait{socket_, POLLIN, 0};
      if (::poll(&wait, 1, static_cast<int>(longest.count())) <= 0) return out + "(still open)";
      char buffer[4096];
      const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(n));
    }
  }

 private:
  int socket_;
  bool connected_ = false;
};

class Listener : public ::testing::Test {
 protected:
  void Start(ListenerOptions options = {}) {
    options.address.host = "127.0.0.1";
    auto started = HttpListener::Start(std::move(options), service_, log_);
    ASSERT_TRUE(started) << started.error().Render();
    listener_ = std::move(*started);
  }
  std::uint16_t port() const { return listener_->address().port; }
  std::string Ask(std::string_view request) const {
    const Peer peer(port());
    EXPECT_TRUE(peer.Send(request));
    return peer.Read();
  }

  NoLog log_;
  Echo service_;
  std::unique_ptr<HttpListener> listener_;
};

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

TEST_F(Listener, ServesSoManyConnectionsAndNoMore) {
  ListenerOptions options;
  options.limits.most_connections = 2;
  Start(std::move(options));
  auto one = std::make_unique<Peer>(port());
  const Peer two(port());
  // They are counted when they are taken.
  EXPECT_TRUE(two.Send("GET /two HTTP/1.1\r\n"));
  std::this_thread::sleep_for(milliseconds(200));
  const Peer three(port());
  EXPECT_EQ(three.Read(), "");
  one.reset();
  std::string answer;
  for (int i = 0; i < 100; ++i) {
    answer = Ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    if (answer.starts_with("HTTP/1.1 202 ")) break;
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 202 "));
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

TEST_F(Listener, OneAddressHasOneListener) {
  Start();
  ListenerOptions options;
  options.address = listener_->address();
  const auto second = HttpListener::Start(std::move(options), service_, log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConflict);
}

TEST_F(Listener, SpeaksTls) {
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
