#include "plugins/net/curl_client.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>
#include <vector>

#include "plugins/net/pem.h"
#include "plugins/net/url.h"
#include "plugins/sdk/text.h"

// The one file that sees libcurl. Each call has a multi handle to itself, and is driven by the caller's thread: the easy
// interface looks at a cancellation once a second only. What libcurl reads from the environment (proxies) or does by
// itself (Expect: 100-continue, Accept, a content type, dots in a path) is switched off, so that both transports send
// the same.
namespace holdfast::net {

namespace {

using std::chrono::milliseconds;

constexpr long kBuffer = 256L << 10U;  // bytes, each way
constexpr std::size_t kMostIdle = 16;
constexpr long kMostConnections = 4;  // kept by one lane, for as many servers
constexpr auto kLookEvery = milliseconds(100);
// What trickles is as good as silent: fewer bytes of a body than this are none.
constexpr std::uint64_t kLeastProgress = std::uint64_t{16} << 10U;
constexpr long kLongestConnectMs = 30'000;
constexpr std::size_t kMostHead = std::size_t{256} << 10U;

// --- What libcurl hands out --------------------------------------------------------------------------

struct EasyFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ShareFree {
  void operator()(CURLSH* share) const { curl_share_cleanup(share); }
};
struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class TextList {
 public:
  void Add(const std::string& text) {
    curl_slist* const longer = curl_slist_append(list_.get(), text.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    std::ignore = list_.release();
    list_.reset(longer);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, ListFree> list_;
};

// Names that were looked up, and TLS sessions: for all threads of a client. (Connections cannot be shared between
// threads, CURL_LOCK_DATA_CONNECT's documentation says.)
class Shared {
 public:
  Shared() : share_(curl_share_init()) {
    if (share_ == nullptr) throw std::bad_alloc();
    curl_share_setopt(share_.get(), CURLSHOPT_LOCKFUNC, &Lock);
    curl_share_setopt(share_.get(), CURLSHOPT_UNLOCKFUNC, &Unlock);
    curl_share_setopt(share_.get(), CURLSHOPT_USERDATA, this);
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_share_setopt(share_.get(), CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  }
  CURLSH* get() const { return share_.get(); }

 private:
  static void Lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
    static_cast<Shared*>(self)->mutexes_[data].lock();
  }
  static void Unlock(CURL*, curl_lock_data data, void* self) {
    static_cast<Shared*>(self)->mutexes_[data].unlock();
  }

  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes_;
  std::unique_ptr<CURLSH, ShareFree> share_;
};

// What a thread uses for a call: a handle, and the connections that were kept.
struct Lane {
  Lane() : multi(curl_multi_init()) {
    if (multi == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kMostConnections);
    TakeNewHandle();
  }
  // The connections stay. A handle whose call got no connection keeps its buffer, also over curl_easy_reset, and with one
  // it refuses CURLOPT_BUFFERSIZE (libcurl 7.88, lib/setopt.c).
  void TakeNewHandle() {
    easy.reset(curl_easy_init());
    if (easy == nullptr) throw std::bad_alloc();
  }
  // Of the newest alert that ended a connection. Outlives the connections, which write it.
  std::string alert;
  std::string origin;  // of the newest call
  std::unique_ptr<CURLM, MultiFree> multi;
  std::unique_ptr<CURL, EasyFree> easy;
};

int LaneIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// libcurl says "alert" with a number and no more, and of a certificate that is wanted nothing before the first read.
void NoteAlerts(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_ALERT) == 0 || (where & SSL_CB_READ) == 0) return;
  if (std::string_view(SSL_alert_type_string_long(value)) != "fatal") return;
  if (auto* const lane =
          static_cast<Lane*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), LaneIndex()))) {
    lane->alert = SSL_alert_desc_string_long(value);
  }
}

CURLcode SetUpTls(CURL*, void* context_pointer, void* lane) {
  auto* const context = static_cast<SSL_CTX*>(context_pointer);
  SSL_CTX_set_ex_data(context, LaneIndex(), lane);
  SSL_CTX_set_info_callback(context, &NoteAlerts);
  return CURLE_OK;
}
CURLcode SetUpTlsOfTheSystem(CURL* easy, void* context_pointer, void* lane) {
  // As OpenSSL finds it (SSL_CERT_FILE), not where libcurl was told to look when it was compiled.
  SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(context_pointer));
  return SetUpTls(easy, context_pointer, lane);
}

// OpenSSL writes to sockets without MSG_NOSIGNAL: a server that has gone would end the process. libcurl would switch the
// signal off for the whole process, on every thread at a time of its own; this does for one thread.
class WithoutPipeSignal {
 public:
  WithoutPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    was_pending_ = IsPending();
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutPipeSignal() {
    constexpr timespec kAtOnce{};
    if (!was_pending_ && IsPending()) sigtimedwait(&pipe_, nullptr, &kAtOnce);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutPipeSignal(const WithoutPipeSignal&) = delete;

 private:
  static bool IsPending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGPIPE) == 1;
  }
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// --- The body of a request ---------------------------------------------------------------------------

class Body {
 public:
  Body(const HttpRequest& request, std::string origin)
      : request_(request),
        origin_(std::move(origin)),
        size_(request.source != nullptr ? request.source_size : request.body.size()) {}

  std::uint64_t size() const { return size_; }
  bool CanBeginAnew() const { return !touched_ || request_.source == nullptr || request_.rewind; }

  Status BeginAnew() {
    if (touched_ && request_.source != nullptr) {
      if (!request_.rewind)
        return Unavailable(origin_ +
                           ": it closed the connection, and the body cannot be read again");
      HOLDFAST_RETURN_IF_ERROR(request_.rewind());
    }
    touched_ = false;
    taken_ = 0;
    return Ok();
  }

  // The next bytes; 0: there are none.
  Result<std::size_t> Read(std::span<std::byte> buffer) {
    const std::size_t most =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_ - taken_));
    if (most == 0) return std::size_t{0};
    std::size_t read = most;
    touched_ = true;
    if (request_.source == nullptr) {
      std::memcpy(buffer.data(), request_.body.data() + taken_, most);
    } else {
      HOLDFAST_ASSIGN_OR_RETURN(read, request_.source->Read(buffer.first(most)));
      if (read == 0) {
        return InvalidInput("the body ended after " + std::to_string(taken_) + " of " +
                            std::to_string(size_) + " bytes");
      }
      if (taken_ + read == size_) HOLDFAST_RETURN_IF_ERROR(CheckEnd());
    }
    taken_ += read;
    return read;
  }

 private:
  // Before the last bytes are sent: what goes on is no whole body of another one.
  Status CheckEnd() {
    std::array<std::byte, 1> beyond{};
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t more, request_.source->Read(beyond));
    if (more == 0) return Ok();
    return InvalidInput("the body goes on after " + std::to_string(size_) + " bytes");
  }

  const HttpRequest& request_;
  const std::string origin_;
  const std::uint64_t size_;
  std::uint64_t taken_ = 0;
  bool touched_ = false;
};

// --- One call ------------------------------------------------------------------------------------------

class Exchange {
 public:
  Exchange(Lane& lane, const Url& url, const HttpRequest& request, Body& body, SteadyTime deadline)
      : lane_(lane), url_(url), request_(request), body_(body), deadline_(deadline) {}

  // Sets what libcurl is to send, and how, on the lane's handle.
  void Prepare(const TransportOptions& options, const std::optional<Url>& proxy, CURLSH* share) {
    CURL* const easy = lane_.easy.get();
    curl_easy_reset(easy);
    Set(CURLOPT_SHARE, share);
    Set(CURLOPT_ERRORBUFFER, said_.data());
    Set(CURLOPT_NOSIGNAL, 1L);
    // Not joined: a name server that does not answer is not waited for beyond the deadline.
    Set(CURLOPT_QUICK_EXIT, 1L);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_BUFFERSIZE, kBuffer);
    Set(CURLOPT_UPLOAD_BUFFERSIZE, kBuffer);
    Set(CURLOPT_TCP_KEEPALIVE, 1L);
    Set(CURLOPT_CONNECTTIMEOUT_MS, kLongestConnectMs);
    Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SetServer(options);
    SetProxy(proxy);
    SetRequest();
    Set(CURLOPT_PREREQFUNCTION, &OnBegin);
    Set(CURLOPT_PREREQDATA, this);
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, this);
  }

  // On a connection that was not kept.
  void WantNewConnection() { Set(CURLOPT_FRESH_CONNECT, 1L); }

  Result<HttpResponse> Run() {
    last_progress_ = std::chrono::steady_clock::now();
    const CURLMcode added = curl_multi_add_handle(lane_.multi.get(), lane_.easy.get());
    if (added != CURLM_OK) return Internal(std::string("libcurl: ") + curl_multi_strerror(added));
    const std::optional<CURLcode> code = Drive();
    // Of one that has not ended, this closes the connection.
    curl_multi_remove_handle(lane_.multi.get(), lane_.easy.get());
    if (failure_) return *std::move(failure_);
    return Outcome(*code);
  }

  // Nothing was answered on a connection that was kept: it was closed before the server had read the request. libcurl
  // sends such a request again by itself where it could not read, not where it could not go on writing.
  bool WasClosedMeanwhile() const { return closed_meanwhile_; }

 private:
  template <class T>
  void Set(CURLoption option, T value) {
    const CURLcode code = curl_easy_setopt(lane_.easy.get(), option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    if (code != CURLE_OK && !failure_)
      failure_ = Internal(std::string("libcurl: ") + curl_easy_strerror(code));
  }
  void SetBlob(CURLoption option, const std::string& text) {
    curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};
    Set(option, &blob);
  }

  void SetServer(const TransportOptions& options) {
    std::string host = url_.HostInUrl();
    if (url_.scheme == "https") {
      Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
      Set(CURLOPT_SSL_CTX_DATA, &lane_);
      Set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
      Set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
      const bool of_the_system = options.ca_pem.empty() && !options.skip_verify;
      Set(CURLOPT_SSL_CTX_FUNCTION, of_the_system ? &SetUpTlsOfTheSystem : &SetUpTls);
      if (!options.ca_pem.empty()) SetBlob(CURLOPT_CAINFO_BLOB, options.ca_pem);
      if (!options.client_certificate_pem.empty()) {
        SetBlob(CURLOPT_SSLCERT_BLOB, options.client_certificate_pem);
        SetBlob(CURLOPT_SSLKEY_BLOB, options.client_key_pem);
      }
      if (options.skip_verify) {
        Set(CURLOPT_SSL_VERIFYPEER, 0L);
        Set(CURLOPT_SSL_VERIFYHOST, 0L);
      }
      checked_name_ = options.server_name.empty() ? url_.host : options.server_name;
      if (!options.server_name.empty()) {
        // The name is that of SNI and of the certificate; the connection goes where the URL says.
        connect_to_.Add("::" + host + ":" + std::to_string(url_.port));
        Set(CURLOPT_CONNECT_TO, connect_to_.get());
        Url named = url_;
        named.host = options.server_name;
        host = named.HostInUrl();
      }
    }
    const std::string whole =
        url_.scheme + "://" + host + ":" + std::to_string(url_.port) + url_.target;
    Set(CURLOPT_URL, whole.c_str());
  }

  void SetProxy(const std::optional<Url>& proxy) {
    // Both: or libcurl reads the environment in its own way.
    Set(CURLOPT_NOPROXY, "");
    if (!proxy) return Set(CURLOPT_PROXY, "");
    const std::string address = "http://" + proxy->HostInUrl() + ":" + std::to_string(proxy->port);
    Set(CURLOPT_PROXY, address.c_str());
    if (proxy->user_info.empty()) return;
    const std::size_t colon = std::min(proxy->user_info.find(':'), proxy->user_info.size());
    Set(CURLOPT_PROXYUSERNAME, Decoded(proxy->user_info.substr(0, colon)).c_str());
    if (colon < proxy->user_info.size())
      Set(CURLOPT_PROXYPASSWORD, Decoded(proxy->user_info.substr(colon + 1)).c_str());
  }

  std::string Decoded(const std::string& text) {
    int size = 0;
    char* const plain =
        curl_easy_unescape(lane_.easy.get(), text.data(), static_cast<int>(text.size()), &size);
    if (plain == nullptr) throw std::bad_alloc();
    std::string out(plain, static_cast<std::size_t>(size));
    curl_free(plain);
    return out;
  }

  void SetRequest() {
    const std::string method(NameOf(request_.method));
    if (request_.method == HttpMethod::kHead) {
      Set(CURLOPT_NOBODY, 1L);
    } else if (body_.size() > 0 ||
               (request_.method != HttpMethod::kGet && request_.method != HttpMethod::kDelete)) {
      Set(CURLOPT_UPLOAD, 1L);
      Set(CURLOPT_CUSTOMREQUEST, method.c_str());
      Set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_.size()));
      Set(CURLOPT_READFUNCTION, &OnRead);
      Set(CURLOPT_READDATA, this);
      Set(CURLOPT_SEEKFUNCTION, &OnSeek);
      Set(CURLOPT_SEEKDATA, this);
    } else if (request_.method != HttpMethod::kGet) {
      Set(CURLOPT_CUSTOMREQUEST, method.c_str());
    }
    for (const char* ours : {"Expect", "Accept", "Content-Type"}) {
      if (!request_.headers.contains(ours)) headers_sent_.Add(std::string(ours) + ":");
    }
    for (const auto& [name, value] : request_.headers)
      headers_sent_.Add(value.empty() ? name + ";" : name + ": " + value);
    Set(CURLOPT_HTTPHEADER, headers_sent_.get());
  }

  // How the transfer ended; nothing: it was ended, and failure_ says why.
  std::optional<CURLcode> Drive() {
    CURLM* const multi = lane_.multi.get();
    while (!failure_) {
      int running = 0;
      if (const CURLMcode code = curl_multi_perform(multi, &running); code != CURLM_OK) {
        failure_ = Internal(std::string("libcurl: ") + curl_multi_strerror(code));
        break;
      }
      int left = 0;
      if (const CURLMsg* const message = curl_multi_info_read(multi, &left);
          message != nullptr && message->msg == CURLMSG_DONE) {
        return message->data.result;
      }
      if (failure_ || Interrupted() || Silent()) break;
      const auto wait = std::clamp<milliseconds>(
          std::chrono::ceil<milliseconds>(WakeAt() - std::chrono::steady_clock::now()),
          milliseconds(0), std::chrono::hours(1));
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()), nullptr);
    }
    return std::nullopt;
  }

  SteadyTime WakeAt() const {
    SteadyTime at = deadline_;
    if (request_.longest_silence.count() > 0)
      at = std::min(at, last_progress_ + request_.longest_silence);
    if (request_.cancellation != nullptr)
      at = std::min(at, std::chrono::steady_clock::now() + kLookEvery);
    return at;
  }

  bool Interrupted() {
    if (request_.cancellation != nullptr && request_.cancellation->is_set()) {
      failure_ = Unavailable(url_.Origin() + ": cancelled");
    } else if (std::chrono::steady_clock::now() >= deadline_) {
      failure_ = Unavailable(url_.Origin() + " did not answer before the deadline");
    }
    return failure_.has_value();
  }

  // What came was noted as it came; what the server has taken, libcurl counts.
  bool Silent() {
    if (request_.longest_silence.count() == 0) return false;
    const SteadyTime now = std::chrono::steady_clock::now();
    const std::uint64_t sent = Sent();
    if (sent >= sent_before_ + kLeastProgress || (sent != sent_before_ && sent == body_.size())) {
      sent_before_ = sent;
      last_progress_ = now;
    }
    if (now < last_progress_ + request_.longest_silence) return false;
    failure_ = Unavailable(url_.Origin() + " was silent for too long");
    return true;
  }

  std::uint64_t Sent() const {
    curl_off_t sent = 0;
    curl_easy_getinfo(lane_.easy.get(), CURLINFO_SIZE_UPLOAD_T, &sent);
    return static_cast<std::uint64_t>(sent);
  }
  long Info(CURLINFO what) const {
    long value = 0;
    curl_easy_getinfo(lane_.easy.get(), what, &value);
    return value;
  }

  // --- Called by libcurl, within Drive()

  // The request is about to be sent: for the first time, or by libcurl itself on another connection.
  static int OnBegin(void* self, char*, char*, int, int) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (auto begun = exchange.body_.BeginAnew(); !begun) {
      exchange.failure_ = std::move(begun).error();
      return CURL_PREREQFUNC_ABORT;
    }
    return CURL_PREREQFUNC_OK;
  }
  static int OnSeek(void* self, curl_off_t offset, int origin) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_FAIL;
    if (auto begun = exchange.body_.BeginAnew(); !begun) {
      exchange.failure_ = std::move(begun).error();
      return CURL_SEEKFUNC_FAIL;
    }
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t OnRead(char* buffer, std::size_t size, std::size_t count, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    if (exchange.Interrupted()) return CURL_READFUNC_ABORT;
    const SteadyTime begun = std::chrono::steady_clock::now();
    auto read = exchange.body_.Read(std::as_writable_bytes(std::span(buffer, size * count)));
    if (!read) {
      exchange.failure_ = std::move(read).error();
      return CURL_READFUNC_ABORT;
    }
    // The time that a source takes is not the server's.
    exchange.last_progress_ += std::chrono::steady_clock::now() - begun;
    return *read;
  }

  static std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->TakeHeader({data, size * count}) ? size * count : 0;
  }
  bool TakeHeader(std::string_view line) {
    last_progress_ = std::chrono::steady_clock::now();
    head_size_ += line.size();
    if (head_size_ > kMostHead) {
      failure_ = InvalidInput(url_.Origin() + " sent more than " + HumanSize(kMostHead) +
                              " of headers, which is too much");
      return false;
    }
    const std::string_view text = Trim(line);
    if (line.starts_with("HTTP/")) {
      // An interim answer (100) has headers of its own; trailers of a body are none of them.
      headers_.clear();
      newest_header_ = nullptr;
      in_head_ = true;
    } else if (text.empty()) {
      in_head_ = false;
    } else if (in_head_ && (line.front() == ' ' || line.front() == '\t')) {
      if (newest_header_ != nullptr) newest_header_->append(" ").append(text);
    } else if (const std::size_t colon = text.find(':');
               in_head_ && colon != std::string_view::npos) {
      const std::string_view value = Trim(text.substr(colon + 1));
      const auto [at, is_new] =
          headers_.try_emplace(std::string(Trim(text.substr(0, colon))), value);
      if (!is_new) at->second.append(", ").append(value);
      newest_header_ = &at->second;
    }
    return true;
  }

  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Exchange*>(self)->TakeBody({data, size * count}) ? size * count : 0;
  }
  bool TakeBody(std::string_view piece) {
    if (Interrupted()) return false;
    const SteadyTime begun = std::chrono::steady_clock::now();
    const long status = Info(CURLINFO_RESPONSE_CODE);
    if (request_.sink != nullptr && status >= 200 && status < 300) {
      if (auto written = request_.sink->Write(AsBytes(piece)); !written) {
        failure_ = std::move(written).error();
        return false;
      }
    } else if (piece.size() > request_.most_body -
                                  std::min<std::uint64_t>(collected_.size(), request_.most_body)) {
      failure_ = InvalidInput(url_.Origin() + " sent more than " + HumanSize(request_.most_body) +
                              ", which is too much");
      return false;
    } else {
      collected_ += piece;
    }
    came_ += piece.size();
    if (came_ >= came_before_ + kLeastProgress) {
      came_before_ = came_;
      last_progress_ = std::chrono::steady_clock::now();
    } else {
      // The time that a sink takes is not the server's.
      last_progress_ += std::chrono::steady_clock::now() - begun;
    }
    return true;
  }

  // --- Afterwards

  Result<HttpResponse> Outcome(CURLcode code) {
    if (code != CURLE_OK) return Failure(code);
    HttpResponse response;
    response.status = static_cast<int>(Info(CURLINFO_RESPONSE_CODE));
    if (response.status < 200) return Unavailable(url_.Origin() + " sent no whole answer");
    if (response.ok() && Sent() < body_.size())
      return Unavailable(url_.Origin() + " answered before it had the whole body");
    response.headers = std::move(headers_);
    response.body = std::move(collected_);
    return response;
  }

  Error Failure(CURLcode code) {
    const bool broken = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
                        code == CURLE_GOT_NOTHING || code == CURLE_SEND_FAIL_REWIND;
    closed_meanwhile_ = broken && head_size_ == 0 && Info(CURLINFO_NUM_CONNECTS) == 0;
    const std::string origin = url_.Origin();
    if (!lane_.alert.empty()) {
      return Error(ErrorCode::kDenied,
                   origin + ": it refused the connection: " + Printable(lane_.alert));
    }
    if (const long tunnel = Info(CURLINFO_HTTP_CONNECTCODE);
        tunnel != 0 && (tunnel < 200 || tunnel >= 300)) {
      return Error(
          tunnel == 401 || tunnel == 403 || tunnel == 407 ? ErrorCode::kDenied
                                                          : ErrorCode::kUnavailable,
          origin + ": the proxy refuses to connect to it (status " + std::to_string(tunnel) + ")");
    }
    switch (code) {
      case CURLE_PEER_FAILED_VERIFICATION: {
        // Of a name that does not fit, libcurl leaves what it began with (lib/vtls/openssl.c: !X509_V_OK).
        const long why = Info(CURLINFO_SSL_VERIFYRESULT);
        if (why == X509_V_OK || why == X509_V_ERR_UNSPECIFIED)
          return Error(ErrorCode::kDenied,
                       origin + ": its certificate is not for " + checked_name_);
        return Error(ErrorCode::kDenied, origin + ": its certificate is not accepted: " +
                                             X509_verify_cert_error_string(why));
      }
      case CURLE_SSL_CONNECT_ERROR:
        return Unavailable(origin + ": the TLS handshake failed").Hint("does it speak TLS?");
      case CURLE_URL_MALFORMAT:
        return InvalidInput(origin + ": libcurl takes its URL for none");
      case CURLE_COULDNT_RESOLVE_HOST:
        return Unavailable(origin + ": its name has no address");
      case CURLE_COULDNT_RESOLVE_PROXY:
        return Unavailable(origin + ": the name of the proxy has no address");
      case CURLE_GOT_NOTHING:
        return Unavailable(origin + ": it closed the connection without an answer");
      case CURLE_PARTIAL_FILE:
        return Unavailable(origin + ": its answer ended early");
      case CURLE_WEIRD_SERVER_REPLY:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return Unavailable(origin + ": what it answers is no HTTP");
      default:
        // libcurl's words name addresses and the system's errors.
        return Unavailable(
            origin + ": " +
            Printable(said_.front() == '\0' ? curl_easy_strerror(code) : said_.data()));
    }
  }

  Lane& lane_;
  const Url& url_;
  const HttpRequest& request_;
  Body& body_;
  const SteadyTime deadline_;
  TextList headers_sent_;
  TextList connect_to_;
  std::string checked_name_;
  std::array<char, CURL_ERROR_SIZE> said_{};
  std::optional<Error> failure_;  // of ours; it counts before what libcurl says
  SteadyTime last_progress_;
  std::uint64_t sent_before_ = 0;
  std::uint64_t came_ = 0;  // of the answer's body
  std::uint64_t came_before_ = 0;
  HttpHeaders headers_;
  std::string* newest_header_ = nullptr;
  std::size_t head_size_ = 0;
  bool in_head_ = false;
  std::string collected_;
  bool closed_meanwhile_ = false;
};

// --- The client ----------------------------------------------------------------------------------------

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(TransportOptions options) : options_(std::move(options)) {}
  ~CurlClient() override {
    const WithoutPipeSignal without_signal;
    idle_.clear();
  }

  Result<HttpResponse> Send(const HttpRequest& request, SteadyTime deadline) override {
    HOLDFAST_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
    const std::string origin = url.Origin();
    if (!url.user_info.empty()) return InvalidInput("the URL of " + origin + " has a user in it");
    HOLDFAST_RETURN_IF_ERROR(CheckRequest(origin, request));
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<Url> proxy, ProxyTo(url));
    const WithoutPipeSignal without_signal;
    Body body(request, origin);
    std::unique_ptr<Lane> lane = Take(origin);
    Result<HttpResponse> outcome = Try(*lane, url, request, body, proxy, deadline);
    Keep(std::move(lane));
    return outcome;
  }

 private:
  Result<HttpResponse> Try(Lane& lane, const Url& url, const HttpRequest& request, Body& body,
                           const std::optional<Url>& proxy, SteadyTime deadline) {
    bool again = false;
    for (;;) {
      lane.alert.clear();
      Exchange exchange(lane, url, request, body, deadline);
      exchange.Prepare(options_, proxy, shared_.get());
      if (again) exchange.WantNewConnection();
      Result<HttpResponse> outcome = exchange.Run();
      if (!outcome) lane.TakeNewHandle();
      if (outcome || again || !exchange.WasClosedMeanwhile() || !body.CanBeginAnew())
        return outcome;
      again = true;
    }
  }

  // libcurl would send the rest of a header with a line break in it as further headers, or as a request.
  static Status CheckRequest(const std::string& origin, const HttpRequest& request) {
    const auto is_whole = [](std::string_view text) {
      return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
    };
    for (const auto& [name, value] : request.headers) {
      if (name.empty() || name.find_first_of(":; \t") != std::string::npos || !is_whole(name) ||
          !is_whole(value)) {
        return InvalidInput("a header for " + origin + " is none: it has a line break, or no name");
      }
    }
    const std::uint64_t size =
        request.source != nullptr ? request.source_size : request.body.size();
    if (request.method == HttpMethod::kHead && size > 0)
      return Internal("a HEAD request has no body");
    if (size > static_cast<std::uint64_t>(std::numeric_limits<curl_off_t>::max()))
      return Internal("a body has a size that is none");
    return Ok();
  }

  Result<std::optional<Url>> ProxyTo(const Url& url) const {
    const auto proxy = options_.proxy_url.empty() ? ProxyFor(url, &ProcessEnvironment)
                                                  : std::optional(options_.proxy_url);
    if (!proxy) return std::optional<Url>();
    auto parts = ParseUrl(*proxy);
    // Better refused than gone around.
    if (!parts || parts->scheme != "http") {
      return InvalidInput(url.Origin() + ": the proxy's URL is none of the form http://HOST:PORT");
    }
    return std::optional(*std::move(parts));
  }

  // An idle lane that has a connection to there, or else any, or a new one.
  std::unique_ptr<Lane> Take(const std::string& origin) {
    std::unique_ptr<Lane> lane;
    {
      const std::lock_guard lock(mutex_);
      auto at = std::find_if(idle_.rbegin(), idle_.rend(),
                             [&](const auto& each) { return each->origin == origin; });
      if (at == idle_.rend() && idle_.size() == kMostIdle) at = std::prev(idle_.rend());
      if (at != idle_.rend()) {
        lane = std::move(*at);
        idle_.erase(std::next(at).base());
      }
    }
    if (lane == nullptr) lane = std::make_unique<Lane>();
    lane->origin = origin;
    return lane;
  }
  void Keep(std::unique_ptr<Lane> lane) {
    // What the handle points at ends with the call.
    curl_easy_reset(lane->easy.get());
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(lane));
    if (idle_.size() <= kMostIdle) return;
    lane = std::move(idle_.front());  // and closed when the lock is let go
    idle_.erase(idle_.begin());
  }

  const TransportOptions options_;
  Shared shared_;  // outlives the lanes
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> idle_;  // the newest last
};

}  // namespace

Result<std::unique_ptr<HttpClient>> MakeCurlClient(TransportOptions options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return Internal(std::string("libcurl: ") + curl_easy_strerror(ready));
  HOLDFAST_RETURN_IF_ERROR(CheckTls(options));
  if (!options.proxy_url.empty()) {
    const auto proxy = ParseUrl(options.proxy_url);
    if (!proxy || proxy->scheme != "http")
      return InvalidInput("a proxy's URL is of the form http://HOST:PORT");
  }
  return std::unique_ptr<HttpClient>(std::make_unique<CurlClient>(std::move(options)));
}

}  // namespace holdfast::net
