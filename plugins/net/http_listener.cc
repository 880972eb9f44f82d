#include "plugins/net/http_listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

// The one file that sees Boost.Beast and Boost.Asio. cpprestsdk has a listener, too, which buffers a body before anybody
// is asked whether it may be sent (597 MB, measured).
namespace holdfast::net {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr int kBadRequest = 400;
constexpr int kTooLarge = 413;
constexpr int kHeadTooLarge = 431;
constexpr int kNotImplemented = 501;
constexpr int kBusy = 503;
constexpr std::size_t kFarewellBuffer = std::size_t{16} << 10U;
constexpr auto kAfterFailedAccept = std::chrono::milliseconds(200);

// The places of the connections that are served; shared by them and the listener. Who has not said yet what it wants,
// or has its answer, gives up its place to somebody new: a client that says nothing, or is refused, shuts out nobody.
class Places {
 public:
  using Number = std::uint64_t;
  // Held by a connection as long as it lives.
  class Place {
   public:
    Place(Places& places, Number number) : places_(&places), number_(number) {}
    Place(Place&& other) noexcept
        : places_(std::exchange(other.places_, nullptr)), number_(other.number_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (places_ != nullptr) places_->Leave(number_);
    }
    // `close` is called once, soon and on any thread, when somebody else gets the place; not after HasSpoken.
    void CloseBy(std::function<void()> close) const { places_->CloseBy(number_, std::move(close)); }
    // False: somebody else has the place.
    bool HasSpoken() const { return places_->HasSpoken(number_); }

   private:
    Places* places_;
    const Number number_;
  };

  explicit Places(unsigned most) : most_(most) {}
  // nullopt: all are taken by clients whose requests are worked on.
  std::optional<Place> Take() {
    std::function<void()> close;
    const Number number = [this, &close]() -> Number {
      const std::lock_guard lock(mutex_);
      if (taken_.size() >= most_) {
        if (silent_.empty()) return kNone;
        const auto oldest = silent_.begin();
        close = std::move(oldest->second);
        taken_.erase(oldest->first);
        silent_.erase(oldest);
      }
      taken_.insert(++last_);
      return last_;
    }();
    if (number == kNone) return std::nullopt;
    Place place(*this, number);
    if (close) close();
    return place;
  }
  void WaitForNone(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, longest, [this] { return taken_.empty(); });
  }

 private:
  static constexpr Number kNone = 0;

  void Leave(Number number) {
    const std::lock_guard lock(mutex_);
    taken_.erase(number);
    silent_.erase(number);
    changed_.notify_all();
  }
  void CloseBy(Number number, std::function<void()> close) {
    const std::lock_guard lock(mutex_);
    silent_[number] = std::move(close);
  }
  bool HasSpoken(Number number) {
    const std::lock_guard lock(mutex_);
    silent_.erase(number);
    return taken_.contains(number);
  }

  const unsigned most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Number last_ = kNone;
  std::set<Number> taken_;
  std::map<Number, std::function<void()>> silent_;  // the oldest first
};

// The bodies of which few are read at once. Thread-safe.
class LongBodies {
  struct Leave {
    void operator()(std::atomic<unsigned>* taken) const { --*taken; }
  };

 public:
  using Turn = std::unique_ptr<std::atomic<unsigned>, Leave>;

  explicit LongBodies(unsigned most) : most_(most) {}
  // Null: as many as may be are being read.
  Turn Take() {
    if (++taken_ <= most_) return Turn(&taken_);
    --taken_;
    return nullptr;
  }

 private:
  const unsigned most_;
  std::atomic<unsigned> taken_ = 0;
};

HttpHead HeadOf(const http::request_header<>& header, const std::string& peer) {
  const auto text = [](beast::string_view view) { return std::string(view.data(), view.size()); };
  HttpHead head;
  head.method = text(header.method_string());
  head.target = text(header.target());
  head.peer = peer;
  for (const auto& field : header) {
    std::string& value = head.headers[text(field.name_string())];
    value += (value.empty() ? "" : ", ") + text(field.value());
  }
  return head;
}

beast::tcp_stream& LowestOf(PlainStream& stream) { return stream; }
beast::tcp_stream& LowestOf(TlsStream& stream) { return beast::get_lowest_layer(stream); }

// A coding that is not undone here would reach the service as a body.
bool IsChunkedAtMost(const HttpHead& head) {
  const auto coding = head.headers.find("Transfer-Encoding");
  return coding == head.headers.end() || Lowered(Trim(coding->second)) == "chunked";
}

// One connection: its one request, the answer, the end. Its handlers run on a strand, and hold it.
template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  template <class... StreamArguments>
  Session(const ListenerLimits& limits, HttpService& service, LongBodies& long_bodies,
          Places::Place place, std::string peer, StreamArguments&&... arguments)
      : limits_(limits),
        service_(service),
        long_bodies_(long_bodies),
        place_(std::move(place)),
        peer_(std::move(peer)),
        stream_(std::forward<StreamArguments>(arguments)...),
        // Beast reads ahead as much as there is room for: the rest of a body that comes with its head.
        buffer_(std::size_t{2} * limits.most_head) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Start() {
    GivePlaceToWhoNeedsIt();
    asio::dispatch(stream_.get_executor(), [self = this->shared_from_this()] {
      // Of everything until the head is whole: it is not set anew in between.
      LowestOf(self->stream_).expires_after(self->limits_.head_deadline);
      self->Begin();
    });
  }

 private:
  // Until it has spoken, and once it is answered.
  void GivePlaceToWhoNeedsIt() {
    place_.CloseBy([weak = this->weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      asio::post(self->stream_.get_executor(), [self] { LowestOf(self->stream_).close(); });
    });
  }

  void Begin() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](error_code error) {
                                if (!error) self->ReadHead();
                              });
    } else {
      ReadHead();
    }
  }

  void ReadHead() {
    parser_.header_limit(limits_.most_head);
    parser_.body_limit(limits_.most_body);
    http::async_read_header(
        stream_, buffer_, parser_,
        [self = this->shared_from_this()](error_code error, std::size_t) { self->HasHead(error); });
  }

  void HasHead(error_code error) {
    // Another client has its place by now: what it wants is not even begun.
    if (!place_.HasSpoken()) return;
    head_ = HeadOf(parser_.get(), peer_);
    if (error) {
      Bad(error);
      return;
    }
    LowestOf(stream_).expires_after(limits_.request_deadline);
    constexpr unsigned kOneDotOne = 11;
    const auto hosts = parser_.get().count(http::field::host);
    const bool is_new = parser_.get().version() >= kOneDotOne;
    if (hosts > 1 || (is_new && hosts == 0)) {
      Refuse(kBadRequest, "a request has one Host");
      return;
    }
    if (!IsChunkedAtMost(head_)) {
      Refuse(kNotImplemented, "chunked is the only Transfer-Encoding");
      return;
    }
    if (auto refused = service_.Refuse(head_)) {
      Answer(std::move(*refused), parser_.is_done());
      return;
    }
    const auto length = parser_.content_length();
    if (!parser_.is_done() && (!length || *length > limits_.short_body)) {
      turn_ = long_bodies_.Take();
      if (!turn_) {
        Refuse(kBusy, "other long bodies are being read");
        return;
      }
    }
    const auto expect = parser_.get().find(http::field::expect);
    if (expect != parser_.get().end() && beast::iequals(expect->value(), "100-continue") &&
        !parser_.is_done()) {
      static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
      asio::async_write(stream_, asio::buffer(kGoOn.data(), kGoOn.size()),
                        [self = this->shared_from_this()](error_code failed, std::size_t) {
                          if (!failed) self->ReadBody();
                        });
      return;
    }
    ReadBody();
  }

  void ReadBody() {
    http::async_read(
        stream_, buffer_, parser_,
        [self = this->shared_from_this()](error_code error, std::size_t) {
          if (error) {
            self->Bad(error);
            return;
          }
          self->Answer(self->service_.Answer(self->head_, std::move(self->parser_.get().body())),
                       true);
        });
  }

  // Of what could not be read: those that speak HTTP are told why.
  void Bad(error_code error) {
    if (error == http::error::body_limit) {
      Refuse(kTooLarge, fmt::format("a body has at most {}", HumanSize(limits_.most_body)));
    } else if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      Refuse(kHeadTooLarge, "the headers are too large");
    } else if (error != http::error::end_of_stream && error != http::error::partial_message &&
               error.category() == http::make_error_code(http::error::end_of_stream).category()) {
      Refuse(kBadRequest, "this is no request of HTTP/1.1");
    }
  }

  // The listener's own answers are the service's in their form.
  void Refuse(int status, std::string_view why) {
    Answer(service_.Shape(ErrorReply(status, why)), false);
  }

  void Answer(HttpReply reply, bool request_is_whole) {
    // Of a body that was cut off: the rest of this, with a slow client, may take its time.
    std::string().swap(parser_.get().body());
    turn_.reset();
    reply_.result(static_cast<unsigned>(reply.status));
    reply_.version(11);
    reply_.set(http::field::server, "holdfast");
    reply_.set(http::field::cache_control, "no-store");
    if (!reply.body.empty()) reply_.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : reply.headers) reply_.set(name, value);
    reply_.keep_alive(false);
    const bool head_only = head_.method == "HEAD";
    reply_.body() = std::move(reply.body);
    reply_.prepare_payload();
    if (head_only) reply_.body().clear();
    LowestOf(stream_).expires_after(limits_.reply_deadline);
    http::async_write(
        stream_, reply_,
        [self = this->shared_from_this(), request_is_whole](error_code error, std::size_t) {
          if (!error) self->SayFarewell(request_is_whole);
        });
  }

  void SayFarewell(bool request_is_whole) {
    // Those who are refused, again and again, would leave no place to others.
    GivePlaceToWhoNeedsIt();
    LowestOf(stream_).expires_after(limits_.longest_farewell);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      // What the client sends on makes this fail, and the next step throws it away.
      stream_.async_shutdown([self = this->shared_from_this(), request_is_whole](error_code error) {
        if (error) self->CloseOurHalf(request_is_whole);
      });
    } else {
      CloseOurHalf(request_is_whole);
    }
  }

  void CloseOurHalf(bool request_is_whole) {
    error_code ignored;
    LowestOf(stream_).socket().shutdown(Tcp::socket::shutdown_send, ignored);
    if (request_is_whole) return;
    farewell_.resize(kFarewellBuffer);
    Discard();
  }

  // Closed with bytes of the client unread, the connection would be reset, and the answer lost on its way. The
  // deadline, which is not set anew, ends it for a slow client, the limit for a fast one.
  void Discard() {
    LowestOf(stream_).async_read_some(
        asio::buffer(farewell_),
        [self = this->shared_from_this()](error_code error, std::size_t size) {
          self->thrown_away_ += size;
          if (!error && self->thrown_away_ < self->limits_.most_farewell) self->Discard();
        });
  }

  const ListenerLimits& limits_;
  HttpService& service_;
  LongBodies& long_bodies_;
  const Places::Place place_;
  const std::string peer_;
  Stream stream_;
  beast::flat_buffer buffer_;
  http::request_parser<http::string_body> parser_;
  LongBodies::Turn turn_;
  HttpHead head_;
  http::response<http::string_body> reply_;
  std::vector<char> farewell_;
  std::uint64_t thrown_away_ = 0;
};

class BeastListener final : public HttpListener {
 public:
  BeastListener(ListenerOptions options, HttpService& service, Logger& log)
      : options_(std::move(options)),
        service_(service),
        log_(log),
        places_(options_.limits.most_connections),
        long_bodies_(options_.limits.most_long_bodies),
        context_(static_cast<int>(options_.threads)),
        acceptor_(asio::make_strand(context_)),
        after_failure_(acceptor_.get_executor()) {}
  BeastListener(const BeastListener&) = delete;
  BeastListener& operator=(const BeastListener&) = delete;
  ~BeastListener() override { Stop(); }

  Status Open() {
    HOLDFAST_RETURN_IF_ERROR(ReadCertificate());
    error_code error;
    const auto host = asio::ip::make_address(options_.address.host, error);
    if (error) return InvalidInput("'" + Printable(options_.address.host) + "' is no address");
    const Tcp::endpoint endpoint(host, options_.address.port);
    const auto failed = [this](const error_code& why) {
      const std::string what = "listening at " + options_.address.Text();
      if (why == asio::error::address_in_use) {
        return Error(ErrorCode::kConflict, what + ": another program does already");
      }
      return SystemError(why.value(), what);
    };
    acceptor_.open(endpoint.protocol(), error);
    if (error) return failed(error);
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    acceptor_.bind(endpoint, error);
    if (error) return failed(error);
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return failed(error);
    const Tcp::endpoint bound = acceptor_.local_endpoint(error);
    if (error) return failed(error);
    options_.address.port = bound.port();
    Accept();
    for (unsigned i = 0; i < std::max(options_.threads, 1U); ++i)
      threads_.emplace_back([this] { Serve(); });
    return Ok();
  }

  const ListenAddress& address() const override { return options_.address; }

  void Stop() override {
    if (threads_.empty()) return;
    // Waited for: stopped before, the context would not do it, and clients would connect to what nobody serves.
    std::promise<void> closed;
    asio::post(acceptor_.get_executor(), [this, &closed] {
      stopping_ = true;
      error_code ignored;
      acceptor_.close(ignored);
      after_failure_.cancel();
      closed.set_value();
    });
    closed.get_future().wait();
    places_.WaitForNone(options_.limits.longest_end);
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  Status ReadCertificate() {
    if (options_.certificate_pem.empty() && options_.key_pem.empty()) return Ok();
    error_code error;
    tls_.emplace(asio::ssl::context::tls_server);
    tls_->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                          asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                          asio::ssl::context::no_tlsv1_1,
                      error);
    // A key with a passphrase is refused; without this OpenSSL would ask the terminal for it.
    tls_->set_password_callback(
        [](std::size_t, asio::ssl::context::password_purpose) { return std::string(); }, error);
    tls_->use_certificate_chain(asio::buffer(options_.certificate_pem), error);
    if (error) return InvalidInput("the TLS certificate is no certificate in PEM");
    tls_->use_private_key(asio::buffer(options_.key_pem), asio::ssl::context::pem, error);
    if (error) {
      return InvalidInput("the TLS key is no key of the certificate")
          .Hint("a private key in PEM, without a passphrase");
    }
    return Ok();
  }

  void Serve() {
    for (;;) {
      try {
        context_.run();
        return;
      } catch (const std::exception& problem) {
        // Memory may be short for one connection: that is no reason to serve no other.
        Say("a connection was dropped", problem.what());
      }
    }
  }

  // Whatever becomes of a connection, the next one is waited for.
  void Accept() {
    try {
      acceptor_.async_accept(asio::make_strand(context_),
                             [this](error_code error, Tcp::socket socket) {
                               if (error == asio::error::operation_aborted) return;
                               if (error) {
                                 TryLater(error.message());
                                 return;
                               }
                               try {
                                 Take(std::move(socket));
                               } catch (const std::exception& problem) {
                                 Say("a connection was dropped", problem.what());
                               }
                               Accept();
                             });
    } catch (const std::exception& problem) {
      TryLater(problem.what());
    }
  }

  // Out of descriptors or memory, say: accept would fail again at once, all the time.
  void TryLater(const std::string& why) {
    Say("a connection could not be taken", why);
    while (!stopping_) {
      try {
        after_failure_.expires_after(kAfterFailedAccept);
        after_failure_.async_wait([this](error_code stopped) {
          if (!stopped) Accept();
        });
        return;
      } catch (const std::exception&) {
        std::this_thread::sleep_for(kAfterFailedAccept);
      }
    }
  }

  void Say(std::string_view what, std::string_view why) noexcept {
    try {
      log_.Log(LogLevel::kError, fmt::format("{}: {}", what, why));
    } catch (const std::exception&) {
      // Nor is there memory to say so.
    }
  }

  void Take(Tcp::socket socket) {
    error_code error;
    const Tcp::endpoint peer = socket.remote_endpoint(error);
    auto place = places_.Take();
    if (!place) return;  // and the socket closes
    std::string from = error ? "" : peer.address().to_string(error);
    if (tls_) {
      std::make_shared<Session<TlsStream>>(options_.limits, service_, long_bodies_,
                                           std::move(*place), std::move(from), std::move(socket),
                                           *tls_)
          ->Start();
    } else {
      std::make_shared<Session<PlainStream>>(options_.limits, service_, long_bodies_,
                                             std::move(*place), std::move(from), std::move(socket))
          ->Start();
    }
  }

  ListenerOptions options_;
  HttpService& service_;
  Logger& log_;
  std::atomic<bool> stopping_{false};
  // Connections leave theirs when the context, which holds their handlers, goes: so it stands behind this.
  Places places_;
  LongBodies long_bodies_;
  std::optional<asio::ssl::context> tls_;
  asio::io_context context_;
  Tcp::acceptor acceptor_;
  asio::steady_timer after_failure_;
  std::vector<std::thread> threads_;
};

}  // namespace

HttpReply ErrorReply(int status, std::string_view why) {
  HttpReply reply;
  reply.status = status;
  auto text = DumpJson(Value().Set("error", Printable(why)));
  reply.body = text ? std::move(*text) : R"({"error":"unknown"})";
  return reply;
}

Result<std::unique_ptr<HttpListener>> HttpListener::Start(ListenerOptions options,
                                                          HttpService& service, Logger& log) {
  try {
    auto listener = std::make_unique<BeastListener>(std::move(options), service, log);
    HOLDFAST_RETURN_IF_ERROR(listener->Open());
    return std::unique_ptr<HttpListener>(std::move(listener));
  } catch (const std::exception& problem) {
    // No descriptors, no threads.
    return Unavailable(fmt::format("the listener cannot start: {}", problem.what()));
  }
}

}  // namespace holdfast::net
