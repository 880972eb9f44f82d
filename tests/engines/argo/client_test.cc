#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "plugins/engines/argo/argo_server_client.h"
#include "plugins/engines/argo/kubernetes_client.h"
#include "plugins/engines/argo/workflow_service.h"
#include "plugins/net/cpprest_client.h"
#include "plugins/sdk/json.h"
#include "tests/net/test_server.h"

// What the client sends, and what it makes of answers.
namespace holdfast::engines::argo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestConnection;
using testing::TestServer;

class Client : public ::testing::Test {
 protected:
  struct Seen {
    std::string line;
    std::string authorization;
    std::string content_type;
    std::string body;
  };
  using Answer = std::function<void(TestConnection&, const TestConnection::Request&)>;

  void Serve(Answer answer) {
    server_ = std::make_unique<TestServer>(
        [this, answer = std::move(answer)](TestConnection& connection) {
          TestConnection::Request request;
          while (connection.Read(request)) {
            {
              const std::lock_guard lock(mutex_);
              const auto header = [&](const char* name) {
                const auto found = request.headers.find(name);
                return found == request.headers.end() ? std::string() : found->second;
              };
              seen_.push_back({request.method + " " + request.target, header("Authorization"),
                               header("Content-Type"), request.body});
            }
            answer(connection, request);
          }
        });
  }
  void ServeAlways(int status, const std::string& body, const std::string& headers = "") {
    Serve(
        [=](TestConnection& connection, const auto&) { connection.Answer(status, body, headers); });
  }
  ServiceParts Parts() {
    ServiceParts parts;
    parts.processes = processes_.get();
    parts.clock = &SystemClock();
    parts.call_deadline = std::chrono::seconds(20);
    parts.watch_for = std::chrono::seconds(5);
    return parts;
  }
  std::unique_ptr<WorkflowService> Kubernetes(ClusterAccess access = {}) {
    access.server = server_->Url();
    access.name_space = "ns";
    if (access.token.empty() && !access.exec) access.token = "hidden-token";
    return MakeKubernetesClient(access, Parts(), &net::MakeCpprestClient);
  }
  std::unique_ptr<WorkflowService> Server() {
    ArgoServer server;
    server.access.server = server_->Url("/base/");
    server.access.name_space = "ns";
    server.authorization = "Bearer hidden-token";
    return MakeArgoServerClient(server, Parts(), &net::MakeCpprestClient);
  }
  std::vector<Seen> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

  const std::unique_ptr<ProcessRunner> processes_ = MakeProcessRunner();
  std::mutex mutex_;
  std::vector<Seen> seen_;
  std::unique_ptr<TestServer> server_;
};

TEST_F(Client, CreatesStrictly) {
  ServeAlways(201, R"({"metadata": {"name": "w"}})");
  const auto service = Kubernetes();
  ASSERT_TRUE(service->Create(ObjectKind::kWorkflow, Value().Set("a", 1), CreateMode::kStore));
  ASSERT_TRUE(
      service->Create(ObjectKind::kWorkflowTemplate, Value().Set("a", 1), CreateMode::kCheckOnly));
  ASSERT_EQ(seen().size(), 2U);
  EXPECT_EQ(seen()[0].line,
            "POST "
            "/apis/argoproj.io/v1alpha1/namespaces/ns/"
            "workflows?fieldValidation=Strict&fieldManager=holdfast");
  EXPECT_THAT(seen()[1].line, HasSubstr("/workflowtemplates?"));
  EXPECT_THAT(seen()[1].line, HasSubstr("dryRun=All"));
  EXPECT_EQ(seen()[0].authorization, "Bearer hidden-token");
  EXPECT_EQ(seen()[0].content_type, "application/json");
  EXPECT_EQ(seen()[0].body, R"({"a":1})");
}

TEST_F(Client, StopsByAMergePatchOfTheSpec) {
  ServeAlways(200, "{}");
  ASSERT_TRUE(Kubernetes()->ShutDown("w", Shutdown::kStop));
  EXPECT_THAT(seen()[0].line,
              HasSubstr("PATCH /apis/argoproj.io/v1alpha1/namespaces/ns/workflows/w?"));
  EXPECT_EQ(seen()[0].content_type, "application/merge-patch+json");
  EXPECT_EQ(seen()[0].body, R"({"spec":{"shutdown":"Stop"}})");
}

TEST_F(Client, ANameIsOneSegmentOfThePath) {
  ServeAlways(200, "{}");
  std::ignore = Kubernetes()->Get(ObjectKind::kWorkflow, "../../secrets?x=y");
  EXPECT_EQ(seen()[0].line,
            "GET /apis/argoproj.io/v1alpha1/namespaces/ns/workflows/..%2F..%2Fsecrets%3Fx%3Dy");
}

TEST_F(Client, AListIsReadPageByPage) {
  Serve([](TestConnection& connection, const TestConnection::Request& request) {
    const bool second = request.target.find("continue=next%2Bpage") != std::string::npos;
    connection.Answer(200, second
                               ? R"({"metadata": {}, "items": [{"n": 2}]})"
                               : R"({"metadata": {"continue": "next+page"}, "items": [{"n": 1}]})");
  });
  const auto list = Kubernetes()->List(ObjectKind::kWorkflow);
  ASSERT_TRUE(list) << list.error().Render();
  EXPECT_EQ(list->size(), 2U);
}

TEST_F(Client, RefusalsAreToldApart) {
  const auto get = [&](int status, const std::string& body) {
    ServeAlways(status, body);
    return Kubernetes()->Get(ObjectKind::kWorkflow, "w").error();
  };
  EXPECT_EQ(get(401, "").code(), ErrorCode::kDenied);
  EXPECT_EQ(get(403, "").code(), ErrorCode::kDenied);
  EXPECT_EQ(get(409, "").code(), ErrorCode::kConflict);
  EXPECT_EQ(get(400, R"({"message": "strict decoding error: unknown field \"spec.x\""})").code(),
            ErrorCode::kInvalidInput);
  const Error absent = get(404, R"({"kind": "Status", "message": "x", "details": {"name": "w"}})");
  EXPECT_EQ(absent.code(), ErrorCode::kNotFound);
  EXPECT_THAT(absent.message(), HasSubstr("there is no Workflow w in namespace ns"));
  for (const char* const body : {"404 page not found\n", R"({"kind": "Status", "details": {}})"}) {
    const Error no_argo = get(404, body);
    EXPECT_EQ(no_argo.code(), ErrorCode::kNotFound);
    EXPECT_THAT(no_argo.message(), HasSubstr("Argo is not installed in http://127.0.0.1"));
  }
  EXPECT_EQ(get(200, "no JSON").code(), ErrorCode::kCorrupt);
}

TEST_F(Client, AnInvalidObjectIsShownFieldByField) {
  ServeAlways(422, R"({"message": "invalid", "details": {"causes": [
      {"field": "spec.a", "message": "Too many"}, {"field": "spec.b", "message": "\u001b[31mred"}]}})");
  const Error error =
      Kubernetes()->Create(ObjectKind::kWorkflow, Value(Value::Map{}), CreateMode::kStore).error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(error.Render(), HasSubstr("spec.a: Too many"));
  EXPECT_THAT(error.Render(), HasSubstr(R"(spec.b: \x1b[31mred)"));
}

TEST_F(Client, NoErrorHoldsTheTokenThatTheServerRepeats) {
  ServeAlways(403, R"({"message": "who is hidden-token? Authorization: Bearer hidden-token"})");
  EXPECT_THAT(Kubernetes()->Get(ObjectKind::kWorkflow, "w").error().Render(),
              Not(HasSubstr("hidden-token")));
  EXPECT_THAT(Server()->Get(ObjectKind::kWorkflow, "w").error().Render(),
              Not(HasSubstr("hidden-token")));
}

TEST_F(Client, CredentialsThatAreRefusedOnceAreMadeAnewOnce) {
  Serve([](TestConnection& connection, const TestConnection::Request&) {
    connection.Answer(401, "{}");
  });
  ClusterAccess access;
  access.exec =
      ExecPlugin{"client.authentication.k8s.io/v1",
                 "sh",
                 {"-c",
                  "printf '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": "
                  "\"ExecCredential\", \"status\": {\"token\": \"token-%s\"}}' $$"},
                 {},
                 "",
                 false};
  EXPECT_EQ(Kubernetes(access)->Get(ObjectKind::kWorkflow, "w").error().code(), ErrorCode::kDenied);
  ASSERT_EQ(seen().size(), 2U);
  EXPECT_NE(seen()[0].authorization, seen()[1].authorization);
}

TEST_F(Client, ALogIsStreamedAndAMissingPodIsNotFound) {
  Serve([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.find("/pods/w-1/log?container=main") == std::string::npos)
      return connection.Answer(404, R"({"message": "no pod"})");
    return connection.Answer(200, "one\ntwo\n");
  });
  StringSink sink(100);
  ASSERT_TRUE(Kubernetes()->ReadLog("w", "w-1", false, sink));
  EXPECT_EQ(sink.data(), "one\ntwo\n");
  EXPECT_EQ(Kubernetes()->ReadLog("w", "w-2", false, sink).error().code(), ErrorCode::kNotFound);
}

TEST_F(Client, AWatchAsksForBookmarksAndAnEnd) {
  Serve([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.find("watch=true") == std::string::npos) {
      return connection.Answer(
          200,
          R"({"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"name": "w", "uid": "u", "resourceVersion": "5"}}]})");
    }
    return connection.Answer(
        200,
        R"({"type": "MODIFIED", "object": {"metadata": {"name": "w", "uid": "u", "resourceVersion": "8"}}})"
        "\n");
  });
  int count = 0;
  ASSERT_TRUE(Kubernetes()->Follow("w", std::chrono::seconds(10),
                                   [&](const Value&) { return ++count < 2; }));
  EXPECT_THAT(seen()[0].line, HasSubstr("workflows?fieldSelector=metadata.name%3Dw"));
  EXPECT_THAT(seen()[1].line,
              HasSubstr("&watch=true&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=5"));
}

TEST_F(Client, TheArgoServerIsAskedAsItsCommandAsksIt) {
  Serve([](TestConnection& connection, const TestConnection::Request& request) {
    if (request.target.find("/log") != std::string::npos)
      return connection.Answer(
          200, "{\"result\": {\"content\": \"one\"}}\n{\"result\": {\"content\": \"two\"}}\n");
    return connection.Answer(200, "{}");
  });
  const auto service = Server();
  ASSERT_TRUE(service->Create(ObjectKind::kWorkflow, Value().Set("a", 1), CreateMode::kStore));
  ASSERT_TRUE(service->ShutDown("w", Shutdown::kStop));
  ASSERT_TRUE(service->ShutDown("w", Shutdown::kTerminate));
  StringSink sink(100);
  ASSERT_TRUE(service->ReadLog("w", "w-1", false, sink));
  EXPECT_EQ(sink.data(), "one\ntwo\n");
  std::vector<std::string> lines;
  for (const Seen& each : seen()) {
    lines.push_back(each.line);
    EXPECT_EQ(each.authorization, "Bearer hidden-token");
  }
  EXPECT_THAT(
      lines,
      ElementsAre("POST /base/api/v1/workflows/ns", "PUT /base/api/v1/workflows/ns/w/stop",
                  "PUT /base/api/v1/workflows/ns/w/terminate",
                  "GET /base/api/v1/workflows/ns/w/log?logOptions.container=main&podName=w-1"));
  EXPECT_EQ(seen()[0].body, R"({"namespace":"ns","workflow":{"a":1}})");
}

}  // namespace
}  // namespace holdfast::engines::argo
