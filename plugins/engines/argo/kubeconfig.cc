#include "plugins/engines/argo/kubeconfig.h"

#include <algorithm>
#include <filesystem>

#include "plugins/sdk/base64.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::engines::argo {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20U;

Error At(const std::string& path, Position position, std::string message) {
  return InvalidInput(std::move(message)).At({path, position.line, position.column, {}, 1});
}

// A list of {name, <kind>: {...}} as a map; what is there twice counts once, as kubectl has it.
Result<Kubeconfig::Named> NamedOf(const Value& root, std::string_view list, std::string_view kind,
                                  const std::string& path) {
  Kubeconfig::Named out;
  const Value* const found = root.Find(list);
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_list()) return At(path, found->position(), std::string(list) + " is no list");
  for (const Value& entry : found->AsList()) {
    const std::string name = entry.StringOr("name", "");
    if (name.empty())
      return At(path, entry.position(), "an entry of " + std::string(list) + " has no name");
    const Value* const inner = entry.Find(kind);
    if (inner != nullptr && !inner->is_map() && !inner->is_null())
      return At(path, inner->position(), std::string(kind) + " is no map");
    out.emplace(name, inner == nullptr ? Value(Value::Map{}) : *inner);
  }
  return out;
}

struct Found {
  const Kubeconfig* file = nullptr;
  const Value* value = nullptr;
};
Found FindNamed(const std::vector<Kubeconfig>& files, Kubeconfig::Named Kubeconfig::*table,
                const std::string& name) {
  for (const Kubeconfig& file : files) {
    if (const auto at = (file.*table).find(name); at != (file.*table).end())
      return {&file, &at->second};
  }
  return {};
}

std::string Beside(const Kubeconfig& file, const std::string& path) {
  const fs::path p(path);
  return p.is_absolute() ? path : (fs::path(file.path).parent_path() / p).string();
}

// KEY-data as base64, or the file that KEY names; data goes first.
Result<std::string> DataOrFile(const Found& at, const std::string& key) {
  if (const std::string data = at.value->StringOr(key + "-data", ""); !data.empty()) {
    std::string joined;
    std::copy_if(data.begin(), data.end(), std::back_inserter(joined),
                 [](char c) { return c != '\n' && c != ' ' && c != '\r'; });
    auto text = FromBase64(joined);
    if (!text) {
      return At(at.file->path, at.value->Find(key + "-data")->position(),
                key + "-data is no base64");
    }
    return text;
  }
  const std::string path = at.value->StringOr(key, "");
  if (path.empty()) return std::string();
  auto text = ReadFile(Beside(*at.file, path), kMostBytes);
  if (!text) return std::move(text).error().While(key + " of " + at.file->path);
  return text;
}

Result<ExecPlugin> ReadExec(const Found& user, const Value& exec) {
  const auto wrong = [&](std::string message) {
    return At(user.file->path, exec.position(), std::move(message));
  };
  ExecPlugin out;
  out.api_version = exec.StringOr("apiVersion", "");
  if (out.api_version != "client.authentication.k8s.io/v1" &&
      out.api_version != "client.authentication.k8s.io/v1beta1") {
    return wrong("exec credentials are of client.authentication.k8s.io/v1 or v1beta1, not '" +
                 Printable(out.api_version) + "'");
  }
  out.command = exec.StringOr("command", "");
  if (out.command.empty()) return wrong("exec has no command");
  if (out.command.find('/') != std::string::npos) out.command = Beside(*user.file, out.command);
  if (exec.StringOr("interactiveMode", "") == "Always") {
    return wrong("the exec plugin wants a terminal (interactiveMode: Always), and gets none here");
  }
  if (const Value* const args = exec.Find("args"); args != nullptr && args->is_list()) {
    for (const Value& arg : args->AsList()) {
      if (!arg.is_string()) return wrong("an argument of exec is no text");
      out.args.push_back(arg.AsString());
    }
  }
  if (const Value* const env = exec.Find("env"); env != nullptr && env->is_list()) {
    for (const Value& variable : env->AsList())
      out.environment.emplace_back(variable.StringOr("name", ""), variable.StringOr("value", ""));
  }
  out.install_hint = exec.StringOr("installHint", "");
  out.provide_cluster_info = exec.BoolOr("provideClusterInfo", false);
  return out;
}

Status ReadCluster(const Found& cluster, ClusterAccess& access) {
  access.server = cluster.value->StringOr("server", "");
  const auto url = net::ParseUrl(access.server);
  if (!url) {
    return At(cluster.file->path, cluster.value->position(),
              "server of a cluster: " + url.error().message());
  }
  HOLDFAST_ASSIGN_OR_RETURN(access.ca_pem, DataOrFile(cluster, "certificate-authority"));
  access.skip_verify = cluster.value->BoolOr("insecure-skip-tls-verify", false);
  access.server_name = cluster.value->StringOr("tls-server-name", "");
  access.proxy_url = cluster.value->StringOr("proxy-url", "");
  return Ok();
}

Status ReadUser(const Found& user, ClusterAccess& access) {
  const auto refuse = [&](std::string_view key, const std::string& why) {
    const Value* const at = user.value->Find(key);
    return At(user.file->path, at->key_position(), std::string(key) + ": " + why);
  };
  for (const std::string_view key : {"username", "password"}) {
    if (!user.value->StringOr(key, "").empty()) {
      return refuse(key,
                    "Kubernetes has taken basic authentication out; use a token, a client "
                    "certificate or an exec plugin");
    }
  }
  if (const Value* const provider = user.value->Find("auth-provider");
      provider != nullptr && !provider->is_null()) {
    return refuse("auth-provider", "Kubernetes has taken auth providers out; use an exec plugin");
  }
  for (const std::string_view key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    const Value* const value = user.value->Find(key);
    if (value != nullptr && !value->is_null()) return refuse(key, "we do not impersonate");
  }
  HOLDFAST_ASSIGN_OR_RETURN(access.client_certificate_pem, DataOrFile(user, "client-certificate"));
  HOLDFAST_ASSIGN_OR_RETURN(access.client_key_pem, DataOrFile(user, "client-key"));
  access.token = user.value->StringOr("token", "");
  if (const std::string path = user.value->StringOr("tokenFile", ""); !path.empty())
    access.token_file = Beside(*user.file, path);
  if (const Value* const exec = user.value->Find("exec"); exec != nullptr && exec->is_map()) {
    HOLDFAST_ASSIGN_OR_RETURN(access.exec, ReadExec(user, *exec));
  }
  return Ok();
}

Result<ClusterAccess> OfServiceAccount(const net::Environment& environment) {
  const auto host = environment("KUBERNETES_SERVICE_HOST");
  const std::string folder(kServiceAccountFolder);
  std::error_code ignored;
  if (!host || host->empty() || !fs::exists(folder + "/token", ignored)) {
    return NotFound("there is no kubeconfig")
        .Hint(
            "--kubeconfig FILE or KUBECONFIG names one; ARGO_SERVER names an Argo server instead");
  }
  ClusterAccess access;
  const bool ipv6 = host->find(':') != std::string::npos;
  access.server = "https://" + (ipv6 ? "[" + *host + "]" : *host) + ":" +
                  environment("KUBERNETES_SERVICE_PORT").value_or("443");
  access.token_file = folder + "/token";
  HOLDFAST_ASSIGN_OR_RETURN(access.ca_pem, ReadFile(folder + "/ca.crt", kMostBytes));
  if (const auto name = ReadFile(folder + "/namespace", kMostBytes))
    access.name_space = std::string(Trim(*name));
  return access;
}

}  // namespace

Result<Kubeconfig> ParseKubeconfig(std::string_view text, const std::string& path) {
  auto root = ParseYaml(text, path);
  // The reader's error shows the line, which may hold a token.
  if (!root) {
    Where where;
    if (root.error().where()) where = *root.error().where();
    where.text.clear();
    where.file = path;
    return InvalidInput("this is no YAML that we read: " + root.error().message()).At(where);
  }
  Kubeconfig out;
  out.path = path;
  if (root->is_null()) return out;  // an empty file is one with nothing in it
  if (!root->is_map()) return At(path, root->position(), "this is no kubeconfig");
  if (const std::string kind = root->StringOr("kind", "Config"); kind != "Config")
    return At(path, root->position(), "this is no kubeconfig: its kind is another one");
  out.current_context = root->StringOr("current-context", "");
  HOLDFAST_ASSIGN_OR_RETURN(out.clusters, NamedOf(*root, "clusters", "cluster", path));
  HOLDFAST_ASSIGN_OR_RETURN(out.users, NamedOf(*root, "users", "user", path));
  HOLDFAST_ASSIGN_OR_RETURN(out.contexts, NamedOf(*root, "contexts", "context", path));
  return out;
}

Result<ClusterAccess> SelectContext(const std::vector<Kubeconfig>& files,
                                    const std::string& context) {
  ClusterAccess access;
  access.context = context;
  for (const Kubeconfig& file : files) {
    if (access.context.empty()) access.context = file.current_context;
  }
  std::vector<std::string> names;
  for (const Kubeconfig& file : files) {
    for (const auto& [name, value] : file.contexts) names.push_back(name);
  }
  if (access.context.empty()) {
    return InvalidInput("the kubeconfig has no current context")
        .Hint(names.empty() ? "it has no context at all"
                            : "--context is one of " + Join(names, ", "));
  }
  const Found chosen = FindNamed(files, &Kubeconfig::contexts, access.context);
  if (chosen.value == nullptr) {
    const std::string near = Nearest(access.context, names);
    Error error = InvalidInput("the kubeconfig has no context '" + Printable(access.context) + "'");
    if (names.empty()) return error;
    return std::move(error).Hint(near.empty() ? "there are " + Join(names, ", ")
                                              : "did you mean '" + near + "'?");
  }
  const auto part = [&](std::string_view kind,
                        Kubeconfig::Named Kubeconfig::*table) -> Result<Found> {
    const std::string name = chosen.value->StringOr(kind, "");
    const Found found = FindNamed(files, table, name);
    if (found.value == nullptr) {
      return At(chosen.file->path, chosen.value->position(),
                "context '" + Printable(access.context) + "': there is no " + std::string(kind) +
                    " '" + Printable(name) + "'");
    }
    return found;
  };
  HOLDFAST_ASSIGN_OR_RETURN(const Found cluster, part("cluster", &Kubeconfig::clusters));
  HOLDFAST_RETURN_IF_ERROR(ReadCluster(cluster, access));
  if (!chosen.value->StringOr("user", "").empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const Found user, part("user", &Kubeconfig::users));
    HOLDFAST_RETURN_IF_ERROR(ReadUser(user, access));
  }
  access.name_space = chosen.value->StringOr("namespace", "");
  return access;
}

Result<ClusterAccess> FindClusterAccess(const std::string& kubeconfig, const std::string& context,
                                        const std::string& name_space,
                                        const net::Environment& environment) {
  std::vector<std::string> paths;
  bool must_exist = false;
  if (!kubeconfig.empty()) {
    paths = {kubeconfig};
    must_exist = true;
  } else if (const auto list = environment("KUBECONFIG"); list && !list->empty()) {
    for (const std::string_view path : Split(*list, ':')) {
      if (!path.empty()) paths.emplace_back(path);
    }
  } else if (const auto home = environment("HOME"); home && !home->empty()) {
    paths = {*home + "/.kube/config"};
  }
  std::vector<Kubeconfig> files;
  for (const std::string& path : paths) {
    auto text = ReadFile(path, kMostBytes);
    if (!text) {
      // KUBECONFIG=/dev/null is how people say that there is none.
      std::error_code ignored;
      const bool absent =
          text.error().code() == ErrorCode::kNotFound || fs::is_character_file(path, ignored);
      if (!must_exist && absent) continue;
      return std::move(text).error().While("the kubeconfig");
    }
    HOLDFAST_ASSIGN_OR_RETURN(Kubeconfig file, ParseKubeconfig(*text, path));
    files.push_back(std::move(file));
  }
  Result<ClusterAccess> access =
      files.empty() && context.empty() ? OfServiceAccount(environment)
      : files.empty()
          ? NotFound("there is no kubeconfig, so there is no context '" + Printable(context) + "'")
                .Hint("--kubeconfig FILE or KUBECONFIG names one")
          : SelectContext(files, context);
  if (!access) return access;
  if (!name_space.empty()) access->name_space = name_space;
  if (access->name_space.empty()) access->name_space = "default";
  return access;
}

}  // namespace holdfast::engines::argo
