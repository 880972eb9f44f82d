#include "plugins/banks/object_store/sending_client.h"

#include <utility>

#include "plugins/net/curl_client.h"
#include "plugins/sdk/file.h"

namespace holdfast::banks {

namespace {

constexpr std::uint64_t kMostCertificates = std::uint64_t{4} << 20U;

struct Sending {
  std::unique_ptr<net::HttpClient> transport;
  std::unique_ptr<net::HttpClient> between;
  std::unique_ptr<net::RetryingHttpClient> retrying;
};

}  // namespace

net::Wait WaitUnless(const Cancellation* cancellation) {
  return [wait = net::RealWait(), cancellation](std::chrono::milliseconds time,
                                                const Cancellation* other) {
    if (other != nullptr && other->is_set()) return false;
    return wait(time, cancellation != nullptr ? cancellation : other);
  };
}

Result<std::shared_ptr<net::HttpClient>> MakeSendingClient(const TransferSettings& settings,
                                                           const BankParts& parts,
                                                           const Clock& clock,
                                                           const Between& between) {
  net::TransportOptions options;
  options.skip_verify = settings.insecure;
  if (!settings.ca_file.empty()) {
    auto pem = ReadFile(settings.ca_file, kMostCertificates);
    if (!pem) return std::move(pem).error().While("reading 'ca_file'");
    options.ca_pem = std::move(*pem);
  }
  auto sending = std::make_shared<Sending>();
  HOLDFAST_ASSIGN_OR_RETURN(sending->transport, net::MakeCurlClient(std::move(options)));
  if (between) sending->between = between(*sending->transport);
  net::RetryPolicy policy;
  policy.most_tries = static_cast<unsigned>(settings.retry_attempts) + 1;
  policy.first_wait = settings.retry_backoff;
  policy.longest_try = settings.stall_timeout;
  policy.window = settings.retry_window;
  policy.longest_retry_after = settings.retry_window;
  sending->retrying = std::make_unique<net::RetryingHttpClient>(
      sending->between ? *sending->between : *sending->transport, clock,
      WaitUnless(parts.cancellation), policy, parts.log);
  net::HttpClient* const client = sending->retrying.get();
  return std::shared_ptr<net::HttpClient>(std::move(sending), client);
}

}  // namespace holdfast::banks
