#include "runtime/local/scheduler.h"

#include <fmt/format.h>

#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/text.h"

namespace holdfast::local {
namespace {

// How a branch of the graph stands where it reaches a task. Argo walks from a DAG's first tasks
// along its edges; a node that ran sets the branch's phase, one that did not passes it on.
enum Branch : std::uint8_t { kSucceeded = 1, kFailed = 2, kError = 4, kEntry = 8 };

std::uint8_t BranchOf(Phase phase) {
  switch (phase) {
    case Phase::kSucceeded:
      return kSucceeded;
    case Phase::kFailed:
      return kFailed;
    case Phase::kError:
      return kError;
    case Phase::kPending:
    case Phase::kRunning:
    case Phase::kSkipped:
    case Phase::kOmitted:
      break;
  }
  return 0;
}

// Four bytes that sort as the number does.
std::string OrderOf(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xFFU);
  return bytes;
}

}  // namespace

Scheduler::Scheduler(const Workflow& workflow, SchedulerSettings settings)
    : workflow_(workflow),
      settings_(std::move(settings)),
      values_{ValuesOfWorkflow(workflow, settings_.run_id, settings_.parameters)} {}

void Scheduler::Start() {
  const NodeId root = AddNode(Role::kRoot, kNoNode, ".", workflow_.entrypoint.name, "");
  if (auto filled = FillInputs(nodes_[root], workflow_.entrypoint, kNoNode); !filled) {
    nodes_[root].visible = true;
    Fulfil(root, Phase::kError, filled.error().message());
  } else {
    Execute(root);
  }
  Drain();
}

void Scheduler::PodStarted(NodeId node) {
  if (nodes_[node].phase == Phase::kPending) nodes_[node].phase = Phase::kRunning;
}

void Scheduler::PodFinished(NodeId id, const PodResult& result) {
  Node& node = nodes_[id];
  node.exit_code = result.exit_code;
  if (IsFulfilled(node.phase)) {
    // Ended by us. One that answers the signal with success counts as Succeeded, but the verdict
    // was given when it was told to end.
    if (result.exit_code == 0) node.phase = Phase::kSucceeded;
    return;
  }
  running_.erase(id);
  const Phase phase = !result.exit_code        ? Phase::kError
                      : *result.exit_code == 0 ? Phase::kSucceeded
                                               : Phase::kFailed;
  Fulfil(id, phase, result.message);
  Drain();
}

void Scheduler::WaitOver(NodeId node) {
  if (complete_ || waiting_.erase(node) == 0) return;
  AddTry(node);
  Drain();
}

void Scheduler::SetSlots(std::size_t slots) {
  settings_.slots = slots;
  Drain();
}

bool Scheduler::stuck() const { return !complete_ && running_.empty() && waiting_.empty(); }

NodeId Scheduler::Find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kNoNode : found->second;
}

NodeInfo Scheduler::Info(NodeId id) const {
  const Node& node = nodes_[id];
  NodeInfo info;
  info.id = id;
  info.name = node.name;
  info.task = node.task;
  if (node.template_index != kNoNode)
    info.template_name = workflow_.templates[node.template_index].name;
  info.type = node.type;
  info.phase = node.phase;
  info.message = node.message;
  info.exit_code = node.exit_code;
  info.attempt = node.attempt;
  info.tries = node.tries;
  info.retry = node.retry;
  info.exit_handler = node.exit_scope;
  return info;
}

const RetryStrategy* Scheduler::RetryOf(NodeId id) const {
  const Node& node = nodes_[id];
  if (node.template_index == kNoNode) return nullptr;
  const auto& retry = workflow_.templates[node.template_index].retry;
  return retry ? &*retry : nullptr;
}

std::vector<NodeInfo> Scheduler::Nodes() const {
  std::vector<NodeInfo> infos;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (nodes_[id].visible) infos.push_back(Info(id));
  }
  return infos;
}

// --- Nodes ---------------------------------------------------------------------------------------

NodeId Scheduler::AddNode(Role role, NodeId parent, std::string name, std::string task,
                          std::string order) {
  const auto id = static_cast<NodeId>(nodes_.size());
  Node node;
  node.role = role;
  node.name = std::move(name);
  node.task = std::move(task);
  node.order = std::move(order);
  if (parent != kNoNode) {
    node.exit_scope = nodes_[parent].exit_scope;
    node.on_exit = nodes_[parent].on_exit;
  }
  by_name_.emplace(node.name, id);
  nodes_.push_back(std::move(node));
  return id;
}

// Chooses the template of a node, and fills its inputs.
Status Scheduler::FillInputs(Node& node, const TemplateCall& call, NodeId caller) {
  node.template_index = call.template_index;
  const Template& made = workflow_.templates[call.template_index];
  node.type = made.dag ? NodeType::kDag : made.retry ? NodeType::kRetry : NodeType::kPod;
  const Lookup of_caller = LookupFor(caller);
  node.scope = caller == kNoNode ? 0 : nodes_[caller].scope;
  if (call.child != kNoChild) {
    HOLDFAST_ASSIGN_OR_RETURN(WorkflowValues values, ValuesOfChild(workflow_.children[call.child],
                                                                   values_[node.scope], of_caller));
    node.scope = static_cast<std::uint32_t>(values_.size());
    values_.push_back(std::move(values));
  }
  HOLDFAST_ASSIGN_OR_RETURN(node.inputs,
                            local::FillInputs(workflow_, call, values_[node.scope], of_caller));
  return Ok();
}

Lookup Scheduler::LookupFor(NodeId id) const {
  static const std::map<std::string, std::string> kNone;
  if (id == kNoNode) return MakeLookup(values_.front(), kNone, nullptr, nullptr);
  const Node& node = nodes_[id];
  return MakeLookup(values_[node.scope], node.inputs, &node.task,
                    node.on_exit ? &status_ : nullptr);
}

void Scheduler::Show(NodeId id) {
  nodes_[id].visible = true;
  if (nodes_[id].retry != kNoNode) nodes_[nodes_[id].retry].visible = true;
}

void Scheduler::Execute(NodeId id) {
  Node& node = nodes_[id];
  const Template& made = workflow_.templates[node.template_index];
  // What may not start needs no lock: its pods fail at once.
  if (!made.mutexes.empty() && !node.holds_locks && !MayNotStart(node) && !AcquireLocks(id)) {
    node.visible = true;
    node.message = "Waiting for a lock";
    waiting_for_lock_.emplace(node.order, id);
    return;
  }
  node.message.clear();
  if (made.dag) {
    StartDag(id);
  } else if (made.retry) {
    node.phase = Phase::kRunning;
    AddTry(id);
  } else {
    Enqueue(id);
  }
}

void Scheduler::StartDag(NodeId id) {
  Node& node = nodes_[id];
  node.phase = Phase::kRunning;
  node.visible = true;
  const auto number = static_cast<std::uint32_t>(dags_.size());
  node.own_dag = number;
  DagInstance& dag = dags_.emplace_back();
  dag.node = id;
  dag.template_index = node.template_index;
  const auto& tasks = workflow_.templates[node.template_index].dag->tasks;
  dag.tasks.resize(tasks.size());
  for (std::uint32_t i = 0; i < tasks.size(); ++i) {
    dag.tasks[i].missing = static_cast<std::uint32_t>(tasks[i].depends.tasks().size());
    if (tasks[i].needed && dag.tasks[i].missing == 0) {
      ++dag.open;
      to_evaluate_.emplace_back(number, i);
    }
  }
}

void Scheduler::AddTry(NodeId retry) {
  const std::uint32_t number = nodes_[retry].tries++;
  const NodeId id = AddNode(Role::kTry, retry, fmt::format("{}({})", nodes_[retry].name, number),
                            nodes_[retry].task, nodes_[retry].order);
  Node& node = nodes_[id];
  node.type = NodeType::kPod;
  node.template_index = nodes_[retry].template_index;
  node.retry = retry;
  node.attempt = number;
  Enqueue(id);
}

void Scheduler::Enqueue(NodeId pod) {
  if (MayNotStart(nodes_[pod])) {
    Show(pod);
    Fulfil(pod, Phase::kFailed, WhyNotStarted());
    return;
  }
  const Node& named = nodes_[pod].retry == kNoNode ? nodes_[pod] : nodes_[nodes_[pod].retry];
  ready_.emplace((settings_.first.contains(named.task) ? "0" : "1") + nodes_[pod].order, pod);
}

void Scheduler::Dispatch() {
  const NodeId id = ready_.begin()->second;
  ready_.erase(ready_.begin());
  Show(id);
  auto command = CommandOf(id);
  if (!command) {
    Fulfil(id, Phase::kError, command.error().message());
    return;
  }
  running_.insert(id);
  actions_.push_back({Action::Kind::kStart, id, std::move(*command), {}});
}

Result<PodCommand> Scheduler::CommandOf(NodeId pod) const {
  const Node& node = nodes_[pod];
  const Template& made = workflow_.templates[node.template_index];
  const std::string number = std::to_string(node.attempt);
  const Lookup of_node = LookupFor(node.retry == kNoNode ? pod : node.retry);
  const Lookup lookup = [&](std::string_view name) -> const std::string* {
    if (name == "retries") return made.retry ? &number : nullptr;
    return of_node(name);
  };
  return FillCommand(made, lookup);
}

bool Scheduler::AcquireLocks(NodeId id) {
  const auto& names = workflow_.templates[nodes_[id].template_index].mutexes;
  for (const std::string& name : names) {
    if (locks_.contains(name)) return false;
  }
  for (const std::string& name : names) locks_[name] = id;
  nodes_[id].holds_locks = true;
  return true;
}

void Scheduler::ReleaseLocks(NodeId id) {
  if (!nodes_[id].holds_locks) return;
  nodes_[id].holds_locks = false;
  const auto& released = workflow_.templates[nodes_[id].template_index].mutexes;
  for (const std::string& name : released) locks_.erase(name);
  std::size_t free = released.size();
  std::vector<NodeId> next;
  for (auto entry = waiting_for_lock_.begin(); entry != waiting_for_lock_.end() && free > 0;) {
    if (!AcquireLocks(entry->second)) {
      ++entry;
      continue;
    }
    next.push_back(entry->second);
    entry = waiting_for_lock_.erase(entry);
    free = 0;
    for (const std::string& name : released) free += locks_.contains(name) ? 0 : 1;
  }
  for (const NodeId waiting : next) Execute(waiting);
}

// --- Events inside -------------------------------------------------------------------------------

void Scheduler::Fulfil(NodeId id, Phase phase, std::string message) {
  nodes_[id].phase = phase;
  nodes_[id].message = std::move(message);
  fulfilled_.push_back(id);
}

void Scheduler::Drain() {
  while (true) {
    if (!fulfilled_.empty()) {
      const NodeId id = fulfilled_.front();
      fulfilled_.pop_front();
      OnFulfilled(id);
    } else if (complete_) {  // NOLINT(bugprone-branch-clone): the order of the branches is the rule
      return;
    } else if (!to_evaluate_.empty()) {
      const auto [dag, task] = to_evaluate_.front();
      to_evaluate_.pop_front();
      EvaluateTask(dag, task);
    } else if (!ready_.empty() && (settings_.slots == 0 || running_.size() < settings_.slots)) {
      Dispatch();
    } else if (!ForceOneDag()) {
      return;
    }
  }
}

void Scheduler::EvaluateTask(std::uint32_t dag_number, std::uint32_t number) {
  DagInstance& dag = dags_[dag_number];
  if (dag.done) return;
  const Task& task = workflow_.templates[dag.template_index].dag->tasks[number];
  TaskState& state = dag.tasks[number];
  const std::string& path = nodes_[dag.node].name;
  const NodeId id = AddNode(Role::kTask, dag.node, path == "." ? task.name : path + "." + task.name,
                            task.name, nodes_[dag.node].order + OrderOf(number));
  state.node = id;
  Node& node = nodes_[id];
  node.dag = dag_number;
  node.task_index = number;
  state.in = task.depends.empty() ? kEntry : 0;
  for (const std::uint32_t dependency : task.depends.tasks()) state.in |= dag.tasks[dependency].out;

  node.visible = true;
  if (task.depends.over_limit()) {
    return Fulfil(id, Phase::kError,
                  fmt::format("unable to evaluate 'depends': it has {} nodes, {} are allowed",
                              task.depends.node_count(), DependsExpression::kMaxNodes));
  }
  if (!task.depends.Evaluate(
          [this, &dag](std::uint32_t t) { return nodes_[dag.tasks[t].node].phase; })) {
    return Fulfil(id, Phase::kOmitted, "omitted: depends condition not met");
  }
  if (task.when) {
    const auto when = task.when->text.Fill(LookupFor(dag.node));
    if (!when) return Fulfil(id, Phase::kError, when.error().message());
    const std::string_view value = Trim(*when);
    if (value == "false")
      return Fulfil(id, Phase::kSkipped, fmt::format("when '{}' evaluated false", value));
    if (value != "true")
      return Fulfil(id, Phase::kError, fmt::format("when '{}' is not true or false", value));
  }
  if (auto filled = FillInputs(node, task.call, dag.node); !filled) {
    node.type = NodeType::kSkipped;
    return Fulfil(id, Phase::kError, filled.error().message());
  }
  // A pod that waits for its slot has no node yet in Argo's eyes.
  node.visible = false;
  Execute(id);
}

void Scheduler::OnFulfilled(NodeId id) {
  fulfilled_log_.push_back(id);
  ReleaseLocks(id);
  switch (nodes_[id].role) {
    case Role::kTry:
      return OnTryFulfilled(id);
    case Role::kTask:
      return OnTaskFulfilled(id);
    case Role::kRoot:
      return OnRootFulfilled(id);
    case Role::kExitHandler:
      return Complete();
    case Role::kHook: {
      const std::uint32_t dag = nodes_[id].dag;
      NotifyDependents(dag, nodes_[id].task_index);
      CloseOne(dag);
      return;
    }
  }
}

void Scheduler::OnTryFulfilled(NodeId id) {
  const Node& last = nodes_[id];
  const NodeId retry = last.retry;
  const std::uint32_t tries = nodes_[retry].tries;
  const RetryStrategy& strategy = *workflow_.templates[last.template_index].retry;
  nodes_[retry].exit_code = last.exit_code;
  if (last.phase == Phase::kSucceeded) return Fulfil(retry, Phase::kSucceeded, "");
  if (shutdown_ != Shutdown::kNone) {
    return Fulfil(retry, last.phase, fmt::format("Stopped with strategy '{}'", NameOf(shutdown_)));
  }
  if (deadline_passed_) return Fulfil(retry, last.phase, "retry exceeded workflow deadline");
  if ((last.phase == Phase::kFailed && strategy.policy == RetryStrategy::Policy::kOnError) ||
      (last.phase == Phase::kError && strategy.policy == RetryStrategy::Policy::kOnFailure)) {
    return Fulfil(retry, last.phase, last.message);
  }
  std::optional<std::int64_t> limit = strategy.limit;
  if (strategy.limit_text) {
    const auto filled =
        FillInteger(*strategy.limit_text, LookupFor(retry), "the limit of retries", 0);
    if (!filled) return Fulfil(retry, Phase::kError, filled.error().message());
    limit = *filled;
  }
  if (limit && tries > *limit) return Fulfil(retry, last.phase, "No more retries left");
  if (strategy.expression) {
    const std::string status(NameOf(last.phase));
    const std::string code = std::to_string(last.exit_code.value_or(-1));
    const auto again =
        strategy.expression->EvaluateBool([&](std::string_view name) -> const std::string* {
          if (name == "lastRetry.status") return &status;
          if (name == "lastRetry.exitCode") return &code;
          return name == "lastRetry.message" ? &last.message : nullptr;
        });
    if (!again) return Fulfil(retry, Phase::kError, again.error().message());
    if (!*again) return Fulfil(retry, last.phase, "retryStrategy.expression evaluated to false");
  }
  const std::chrono::milliseconds wait = strategy.WaitAfter(tries);
  if (wait.count() == 0) return AddTry(retry);
  waiting_.insert(retry);
  actions_.push_back({Action::Kind::kWait, retry, {}, wait});
}

void Scheduler::OnTaskFulfilled(NodeId id) {
  const Node& node = nodes_[id];
  DagInstance& dag = dags_[node.dag];
  TaskState& state = dag.tasks[node.task_index];
  if (!IsCompleted(node.phase)) {
    state.out = state.in;
  } else if (node.own_dag == kNoNode) {
    state.out = BranchOf(node.phase);
  } else {
    // What comes after a nested DAG hangs on its targets, not on its own node.
    const DagInstance& inner = dags_[node.own_dag];
    for (const std::uint32_t target : workflow_.templates[inner.template_index].dag->targets) {
      state.out |= inner.tasks[target].out;
    }
    if ((state.out & kEntry) != 0)
      state.out = static_cast<std::uint8_t>((state.out & ~kEntry) | BranchOf(node.phase));
  }
  if (dag.done) return;
  const Task& task = workflow_.templates[dag.template_index].dag->tasks[node.task_index];
  if (task.exit_hook && IsCompleted(node.phase) && shutdown_ != Shutdown::kTerminate) {
    StartHook(node.dag, node.task_index);
  } else {
    NotifyDependents(node.dag, node.task_index);
  }
  CloseOne(node.dag);
}

void Scheduler::StartHook(std::uint32_t dag_number, std::uint32_t number) {
  DagInstance& dag = dags_[dag_number];
  const Task& task = workflow_.templates[dag.template_index].dag->tasks[number];
  const NodeId owner = dag.tasks[number].node;
  const NodeId id = AddNode(Role::kHook, dag.node, nodes_[owner].name + ".onExit", "onExit",
                            nodes_[owner].order + "h");
  dag.tasks[number].hook = id;
  ++dag.open;
  Node& node = nodes_[id];
  node.dag = dag_number;
  node.task_index = number;
  node.exit_scope = true;
  if (auto filled = FillInputs(node, *task.exit_hook, dag.node); !filled) {
    node.visible = true;
    return Fulfil(id, Phase::kError, filled.error().message());
  }
  Execute(id);
}

void Scheduler::NotifyDependents(std::uint32_t dag_number, std::uint32_t number) {
  DagInstance& dag = dags_[dag_number];
  if (dag.done) return;
  const auto& tasks = workflow_.templates[dag.template_index].dag->tasks;
  for (const std::uint32_t next : tasks[number].dependents) {
    if (--dag.tasks[next].missing != 0 || !tasks[next].needed) continue;
    ++dag.open;
    to_evaluate_.emplace_back(dag_number, next);
  }
}

void Scheduler::CloseOne(std::uint32_t dag_number) {
  DagInstance& dag = dags_[dag_number];
  HOLDFAST_CHECK(dag.open > 0);
  if (--dag.open == 0 && !dag.done) CompleteDag(dag_number);
}

void Scheduler::CompleteDag(std::uint32_t dag_number) {
  DagInstance& dag = dags_[dag_number];
  dag.done = true;
  const bool stopped = StopApplies(nodes_[dag.node]);
  Fulfil(dag.node, stopped ? Phase::kFailed : Verdict(dag), "");
}

Phase Scheduler::Verdict(const DagInstance& dag) const {
  const DagTemplate& made = *workflow_.templates[dag.template_index].dag;
  Phase verdict = Phase::kSucceeded;
  for (const std::uint32_t target : made.targets) {
    const TaskState& state = dag.tasks[target];
    const Phase own = nodes_[state.node].phase;
    const std::uint8_t branches = IsCompleted(own) ? BranchOf(own) : state.in;
    if ((branches & (kFailed | kError)) == 0) continue;
    verdict = (branches & kFailed) != 0 ? Phase::kFailed : Phase::kError;
    if (made.fail_fast) break;
  }
  return verdict;
}

void Scheduler::OnRootFulfilled(NodeId id) {
  root_done_ = true;
  root_phase_ = nodes_[id].phase;
  status_ = NameOf(root_phase_);
  if (!workflow_.on_exit || shutdown_ == Shutdown::kTerminate) return Complete();
  const NodeId handler = AddNode(Role::kExitHandler, kNoNode, "onExit", "onExit", "");
  Node& node = nodes_[handler];
  node.exit_scope = true;
  node.on_exit = true;
  if (auto filled = FillInputs(node, *workflow_.on_exit, kNoNode); !filled) {
    node.visible = true;
    return Fulfil(handler, Phase::kError, filled.error().message());
  }
  Execute(handler);
}

// An exit handler that fails turns a good run red, never a red one green.
void Scheduler::Complete() {
  complete_ = true;
  phase_ = root_phase_;
  const NodeId handler = Find("onExit");
  if (root_phase_ == Phase::kSucceeded && handler != kNoNode &&
      IsFailedOrError(nodes_[handler].phase)) {
    phase_ = nodes_[handler].phase;
  }
}

}  // namespace holdfast::local
