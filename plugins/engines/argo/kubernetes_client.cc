#include "plugins/engines/argo/kubernetes_client.h"

#include <fmt/format.h>

#include "plugins/engines/argo/follow.h"
#include "plugins/engines/argo/node_archive.h"
#include "plugins/engines/argo/object_list.h"
#include "plugins/engines/argo/watch_lines.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

// A workflow has 1 MiB at most, and nodes beyond that are compressed.
constexpr int kPage = 25;

std::string_view PluralOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kWorkflow:
      return "workflows";
    case ObjectKind::kWorkflowTemplate:
      return "workflowtemplates";
    case ObjectKind::kCronWorkflow:
      return "cronworkflows";
  }
  return "workflows";
}

class KubernetesClient final : public WorkflowService {
 public:
  KubernetesClient(ClusterAccess access, const ServiceParts& parts, MakeTransport make_transport)
      : caller_(std::move(access), parts, std::move(make_transport)), parts_(parts) {}

  const std::string& name_space() const override { return caller_.access().name_space; }
  std::string Place() const override {
    return "namespace " + Printable(name_space()) + " of " + caller_.Origin();
  }

  Result<Value> Create(ObjectKind kind, const Value& object, CreateMode mode) override {
    Call call;
    call.method = net::HttpMethod::kPost;
    call.target = Collection(kind) + "?fieldValidation=Strict&fieldManager=holdfast";
    if (mode == CreateMode::kCheckOnly) call.target += "&dryRun=All";
    HOLDFAST_ASSIGN_OR_RETURN(call.body, DumpJson(object));
    call.repeatable =
        true;  // it has a name: the second one is a conflict, which the caller looks into
    return Checked(kind, caller_.SendForResponse(call));
  }

  Result<Value> Get(ObjectKind kind, const std::string& name) override {
    Call call;
    call.target = Collection(kind) + "/" + net::PercentEncoded(name);
    HOLDFAST_ASSIGN_OR_RETURN(Value object, Checked(kind, caller_.SendForResponse(call)));
    ExpandReadableNodes(object);
    return object;
  }

  Result<std::vector<Value>> List(ObjectKind kind, const std::string& labels) override {
    return ReadObjectList(
        {Collection(kind), "", kPage, labels, caller_.Origin()},
        [this, kind](const Call& call) { return Checked(kind, caller_.SendForResponse(call)); });
  }

  Status ShutDown(const std::string& workflow, Shutdown how) override {
    Call call;
    call.method = net::HttpMethod::kPatch;
    call.target = Collection(ObjectKind::kWorkflow) + "/" + net::PercentEncoded(workflow) +
                  "?fieldManager=holdfast";
    call.content_type = "application/merge-patch+json";
    HOLDFAST_ASSIGN_OR_RETURN(call.body,
                              DumpJson(Value().Set("spec", Value().Set("shutdown", NameOf(how)))));
    call.repeatable = true;
    const auto patched = Checked(ObjectKind::kWorkflow, caller_.SendForResponse(call));
    if (!patched) return patched.error();
    return Ok();
  }

  Status Follow(const std::string& workflow, std::chrono::milliseconds patience,
                const See& see) override {
    WatchSource source;
    source.list = [this](const std::string& name) { return ListOne(name); };
    source.watch = [this](const std::string& name, const std::string& version,
                          const std::function<Status(const WatchEvent&)>& take) {
      return Watch(name, version, take);
    };
    return FollowWorkflow(source, workflow, patience, *parts_.clock, net::RealWait(),
                          parts_.cancellation, see);
  }

  Status ReadLog(const std::string&, const std::string& pod, bool follow, ByteSink& sink) override {
    Call call;
    call.target = "/api/v1/namespaces/" + net::PercentEncoded(name_space()) + "/pods/" +
                  net::PercentEncoded(pod) + "/log?container=main";
    if (follow) call.target += "&follow=true";
    call.sink = &sink;
    // A step may be silent for as long as it takes.
    if (follow) call.deadline = std::chrono::hours(24 * 30);
    const auto response = caller_.SendForResponse(call);
    if (!response) return response.error();
    if (response->status == 404) {
      return NotFound("there is no pod " + Printable(pod) + " in " + Place())
          .Hint("pods go when podGC or somebody removes them; the step's outcome is in its record");
    }
    if (!response->ok()) return caller_.ErrorOf(*response);
    return Ok();
  }

 private:
  std::string Collection(ObjectKind kind) const {
    return "/apis/argoproj.io/v1alpha1/namespaces/" + net::PercentEncoded(name_space()) + "/" +
           std::string(PluralOf(kind));
  }

  // A response as its JSON. Of a 404 the server says whether it knows the object or the kind is unknown.
  Result<Value> Checked(ObjectKind kind, const Result<net::HttpResponse>& response) const {
    if (!response) return response.error();
    if (response->ok()) return caller_.JsonOf(*response);
    Error error = caller_.ErrorOf(*response);
    if (response->status != 404) return error;
    const auto value = ParseJson(response->body, caller_.Origin());
    const Value* const details = value && value->is_map() ? value->Find("details") : nullptr;
    if (details != nullptr && !details->StringOr("name", "").empty()) {
      return NotFound(fmt::format("there is no {} {} in {}", NameOf(kind),
                                  Printable(details->StringOr("name", "")), Place()));
    }
    return NotFound("Argo is not installed in " + caller_.Origin() + ": it does not know " +
                    std::string(PluralOf(kind)) + ".argoproj.io")
        .Hint("is this the right cluster (--context)? Else apply Argo's installation first");
  }

  std::string OneOf(const std::string& name) const {
    return Collection(ObjectKind::kWorkflow) +
           "?fieldSelector=" + net::PercentEncoded("metadata.name=" + name);
  }

  // A list, and no get: a watch wants the version of one.
  Result<Listed> ListOne(const std::string& name) {
    Call call;
    call.target = OneOf(name);
    HOLDFAST_ASSIGN_OR_RETURN(const Value list,
                              Checked(ObjectKind::kWorkflow, caller_.SendForResponse(call)));
    Listed out;
    if (const Value* const metadata = list.Find("metadata"))
      out.resource_version = metadata->StringOr("resourceVersion", "");
    const Value* const items = list.Find("items");
    if (items != nullptr && items->is_list() && !items->AsList().empty()) {
      out.workflow = items->AsList().front();
      ExpandReadableNodes(*out.workflow);
    }
    return out;
  }

  Status Watch(const std::string& name, const std::string& version,
               const std::function<Status(const WatchEvent&)>& take) {
    const auto grace =
        std::max<std::chrono::milliseconds>(std::chrono::seconds(2), parts_.watch_for / 4);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(parts_.watch_for);
    LineSink lines = EventSink(take);
    Call call;
    call.target = OneOf(name) + "&watch=true&allowWatchBookmarks=true&resourceVersion=" +
                  net::PercentEncoded(version) +
                  fmt::format("&timeoutSeconds={}", std::max<std::int64_t>(1, seconds.count()));
    call.sink = &lines;
    // The server ends it by then; who does not is gone.
    call.deadline = parts_.watch_for + grace;
    const auto response = caller_.SendForResponse(call);
    if (!response) return response.error();
    if (response->ok()) return Ok();
    constexpr int kGone = 410;
    if (response->status != kGone) return caller_.ErrorOf(*response);
    WatchEvent expired;
    expired.kind = WatchEvent::Kind::kExpired;
    expired.message = "the version is too old";
    return take(expired);
  }

  RestCaller caller_;
  const ServiceParts parts_;
};

}  // namespace

std::unique_ptr<WorkflowService> MakeKubernetesClient(ClusterAccess access,
                                                      const ServiceParts& parts,
                                                      MakeTransport make_transport) {
  return std::make_unique<KubernetesClient>(std::move(access), parts, std::move(make_transport));
}

}  // namespace holdfast::engines::argo
