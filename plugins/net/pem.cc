#include "plugins/net/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace holdfast::net {

namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using BioPointer = std::unique_ptr<BIO, BioFree>;
BioPointer BioOf(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// No password is asked for on a terminal.
int NoPassword(char*, int, int, void*) { return 0; }

}  // namespace

void CertificateFree::operator()(x509_st* certificate) const { X509_free(certificate); }
void KeyFree::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

std::vector<CertificatePointer> CertificatesIn(const std::string& pem) {
  std::vector<CertificatePointer> out;
  const BioPointer bio = BioOf(pem);
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    out.emplace_back(certificate);
  ERR_clear_error();
  return out;
}

KeyPointer KeyIn(const std::string& pem) {
  const BioPointer bio = BioOf(pem);
  KeyPointer key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassword, nullptr));
  ERR_clear_error();
  return key;
}

Status CheckTls(const TransportOptions& options) {
  if (!options.ca_pem.empty() && CertificatesIn(options.ca_pem).empty())
    return InvalidInput("the certificate authority is no PEM certificate");
  if (options.client_certificate_pem.empty() != options.client_key_pem.empty())
    return InvalidInput("a client certificate and its key go together, and one is missing");
  if (options.client_certificate_pem.empty()) return Ok();
  const auto certificates = CertificatesIn(options.client_certificate_pem);
  if (certificates.empty()) return InvalidInput("the client certificate is no PEM certificate");
  const KeyPointer key = KeyIn(options.client_key_pem);
  if (key == nullptr) return InvalidInput("the client's key is no PEM key without a password");
  if (X509_check_private_key(certificates.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return InvalidInput("the client's key is not that of its certificate");
  }
  return Ok();
}

}  // namespace holdfast::net
