#include "plugins/engines/argo/argo_server_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/engines/argo/follow.h"
#include "plugins/engines/argo/node_archive.h"
#include "plugins/engines/argo/object_list.h"
#include "plugins/engines/argo/watch_lines.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

// A workflow has 1 MiB at most, and this server expands compressed nodes.
constexpr int kPage = 10;

// As Go's strconv.ParseBool.
Result<bool> TruthOf(const std::string& name, const std::optional<std::string>& text,
                     bool fallback) {
  if (!text || text->empty()) return fallback;
  for (const char* const word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (*text == word) return true;
  }
  for (const char* const word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (*text == word) return false;
  }
  return InvalidInput(name + " is true or false, not '" + Printable(*text) + "'");
}

std::string_view PathOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kWorkflow:
      return "workflows";
    case ObjectKind::kWorkflowTemplate:
      return "workflow-templates";
    case ObjectKind::kCronWorkflow:
      return "cron-workflows";
  }
  return "workflows";
}

std::string_view FieldOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kWorkflow:
      return "workflow";
    case ObjectKind::kWorkflowTemplate:
      return "template";
    case ObjectKind::kCronWorkflow:
      return "cronWorkflow";
  }
  return "workflow";
}

class ArgoServerClient final : public WorkflowService {
 public:
  ArgoServerClient(ArgoServer server, const ServiceParts& parts, MakeTransport make_transport)
      : caller_(std::move(server.access), parts, std::move(make_transport)), parts_(parts) {
    if (!server.authorization.empty()) caller_.set_authorization(std::move(server.authorization));
  }

  const std::string& name_space() const override { return caller_.access().name_space; }
  std::string Place() const override {
    return "namespace " + Printable(name_space()) + " of the Argo server " + caller_.Origin();
  }

  Result<Value> Create(ObjectKind kind, const Value& object, CreateMode mode) override {
    Call call;
    call.method = net::HttpMethod::kPost;
    call.target = Collection(kind);
    Value body = Value().Set("namespace", name_space()).Set(std::string(FieldOf(kind)), object);
    if (mode == CreateMode::kCheckOnly) {
      if (kind == ObjectKind::kWorkflow) body.Set("serverDryRun", true);
      body.Set("createOptions", Value().Set("dryRun", Value::List{"All"}));
    }
    HOLDFAST_ASSIGN_OR_RETURN(call.body, DumpJson(body));
    call.repeatable = true;
    return caller_.SendForValue(call);
  }

  Result<Value> Get(ObjectKind kind, const std::string& name) override {
    Call call;
    call.target = Collection(kind) + "/" + net::PercentEncoded(name);
    HOLDFAST_ASSIGN_OR_RETURN(const net::HttpResponse response, caller_.SendForResponse(call));
    if (response.status == 404) {
      return NotFound(
          fmt::format("there is no {} {} in {}", NameOf(kind), Printable(name), Place()));
    }
    if (!response.ok()) return caller_.ErrorOf(response);
    HOLDFAST_ASSIGN_OR_RETURN(Value object, caller_.JsonOf(response));
    ExpandReadableNodes(object);
    return object;
  }

  Result<std::vector<Value>> List(ObjectKind kind, const std::string& labels) override {
    return ReadObjectList({Collection(kind), "listOptions.", kPage, labels, caller_.Origin()},
                          [this](const Call& call) { return caller_.SendForValue(call); });
  }

  Status ShutDown(const std::string& workflow, Shutdown how) override {
    Call call;
    call.method = net::HttpMethod::kPut;
    call.target = Collection(ObjectKind::kWorkflow) + "/" + net::PercentEncoded(workflow) +
                  (how == Shutdown::kStop ? "/stop" : "/terminate");
    HOLDFAST_ASSIGN_OR_RETURN(
        call.body, DumpJson(Value().Set("namespace", name_space()).Set("name", workflow)));
    call.repeatable = true;
    const auto answer = caller_.Send(call);
    if (!answer) return answer.error();
    return Ok();
  }

  Status Follow(const std::string& workflow, std::chrono::milliseconds patience,
                const See& see) override {
    WatchSource source;
    source.list = [this](const std::string& name) -> Result<Listed> {
      auto object = Get(ObjectKind::kWorkflow, name);
      if (!object && object.error().code() == ErrorCode::kNotFound)
        return Listed{std::nullopt, "0"};
      if (!object) return std::move(object).error();
      return Listed{std::move(*object), "0"};
    };
    source.watch = [this](const std::string& name, const std::string&,
                          const std::function<Status(const WatchEvent&)>& take) {
      return Watch(name, take);
    };
    return FollowWorkflow(source, workflow, patience, *parts_.clock, net::RealWait(),
                          parts_.cancellation, see);
  }

  Status ReadLog(const std::string& workflow, const std::string& pod, bool follow,
                 ByteSink& sink) override {
    LineSink lines([&sink](std::string_view line) -> Status {
      const auto value = ParseJson(Trim(line), "log");
      if (!value || !value->is_map()) return Corrupt("a line of the log's stream is no JSON");
      if (const Value* const error = value->Find("error"))
        return Unavailable("the log ended: " + Printable(error->StringOr("message", "")));
      const Value* const result = value->Find("result");
      if (result == nullptr) return Ok();
      return sink.Write(AsBytes(result->StringOr("content", "") + "\n"));
    });
    Call call;
    call.target = Collection(ObjectKind::kWorkflow) + "/" + net::PercentEncoded(workflow) +
                  "/log?logOptions.container=main&podName=" + net::PercentEncoded(pod);
    if (follow) {
      call.target += "&logOptions.follow=true";
      call.deadline = std::chrono::hours(24 * 30);
    }
    call.sink = &lines;
    const auto answer = caller_.Send(call);
    if (!answer) return answer.error();
    return Ok();
  }

 private:
  std::string Collection(ObjectKind kind) const {
    return "/api/v1/" + std::string(PathOf(kind)) + "/" + net::PercentEncoded(name_space());
  }

  // Without a version: the server begins with the workflow as it is then, and what was seen already is known
  // by its version. So nothing can be too old.
  Status Watch(const std::string& name, const std::function<Status(const WatchEvent&)>& take) {
    constexpr auto kGrace = std::chrono::seconds(15);
    LineSink lines = EventSink(take);
    Call call;
    call.target = "/api/v1/workflow-events/" + net::PercentEncoded(name_space()) +
                  "?listOptions.fieldSelector=" + net::PercentEncoded("metadata.name=" + name);
    call.sink = &lines;
    // It does not always end by itself; then the next one does.
    call.longest_silence = parts_.watch_for;
    call.deadline = std::max<std::chrono::milliseconds>(parts_.watch_for * 10, kGrace);
    const auto answer = caller_.Send(call);
    if (!answer) return answer.error();
    return Ok();
  }

  RestCaller caller_;
  const ServiceParts parts_;
};

}  // namespace

Result<std::optional<ArgoServer>> ArgoServerOf(const net::Environment& environment,
                                               const std::string& name_space) {
  const auto address = environment("ARGO_SERVER");
  if (!address || address->empty()) return std::optional<ArgoServer>();
  if (address->find("://") != std::string::npos) {
    return InvalidInput("ARGO_SERVER is HOST:PORT, without http:// or https://")
        .Hint("ARGO_SECURE=false means http");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const bool secure,
                            TruthOf("ARGO_SECURE", environment("ARGO_SECURE"), true));
  ArgoServer out;
  HOLDFAST_ASSIGN_OR_RETURN(
      out.access.skip_verify,
      TruthOf("ARGO_INSECURE_SKIP_VERIFY", environment("ARGO_INSECURE_SKIP_VERIFY"), false));
  std::string base = environment("ARGO_BASE_HREF").value_or("");
  if (!base.empty() && !base.starts_with('/')) base.insert(0, 1, '/');
  out.access.server = (secure ? "https://" : "http://") + *address + base;
  const auto url = net::ParseUrl(out.access.server);
  if (!url || !url->user_info.empty()) return InvalidInput("ARGO_SERVER is HOST:PORT");
  out.access.name_space =
      name_space.empty() ? environment("ARGO_NAMESPACE").value_or("") : name_space;
  if (out.access.name_space.empty()) out.access.name_space = "default";
  out.authorization = std::string(Trim(environment("ARGO_TOKEN").value_or("")));
  // `argo auth token` writes "Bearer ..." with it.
  if (!out.authorization.empty() && out.authorization.find(' ') == std::string::npos)
    out.authorization.insert(0, "Bearer ");
  for (const char c : out.authorization) {
    if (c < ' ' || c >= '\x7f') return InvalidInput("ARGO_TOKEN has a character that no token has");
  }
  return std::optional<ArgoServer>(std::move(out));
}

std::unique_ptr<WorkflowService> MakeArgoServerClient(ArgoServer server, const ServiceParts& parts,
                                                      MakeTransport make_transport) {
  return std::make_unique<ArgoServerClient>(std::move(server), parts, std::move(make_transport));
}

}  // namespace holdfast::engines::argo
