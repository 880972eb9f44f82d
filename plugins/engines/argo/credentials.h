#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "plugins/engines/argo/kubeconfig.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/result.h"

namespace holdfast::engines::argo {

// Who we are at this moment.
struct Credential {
  std::string token;  // empty: none
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::optional<WallTime> expires;
  // Changes with the certificate: a connection with another one is another connection.
  std::uint64_t certificate_generation = 0;
};

// What an exec plugin wrote: an ExecCredential of the version that it was asked for. kInvalidInput for what is
// none; what it wrote is in no error.
Result<Credential> ParseExecCredential(std::string_view text, const std::string& api_version);

// The credentials of a cluster: those of the kubeconfig, of a token file (read again after a minute), of an
// exec plugin (run again when what it gave expires, or was refused). One thread.
class Credentials {
 public:
  // What is borrowed outlives this. `cancellation` may be nullptr; set, it ends a plugin that runs.
  Credentials(const ClusterAccess& access, ProcessRunner& processes, const Clock& clock,
              const Cancellation* cancellation)
      : access_(access), processes_(processes), clock_(clock), cancellation_(cancellation) {}

  Result<const Credential*> Current();
  // The server said 401: what is kept is of no use. False when there is nothing else to get.
  bool Forget();

 private:
  Result<Credential> RunPlugin(const ExecPlugin& plugin);
  bool Fresh() const;

  const ClusterAccess& access_;
  ProcessRunner& processes_;
  const Clock& clock_;
  const Cancellation* const cancellation_;
  std::optional<Credential> kept_;
  WallTime got_;
  std::uint64_t generation_ = 0;
};

}  // namespace holdfast::engines::argo
