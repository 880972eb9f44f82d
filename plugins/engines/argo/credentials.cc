#include "plugins/engines/argo/credentials.h"

#include <algorithm>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

constexpr auto kTokenFileIsFreshFor = std::chrono::minutes(1);
// Before it expires: clocks differ, and a call takes a while.
constexpr auto kEarly = std::chrono::seconds(30);
constexpr auto kPluginDeadline = std::chrono::minutes(2);
constexpr std::uint64_t kMostToken = std::uint64_t{1} << 20U;

// What does not fit into a header could add another one.
Status CheckToken(const std::string& token) {
  const bool plain =
      std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!plain) return InvalidInput("the token has a character that no token has");
  return Ok();
}

}  // namespace

Result<Credential> ParseExecCredential(std::string_view text, const std::string& api_version) {
  const auto value = ParseJson(text, "ExecCredential");
  if (!value || !value->is_map() || value->StringOr("kind", "") != "ExecCredential")
    return InvalidInput("the exec plugin wrote no ExecCredential");
  if (value->StringOr("apiVersion", "") != api_version)
    return InvalidInput("the exec plugin wrote an ExecCredential of another version than " +
                        api_version);
  const Value* const status = value->Find("status");
  if (status == nullptr || !status->is_map())
    return InvalidInput("the exec plugin wrote an ExecCredential without a status");
  Credential out;
  out.token = status->StringOr("token", "");
  out.client_certificate_pem = status->StringOr("clientCertificateData", "");
  out.client_key_pem = status->StringOr("clientKeyData", "");
  if (out.token.empty() && out.client_certificate_pem.empty())
    return InvalidInput("the exec plugin gave neither a token nor a certificate");
  if (out.client_certificate_pem.empty() != out.client_key_pem.empty())
    return InvalidInput("the exec plugin gave a certificate or a key without the other");
  HOLDFAST_RETURN_IF_ERROR(CheckToken(out.token));
  if (const std::string when = status->StringOr("expirationTimestamp", ""); !when.empty()) {
    const auto time = ParseTime(when);
    if (!time) return InvalidInput("the exec plugin gave an expiration that is no time");
    out.expires = *time;
  }
  return out;
}

bool Credentials::Fresh() const {
  if (!kept_) return false;
  if (kept_->expires) return clock_.Now() + kEarly < *kept_->expires;
  if (!access_.token_file.empty()) return clock_.Now() < got_ + kTokenFileIsFreshFor;
  return true;
}

bool Credentials::Forget() {
  kept_.reset();
  return access_.exec.has_value() || !access_.token_file.empty();
}

Result<const Credential*> Credentials::Current() {
  if (Fresh()) return &*kept_;
  Credential next;
  next.token = access_.token;
  next.client_certificate_pem = access_.client_certificate_pem;
  next.client_key_pem = access_.client_key_pem;
  if (!access_.token_file.empty()) {
    auto text = ReadFile(access_.token_file, kMostToken);
    if (!text) return std::move(text).error().While("the token of the kubeconfig");
    next.token = std::string(Trim(*text));
  }
  // As client-go: what the file gives itself goes first.
  if (access_.exec && next.token.empty() && next.client_certificate_pem.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(next, RunPlugin(*access_.exec));
    ++generation_;
  }
  HOLDFAST_RETURN_IF_ERROR(CheckToken(next.token));
  next.certificate_generation = next.client_certificate_pem.empty() ? 0 : generation_;
  kept_ = std::move(next);
  got_ = clock_.Now();
  return &*kept_;
}

Result<Credential> Credentials::RunPlugin(const ExecPlugin& plugin) {
  Value spec = Value().Set("interactive", false);
  if (plugin.provide_cluster_info) {
    Value cluster = Value().Set("server", access_.server);
    if (!access_.ca_pem.empty())
      cluster.Set("certificate-authority-data", ToBase64(access_.ca_pem));
    if (access_.skip_verify) cluster.Set("insecure-skip-tls-verify", true);
    if (!access_.server_name.empty()) cluster.Set("tls-server-name", access_.server_name);
    if (!access_.proxy_url.empty()) cluster.Set("proxy-url", access_.proxy_url);
    spec.Set("cluster", std::move(cluster));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string info,
                            DumpJson(Value()
                                         .Set("apiVersion", plugin.api_version)
                                         .Set("kind", "ExecCredential")
                                         .Set("spec", std::move(spec))));
  ProcessSpec process;
  process.argv.push_back(plugin.command);
  process.argv.insert(process.argv.end(), plugin.args.begin(), plugin.args.end());
  for (const auto& [name, value] : plugin.environment) {
    if (!name.empty()) process.environment[name] = value;
  }
  process.environment["KUBERNETES_EXEC_INFO"] = info;
  process.deadline = kPluginDeadline;
  // Such a plugin is often a script around another program.
  process.group_dies_with_us = true;
  process.cancellation = cancellation_;
  process.output_limit = kMostToken;
  const auto outcome = processes_.Run(process);
  const std::string what = "the kubeconfig's exec plugin " + Printable(plugin.command);
  if (!outcome) {
    Error error(ErrorCode::kDenied, what + " cannot be run: " + outcome.error().message());
    if (!plugin.install_hint.empty()) return std::move(error).Hint(Printable(plugin.install_hint));
    return error;
  }
  if (outcome->cancelled) return Unavailable(what + " was cancelled");
  // Its stdout may hold a token; stderr is what it says to people.
  if (!outcome->ok()) return Error(ErrorCode::kDenied, what + ": " + DescribeOutcome(*outcome));
  auto credential = ParseExecCredential(outcome->output, plugin.api_version);
  if (!credential) return std::move(credential).error().While(what);
  return credential;
}

}  // namespace holdfast::engines::argo
