#include "plugins/net/protocol_check.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/text.h"

namespace holdfast::net {

namespace {

using std::chrono::milliseconds;

// Who waits for an answer waits for this one as well.
constexpr milliseconds kPatience{2'000};
constexpr std::size_t kMostRead = 128;
constexpr std::size_t kMostWords = 60;

// A record of TLS that is no handshake: refused with an alert. Its last line lets a server of HTTP answer at once.
constexpr std::string_view kNoHandshake("\x16\x03\x01\x00\x08hello\r\n\r\n\r\n", 16);

struct AddressesFree {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

bool Await(int socket, short events, SteadyTime deadline) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd one{socket, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(left.count()));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

OwnedDescriptor ConnectTo(const addrinfo& address, SteadyTime deadline) {
  OwnedDescriptor socket(::socket(
      address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol));
  if (!socket.valid()) return {};
  if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
  if (errno != EINPROGRESS || !Await(socket.get(), POLLOUT, deadline)) return {};
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return {};
  return socket;
}

OwnedDescriptor ConnectTo(const Url& url, SteadyTime deadline) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &wanted, &found) != 0)
    return {};
  const std::unique_ptr<addrinfo, AddressesFree> list(found);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (OwnedDescriptor socket = ConnectTo(*each, deadline); socket.valid()) return socket;
  }
  return {};
}

// Enough to tell what it is.
std::string FirstBytesFrom(int socket, SteadyTime deadline) {
  constexpr std::size_t kEnough = 8;
  std::string bytes;
  std::array<char, kMostRead> piece{};
  while (bytes.size() < kEnough && Await(socket, POLLIN, deadline)) {
    const ssize_t size = ::recv(socket, piece.data(), piece.size(), 0);
    if (size > 0) bytes.append(piece.data(), static_cast<std::size_t>(size));
    if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) break;
  }
  return bytes;
}

// Its first line, where that is one of text.
std::string WordsOf(std::string_view bytes) {
  const std::string_view line = Trim(bytes.substr(0, bytes.find_first_of("\r\n")));
  const bool text =
      std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return text ? std::string(line.substr(0, kMostWords)) : std::string();
}

// An alert or a handshake of any version of it.
bool IsTls(std::string_view bytes) {
  return bytes.size() > 1 && (bytes[0] == '\x15' || bytes[0] == '\x16') && bytes[1] == '\x03';
}

Spoken AnswerTo(const std::string& words, const Url& url, SteadyTime deadline) {
  Spoken out;
  const OwnedDescriptor socket = ConnectTo(url, deadline);
  if (!socket.valid()) return out;
  // It fits into the socket's buffer.
  std::ignore = ::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL);
  const std::string bytes = FirstBytesFrom(socket.get(), deadline);
  if (bytes.empty()) return out;
  if (IsTls(bytes)) {
    out.protocol = Spoken::Protocol::kTls;
  } else if (bytes.starts_with("HTTP/")) {
    out.protocol = Spoken::Protocol::kHttp;
  } else {
    out.protocol = Spoken::Protocol::kOther;
    out.words = WordsOf(bytes);
  }
  return out;
}

}  // namespace

Spoken WhatIsSpokenAt(const Url& url, SteadyTime deadline) {
  using Protocol = Spoken::Protocol;
  const std::string request =
      "HEAD / HTTP/1.1\r\nHost: " + url.HostInUrl() + "\r\nConnection: close\r\n\r\n";
  if (url.scheme == "http") {
    Spoken spoken = AnswerTo(request, url, deadline);
    if (spoken.protocol != Protocol::kUnknown) return spoken;
    // OpenSSL closes without a word where it is spoken to in HTTP.
    spoken = AnswerTo(std::string(kNoHandshake), url, deadline);
    return spoken.protocol == Protocol::kTls ? spoken : Spoken();
  }
  Spoken spoken = AnswerTo(std::string(kNoHandshake), url, deadline);
  if (spoken.protocol != Protocol::kOther) return spoken;
  // Python's servers answer with a page alone what is no request.
  const Spoken plain = AnswerTo(request, url, deadline);
  return plain.protocol == Protocol::kHttp ? plain : spoken;
}

bool ProtocolCheckedClient::HasAnswered(const std::string& origin) {
  const std::lock_guard lock(mutex_);
  return have_answered_.contains(origin);
}

Result<HttpResponse> ProtocolCheckedClient::Send(const HttpRequest& request, SteadyTime deadline) {
  auto outcome = inner_->Send(request, deadline);
  const auto url = ParseUrl(request.url);
  if (!url) return outcome;
  const std::string origin = url->Origin();
  if (outcome) {
    const std::lock_guard lock(mutex_);
    have_answered_.insert(origin);
    return outcome;
  }
  if (outcome.error().code() != ErrorCode::kUnavailable || HasAnswered(origin) ||
      (request.cancellation != nullptr && request.cancellation->is_set()) ||
      ProxyFor(*url, &ProcessEnvironment)) {
    return outcome;
  }
  const Spoken spoken =
      WhatIsSpokenAt(*url, std::min(deadline, std::chrono::steady_clock::now() + kPatience));
  using Protocol = Spoken::Protocol;
  const bool tls = url->scheme == "https";
  if (spoken.protocol == Protocol::kOther) {
    return InvalidInput(origin + " does not speak HTTP" +
                        (spoken.words.empty() ? "" : ": it says '" + spoken.words + "'"));
  }
  if (!tls && spoken.protocol == Protocol::kTls)
    return InvalidInput(origin + " speaks TLS")
        .Hint("https://" + origin.substr(origin.find("//") + 2));
  if (tls && spoken.protocol == Protocol::kHttp)
    return InvalidInput(origin + " speaks HTTP without TLS")
        .Hint("http://" + origin.substr(origin.find("//") + 2));
  return outcome;
}

}  // namespace holdfast::net
