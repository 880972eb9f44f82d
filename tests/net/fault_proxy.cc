#include "tests/net/fault_proxy.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::testing {

namespace {

using Request = TestConnection::Request;
using std::chrono::milliseconds;

constexpr std::size_t kPiece = std::size_t{64} << 10U;
constexpr std::size_t kDrop = 256;  // of what trickles
constexpr milliseconds kDripEvery{50};
constexpr milliseconds kServersPatience{60'000};
constexpr std::string_view kEndOfHead = "\r\n\r\n";

constexpr std::array<std::string_view, kHttpFaults> kNames{"none",
                                                           "reset-at-once",
                                                           "reset-in-request",
                                                           "stall-in-request",
                                                           "trickle-request",
                                                           "busy-before",
                                                           "token-refused",
                                                           "change-in-request",
                                                           "busy-after",
                                                           "answer-lost",
                                                           "answer-delayed",
                                                           "reset-in-answer",
                                                           "short-answer",
                                                           "stall-in-answer",
                                                           "trickle-answer",
                                                           "change-in-answer",
                                                           "other-etag"};

std::uint64_t LengthOf(const net::HttpHeaders& headers) {
  std::uint64_t length = 0;
  if (const auto found = headers.find("Content-Length"); found != headers.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), length);
  return length;
}

std::string HeadOf(const Request& request) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

// An answer, whole in memory, its body as it is on the wire.
struct Answer {
  std::string head;
  net::HttpHeaders headers;
  int status = 0;
  std::string body;
  bool ends_connection = false;
};

std::string WithOtherEtag(std::string head) {
  const std::string lowered = Lowered(head);
  const std::size_t at = lowered.find("\r\netag:");
  const std::size_t first = head.find_first_of("0123456789abcdef", at + 7);
  if (at != std::string::npos && first < head.find("\r\n", at + 2))
    head[first] = head[first] == '0' ? '1' : '0';
  return head;
}

}  // namespace

std::string_view NameOf(HttpFault fault) { return kNames[static_cast<std::size_t>(fault)]; }

// What is random about one request (SplitMix64).
class FaultProxy::Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t request)
      : state_(seed * 0x9E3779B97F4A7C15U + request * 0xD1B54A32D192ED03U) {}
  std::uint64_t Below(std::uint64_t end) { return end == 0 ? 0 : Next() % end; }
  bool Happens(double share) {
    constexpr double kAll = 18446744073709551616.0;
    return static_cast<double>(Next()) < share * kAll;
  }

 private:
  std::uint64_t Next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::uint64_t state_;
};

// The connection to the real server that one of a client has.
class Upstream {
 public:
  explicit Upstream(std::uint16_t port) : port_(port) {}
  ~Upstream() { Close(); }
  Upstream(const Upstream&) = delete;

  bool Open() {
    // One that was kept may be closed by now: then it can be read.
    if (socket_ >= 0) {
      pollfd now{socket_, POLLIN, 0};
      if (buffer_.empty() && ::poll(&now, 1, 0) == 0) return true;
      Close();
    }
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      Close();
      return false;
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return true;
  }

  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool Read(const std::string& method, Answer& answer) {
    do {
      answer = {};
      if (!ReadHead(answer)) return false;
    } while (answer.status < 200);
    if (method == "HEAD" || answer.status == 204 || answer.status == 304) return true;
    if (const auto coding = answer.headers.find("Transfer-Encoding");
        coding != answer.headers.end() && Lowered(coding->second) == "chunked") {
      return ReadChunks(answer);
    }
    if (answer.headers.contains("Content-Length")) return Take(answer, LengthOf(answer.headers));
    answer.ends_connection = true;
    while (More()) continue;
    return Take(answer, buffer_.size());
  }

  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    buffer_.clear();
  }

 private:
  bool More() {
    pollfd wait{socket_, POLLIN, 0};
    if (::poll(&wait, 1, static_cast<int>(kServersPatience.count())) <= 0) return false;
    std::array<char, kPiece> bytes{};
    const auto n = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (n <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(n));
    return true;
  }

  bool ReadHead(Answer& answer) {
    std::size_t end = 0;
    while ((end = buffer_.find(kEndOfHead)) == std::string::npos) {
      if (!More()) return false;
    }
    answer.head = buffer_.substr(0, end + kEndOfHead.size());
    buffer_.erase(0, answer.head.size());
    bool first = true;
    for (std::string_view line : Split(answer.head, '\n')) {
      line = Trim(line);
      if (std::exchange(first, false)) {
        const auto words = Split(line, ' ');
        if (words.size() > 1)
          std::from_chars(words[1].data(), words[1].data() + words[1].size(), answer.status);
      } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        answer.headers[std::string(line.substr(0, colon))] = Trim(line.substr(colon + 1));
      }
    }
    if (const auto found = answer.headers.find("Connection");
        found != answer.headers.end() && Lowered(found->second) == "close") {
      answer.ends_connection = true;
    }
    return true;
  }

  bool Take(Answer& answer, std::uint64_t count) {
    while (buffer_.size() < count) {
      if (!More()) return false;
    }
    answer.body += buffer_.substr(0, count);
    buffer_.erase(0, count);
    return true;
  }

  bool ReadChunks(Answer& answer) {
    for (;;) {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!More()) return false;
      }
      std::uint64_t size = 0;
      std::from_chars(buffer_.data(), buffer_.data() + end, size, 16);
      // With the line of the size, and the line break behind the bytes.
      if (!Take(answer, end + 2 + size + 2)) return false;
      if (size == 0) return true;
    }
  }

  const std::uint16_t port_;
  int socket_ = -1;
  std::string buffer_;
};

FaultProxy::FaultProxy(Rules rules)
    : rules_(std::move(rules)), server_([this](TestConnection& client) { Serve(client); }) {}

std::uint64_t FaultProxy::faults() const {
  std::uint64_t all = 0;
  for (std::size_t i = 1; i < kHttpFaults; ++i) all += counts_[i];
  return all;
}

std::uint64_t FaultProxy::faults_of(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second;
}

std::uint64_t FaultProxy::answers(int status) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_status_.find(status);
  return found == by_status_.end() ? 0 : found->second;
}

std::string FaultProxy::Summary() const {
  std::vector<std::string> texts;
  for (std::size_t i = 1; i < kHttpFaults; ++i) {
    if (counts_[i] > 0) texts.push_back(fmt::format("{} {}", counts_[i].load(), kNames[i]));
  }
  return Join(texts, ", ");
}

HttpFault FaultProxy::Choose(const Request& head, std::uint64_t length, Dice& dice) const {
  if (!dice.Happens(share_)) return HttpFault::kNone;
  std::vector<HttpFault> possible{
      HttpFault::kResetAtOnce,   HttpFault::kBusyBefore,    HttpFault::kTokenRefused,
      HttpFault::kBusyAfter,     HttpFault::kAnswerLost,    HttpFault::kAnswerDelayed,
      HttpFault::kResetInAnswer, HttpFault::kStallInAnswer, HttpFault::kTrickleAnswer};
  const bool checked = rules_.checked && rules_.checked(head);
  if (length > 0) {
    possible.insert(possible.end(), {HttpFault::kResetInRequest, HttpFault::kStallInRequest,
                                     HttpFault::kTrickleRequest});
    if (checked) possible.push_back(HttpFault::kChangeInRequest);
  }
  if (head.method == "GET") {
    possible.push_back(HttpFault::kShortAnswer);
    if (checked) possible.push_back(HttpFault::kChangeInAnswer);
  }
  if (checked) possible.push_back(HttpFault::kOtherEtag);
  std::vector<HttpFault> fresh;
  std::copy_if(possible.begin(), possible.end(), std::back_inserter(fresh),
               [this](HttpFault fault) { return count(fault) == 0; });
  if (!fresh.empty()) possible = std::move(fresh);
  return possible[dice.Below(possible.size())];
}

void FaultProxy::Serve(TestConnection& client) {
  Upstream server(rules_.port);
  while (ServeOne(client, server)) continue;
}

// False: the connection has come to its end.
bool FaultProxy::ServeOne(TestConnection& client, Upstream& server) {
  Request request;
  if (!client.ReadHead(request)) return false;
  const std::uint64_t length = LengthOf(request.headers);
  Dice dice(rules_.seed, requests_++);
  const HttpFault fault = Choose(request, length, dice);
  const std::uint64_t turn = counts_[static_cast<std::size_t>(fault)]++;
  if (fault != HttpFault::kNone && rules_.owner) {
    const std::lock_guard lock(mutex_);
    ++by_owner_[rules_.owner(request)];
  }

  const auto busy = [&](bool nothing_done) {
    constexpr std::array kBefore{429, 503, 500, 502, 504};
    constexpr std::array kAfter{503, 500, 502, 504};
    const int status = nothing_done ? kBefore[turn % kBefore.size()] : kAfter[turn % kAfter.size()];
    const bool says_when = turn % 2 == 0;
    if (says_when) ++told_when_;
    {
      const std::lock_guard lock(mutex_);
      ++by_status_[status];
    }
    client.Answer(status, "the proxy of the test says so",
                  says_when ? fmt::format("Retry-After: {}\r\n", dice.Below(2)) : "");
    // As those do that do not read on: what was not read makes it a reset, maybe before the answer was seen.
    return false;
  };
  const auto reset = [&] {
    client.Reset();
    return false;
  };
  if (fault == HttpFault::kResetAtOnce) return reset();
  if (fault == HttpFault::kBusyBefore && dice.Happens(0.5)) return busy(true);

  // The request, on to the server as it comes.
  if (!server.Open()) return reset();
  const bool withheld = fault == HttpFault::kBusyBefore || fault == HttpFault::kTokenRefused;
  bool taken = withheld || server.Write(HeadOf(request));
  const std::uint64_t odd_byte = dice.Below(length);
  for (std::uint64_t at = 0; at < length;) {
    const bool ends_here =
        fault == HttpFault::kResetInRequest || fault == HttpFault::kStallInRequest;
    if (ends_here && at == odd_byte) {
      // What came so far has gone on; the server sees that no more comes.
      if (fault == HttpFault::kStallInRequest) client.Stall();
      server.Close();
      return reset();
    }
    std::uint64_t most = std::min<std::uint64_t>(kPiece, length - at);
    if (ends_here) most = std::min(most, odd_byte - at);
    if (fault == HttpFault::kTrickleRequest) {
      most = std::min<std::uint64_t>(most, kDrop);
      std::this_thread::sleep_for(kDripEvery);
    }
    std::string piece = client.Take(most);
    if (piece.empty()) return false;
    if (fault == HttpFault::kChangeInRequest && odd_byte >= at && odd_byte < at + piece.size())
      piece[odd_byte - at] = static_cast<char>(piece[odd_byte - at] ^ 1);
    at += piece.size();
    // A server that has answered may take no more.
    taken = taken && (withheld || server.Write(piece));
  }
  if (fault == HttpFault::kBusyBefore) return busy(true);
  if (fault == HttpFault::kTokenRefused) {
    client.Answer(401, "the proxy of the test says so");
    return true;
  }

  Answer answer;
  if (!server.Read(request.method, answer)) return reset();
  if (!taken) answer.ends_connection = true;
  std::string bytes = answer.head + answer.body;
  const std::uint64_t cut = fault == HttpFault::kShortAnswer
                                ? answer.head.size() + dice.Below(answer.body.size())
                                : dice.Below(bytes.size());
  switch (fault) {
    case HttpFault::kBusyAfter:
      return busy(false);
    case HttpFault::kAnswerLost:
      return reset();
    case HttpFault::kAnswerDelayed:
      client.Stall();
      return false;
    case HttpFault::kResetInAnswer:
      client.Write(bytes.substr(0, cut));
      return reset();
    case HttpFault::kShortAnswer:
      client.Write(bytes.substr(0, cut));
      return false;
    case HttpFault::kStallInAnswer:
      client.Write(bytes.substr(0, cut));
      client.Stall();
      return false;
    case HttpFault::kTrickleAnswer:
      for (std::size_t at = 0; at < bytes.size(); at += kDrop) {
        if (!client.Write(bytes.substr(at, kDrop))) return false;
        std::this_thread::sleep_for(kDripEvery);
      }
      return !answer.ends_connection;
    case HttpFault::kChangeInAnswer:
      if (!answer.body.empty() && answer.status < 300) {
        char& byte = bytes[answer.head.size() + dice.Below(answer.body.size())];
        byte = static_cast<char>(byte ^ 1);
      }
      break;
    case HttpFault::kOtherEtag:
      bytes = WithOtherEtag(answer.head) + answer.body;
      break;
    default:
      break;
  }
  if (!client.Write(bytes) || answer.ends_connection) {
    server.Close();
    return false;
  }
  return true;
}

}  // namespace holdfast::testing
