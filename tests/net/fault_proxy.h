#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "tests/net/test_server.h"

namespace holdfast::testing {

// What the proxy below does to one request.
enum class HttpFault {
  kNone,
  // The server gets nothing, or a part of it.
  kResetAtOnce,
  kResetInRequest,   // at a random byte of the body
  kStallInRequest,   // stops reading at a random byte of it
  kTrickleRequest,   // reads it a few bytes at a time
  kBusyBefore,       // 429, 500, 502, 503 or 504, each in its turn, every other with Retry-After
  kTokenRefused,     // 401, of whatever token
  kChangeInRequest,  // one bit of the body is another one
  // The server has carried it out.
  kBusyAfter,       // 500, 502, 503 or 504 in the place of its answer
  kAnswerLost,      // a reset in the place of its answer
  kAnswerDelayed,   // no answer until the client gives up
  kResetInAnswer,   // at a random byte
  kShortAnswer,     // ends at a random byte of the body, whose length is announced
  kStallInAnswer,   // nothing more after a random byte
  kTrickleAnswer,   // a few bytes at a time
  kChangeInAnswer,  // one bit of the body
  kOtherEtag,
};
inline constexpr std::size_t kHttpFaults = static_cast<std::size_t>(HttpFault::kOtherEtag) + 1;
std::string_view NameOf(HttpFault fault);

// Stands between a client and a real server on this machine, HTTP/1.1 without TLS, and does what networks, load
// balancers and servers do at their worst: to each request, by a random that the seed decides, at most one fault.
// A request whose client has gone before it was whole is never carried out later. What has not happened yet comes first, so that a
// short run has each kind. One thread for each connection.
class FaultProxy {
 public:
  struct Rules {
    std::uint16_t port = 0;  // of the real server
    std::uint64_t seed = 1;
    // Of these bodies a client can find out that they were changed: the others never are.
    std::function<bool(const TestConnection::Request& head)> checked;
    // Whose request it is; those that are nobody's have an empty name.
    std::function<std::string(const TestConnection::Request& head)> owner;
  };
  explicit FaultProxy(Rules rules);
  std::string Url(std::string_view path = "") const { return server_.Url(path); }

  // Of the requests that have a fault; 0 at first.
  void set_share(double share) { share_ = share; }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t count(HttpFault fault) const { return counts_[static_cast<std::size_t>(fault)]; }
  std::uint64_t faults() const;
  std::uint64_t faults_of(const std::string& owner) const;
  // How often the proxy has answered with that status, and with a Retry-After.
  std::uint64_t answers(int status) const;
  std::uint64_t told_when() const { return told_when_; }
  // "3 reset-at-once, 7 answer-lost ...", of all that have happened.
  std::string Summary() const;

 private:
  class Dice;
  HttpFault Choose(const TestConnection::Request& head, std::uint64_t length, Dice& dice) const;
  void Serve(TestConnection& client);
  bool ServeOne(TestConnection& client, class Upstream& server);

  const Rules rules_;
  std::atomic<double> share_{0};
  std::atomic<std::uint64_t> requests_{0};
  std::array<std::atomic<std::uint64_t>, kHttpFaults> counts_{};
  std::atomic<std::uint64_t> told_when_{0};
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> by_owner_;
  std::map<int, std::uint64_t> by_status_;
  TestServer server_;  // the last: its threads use the others
};

}  // namespace holdfast::testing
