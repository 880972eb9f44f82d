#include "plugins/net/curl_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <thread>

#include "plugins/net/retrying_http_client.h"
#include "tests/net/test_server.h"
#include "tests/sdk/sanitizers.h"

// What the transport of bulk data promises beside what transport_test.cc asks of every one.
namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using testing::TestConnection;
using testing::TestServer;

SteadyTime In(milliseconds time) { return std::chrono::steady_clock::now() + time; }

std::unique_ptr<HttpClient> Client(TransportOptions options = {}) {
  auto client = MakeCurlClient(std::move(options));
  EXPECT_TRUE(client) << client.error().Render();
  return std::move(*client);
}

// So many bytes, a piece at a time, which are the same each time.
class Pattern final : public ByteSource {
 public:
  explicit Pattern(std::uint64_t size, std::size_t piece = 100'003) : size_(size), piece_(piece) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    ++reads;
    const std::size_t n = std::min({static_cast<std::size_t>(size_ - at_), buffer.size(), piece_});
    for (std::size_t i = 0; i < n; ++i)
      buffer[i] = static_cast<std::byte>((at_ + i) * 2654435761U >> 11U);
    at_ += n;
    return n;
  }
  Status Rewind() {
    at_ = 0;
    ++rewinds;
    return Ok();
  }
  static std::string Text(std::uint64_t size) {
    Pattern pattern(size, size);
    std::string out(size, '\0');
    std::ignore = pattern.Read(std::as_writable_bytes(std::span(out.data(), out.size())));
    return out;
  }
  int reads = 0;
  int rewinds = 0;

 private:
  const std::uint64_t size_;
  const std::size_t piece_;
  std::uint64_t at_ = 0;
};

class CountingSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte> data) override {
    size += data.size();
    return Ok();
  }
  std::uint64_t size = 0;
};

HttpRequest Put(const std::string& url, std::string_view body) {
  HttpRequest request;
  request.method = HttpMethod::kPut;
  request.url = url;
  request.body = body;
  return request;
}
HttpRequest PutFrom(const std::string& url, ByteSource& source, std::uint64_t size) {
  HttpRequest request = Put(url, "");
  request.source = &source;
  request.source_size = size;
  return request;
}
HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  return request;
}

TestServer::Serve Echo() {
  return [](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, request.method + " " + request.body);
  };
}

TEST(Curl, ABodyFromASourceArrivesWhole) {
  TestServer server(Echo());
  const auto client = Client();
  for (const HttpMethod method : {HttpMethod::kPut, HttpMethod::kPost, HttpMethod::kPatch}) {
    for (const std::uint64_t size : {0U, 1U, 262'144U, 3'000'001U}) {
      Pattern source(size);
      HttpRequest request = PutFrom(server.Url(), source, size);
      request.method = method;
      const auto response = client->Send(request, In(seconds(30)));
      ASSERT_TRUE(response) << response.error().Render();
      EXPECT_TRUE(response->body == std::string(NameOf(method)) + " " + Pattern::Text(size))
          << size;
    }
  }
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Curl, ASourceOfAnotherSizeIsNoWholeBody) {
  std::atomic<bool> whole{false};
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    whole = true;
    c.Answer(200, "");
  });
  for (const std::uint64_t size : {999'999U, 1'000'001U}) {
    Pattern source(size);
    const auto response = Client()->Send(PutFrom(server.Url(), source, 1'000'000), In(seconds(10)));
    ASSERT_FALSE(response) << size;
    EXPECT_EQ(response.error().code(), ErrorCode::kInvalidInput) << response.error().Render();
    EXPECT_FALSE(whole);
  }
}

TEST(Curl, AFailureOfASourceIsWhatSendReturns) {
  class Failing final : public ByteSource {
   public:
    Result<std::size_t> Read(std::span<std::byte> buffer) override {
      if (++reads_ > 1) return Corrupt("the volume is gone");
      return buffer.size();
    }

   private:
    int reads_ = 0;
  } source;
  TestServer server(Echo());
  const auto response = Client()->Send(PutFrom(server.Url(), source, 10'000'000), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kCorrupt);
}

// Answers one request of each connection, and closes it when `bytes` of the body of the next have come.
TestServer::Serve ClosesTheSecondAfter(std::size_t bytes, bool reset) {
  return [=](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Answer(200, request.body);
    if (!c.ReadHead(request)) return;
    for (std::size_t taken = 0; taken < bytes;) {
      const std::string piece = c.Take(bytes - taken);
      if (piece.empty()) return;
      taken += piece.size();
    }
    if (reset) c.Reset();
  };
}

TEST(Curl, ABodyIsSentOnceMoreWhereAKeptConnectionWasClosedMeanwhile) {
  for (const std::size_t after : {0U, 1U, 1'000'000U, 4'000'000U}) {
    for (const bool reset : {false, true}) {
      TestServer server(ClosesTheSecondAfter(after, reset));
      const std::string body = Pattern::Text(4'000'000);
      const auto client = Client();
      ASSERT_TRUE(client->Send(Put(server.Url(), "first"), In(seconds(10))));
      const auto second = client->Send(Put(server.Url(), body), In(seconds(10)));
      ASSERT_TRUE(second) << after << ' ' << reset << ' ' << second.error().Render();
      EXPECT_TRUE(second->body == body);
      EXPECT_EQ(server.connections(), 2U);
    }
  }
}

TEST(Curl, ASourceIsSentOnceMoreThereOnlyIfItCanBeginAnew) {
  for (const std::size_t after : {1U, 1'000'000U}) {
    for (const bool can : {false, true}) {
      TestServer server(ClosesTheSecondAfter(after, true));
      const auto client = Client();
      ASSERT_TRUE(client->Send(Put(server.Url(), "first"), In(seconds(10))));
      Pattern source(4'000'000);
      HttpRequest request = PutFrom(server.Url(), source, 4'000'000);
      if (can) request.rewind = [&] { return source.Rewind(); };
      const auto second = client->Send(request, In(seconds(10)));
      ASSERT_EQ(second.has_value(), can) << after;
      if (can) {
        EXPECT_TRUE(second->body == Pattern::Text(4'000'000));
        EXPECT_EQ(source.rewinds, 1);
      } else {
        EXPECT_EQ(second.error().code(), ErrorCode::kUnavailable) << second.error().Render();
      }
    }
  }
}

TEST(Curl, AResetInMidUploadIsUnavailable) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.ReadHead(request)) return;
    c.Take(1000);
    c.Reset();
  });
  const std::string body(8U << 20U, 'x');
  const auto response = Client()->Send(Put(server.Url(), body), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(server.connections(), 1U);
}

TEST(Curl, AResetInMidDownloadIsUnavailable) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(500'000, 'x'));
    c.Reset();
  });
  CountingSink sink;
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  const auto response = Client()->Send(request, In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
}

TEST(Curl, AnUploadThatIsNotTakenEndsAfterTheLongestSilence) {
  std::promise<void> over;
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    if (c.ReadHead(request)) over.get_future().wait();
  });
  const std::string body(64U << 20U, 'x');
  HttpRequest request = Put(server.Url(), body);
  request.longest_silence = milliseconds(400);
  const auto begin = std::chrono::steady_clock::now();
  const auto response = Client()->Send(request, In(seconds(60)));
  over.set_value();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr("silent"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
}

TEST(Curl, WhatComesSlowlyIsNotSilent) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    const std::string piece(4096, 'x');
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
    for (int i = 0; i < 16; ++i) {
      std::this_thread::sleep_for(milliseconds(100));
      c.Write(piece);
    }
  });
  HttpRequest request = Get(server.Url());
  request.longest_silence = milliseconds(1200);
  const auto response = Client()->Send(request, In(seconds(60)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body.size(), 65536U);
}

TEST(Curl, WhatTricklesIsSilent) {
  const std::string body(64U << 20U, 'x');
  for (const bool up : {true, false}) {
    std::atomic<bool> over{false};
    TestServer server([&](TestConnection& c) {
      TestConnection::Request request;
      if (!c.ReadHead(request)) return;
      if (!up) c.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
      while (!over && (up ? !c.Take(10).empty() : c.Write("x")))
        std::this_thread::sleep_for(milliseconds(20));
    });
    HttpRequest request = up ? Put(server.Url(), body) : Get(server.Url());
    request.longest_silence = milliseconds(500);
    const auto begin = std::chrono::steady_clock::now();
    const auto response = Client()->Send(request, In(seconds(60)));
    over = true;
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
    EXPECT_THAT(response.error().message(), HasSubstr("silent"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30));
  }
}

TEST(Curl, TheTimeThatASourceOrASinkTakesIsNotTheServers) {
  class Slow final : public ByteSource, public ByteSink {
   public:
    Result<std::size_t> Read(std::span<std::byte> buffer) override {
      std::this_thread::sleep_for(milliseconds(400));
      return ++reads_ <= 2 ? buffer.size() : 0;
    }
    Status Write(std::span<const std::byte>) override {
      std::this_thread::sleep_for(milliseconds(400));
      return Ok();
    }

   private:
    int reads_ = 0;
  } slow;
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, "taken");
  });
  HttpRequest request = PutFrom(server.Url(), slow, 2U * (256U << 10U));
  request.sink = &slow;
  request.longest_silence = milliseconds(300);
  const auto response = Client()->Send(request, In(seconds(60)));
  EXPECT_TRUE(response) << response.error().Render();
}

TEST(Curl, ARefusalThatComesBeforeTheWholeBodyIsAnAnswer) {
  for (const std::string more : {"", "Connection: close\r\n"}) {
    for (const bool takes_the_rest : {true, false}) {
      TestServer server([&](TestConnection& c) {
        TestConnection::Request request;
        if (!c.ReadHead(request)) return;
        c.Take(1000);
        c.Answer(413, "too large", more);
        // What it throws away until the client has read the answer: else that may be lost with a reset (RFC 9112, 9.6).
        if (takes_the_rest) return c.Stall();
        while (!c.Take(1U << 20U).empty()) continue;
      });
      Pattern source(std::uint64_t{256} << 20U);
      const auto response =
          Client()->Send(PutFrom(server.Url(), source, std::uint64_t{256} << 20U), In(seconds(20)));
      ASSERT_TRUE(response) << more << response.error().Render();
      EXPECT_EQ(response->status, 413);
      EXPECT_EQ(response->body, "too large");
      EXPECT_LT(source.reads, 2500);
    }
  }
}

TEST(Curl, ASuccessThatComesBeforeTheWholeBodyIsNone) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.ReadHead(request)) return;
    c.Answer(201, "", "Connection: close\r\n");
    c.Stall();
  });
  const std::string body(64U << 20U, 'x');
  const auto response = Client()->Send(Put(server.Url(), body), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
}

TEST(Curl, InterimAnswersAndTrailersAreNoHeaders) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n");
    c.Write(
        "HTTP/1.1 200 OK\r\nX-Two: a\r\nx-two: b\r\nX-Folded: c\r\n  d\r\n"
        "Transfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n3\r\nabc\r\n0\r\nX-Late: 1\r\n\r\n");
  });
  const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, "abc");
  EXPECT_EQ(response->headers.at("X-Two"), "a, b");
  EXPECT_EQ(response->headers.at("X-Folded"), "c d");
  EXPECT_FALSE(response->headers.contains("X-Early"));
  EXPECT_FALSE(response->headers.contains("X-Late"));
}

TEST(Curl, HeadersBeyondTheLimitAreRefused) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 10'000; ++i)
      c.Write("X-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n");
  });
  const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kInvalidInput) << response.error().Render();
}

TEST(Curl, ARedirectIsAnAnswer) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(307, "", "Location: http://127.0.0.1:1/elsewhere\r\n");
  });
  const auto response = Client()->Send(Get(server.Url()), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->status, 307);
}

TEST(Curl, APathIsSentAsItIs) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, request.target);
  });
  const std::string target = "/a/../b/./%2e%2E/c%2Fd//e?x=%20&y=";
  const auto response = Client()->Send(Get(server.Url(target)), In(seconds(10)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->body, target);
}

TEST(Curl, AHeaderThatIsNoneIsNotSent) {
  TestServer server(Echo());
  const auto client = Client();
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"X-One", "a\r\nX-Two: b"}, {"X-One\r\nX-Two", "b"}, {"", "a"}, {"X:", "a"}}) {
    HttpRequest request = Get(server.Url());
    request.headers[name] = value;
    const auto response = client->Send(request, In(seconds(10)));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kInvalidInput);
  }
  EXPECT_EQ(server.connections(), 0U);
}

TEST(Curl, AnEmptyHeaderIsSent) {
  TestServer server([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, request.headers.contains("X-Empty") ? "there" : "gone");
  });
  HttpRequest request = Get(server.Url());
  request.headers["X-Empty"] = "";
  EXPECT_EQ(Client()->Send(request, In(seconds(10)))->body, "there");
}

TEST(Curl, TheEnvironmentDecidesAboutProxiesAsItDoesForEveryTransport) {
  TestServer server(Echo());
  TestServer proxy([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) c.Answer(200, "by the proxy");
  });
  const std::string url = "http://127.0.0.1:" + std::to_string(proxy.port());
  // The first would be read by libcurl alone; the last is not for loopback.
  ::setenv("ALL_PROXY", url.c_str(), 1);
  ::setenv("http_proxy", url.c_str(), 1);
  const auto direct = Client()->Send(Get(server.Url()), In(seconds(10)));
  const auto proxied = Client()->Send(Get("http://server.invalid/"), In(seconds(10)));
  ::setenv("no_proxy", "server.invalid", 1);
  TransportOptions options;
  options.proxy_url = url;
  const auto named = Client(options)->Send(Get("http://server.invalid/"), In(seconds(10)));
  for (const char* name : {"ALL_PROXY", "http_proxy", "no_proxy"}) ::unsetenv(name);
  ASSERT_TRUE(direct) << direct.error().Render();
  EXPECT_EQ(direct->body, "GET ");
  ASSERT_TRUE(proxied) << proxied.error().Render();
  EXPECT_EQ(proxied->body, "by the proxy");
  ASSERT_TRUE(named) << named.error().Render();
  EXPECT_EQ(named->body, "by the proxy");
}

TEST(Curl, AProxyThatWantsToKnowWhoAsksIsToldOrDenies) {
  TestServer proxy([](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) {
      // "user:p@ss" in base 64.
      const bool known = request.headers.contains("Proxy-Authorization") &&
                         request.headers.at("Proxy-Authorization") == "Basic dXNlcjpwQHNz";
      if (request.method == "CONNECT" || !known) {
        c.Answer(407, "who?");
      } else {
        c.Answer(200, "known");
      }
    }
  });
  TransportOptions options;
  options.proxy_url = "http://user:p%40ss@127.0.0.1:" + std::to_string(proxy.port());
  const auto plain = Client(options)->Send(Get("http://server.invalid/"), In(seconds(10)));
  ASSERT_TRUE(plain) << plain.error().Render();
  EXPECT_EQ(plain->body, "known");
  const auto secure = Client(options)->Send(Get("https://server.invalid/"), In(seconds(10)));
  ASSERT_FALSE(secure);
  EXPECT_EQ(secure.error().code(), ErrorCode::kDenied) << secure.error().Render();
  EXPECT_THAT(secure.error().Render(), ::testing::Not(HasSubstr("p@ss")));
}

// --- With the client that sends again --------------------------------------------------------------------

TEST(Curl, ABusyServerGetsASourceAgainAfterTheTimeThatItAsksFor) {
  std::atomic<int> requests{0};
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    while (c.ReadHead(request)) {
      if (++requests == 1) {
        c.Answer(503, "busy", "Retry-After: 7\r\nConnection: close\r\n");
        return c.Stall();
      }
      std::size_t taken = 0;
      for (std::string piece; taken < 3'000'000 && !(piece = c.Take(3'000'000)).empty();)
        taken += piece.size();
      c.Answer(201, std::to_string(taken));
    }
  });
  const auto client = Client();
  std::vector<milliseconds> waits;
  RetryingHttpClient retrying(
      *client, SystemClock(),
      [&](milliseconds wait, const Cancellation*) {
        waits.push_back(wait);
        return true;
      },
      RetryPolicy(), nullptr);
  Pattern source(3'000'000);
  HttpRequest request = PutFrom(server.Url(), source, 3'000'000);
  request.rewind = [&] { return source.Rewind(); };
  const auto response = retrying.Send(request, In(seconds(30)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(response->body, "3000000");
  EXPECT_THAT(waits, ::testing::ElementsAre(::testing::Ge(milliseconds(7000))));
  EXPECT_LE(source.rewinds, 1);  // none where the answer was there before anything was read
}

// --- Cancellation ------------------------------------------------------------------------------------

// Sets it when the test says so, and says how long Send took from there.
class Cancelled {
 public:
  explicit Cancelled(std::future<void> when)
      : thread_([this, when = std::move(when)] {
          when.wait();
          at_ = std::chrono::steady_clock::now();
          cancellation.Set();
        }) {}
  milliseconds Late() {
    const auto now = std::chrono::steady_clock::now();
    thread_.join();
    return std::chrono::duration_cast<milliseconds>(now - at_);
  }
  Cancellation cancellation;

 private:
  std::chrono::steady_clock::time_point at_;
  std::thread thread_;
};
// 100 ms of the promise, and the busy machine.
constexpr milliseconds kSoon{2000};

TEST(Curl, IsCancelledWhileItConnects) {
  // A listener that accepts nobody: when its queue is full, a further connection is not answered.
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 0), 0);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<int> queued;
  for (int i = 0; i < 4; ++i) {
    queued.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    std::ignore = ::connect(queued.back(), reinterpret_cast<sockaddr*>(&address), size);
  }
  std::promise<void> now;
  Cancelled cancelled(now.get_future());
  HttpRequest request = Get("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
  request.cancellation = &cancelled.cancellation;
  std::thread setter([&] {
    std::this_thread::sleep_for(milliseconds(200));
    now.set_value();
  });
  const auto response = Client()->Send(request, In(seconds(60)));
  EXPECT_LT(cancelled.Late(), kSoon);
  setter.join();
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(), HasSubstr("cancelled"));
  for (const int each : queued) ::close(each);
  ::close(listener);
}

TEST(Curl, IsCancelledInMidUpload) {
  std::promise<void> begun;
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.ReadHead(request)) return;
    c.Take(1000);
    begun.set_value();
    while (!c.Take(1U << 16U).empty()) std::this_thread::sleep_for(milliseconds(1));
  });
  Cancelled cancelled(begun.get_future());
  Pattern source(std::uint64_t{1} << 40U);
  HttpRequest request = PutFrom(server.Url(), source, std::uint64_t{1} << 40U);
  request.cancellation = &cancelled.cancellation;
  const auto response = Client()->Send(request, In(seconds(60)));
  EXPECT_LT(cancelled.Late(), kSoon);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(response.error().message(), HasSubstr("cancelled"));
}

TEST(Curl, IsCancelledInMidDownload) {
  std::promise<void> begun;
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.Read(request)) return;
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\nabc");
    begun.set_value();
    c.Stall();
  });
  Cancelled cancelled(begun.get_future());
  CountingSink sink;
  HttpRequest request = Get(server.Url());
  request.sink = &sink;
  request.cancellation = &cancelled.cancellation;
  const auto response = Client()->Send(request, In(seconds(60)));
  EXPECT_LT(cancelled.Late(), kSoon);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message(), HasSubstr("cancelled"));
}

TEST(Curl, ALaneIsAsGoodAsNewAfterAFailure) {
  std::atomic<int> requests{0};
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    while (c.Read(request)) {
      if (++requests == 2) return c.Stall();
      c.Answer(200, request.body);
    }
  });
  const auto client = Client();
  EXPECT_TRUE(client->Send(Put(server.Url(), "one"), In(seconds(10))));
  EXPECT_FALSE(client->Send(Put(server.Url(), "two"), In(milliseconds(200))));
  const auto third = client->Send(Put(server.Url(), "three"), In(seconds(10)));
  ASSERT_TRUE(third) << third.error().Render();
  EXPECT_EQ(third->body, "three");
}

// --- Several threads, TLS, memory ----------------------------------------------------------------------

void SendFromEightThreads(HttpClient& client, const std::string& url) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 40; ++i) {
        const std::string body = std::to_string(t * 1000 + i) + Pattern::Text(20'000);
        StringSink sink(1U << 20U);
        HttpRequest request = Put(url, body);
        if (i % 2 == 0) request.sink = &sink;
        const auto response = client.Send(request, In(seconds(60)));
        ASSERT_TRUE(response) << response.error().Render();
        ASSERT_TRUE((i % 2 == 0 ? sink.data() : response->body) == "PUT " + body);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Curl, EightThreadsShareAClient) {
  TestServer server(Echo());
  const auto client = Client();
  SendFromEightThreads(*client, server.Url());
  EXPECT_LE(server.connections(), 8U);
}

TEST(Curl, EightThreadsShareAClientOverTls) {
  const auto authority = testing::MakeAuthority("test authority");
  TestServer server(Echo(), testing::MakeCertificate(authority, "IP:127.0.0.1"), "");
  TransportOptions options;
  options.ca_pem = authority.certificate_pem;
  const auto client = Client(options);
  SendFromEightThreads(*client, server.Url());
  EXPECT_LE(server.connections(), 8U);
}

TEST(Curl, AServerThatGoesInMidUploadOverTlsDoesNotEndTheProcess) {
  const auto authority = testing::MakeAuthority("test authority");
  TestServer server(
      [](TestConnection& c) {
        TestConnection::Request request;
        if (!c.ReadHead(request)) return;
        c.Take(1000);
        c.Reset();
      },
      testing::MakeCertificate(authority, "IP:127.0.0.1"), "");
  TransportOptions options;
  options.ca_pem = authority.certificate_pem;
  const auto client = Client(options);
  const std::string body(8U << 20U, 'x');
  for (int i = 0; i < 10; ++i) {
    const auto response = client->Send(Put(server.Url(), body), In(seconds(10)));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable) << response.error().Render();
  }
}

std::uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Curl, AGibibyteEachWayTakesLittleMemory) {
  constexpr std::uint64_t kSize = std::uint64_t{1} << 30U;
  class Zeros final : public ByteSource {
   public:
    Result<std::size_t> Read(std::span<std::byte> buffer) override {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_));
      left_ -= n;
      return n;
    }

   private:
    std::uint64_t left_ = kSize;
  } source;
  std::uint64_t most = 0;
  TestServer server([&](TestConnection& c) {
    TestConnection::Request request;
    if (!c.ReadHead(request)) return;
    std::uint64_t taken = 0;
    while (taken < kSize) {
      const std::size_t n = c.Take(1U << 20U).size();
      if (n == 0) return;
      taken += n;
      if (taken % 1024 < 8) most = std::max(most, ResidentBytes());
    }
    c.Write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string piece(1U << 16U, 'x');
    for (std::uint64_t sent = 0; sent < kSize; sent += piece.size()) {
      c.Write(piece);
      if (sent % (1U << 24U) == 0) most = std::max(most, ResidentBytes());
    }
  });
  const auto client = Client();
  CountingSink sink;
  HttpRequest request = PutFrom(server.Url(), source, kSize);
  request.sink = &sink;
  const std::uint64_t before = ResidentBytes();
  const auto response = client->Send(request, In(seconds(100)));
  ASSERT_TRUE(response) << response.error().Render();
  EXPECT_EQ(sink.size, kSize);
  EXPECT_GT(most, 0U);
  if (testing::kSanitized) return;
  EXPECT_LT(std::max(most, ResidentBytes()), before + (std::uint64_t{32} << 20U));
}

}  // namespace
}  // namespace holdfast::net
