#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/net/http_client.h"
#include "plugins/sdk/result.h"

struct evp_pkey_st;
struct x509_st;

namespace holdfast::net {

struct CertificateFree {
  void operator()(x509_st* certificate) const;
};
using CertificatePointer = std::unique_ptr<x509_st, CertificateFree>;
struct KeyFree {
  void operator()(evp_pkey_st* key) const;
};
using KeyPointer = std::unique_ptr<evp_pkey_st, KeyFree>;

// All certificates of a PEM text, in its order; none: it has none.
std::vector<CertificatePointer> CertificatesIn(const std::string& pem);
// The private key of a PEM text; nullptr for none, and for one with a password, which nobody is asked for.
KeyPointer KeyIn(const std::string& pem);

// kInvalidInput for an authority, certificate or key that is none, and for two that do not belong together: what
// every transport refuses before it sends anything.
Status CheckTls(const TransportOptions& options);

}  // namespace holdfast::net
