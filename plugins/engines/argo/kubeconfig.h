#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/net/url.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

// A command that makes credentials (client.authentication.k8s.io).
struct ExecPlugin {
  std::string api_version;  // .../v1 or .../v1beta1
  std::string command;      // with the folder of its kubeconfig, where it is written as a path
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string install_hint;
  bool provide_cluster_info = false;
};

// How to reach a cluster and who we are there. Texts hold secrets: none of it is ever printed but `server`,
// `name_space` and `context`.
struct ClusterAccess {
  std::string context;  // empty: the account of the pod that this runs in
  std::string server;
  std::string name_space;
  std::string ca_pem;
  bool skip_verify = false;
  std::string server_name;
  std::string proxy_url;
  std::string client_certificate_pem;
  std::string client_key_pem;
  std::string token;
  std::string token_file;  // read again now and then: it is renewed
  std::optional<ExecPlugin> exec;
};

// One file as it was read: its clusters, users and contexts by name, in the order of the file.
struct Kubeconfig {
  using Named = std::map<std::string, Value, std::less<>>;
  std::string path;  // what its relative paths stand beside
  std::string current_context;
  Named clusters;
  Named users;
  Named contexts;
};

// kInvalidInput, with file and line, for what is no kubeconfig. Secrets are in what is returned, never in the error.
Result<Kubeconfig> ParseKubeconfig(std::string_view text, const std::string& path);

// One of the contexts of files that were given in order: of what several define, the first counts.
// kInvalidInput for a context, cluster or user that is not there, and for what we do not do: basic auth
// and the auth providers, which Kubernetes has removed; impersonation. Reads the files of certificates and keys.
Result<ClusterAccess> SelectContext(const std::vector<Kubeconfig>& files,
                                    const std::string& context);

// As kubectl finds it: `kubeconfig`, else the files of KUBECONFIG (those that are missing are passed over), else
// ~/.kube/config, else the service account of the pod. kNotFound, with a hint, when there is none of these.
// `name_space`, where given, goes over that of the context.
Result<ClusterAccess> FindClusterAccess(const std::string& kubeconfig, const std::string& context,
                                        const std::string& name_space,
                                        const net::Environment& environment);

// Of a service account: where Kubernetes mounts it.
inline constexpr std::string_view kServiceAccountFolder =
    "/var/run/secrets/kubernetes.io/serviceaccount";

}  // namespace holdfast::engines::argo
