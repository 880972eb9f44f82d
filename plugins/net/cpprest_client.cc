#include "plugins/net/cpprest_client.h"

#include <cpprest/astreambuf.h>
#include <cpprest/http_client.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

#include "plugins/net/pem.h"
#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

// The one file that sees cpprestsdk. What it does not do by itself is done here: a deadline for the whole
// call (its own is for each read), a limit for bodies and a brake (it would fill memory as fast as the
// server sends), certificate checks whose reason is known, the environment's proxies, four threads
// instead of forty. Nothing here waits inside one of its tasks: that can starve its pool.
namespace holdfast::net {

namespace {

constexpr std::size_t kThreads = 4;
// Of a body, read and not yet taken; the server is not read any further meanwhile.
constexpr std::size_t kMostQueued = std::size_t{1} << 20U;
constexpr auto kLookEvery = std::chrono::milliseconds(100);

// --- What passes from the pool's threads to the one that waits in Send -----------------------------

class Exchange {
 public:
  void SetHead(int status, HttpHeaders headers) {
    const std::lock_guard lock(mutex_);
    status_ = status;
    headers_ = std::move(headers);
    changed_.notify_all();
  }
  void SetDone(std::string failure) {
    const std::lock_guard lock(mutex_);
    done_ = true;
    failure_ = std::move(failure);
    changed_.notify_all();
  }
  // A piece of the body. The task ends when there is room for the next.
  pplx::task<std::size_t> Push(const std::uint8_t* data, std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return pplx::task_from_result<std::size_t>(0);
    pieces_.emplace_back(reinterpret_cast<const char*>(data), size);
    queued_ += size;
    changed_.notify_all();
    if (queued_ <= kMostQueued) return pplx::task_from_result(size);
    room_ = pplx::task_completion_event<std::size_t>();
    room_for_ = size;
    return pplx::create_task(room_);
  }

  // --- for the thread that waits
  enum class Event { kPiece, kDone, kTimeout };
  // The next piece of the body (once the head is known), the end, or neither until `until`.
  Event Next(SteadyTime until, std::string& piece) {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return done_ || (status_ != 0 && !pieces_.empty()); };
    if (!changed_.wait_until(lock, until, something)) return Event::kTimeout;
    if (status_ == 0 || pieces_.empty()) return Event::kDone;
    piece = std::move(pieces_.front());
    pieces_.pop_front();
    queued_ -= piece.size();
    if (queued_ <= kMostQueued) LetGoOn(lock, room_for_);
    return Event::kPiece;
  }
  // Nobody takes what comes any more.
  void Abandon() {
    std::unique_lock lock(mutex_);
    abandoned_ = true;
    LetGoOn(lock, 0);
  }
  bool WaitUntilDone(SteadyTime until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [this] { return done_; });
  }
  int status() {
    const std::lock_guard lock(mutex_);
    return status_;
  }
  HttpHeaders TakeHeaders() {
    const std::lock_guard lock(mutex_);
    return std::move(headers_);
  }
  std::string failure() {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void LetGoOn(std::unique_lock<std::mutex>& lock, std::size_t taken) {
    if (room_for_ == 0) return;
    const auto room = room_;
    room_for_ = 0;
    lock.unlock();  // what waits for it may run at once, and push
    room.set(taken);
  }

  // Plain std::mutex: conditions on our annotated one cannot wait until a time.
  std::mutex mutex_;
  std::condition_variable changed_;
  int status_ = 0;
  HttpHeaders headers_;
  std::deque<std::string> pieces_;
  std::size_t queued_ = 0;
  bool done_ = false;
  bool abandoned_ = false;
  std::string failure_;
  pplx::task_completion_event<std::size_t> room_;
  std::size_t room_for_ = 0;  // of the piece whose task waits; 0: none does
};

// The response's body, as cpprest wants to write it.
class ExchangeBuffer final
    : public concurrency::streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  using Base = concurrency::streams::details::streambuf_state_manager<std::uint8_t>;
  using Base::int_type;
  using Base::off_type;
  using Base::pos_type;
  explicit ExchangeBuffer(std::shared_ptr<Exchange> exchange)
      : Base(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
  std::size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return pos_type(traits::eof()); }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(traits::eof()); }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return pos_type(traits::eof());
  }
  bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
  void release(std::uint8_t*, std::size_t) override {}

 protected:
  pplx::task<int_type> _putc(std::uint8_t byte) override {
    return exchange_->Push(&byte, 1).then([byte](std::size_t taken) {
      return taken == 1 ? int_type(byte) : int_type(traits::eof());
    });
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t size) override {
    return exchange_->Push(data, size);
  }
  pplx::task<std::size_t> _putn(const std::uint8_t* data, std::size_t size, bool) override {
    return exchange_->Push(data, size);
  }
  pplx::task<int_type> _bumpc() override { return Nothing(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return Nothing(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return Nothing(); }
  pplx::task<int_type> _ungetc() override { return Nothing(); }
  pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
    return pplx::task_from_result<std::size_t>(0);
  }
  std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(std::size_t) override { return nullptr; }
  void _commit(std::size_t) override {}

 private:
  static pplx::task<int_type> Nothing() {
    return pplx::task_from_result<int_type>(int_type(traits::eof()));
  }
  std::shared_ptr<Exchange> exchange_;
};

// --- TLS ---------------------------------------------------------------------------------------------

// What a connection that could not be made has to say. cpprest keeps numbers alone.
struct TlsNotes {
  std::mutex mutex;
  std::string why;  // of the newest certificate or alert that ended one

  void Set(std::string text) {
    const std::lock_guard lock(mutex);
    why = std::move(text);
  }
  std::string Take() {
    const std::lock_guard lock(mutex);
    return std::exchange(why, {});
  }
};

struct TlsSettings {
  TransportOptions options;
  std::string name;  // that the certificate is checked for
  bool is_address = false;
  std::shared_ptr<TlsNotes> notes;
};

// A context outlives whoever made it as long as one of its connections does, so it owns its settings.
int SettingsIndex() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<TlsSettings*>(pointer);  // what SetUpTls put there
      });
  return index;
}
const TlsSettings* SettingsOf(SSL_CTX* context) {
  return static_cast<const TlsSettings*>(SSL_CTX_get_ex_data(context, SettingsIndex()));
}

// In the place of OpenSSL's own check and of cpprest's, which looks at names without saying what is wrong.
int CheckCertificate(X509_STORE_CTX* store, void*) {
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const TlsSettings* const settings = SettingsOf(SSL_get_SSL_CTX(ssl));
  if (settings == nullptr) return 0;
  if (settings->options.skip_verify) return 1;
  X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(store);
  const int set = settings->is_address
                      ? X509_VERIFY_PARAM_set1_ip_asc(wanted, settings->name.c_str())
                      : X509_VERIFY_PARAM_set1_host(wanted, settings->name.c_str(), 0);
  X509_STORE_CTX_set_verify_cb(store, [](int ok, X509_STORE_CTX*) { return ok; });
  if (set == 1 && X509_verify_cert(store) == 1) return 1;
  const int code = X509_STORE_CTX_get_error(store);
  if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    settings->notes->Set("its certificate is not for " + settings->name);
  } else {
    settings->notes->Set(std::string("its certificate is not accepted: ") +
                         X509_verify_cert_error_string(code));
  }
  return 0;
}

void NoteAlerts(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_ALERT) == 0 || (where & SSL_CB_READ) == 0) return;
  const std::string_view type = SSL_alert_type_string_long(value);
  if (type != "fatal") return;
  if (const TlsSettings* const settings = SettingsOf(SSL_get_SSL_CTX(ssl))) {
    settings->notes->Set(std::string("it refused the connection: ") +
                         SSL_alert_desc_string_long(value));
  }
}

// Into a context of cpprest's, which has checked CheckTls: nothing fails that can be told.
void SetUpTls(SSL_CTX* context, const TlsSettings& settings) {
  const TransportOptions& options = settings.options;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_ex_data(context, SettingsIndex(), new TlsSettings(settings));  // the context owns it
  SSL_CTX_set_cert_verify_callback(context, &CheckCertificate, nullptr);
  SSL_CTX_set_info_callback(context, &NoteAlerts);
  if (!options.ca_pem.empty()) {
    X509_STORE* const store = X509_STORE_new();
    for (const CertificatePointer& certificate : CertificatesIn(options.ca_pem))
      X509_STORE_add_cert(store, certificate.get());
    // A certificate that is trusted itself is enough, as kubectl has it.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_cert_store(context, store);  // and owns it
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (!options.client_certificate_pem.empty()) {
    const auto certificates = CertificatesIn(options.client_certificate_pem);
    SSL_CTX_use_certificate(context, certificates.front().get());
    for (std::size_t i = 1; i < certificates.size(); ++i)
      SSL_CTX_add1_chain_cert(context, certificates[i].get());
    SSL_CTX_use_PrivateKey(context, KeyIn(options.client_key_pem).get());
  }
  ERR_clear_error();
}

// --- The client ----------------------------------------------------------------------------------------

class CpprestClient final : public HttpClient {
 public:
  explicit CpprestClient(TransportOptions options)
      : options_(std::move(options)), notes_(std::make_shared<TlsNotes>()) {}

  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override {
    HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
    if (!url.user_info.empty())
      return InvalidInput("the URL of " + url.Origin() + " has a user in it");
    if (request.source != nullptr)
      return Internal("the transport of REST calls sends no body from a source");
    try {
      return SendTo(url, request, deadline);
    } catch (const std::exception& e) {
      return Unavailable(url.Origin() + ": " + Printable(e.what()));
    }
  }

 private:
  using Client = web::http::client::http_client;

  std::shared_ptr<Client> ClientOf(const Url& url) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Client>& client = clients_[url.Origin()];
    if (client != nullptr) return client;
    web::http::client::http_client_config config;
    config.set_timeout(
        std::chrono::hours(24 * 30));  // of each read; the deadline is kept in SendTo
    config.set_max_redirects(0);
    if (url.scheme == "https") {
      TlsSettings settings{options_, options_.server_name, false, notes_};
      if (settings.name.empty()) {
        settings.name = url.host;
        settings.is_address = url.IsAddress();
      }
      config.set_validate_certificates(!options_.skip_verify);
      // RFC 6066: an address is no server name.
      config.set_tlsext_sni_enabled(!settings.is_address);
      config.set_ssl_context_callback(
          [settings](boost::asio::ssl::context& c) { SetUpTls(c.native_handle(), settings); });
    }
    auto proxy = options_.proxy_url.empty() ? ProxyFor(url, &ProcessEnvironment)
                                            : std::optional(options_.proxy_url);
    if (proxy) SetProxy(config, *proxy);
    // Through a proxy the host is written into the request, and the proxy reads it.
    client = std::make_shared<Client>(proxy ? web::uri(url.Origin()) : ServerOf(url), config);
    return client;
  }

  // cpprest hands the host to the resolver as it stands in the URI, and that knows no brackets.
  static web::uri ServerOf(const Url& url) {
    return web::uri(url.scheme + "://" + url.host + ":" + std::to_string(url.port));
  }

  static void SetProxy(web::http::client::http_client_config& config, const std::string& proxy) {
    const auto parts = ParseUrl(proxy);
    // Better refused than gone around. What is caught in Send says which server it was for.
    if (!parts || parts->scheme != "http")
      throw std::invalid_argument("the proxy's URL is none of the form http://HOST:PORT");
    web::web_proxy to(ServerOf(*parts));
    if (!parts->user_info.empty()) {
      const std::size_t colon = std::min(parts->user_info.find(':'), parts->user_info.size());
      const std::string user = web::uri::decode(parts->user_info.substr(0, colon));
      const std::string password = colon < parts->user_info.size()
                                       ? web::uri::decode(parts->user_info.substr(colon + 1))
                                       : "";
      to.set_credentials(web::credentials(user, password));
    }
    config.set_proxy(to);
  }

  static web::http::http_request Converted(const Url& url, const HttpRequest& request,
                                           const TransportOptions& options) {
    web::http::http_request out{utility::string_t(NameOf(request.method))};
    out.set_request_uri(web::uri(url.target));
    if (!request.body.empty() || request.method != HttpMethod::kGet) {
      out.set_body(std::vector<unsigned char>(request.body.begin(), request.body.end()));
      out.headers().remove("Content-Type");
    }
    // cpprest takes the name for SNI from here, and would write an IPv6 address without its brackets.
    if (!options.server_name.empty() && url.scheme == "https") {
      out.headers()["Host"] = options.server_name;
    } else if (url.HostInUrl() != url.host) {
      out.headers()["Host"] = url.HostInUrl() + ":" + std::to_string(url.port);
    }
    for (const auto& [name, value] : request.headers) out.headers()[name] = value;
    return out;
  }

  Result<HttpResponse> SendTo(const Url& url, const HttpRequest& request, SteadyTime deadline) {
    const std::shared_ptr<Client> client = ClientOf(url);
    const auto exchange = std::make_shared<Exchange>();
    std::ignore = notes_->Take();
    web::http::http_request sent = Converted(url, request, options_);
    const concurrency::streams::streambuf<std::uint8_t> buffer(
        std::make_shared<ExchangeBuffer>(exchange));
    sent.set_response_stream(buffer.create_ostream());
    pplx::cancellation_token_source cancel;
    client->request(sent, cancel.get_token())
        .then([exchange](const web::http::http_response& response) {
          HttpHeaders headers;
          for (const auto& [name, value] : response.headers()) headers[name] = value;
          exchange->SetHead(response.status_code(), std::move(headers));
          return response.content_ready();
        })
        // Every exception ends here: one that nobody reads would end the process.
        .then([exchange](const pplx::task<web::http::http_response>& task) {
          std::string failure;
          try {
            task.get();
          } catch (const std::exception& e) {
            failure = *e.what() == '\0' ? "it failed" : e.what();
          } catch (...) {
            failure = "it failed";
          }
          exchange->SetDone(std::move(failure));
        });
    Result<HttpResponse> outcome = Receive(url, request, deadline, *exchange);
    if (!outcome) {
      cancel.cancel();
      exchange->Abandon();
      // So that its connection is closed when this returns, as a rule; nothing depends on it.
      exchange->WaitUntilDone(std::chrono::steady_clock::now() + std::chrono::milliseconds(500));
    }
    return outcome;
  }

  Result<HttpResponse> Receive(const Url& url, const HttpRequest& request, SteadyTime deadline,
                               Exchange& exchange) {
    using Event = Exchange::Event;
    HttpResponse response;
    SteadyTime last = std::chrono::steady_clock::now();
    for (;;) {
      std::string piece;
      const SteadyTime now = std::chrono::steady_clock::now();
      SteadyTime until = deadline;
      const bool quiet_counts = request.longest_silence.count() > 0;
      if (quiet_counts) until = std::min(until, last + request.longest_silence);
      if (request.cancellation != nullptr) {
        if (request.cancellation->is_set()) return Unavailable(url.Origin() + ": cancelled");
        until = std::min(until, now + kLookEvery);
      }
      const Event event = exchange.Next(until, piece);
      if (event == Event::kTimeout) {
        const SteadyTime late = std::chrono::steady_clock::now();
        if (late >= deadline)
          return Unavailable(url.Origin() + " did not answer before the deadline");
        if (quiet_counts && late >= last + request.longest_silence)
          return Unavailable(url.Origin() + " was silent for too long");
        continue;
      }
      last = std::chrono::steady_clock::now();
      response.status = exchange.status();
      if (event == Event::kDone) {
        if (const std::string failure = exchange.failure();
            !failure.empty() || response.status == 0)
          return Failure(url, failure);
        response.headers = exchange.TakeHeaders();
        return response;
      }
      if (request.sink != nullptr && response.ok()) {
        HOLDFAST_RETURN_IF_ERROR(request.sink->Write(AsBytes(piece)));
      } else {
        response.body += piece;
        if (response.body.size() > request.most_body) {
          return InvalidInput(url.Origin() + " sent more than " + HumanSize(request.most_body) +
                              ", which is too much");
        }
      }
    }
  }

  Error Failure(const Url& url, const std::string& text) {
    if (const std::string why = notes_->Take(); !why.empty())
      return Error(ErrorCode::kDenied, url.Origin() + ": " + Printable(why));
    if (url.scheme == "https" && text.find("SSL handshake") != std::string::npos)
      return Unavailable(url.Origin() + ": the TLS handshake failed").Hint("does it speak TLS?");
    return Unavailable(url.Origin() + ": " + Printable(text));
  }

  const TransportOptions options_;
  const std::shared_ptr<TlsNotes> notes_;  // with the contexts of its connections
  std::mutex mutex_;
  // Shared with requests that run while this is destroyed on another thread: with none as a rule.
  std::map<std::string, std::shared_ptr<Client>> clients_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> MakeCpprestClient(TransportOptions options) {
  static std::once_flag threads;
  std::call_once(threads, [] {
    try {
      crossplat::threadpool::initialize_with_threads(kThreads);
    } catch (const std::exception&) {
      // Whoever has a pool in this process already keeps it.
      return;
    }
  });
  HOLDFAST_RETURN_IF_ERROR(CheckTls(options));
  if (!options.proxy_url.empty()) {
    const auto proxy = ParseUrl(options.proxy_url);
    if (!proxy || proxy->scheme != "http")
      return InvalidInput("a proxy's URL is of the form http://HOST:PORT");
  }
  return std::unique_ptr<HttpClient>(std::make_unique<CpprestClient>(std::move(options)));
}

}  // namespace holdfast::net
