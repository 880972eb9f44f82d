#include "tests/net/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "plugins/sdk/text.h"

namespace holdfast::testing {

namespace {

std::string PemOf(const std::function<void(BIO*)>& write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

EVP_PKEY* ReadKey(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* const key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return key;
}

X509* ReadCertificate(const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* const certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

TestCertificate Make(const std::string& name, const TestCertificate* authority,
                     const std::string& alternative_names) {
  static std::atomic<long> serial{1};
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* const issuer = authority == nullptr ? nullptr : ReadCertificate(authority->certificate_pem);
  EVP_PKEY* const signer = authority == nullptr ? nullptr : ReadKey(authority->key_pem);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer == nullptr ? certificate : issuer));
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer == nullptr ? certificate : issuer, certificate, nullptr, nullptr,
                 0);
  const auto add = [&](int nid, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (authority == nullptr) add(NID_basic_constraints, "critical,CA:TRUE");
  if (!alternative_names.empty()) add(NID_subject_alt_name, alternative_names);
  X509_sign(certificate, signer == nullptr ? key : signer, EVP_sha256());
  TestCertificate out;
  out.certificate_pem = PemOf([&](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  out.key_pem = PemOf(
      [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (issuer != nullptr) X509_free(issuer);
  if (signer != nullptr) EVP_PKEY_free(signer);
  return out;
}

class Connection final : public TestConnection {
 public:
  Connection(int socket, SSL* ssl, const std::atomic<bool>& ending)
      : socket_(socket), ssl_(ssl), ending_(ending) {}
  ~Connection() override { Close(); }

  bool ReadHead(Request& request) override {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!More()) return false;
    }
    const std::size_t end = buffer_.find("\r\n\r\n");
    const std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    request = {};
    bool first = true;
    for (std::string_view line : Split(head, '\n')) {
      line = Trim(line);
      if (first) {
        const auto words = Split(line, ' ');
        request.method = std::string(words[0]);
        request.target = words.size() > 1 ? std::string(words[1]) : "";
        first = false;
      } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        request.headers[std::string(line.substr(0, colon))] =
            std::string(Trim(line.substr(colon + 1)));
      }
    }
    return true;
  }

  std::string Take(std::size_t most) override {
    if (buffer_.empty() && !More()) return "";
    std::string out = buffer_.substr(0, most);
    buffer_.erase(0, out.size());
    return out;
  }

  bool Read(Request& request) override {
    if (!ReadHead(request)) return false;
    std::size_t length = 0;
    if (const auto found = request.headers.find("Content-Length"); found != request.headers.end())
      length = std::stoul(found->second);
    while (buffer_.size() < length) {
      if (!More()) return false;
    }
    request.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
    return true;
  }

  bool Write(std::string_view bytes) override {
    while (!bytes.empty() && socket_ >= 0) {
      const auto n =
          ssl_ != nullptr
              ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
              : static_cast<int>(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return bytes.empty();
  }

  void Reset() override {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Close();
  }

  void Stall() override {
    while (More()) buffer_.clear();
  }

  void Tunnel(std::uint16_t port) override {
    const int other = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool open = ::connect(other, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    while (open && !ending_) {
      pollfd both[2] = {{socket_, POLLIN, 0}, {other, POLLIN, 0}};
      if (::poll(both, 2, 20) <= 0) continue;
      for (int i = 0; i < 2; ++i) {
        if (both[i].revents == 0) continue;
        char bytes[16384];
        const auto n = ::recv(both[i].fd, bytes, sizeof bytes, 0);
        open = open && n > 0 &&
               ::send(both[1 - i].fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
      }
    }
    ::close(other);
  }

 private:
  bool More() {
    if (socket_ < 0) return false;
    while (!ending_) {
      pollfd wait{socket_, POLLIN, 0};
      if ((ssl_ == nullptr || SSL_pending(ssl_) == 0) && ::poll(&wait, 1, 20) <= 0) continue;
      char bytes[16384];
      const auto n = ssl_ != nullptr ? SSL_read(ssl_, bytes, sizeof bytes)
                                     : static_cast<int>(::recv(socket_, bytes, sizeof bytes, 0));
      if (n <= 0) return false;
      buffer_.append(bytes, static_cast<std::size_t>(n));
      return true;
    }
    return false;
  }
  void Close() {
    if (socket_ < 0) return;
    if (ssl_ != nullptr) SSL_free(ssl_);
    ::close(socket_);
    ssl_ = nullptr;
    socket_ = -1;
  }

  int socket_;
  SSL* ssl_;
  const std::atomic<bool>& ending_;
  std::string buffer_;
};

SSL_CTX* ContextOf(const TestCertificate& certificate, const std::string& client_authority) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  X509* const own = ReadCertificate(certificate.certificate_pem);
  EVP_PKEY* const key = ReadKey(certificate.key_pem);
  SSL_CTX_use_certificate(context, own);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(own);
  EVP_PKEY_free(key);
  if (!client_authority.empty()) {
    X509* const authority = ReadCertificate(client_authority);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    X509_free(authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

}  // namespace

TestCertificate MakeAuthority(const std::string& name) { return Make(name, nullptr, ""); }
TestCertificate MakeCertificate(const TestCertificate& authority,
                                const std::string& alternative_names) {
  return Make("test", &authority, alternative_names);
}

void TestConnection::Answer(int status, std::string_view body, const std::string& more_headers) {
  std::string out = "HTTP/1.1 " + std::to_string(status) +
                    " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                    more_headers + "\r\n";
  out += body;
  Write(out);
}

TestServer::TestServer(Serve serve, TestCertificate certificate, std::string client_authority,
                       int loopback)
    : serve_(std::move(serve)),
      certificate_(std::move(certificate)),
      client_authority_(std::move(client_authority)),
      loopback_(loopback) {
  listener_ = ::socket(loopback, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // The port stands at the same place in both kinds of address.
  sockaddr_in6 address{};
  address.sin6_family = static_cast<sa_family_t>(loopback);
  address.sin6_addr = in6addr_loopback;
  if (loopback == AF_INET)
    reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = loopback == AF_INET ? sizeof(sockaddr_in) : sizeof address;
  if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin6_port);
  accepting_ = std::thread([this] { Accept(); });
}

TestServer::~TestServer() {
  ending_ = true;
  accepting_.join();
  for (std::thread& thread : serving_) thread.join();
  ::close(listener_);
}

std::string TestServer::Url(std::string_view path) const {
  return std::string(certificate_.key_pem.empty() ? "http" : "https") +
         (loopback_ == AF_INET ? "://127.0.0.1:" : "://[::1]:") + std::to_string(port_) +
         std::string(path);
}

void TestServer::Accept() {
  // OpenSSL writes without MSG_NOSIGNAL. On these threads alone: that a client bears it is its own affair.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  SSL_CTX* const context =
      certificate_.key_pem.empty() ? nullptr : ContextOf(certificate_, client_authority_);
  while (!ending_) {
    pollfd wait{listener_, POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    ++connections_;
    if (context != nullptr) SSL_CTX_up_ref(context);
    serving_.emplace_back([this, socket, context] {
      SSL* ssl = nullptr;
      if (context != nullptr) {
        ssl = SSL_new(context);
        SSL_CTX_free(context);
        SSL_set_fd(ssl, socket);
        const timeval limit{60, 0};
        ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (SSL_accept(ssl) != 1) {
          // What the client has sent already would turn the close into a reset, which takes the alert along.
          ::shutdown(socket, SHUT_WR);
          char unread[4096];
          while (::recv(socket, unread, sizeof unread, 0) > 0) continue;
          SSL_free(ssl);
          ::close(socket);
          return;
        }
      }
      Connection connection(socket, ssl, ending_);
      serve_(connection);
    });
  }
  if (context != nullptr) SSL_CTX_free(context);
}

}  // namespace holdfast::testing
