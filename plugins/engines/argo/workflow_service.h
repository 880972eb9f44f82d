#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "plugins/engines/argo/workflow_status.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::engines::argo {

enum class ObjectKind { kWorkflow, kWorkflowTemplate, kCronWorkflow };
std::string_view NameOf(ObjectKind kind);  // "Workflow"

enum class Shutdown { kStop, kTerminate };
std::string_view NameOf(Shutdown shutdown);  // as spec.shutdown has it

enum class CreateMode {
  kStore,
  kCheckOnly,  // the server checks it in full and stores nothing
};

// Where runs of Argo are made, watched and stopped: a namespace, over the Kubernetes API or over the Argo
// server. Objects are those of Argo, their compressed nodes expanded.
//
// Every call has a deadline, tries again what may be tried again, and has these errors: kDenied (401, 403, a
// certificate), kNotFound (the object; with a hint when Argo is not installed there at all), kConflict
// (exists already), kInvalidInput (refused, a cause for each field), kUnavailable. No error holds a token.
// One thread.
class WorkflowService {
 public:
  virtual ~WorkflowService() = default;
  virtual const std::string& name_space() const = 0;
  // For people: "namespace argo of https://host:6443".
  virtual std::string Place() const = 0;

  // `object` has a name of its own (no generateName): so the call can be made again without making two.
  // Returns it as stored. Unknown fields are refused.
  virtual Result<Value> Create(ObjectKind kind, const Value& object, CreateMode mode) = 0;
  virtual Result<Value> Get(ObjectKind kind, const std::string& name) = 0;
  // All of a kind, in no order; with a label selector ("key=value") those that have it.
  virtual Result<std::vector<Value>> List(ObjectKind kind, const std::string& labels = {}) = 0;
  // Of a workflow that has not ended. Again: success.
  virtual Status ShutDown(const std::string& workflow, Shutdown how) = 0;

  // Calls `see` with the workflow as it is now, and then with each state that is seen, until it returns
  // false; with the last one again after a `watch_for` without a new one, for who looks at what it does not hold. States in between may be missed; connections that end, 410 Gone and servers that are away for
  // up to `patience` are survived. kNotFound when it is deleted. kUnavailable when `cancellation` is set.
  using See = std::function<bool(const Value& workflow)>;
  virtual Status Follow(const std::string& workflow, std::chrono::milliseconds patience,
                        const See& see) = 0;

  // The log of a pod's main container; with `follow` until it ends.
  virtual Status ReadLog(const std::string& workflow, const std::string& pod, bool follow,
                         ByteSink& sink) = 0;
};

// The parts of a run: of those with its label, which anybody may set, the ones that have the run as their parameter,
// too.
Result<std::vector<RunStatus>> PartsOf(WorkflowService& service, const std::string& run);

// What a user said of where.
struct ClusterChoice {
  std::string kubeconfig;  // empty: KUBECONFIG, else ~/.kube/config, else the pod's own account
  std::string context;     // empty: the current one
  std::string name_space;  // empty: the context's
};

// None of the pointers is owned; all outlive the service.
struct ServiceParts {
  ClusterChoice where;
  ProcessRunner* processes = nullptr;
  const Clock* clock = nullptr;
  Logger* log = nullptr;                       // may be nullptr
  const Cancellation* cancellation = nullptr;  // may be nullptr
  // The bounds of one call, and of one watch before it is made anew.
  std::chrono::milliseconds call_deadline{60'000};
  std::chrono::milliseconds watch_for{60'000};
};

// How a program opens the module that holds the client (module.cc): holdfast_argo_open.
using OpenService = void (*)(const ServiceParts& parts,
                             Result<std::unique_ptr<WorkflowService>>& service);
inline constexpr const char* kOpenServiceSymbol = "holdfast_argo_open";
inline constexpr const char* kServiceModule = "engine_argo";

}  // namespace holdfast::engines::argo
