#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "plugins/engines/argo/argo_server_client.h"
#include "plugins/engines/argo/credentials.h"
#include "plugins/engines/argo/kubeconfig.h"
#include "plugins/sdk/base64.h"
#include "tests/bank/temporary_folder.h"
#include "tests/sdk/still_clock.h"

namespace holdfast::engines::argo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kOne = R"(
apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: c, cluster: {server: "https://one.example:6443", certificate-authority-data: Q0E=, tls-server-name: inner}}
users:
- {name: u, user: {token: first-token-of-one}}
contexts:
- {name: one, context: {cluster: c, user: u, namespace: backups}}
- {name: broken, context: {cluster: nothing, user: u}}
)";

class KubeconfigFiles : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path().string() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  Result<ClusterAccess> Find(const std::string& kubeconfig = "", const std::string& context = "",
                             const std::string& name_space = "") {
    return FindClusterAccess(kubeconfig, context, name_space,
                             [this](const std::string& name) -> std::optional<std::string> {
                               const auto found = variables_.find(name);
                               return found == variables_.end() ? std::nullopt
                                                                : std::optional(found->second);
                             });
  }
  testing::TemporaryFolder folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(KubeconfigFiles, TheCurrentContextIsTaken) {
  variables_["KUBECONFIG"] = Write("a", kOne);
  const auto access = Find();
  ASSERT_TRUE(access) << access.error().Render();
  EXPECT_EQ(access->server, "https://one.example:6443");
  EXPECT_EQ(access->name_space, "backups");
  EXPECT_EQ(access->ca_pem, "CA");
  EXPECT_EQ(access->server_name, "inner");
  EXPECT_EQ(access->token, "first-token-of-one");
}

TEST_F(KubeconfigFiles, OfSeveralFilesTheFirstThatSaysItCounts) {
  const std::string two = Write("b", R"(
current-context: two
clusters: [{name: c, cluster: {server: "https://two.example"}}, {name: d, cluster: {server: "http://d"}}]
contexts: [{name: two, context: {cluster: d}}]
)");
  variables_["KUBECONFIG"] = Write("a", kOne) + ":" + folder_.path().string() + "/missing:" + two;
  EXPECT_EQ(Find()->server, "https://one.example:6443");
  const auto second = Find("", "two");
  ASSERT_TRUE(second) << second.error().Render();
  EXPECT_EQ(second->server, "http://d");
  EXPECT_EQ(second->name_space, "default");
  variables_["KUBECONFIG"] = two + ":" + Write("a", kOne);
  EXPECT_EQ(Find("", "one")->server, "https://two.example");
}

TEST_F(KubeconfigFiles, AnOptionGoesOverTheEnvironment) {
  variables_["KUBECONFIG"] = folder_.path().string() + "/missing";
  const std::string path = Write("a", kOne);
  EXPECT_EQ(Find(path, "", "other")->name_space, "other");
  EXPECT_EQ(Find(folder_.path().string() + "/missing").error().code(), ErrorCode::kNotFound);
}

TEST_F(KubeconfigFiles, TheOneInTheHomeFolderIsTheDefault) {
  Write(".kube/config", kOne);
  variables_["HOME"] = folder_.path().string();
  EXPECT_EQ(Find()->context, "one");
}

TEST_F(KubeconfigFiles, WithoutAnyThereIsAHint) {
  variables_["HOME"] = folder_.path().string();
  variables_["KUBECONFIG"] = "/dev/null";
  const auto access = Find();
  ASSERT_FALSE(access);
  EXPECT_EQ(access.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(access.error().Render(), HasSubstr("--kubeconfig"));
}

TEST_F(KubeconfigFiles, PathsStandBesideTheFile) {
  Write("sub/ca.crt", "the CA");
  Write("sub/tls.crt", "the certificate");
  Write("sub/tls.key", "the key");
  const auto access = Find(Write("sub/config", R"(
current-context: x
clusters: [{name: c, cluster: {server: "https://h", certificate-authority: ca.crt}}]
users: [{name: u, user: {client-certificate: tls.crt, client-key: tls.key, tokenFile: token}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
)"));
  ASSERT_TRUE(access) << access.error().Render();
  EXPECT_EQ(access->ca_pem, "the CA");
  EXPECT_EQ(access->client_certificate_pem, "the certificate");
  EXPECT_EQ(access->client_key_pem, "the key");
  EXPECT_EQ(access->token_file, folder_.path().string() + "/sub/token");
}

TEST_F(KubeconfigFiles, WhatIsMissingIsNamedWithWhatWasMeant) {
  const std::string path = Write("a", kOne);
  EXPECT_THAT(Find(path, "on").error().Render(), HasSubstr("one"));
  EXPECT_THAT(Find(path, "broken").error().Render(), HasSubstr("there is no cluster 'nothing'"));
  EXPECT_THAT(Find(Write("e", "clusters: []")).error().Render(), HasSubstr("no current context"));
}

TEST_F(KubeconfigFiles, WhatKubernetesTookOutIsRefusedAndSaysWhy) {
  const auto with = [&](const std::string& user) {
    return Find(
               Write("x",
                     "current-context: x\nclusters: [{name: c, cluster: {server: \"https://h\"}}]\n"
                     "contexts: [{name: x, context: {cluster: c, user: u}}]\nusers:\n- name: u\n  "
                     "user: " +
                         user + "\n"))
        .error()
        .Render();
  };
  EXPECT_THAT(with("{username: admin, password: hidden}"), HasSubstr("basic authentication"));
  EXPECT_THAT(with("{username: admin, password: hidden}"), Not(HasSubstr("hidden")));
  EXPECT_THAT(with("{auth-provider: {name: gcp}}"), HasSubstr("exec plugin"));
  EXPECT_THAT(with("{token: hidden, as: root}"), HasSubstr("impersonate"));
  EXPECT_THAT(with("{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}"),
              HasSubstr("v1 or v1beta1"));
  EXPECT_THAT(with("{client-certificate-data: '%%'}"), HasSubstr("no base64"));
  EXPECT_THAT(with("{client-certificate: missing.crt}"), HasSubstr("missing.crt"));
}

TEST_F(KubeconfigFiles, AnErrorInAFileShowsNoSecret) {
  for (const char* const text :
       {"users: [{name: u, user: {token: hidden-token}", "token: hidden-token\n\t- x",
        "- hidden-token", "kind: Pod\ntoken: hidden-token", "clusters: hidden-token"}) {
    const auto access = Find(Write("bad", text));
    ASSERT_FALSE(access) << text;
    EXPECT_THAT(access.error().Render(), Not(HasSubstr("hidden-token"))) << text;
  }
}

// --- credentials

class ExecCredentials : public KubeconfigFiles {
 protected:
  // A plugin that counts how often it was run, and writes what `status` says.
  void Plugin(const std::string& status,
              const std::string& version = "client.authentication.k8s.io/v1") {
    const std::string path =
        Write("plugin", "#!/bin/sh\necho run >> " + folder_.path().string() +
                            "/runs\nprintf '%s' \"$KUBERNETES_EXEC_INFO\" > " +
                            folder_.path().string() + "/info\necho '{\"apiVersion\": \"" + version +
                            "\", \"kind\": \"ExecCredential\", \"status\": " + status + "}'\n");
    ::chmod(path.c_str(), 0755);
    access_.exec = ExecPlugin{
        "client.authentication.k8s.io/v1", path, {"arg"}, {{"A", "b"}}, "install it so", true};
    access_.server = "https://h:1";
  }
  int Runs() {
    std::ifstream file(folder_.path().string() + "/runs");
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }
  ClusterAccess access_;
  testing::StillClock clock_{ParseTime("2026-11-27T00:00:00Z").value()};
  const std::unique_ptr<ProcessRunner> processes_ = MakeProcessRunner();
  Cancellation cancellation_;
  Credentials credentials_{access_, *processes_, clock_, &cancellation_};
};

TEST_F(ExecCredentials, ATokenIsKeptUntilItExpires) {
  Plugin(R"({"token": "tok-1", "expirationTimestamp": "2026-11-27T01:00:00Z"})");
  ASSERT_TRUE(credentials_.Current()) << credentials_.Current().error().Render();
  EXPECT_EQ((*credentials_.Current())->token, "tok-1");
  EXPECT_EQ(Runs(), 1);
  clock_.wall += std::chrono::minutes(59) + std::chrono::seconds(45);
  EXPECT_TRUE(credentials_.Current());
  EXPECT_EQ(Runs(), 2);
  EXPECT_TRUE(credentials_.Forget());
  EXPECT_TRUE(credentials_.Current());
  EXPECT_EQ(Runs(), 3);
}

TEST_F(ExecCredentials, ThePluginIsToldWhichClusterItIs) {
  Plugin(R"({"token": "tok-1"})");
  ASSERT_TRUE(credentials_.Current());
  std::ifstream file(folder_.path().string() + "/info");
  std::string info;
  std::getline(file, info);
  EXPECT_THAT(info, HasSubstr(R"("interactive":false)"));
  EXPECT_THAT(info, HasSubstr(R"("server":"https://h:1")"));
}

TEST_F(ExecCredentials, ANewCertificateIsANewGeneration) {
  Plugin(R"({"clientCertificateData": "c", "clientKeyData": "k"})");
  const auto first = (*credentials_.Current())->certificate_generation;
  credentials_.Forget();
  EXPECT_NE((*credentials_.Current())->certificate_generation, first);
}

TEST_F(ExecCredentials, WhatIsNoCredentialIsRefusedAndNotShown) {
  for (const char* const status :
       {"{}", "null", R"({"token": "a\nb"})", R"({"clientKeyData": "k"})",
        R"({"token": "hidden-token", "expirationTimestamp": "never"})"}) {
    Plugin(status);
    credentials_.Forget();
    const auto now = credentials_.Current();
    ASSERT_FALSE(now) << status;
    EXPECT_THAT(now.error().Render(), Not(HasSubstr("hidden-token")));
  }
  Plugin(R"({"token": "hidden-token"})", "client.authentication.k8s.io/v1beta1");
  credentials_.Forget();
  EXPECT_THAT(credentials_.Current().error().Render(), HasSubstr("another version"));
}

TEST_F(ExecCredentials, APluginThatIsMissingHasItsHint) {
  Plugin("{}");
  access_.exec->command = folder_.path().string() + "/missing";
  const auto now = credentials_.Current();
  ASSERT_FALSE(now);
  EXPECT_EQ(now.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(now.error().Render(), HasSubstr("install it so"));
}

TEST_F(ExecCredentials, OneThatHangsEndsWithWhatItStartedWhenTheUserGivesUp) {
  Plugin("{}");
  const std::string below = folder_.path().string() + "/below";
  Write("plugin", "#!/bin/sh\nsh -c 'echo $$ > " + below + "; exec sleep 1000'\n");
  int pid = 0;
  std::thread user([&] {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (pid == 0 && std::chrono::steady_clock::now() < until) std::ifstream(below) >> pid;
    cancellation_.Set();
  });
  const auto now = credentials_.Current();
  user.join();
  ASSERT_FALSE(now);
  EXPECT_EQ(now.error().code(), ErrorCode::kUnavailable);
  ASSERT_GT(pid, 0);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (FindProcess(pid) && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(FindProcess(pid).has_value());
}

TEST_F(ExecCredentials, ATokenFileIsReadAgain) {
  access_.token_file = Write("token", "one\n");
  EXPECT_EQ((*credentials_.Current())->token, "one");
  Write("token", "two\n");
  EXPECT_EQ((*credentials_.Current())->token, "one");
  clock_.wall += std::chrono::minutes(2);
  EXPECT_EQ((*credentials_.Current())->token, "two");
}

// --- the Argo server's variables

Result<std::optional<ArgoServer>> Server(std::map<std::string, std::string> variables) {
  return ArgoServerOf(
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      "");
}

TEST(ArgoServerVariables, AreReadAsTheArgoCommandReadsThem) {
  EXPECT_FALSE(Server({})->has_value());
  const auto server = Server({{"ARGO_SERVER", "argo.example:2746"},
                              {"ARGO_TOKEN", "Bearer abcdefgh"},
                              {"ARGO_NAMESPACE", "argo"},
                              {"ARGO_BASE_HREF", "sub/"}});
  ASSERT_TRUE(server) << server.error().Render();
  EXPECT_EQ((*server)->access.server, "https://argo.example:2746/sub/");
  EXPECT_EQ((*server)->authorization, "Bearer abcdefgh");
  EXPECT_EQ((*server)->access.name_space, "argo");
  EXPECT_FALSE((*server)->access.skip_verify);
  const auto plain = Server({{"ARGO_SERVER", "h:1"},
                             {"ARGO_SECURE", "false"},
                             {"ARGO_INSECURE_SKIP_VERIFY", "true"},
                             {"ARGO_TOKEN", "abcdefgh"}});
  EXPECT_EQ((*plain)->access.server, "http://h:1");
  EXPECT_EQ((*plain)->authorization, "Bearer abcdefgh");
  EXPECT_TRUE((*plain)->access.skip_verify);
}

TEST(ArgoServerVariables, ThatMakeNoSenseAreRefused) {
  EXPECT_FALSE(Server({{"ARGO_SERVER", "https://h:1"}}));
  EXPECT_FALSE(Server({{"ARGO_SERVER", "h:1"}, {"ARGO_SECURE", "yes"}}));
  EXPECT_FALSE(Server({{"ARGO_SERVER", "user:pw@h"}}));
  EXPECT_FALSE(Server({{"ARGO_SERVER", "h:1"}, {"ARGO_TOKEN", "a\r\nX: y"}}));
}

}  // namespace
}  // namespace holdfast::engines::argo
