#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "plugins/net/http_client.h"

namespace holdfast::testing {

// A certificate authority of a test: what it trusts, and what it signs.
struct TestCertificate {
  std::string certificate_pem;
  std::string key_pem;
};
TestCertificate MakeAuthority(const std::string& name);
// For these names (DNS:localhost, IP:127.0.0.1); empty: a client's.
TestCertificate MakeCertificate(const TestCertificate& authority,
                                const std::string& alternative_names);

// One connection of a client to the server below, for the test's own function to be as bad on as it
// wants. Used on the server's thread.
class TestConnection {
 public:
  struct Request {
    std::string method;
    std::string target;
    net::HttpHeaders headers;
    std::string body;
  };
  virtual ~TestConnection() = default;
  // False when the client has gone.
  virtual bool Read(Request& request) = 0;
  // The same without the body, which is left for Take.
  virtual bool ReadHead(Request& request) = 0;
  // What the client has sent beyond that, at most so many bytes, as it comes; empty when it has gone.
  virtual std::string Take(std::size_t most) = 0;
  // False when the client has gone.
  virtual bool Write(std::string_view bytes) = 0;
  // Closes so that the client sees a reset.
  virtual void Reset() = 0;
  // Until the client closes, or the server ends: what a stalled server does.
  virtual void Stall() = 0;
  // Passes bytes on to a port of this machine, and back, until either side closes: a proxy's tunnel.
  virtual void Tunnel(std::uint16_t port) = 0;
  // A whole response.
  void Answer(int status, std::string_view body, const std::string& more_headers = "");
};

// A server on a free port of loopback, each connection on a thread of its own with `serve`. With a
// certificate it speaks TLS, and with `client_authority` wants one of the client.
class TestServer {
 public:
  using Serve = std::function<void(TestConnection&)>;
  explicit TestServer(Serve serve) : TestServer(std::move(serve), {}, {}) {}
  // `loopback`: AF_INET or AF_INET6.
  TestServer(Serve serve, TestCertificate certificate, std::string client_authority,
             int loopback = AF_INET);
  ~TestServer();
  TestServer(const TestServer&) = delete;

  std::string Url(std::string_view path = "/") const;
  std::uint16_t port() const { return port_; }
  unsigned connections() const { return connections_; }

 private:
  void Accept();

  Serve serve_;
  TestCertificate certificate_;
  std::string client_authority_;
  const int loopback_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> ending_{false};
  std::atomic<unsigned> connections_{0};
  std::thread accepting_;
  std::mutex mutex_;
  std::vector<std::thread> serving_;
};

}  // namespace holdfast::testing
