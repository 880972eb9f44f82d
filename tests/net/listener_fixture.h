#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plugins/net/http_listener.h"
#include "plugins/sdk/json.h"

// A listener with a service that answers with what it was asked, and clients that do not keep to any rule.
namespace holdfast::net {

inline constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

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
    if (head.headers.contains("Slow")) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const std::lock_guard lock(mutex_);
    bodies_.push_back(body);
    HttpReply reply;
    reply.status = 202;
    reply.body = *DumpJson(Value().Set("size", static_cast<std::int64_t>(body.size())));
    reply.headers["X-One"] = "1";
    return reply;
  }
  HttpReply Shape(HttpReply reply) override {
    reply.headers["X-Shaped"] = "1";
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
  std::string Read(std::chrono::milliseconds longest = std::chrono::seconds(10)) const {
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

  static void Eventually(const std::function<bool()>& happens) {
    for (int i = 0; i < 500 && !happens(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  NoLog log_;
  Echo service_;
  std::unique_ptr<HttpListener> listener_;
};

}  // namespace holdfast::net
