#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/net/listen_address.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/secret.h"

namespace holdfast::agent {

// The command line of holdfast-agent.
struct AgentOptions {
  net::ListenAddress listen;
  std::string token_file;
  std::string tls_certificate_file;  // both, or neither
  std::string tls_key_file;
  std::string state_folder;
  unsigned jobs = 16;
  unsigned rate = 100;
  std::string step_program;
  std::vector<std::string> step_options;
  std::chrono::seconds grace{60};
  bool verbose = false;
  std::string said;  // not empty: --help or --version, nothing else
};

// kUsage for what it cannot mean, with what to write instead.
Result<AgentOptions> ParseAgentOptions(const std::vector<std::string>& arguments);
std::string AgentHelp();

// /var/lib/holdfast-agent of root, else $XDG_STATE_HOME/holdfast/agent (~/.local/state/holdfast/agent).
std::string DefaultStateFolder();

// The bearer token: the file's text without its last newline. kDenied for a file that others than its owner may read;
// kInvalidInput for a token of less than 16 characters, or with others than HTTP lets stand there. Errors name the file, never the token.
Result<Secret> ReadTokenFile(const std::string& path);
// The private key of the certificate; kDenied for one that everybody may read.
Result<std::string> ReadKeyFile(const std::string& path);

}  // namespace holdfast::agent
