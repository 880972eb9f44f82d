#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/phase.h"
#include "runtime/local/pod_command.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = std::numeric_limits<NodeId>::max();

// Stop: no further step starts, running ones are ended, the exit handler runs. Terminate: that
// does not run either.
enum class Shutdown : std::uint8_t { kNone, kStop, kTerminate };
std::string_view NameOf(Shutdown strategy);

struct SchedulerSettings {
  std::string run_id;                             // {{workflow.uid}}
  std::map<std::string, std::string> parameters;  // of ResolveParameters()
  std::size_t slots = 0;                          // most pods at once; 0 = no limit
  // Tasks that get a free slot before others that are ready; among themselves in file order.
  std::set<std::string> first;
};

// How a pod ended.
struct PodResult {
  std::optional<int> exit_code;  // none: it never got one (phase Error)
  std::string message;
};

// What the scheduler wants done.
struct Action {
  enum class Kind : std::uint8_t {
    kStart,  // start the pod `node` with `command`; then PodStarted(), in the end PodFinished()
    kKill,   // end the pod `node`; its node is Failed already. PodFinished() may still be called
    kWait,   // call WaitOver(node) after `wait`
  };
  Kind kind = Kind::kStart;
  NodeId node = kNoNode;
  PodCommand command;
  std::chrono::milliseconds wait{0};
};

// A node as others see it.
struct NodeInfo {
  NodeId id = kNoNode;
  std::string name;           // path below the workflow, "." for its root; a try is "x(0)"
  std::string task;           // the task's own name
  std::string template_name;  // empty when none was chosen
  NodeType type = NodeType::kPod;
  Phase phase = Phase::kPending;
  std::string message;
  std::optional<int> exit_code;
  std::uint32_t attempt = 0;  // of a try: 0, 1 ...
  std::uint32_t tries = 0;    // of a Retry node: how many there were
  NodeId retry = kNoNode;     // of a try: its Retry node
  bool exit_handler = false;  // onExit, an exit hook, or below one
};

// Argo's scheduler as a state machine: no processes, no clock, no files. Events go in, actions
// come out; the same events give the same actions. Tasks that are ready start in file order,
// those of SchedulerSettings::first before the others. One
// event costs time in proportion to what it changes, not to the size of the workflow; nothing
// recurses over chains of tasks. (design: argo; docs/reference/argo-subset.md)
//
// Use: Start(), then in turns TakeActions() and the event functions until complete(). Events about
// a node that is fulfilled, or after the end, change no verdict. One thread at a time.
class Scheduler {
 public:
  // `workflow` is borrowed and outlives this.
  Scheduler(const Workflow& workflow, SchedulerSettings settings);

  void Start();
  void PodStarted(NodeId node);
  void PodFinished(NodeId node, const PodResult& result);
  void WaitOver(NodeId node);
  void Stop(Shutdown strategy);
  // activeDeadlineSeconds of the workflow has passed.
  void DeadlinePassed();
  // Changes how many pods may run at once from now on.
  void SetSlots(std::size_t slots);

  std::vector<Action> TakeActions() { return std::exchange(actions_, {}); }

  // The nodes that were fulfilled since the last call, in order.
  std::vector<NodeId> TakeFulfilled() { return std::exchange(fulfilled_log_, {}); }

  bool complete() const { return complete_; }
  // Running until complete().
  Phase phase() const { return phase_; }
  // The verdict is known; only the exit handler may still run.
  bool verdict_known() const { return root_done_; }
  Shutdown shutdown() const { return shutdown_; }
  // A shutdown came before the verdict, or ended the exit handler.
  bool stopped() const { return stopped_; }
  // Nothing runs, waits or can start, and it is not complete: tasks wait for a lock that their own
  // caller holds.
  bool stuck() const;

  NodeInfo Info(NodeId node) const;
  // How a Retry node is tried again; nullptr for others. Borrowed from the workflow.
  const RetryStrategy* RetryOf(NodeId node) const;
  // All nodes that Argo would show, in the order of their making.
  std::vector<NodeInfo> Nodes() const;
  // kNoNode when there is none.
  NodeId Find(const std::string& name) const;

 private:
  enum class Role : std::uint8_t { kRoot, kExitHandler, kTask, kHook, kTry };
  struct Node {
    std::string name;
    std::string task;
    std::string order;  // sorts as the file does
    std::map<std::string, std::string> inputs;
    std::string message;
    std::optional<int> exit_code;
    std::uint32_t template_index = kNoNode;
    std::uint32_t scope = 0;          // the Workflow that it stands in: whose workflow.* it knows
    std::uint32_t dag = kNoNode;      // the instance that it stands in
    std::uint32_t task_index = 0;     // in that DAG
    std::uint32_t own_dag = kNoNode;  // the instance that it is, for a DAG node
    NodeId retry = kNoNode;
    std::uint32_t tries = 0;
    std::uint32_t attempt = 0;
    Role role = Role::kTask;
    NodeType type = NodeType::kSkipped;
    Phase phase = Phase::kPending;
    bool exit_scope = false;  // runs on Stop
    bool on_exit = false;     // below spec.onExit: {{workflow.status}} is known
    bool visible = false;
    bool holds_locks = false;
  };
  // The phases that reach a task along the paths of the graph, for the verdict of targets that did
  // not run (bits of Branch).
  struct TaskState {
    NodeId node = kNoNode;
    NodeId hook = kNoNode;
    std::uint32_t missing = 0;  // dependencies that have not ended
    std::uint8_t in = 0;
    std::uint8_t out = 0;
  };
  struct DagInstance {
    NodeId node = kNoNode;
    std::uint32_t template_index = 0;
    std::vector<TaskState> tasks;
    std::uint32_t open = 0;  // tasks and hooks that are queued, wait or run
    bool done = false;
  };
  using Ordered = std::set<std::pair<std::string, NodeId>>;

  NodeId AddNode(Role role, NodeId parent, std::string name, std::string task, std::string order);
  Status FillInputs(Node& node, const TemplateCall& call, NodeId caller);
  Lookup LookupFor(NodeId node) const;
  void Execute(NodeId id);
  void StartDag(NodeId id);
  void AddTry(NodeId retry);
  void Enqueue(NodeId pod);
  void Dispatch();
  Result<PodCommand> CommandOf(NodeId pod) const;
  bool AcquireLocks(NodeId id);
  void ReleaseLocks(NodeId id);

  void Drain();
  void EvaluateTask(std::uint32_t dag, std::uint32_t task);
  void Fulfil(NodeId id, Phase phase, std::string message);
  void OnFulfilled(NodeId id);
  void OnTryFulfilled(NodeId id);
  void OnTaskFulfilled(NodeId id);
  void OnRootFulfilled(NodeId id);
  void StartHook(std::uint32_t dag, std::uint32_t task);
  void NotifyDependents(std::uint32_t dag, std::uint32_t task);
  void CloseOne(std::uint32_t dag);
  void CompleteDag(std::uint32_t dag);
  Phase Verdict(const DagInstance& dag) const;
  bool ForceOneDag();
  void Complete();

  bool StopApplies(const Node& node) const;
  bool MayNotStart(const Node& node) const;
  std::string WhyNotStarted() const;
  void FailAll();
  void Show(NodeId id);

  const Workflow& workflow_;  // Not owned; outlives this
  SchedulerSettings settings_;
  std::deque<WorkflowValues> values_;  // by scope: of the workflow itself, then of its children
  std::string status_;                 // workflow.status

  std::deque<Node> nodes_;
  std::deque<DagInstance> dags_;
  std::unordered_map<std::string, NodeId> by_name_;
  std::deque<NodeId> fulfilled_;
  std::vector<NodeId> fulfilled_log_;
  std::deque<std::pair<std::uint32_t, std::uint32_t>> to_evaluate_;  // (DAG instance, task)
  Ordered ready_;                                                    // pods that wait for a slot
  Ordered waiting_for_lock_;
  std::set<NodeId> waiting_;  // Retry nodes between two tries
  std::set<NodeId> running_;  // pods that take a slot
  std::map<std::string, NodeId> locks_;
  std::vector<Action> actions_;
  std::uint32_t force_below_ = 0;  // DAG instances that a shutdown has still to look at

  Shutdown shutdown_ = Shutdown::kNone;
  bool stopped_ = false;
  bool deadline_passed_ = false;
  bool root_done_ = false;
  bool complete_ = false;
  Phase phase_ = Phase::kRunning;
  Phase root_phase_ = Phase::kRunning;
};

}  // namespace holdfast::local
