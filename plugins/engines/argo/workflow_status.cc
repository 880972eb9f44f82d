#include "plugins/engines/argo/workflow_status.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

// Of an object that somebody else wrote: templates that call each other twice would be without end.
constexpr std::size_t kMostSteps = 20'000;
constexpr std::size_t kDeepest = 100;
// Tasks that are looked at: templates that call each other twice are more than anybody can wait for.
constexpr std::size_t kMostVisits = 200'000;

constexpr std::string_view kExitHandler = "onExit";

std::string TextAt(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* at = &value;
  for (const std::string_view key : path) {
    at = at->Find(key);
    if (at == nullptr) return {};
  }
  return at->is_string() ? at->AsString() : std::string();
}

const Value* At(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* at = &value;
  for (const std::string_view key : path) {
    if (at != nullptr) at = at->Find(key);
  }
  return at;
}

const Value::List& ListAt(const Value& value, std::initializer_list<std::string_view> path) {
  static const Value::List none;
  const Value* const found = At(value, path);
  return found != nullptr && found->is_list() ? found->AsList() : none;
}

Phase PhaseOf(const Value& node) {
  const std::string name = node.StringOr("phase", "");
  for (const Phase phase : {Phase::kPending, Phase::kRunning, Phase::kSucceeded, Phase::kFailed,
                            Phase::kError, Phase::kSkipped, Phase::kOmitted}) {
    if (NameOf(phase) == name) return phase;
  }
  return Phase::kNone;
}

// outputs.exitCode is a text; absent where no container ended.
std::optional<int> ExitCodeOf(const Value& node) {
  const std::string text = TextAt(node, {"outputs", "exitCode"});
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return code;
}

std::string TemplateOf(const Value& node) {
  const std::string name = node.StringOr("templateName", "");
  return name.empty() ? TextAt(node, {"templateRef", "template"}) : name;
}

// "x(2)" is the third try of "x": 2. nullopt for other names; "x(0:item)" is one of a loop.
std::optional<std::uint32_t> TryNumber(std::string_view name, std::string_view& base) {
  if (!name.ends_with(')')) return std::nullopt;
  const std::size_t open = name.rfind('(');
  if (open == std::string_view::npos) return std::nullopt;
  const std::string_view digits = name.substr(open + 1, name.size() - open - 2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size())
    return std::nullopt;
  base = name.substr(0, open);
  return number;
}

// A node that stands for others.
bool IsGroup(std::string_view type) {
  return type == "DAG" || type == "Steps" || type == "StepGroup" || type == "TaskGroup";
}

class Reader {
 public:
  explicit Reader(const Value& workflow) : workflow_(workflow) {}

  Result<RunStatus> Read() {
    if (!workflow_.is_map() || workflow_.StringOr("kind", "Workflow") != "Workflow")
      return InvalidInput("this is no Workflow object");
    out_.name = TextAt(workflow_, {"metadata", "name"});
    if (out_.name.empty()) return InvalidInput("the Workflow object has no name");
    out_.handle = out_.name;
    out_.name_space = TextAt(workflow_, {"metadata", "namespace"});
    out_.uid = TextAt(workflow_, {"metadata", "uid"});
    out_.resource_version = TextAt(workflow_, {"metadata", "resourceVersion"});
    out_.created = TextAt(workflow_, {"metadata", "creationTimestamp"});
    out_.started = TextAt(workflow_, {"status", "startedAt"});
    out_.finished = TextAt(workflow_, {"status", "finishedAt"});
    out_.message = TextAt(workflow_, {"status", "message"});
    out_.shutdown = TextAt(workflow_, {"spec", "shutdown"});
    out_.from_template = TextAt(workflow_, {"spec", "workflowTemplateRef", "name"});
    if (const Value* const status = workflow_.Find("status")) out_.phase = PhaseOf(*status);
    ReadParameters({"status", "storedWorkflowTemplateSpec", "arguments", "parameters"});
    ReadParameters({"spec", "arguments", "parameters"});
    if (const auto run = out_.parameters.find("run"); run != out_.parameters.end())
      out_.part_of = run->second;
    if (out_.part_of.empty())
      out_.part_of = TextAt(workflow_, {"metadata", "labels", kPartOfRunLabel});
    out_.nodes_unreadable = WhyNodesAreUnreadable();
    if (!out_.nodes_unreadable.empty()) return std::move(out_);
    ReadNodes();
    ListTasks();
    AddTheRest();
    return std::move(out_);
  }

 private:
  std::string WhyNodesAreUnreadable() const {
    if (!TextAt(workflow_, {"status", "compressedNodes"}).empty()) {
      const std::string why = TextAt(workflow_, {"status", kNodesUnreadable});
      return why.empty() ? "the workflow's nodes are compressed" : why;
    }
    if (At(workflow_, {"status", "nodes"}) == nullptr &&
        !TextAt(workflow_, {"status", "offloadNodeStatusVersion"}).empty()) {
      return "the workflow's nodes are kept in Argo's database, which only the Argo server reads "
             "(ARGO_SERVER)";
    }
    return {};
  }

  void ReadParameters(std::initializer_list<std::string_view> path) {
    for (const Value& parameter : ListAt(workflow_, path)) {
      const std::string name = parameter.StringOr("name", "");
      const Value* const value = parameter.Find("value");
      if (name.empty() || value == nullptr) continue;
      if (value->is_string()) out_.parameters[name] = value->AsString();
      if (value->is_int()) out_.parameters[name] = std::to_string(value->AsInt());
      if (value->is_bool()) out_.parameters[name] = value->AsBool() ? "true" : "false";
    }
  }

  // The nodes by their names: ids say nothing, and children are who came next.
  void ReadNodes() {
    const Value* const nodes = At(workflow_, {"status", "nodes"});
    if (nodes == nullptr || !nodes->is_map()) return;
    for (const auto& [id, node] : nodes->AsMap()) {
      if (node.is_map()) nodes_.emplace(node.StringOr("name", ""), &node);
    }
    for (const auto& [name, node] : nodes_) {
      std::string_view base;
      const auto number = TryNumber(name, base);
      if (!number) continue;
      const auto retry = nodes_.find(base);
      if (retry != nodes_.end() && retry->second->StringOr("type", "") == "Retry")
        tries_[std::string(base)].emplace(*number, node);
    }
  }

  // --- the tasks of the file -----------------------------------------------------------------------

  const Value* TemplateCalled(std::string_view name) const {
    for (const auto& path : {std::initializer_list<std::string_view>{"spec", "templates"},
                             std::initializer_list<std::string_view>{
                                 "status", "storedWorkflowTemplateSpec", "templates"}}) {
      for (const Value& candidate : ListAt(workflow_, path)) {
        if (candidate.StringOr("name", "") == name) return &candidate;
      }
    }
    return nullptr;
  }

  // Of a templateRef: as far as the controller has kept it in the object.
  const Value* StoredTemplate(const Value& reference) const {
    const Value* const stored = At(workflow_, {"status", "storedTemplates"});
    if (stored == nullptr) return nullptr;
    const bool cluster = reference.BoolOr("clusterScope", false);
    return stored->Find((cluster ? "cluster/" : "namespaced/") + reference.StringOr("name", "") +
                        "/" + reference.StringOr("template", ""));
  }

  std::string SpecText(std::string_view key) const {
    const std::string own = TextAt(workflow_, {"spec", key});
    return own.empty() ? TextAt(workflow_, {"status", "storedWorkflowTemplateSpec", key}) : own;
  }

  void ListTasks() {
    if (const Value* const entry = TemplateCalled(SpecText("entrypoint"))) Expand(*entry, "", 0);
    const std::string handler = SpecText("onExit");
    if (handler.empty()) return;
    const Value* const called = TemplateCalled(handler);
    if (called != nullptr) Expand(*called, std::string(kExitHandler), 0);
  }

  // The tasks of a template that stands at `path`; a template without any is a step itself.
  void Expand(const Value& called, const std::string& path, std::size_t depth) {
    const Value::List& tasks = ListAt(called, {"dag", "tasks"});
    if (tasks.empty()) {
      // Steps of another kind are found among the nodes.
      if (called.Find("steps") == nullptr) Add(path, called.StringOr("name", ""));
      return;
    }
    for (const Value& task : tasks) {
      if (out_.steps.size() >= kMostSteps || ++visits_ > kMostVisits) return;
      const std::string name = task.StringOr("name", "");
      // A gate: it never runs, and its node says nothing to people.
      if (name.empty() || task.StringOr("when", "") == "false") {
        gates_.insert(path.empty() ? name : path + "." + name);
        continue;
      }
      const std::string below = path.empty() ? name : path + "." + name;
      // A loop: its nodes have names of their own.
      if (task.Find("withItems") != nullptr || task.Find("withParam") != nullptr ||
          task.Find("withSequence") != nullptr) {
        continue;
      }
      const Value* const reference = task.Find("templateRef");
      const Value* const inner = reference != nullptr
                                     ? StoredTemplate(*reference)
                                     : TemplateCalled(task.StringOr("template", ""));
      if (inner != nullptr && inner->Find("steps") != nullptr) continue;  // found among the nodes
      if (inner != nullptr && inner->Find("dag") != nullptr && depth < kDeepest) {
        Expand(*inner, below, depth + 1);
      } else {
        Add(below, reference != nullptr ? reference->StringOr("template", "")
                                        : task.StringOr("template", ""));
      }
    }
  }

  void Add(const std::string& path, const std::string& template_name) {
    StepStatus step;
    step.path = path;
    step.task = path.substr(path.rfind('.') + 1);
    step.template_name = template_name;
    step.exit_handler = path == kExitHandler || path.starts_with("onExit.");
    const std::string name = path.empty() ? out_.name : out_.name + "." + path;
    if (path.empty()) step.task = step.path = template_name;
    if (!listed_.insert(name).second) return;
    if (const auto node = nodes_.find(name); node != nodes_.end()) Fill(step, *node->second);
    out_.steps.push_back(std::move(step));
  }

  // --- the nodes ---------------------------------------------------------------------------------------

  StepTry TryOf(const Value& node) const {
    StepTry out;
    out.node = node.StringOr("id", "");
    out.phase = PhaseOf(node);
    out.exit_code = ExitCodeOf(node);
    out.message = node.StringOr("message", "");
    out.started = node.StringOr("startedAt", "");
    out.finished = node.StringOr("finishedAt", "");
    // <workflow>-<template>-<number>, cut as Argo does (pod names v2), of the id <workflow>-<number>.
    constexpr std::size_t kLongestName = 253;
    constexpr std::size_t kHashWithDash = 11;
    const std::string number = out.node.substr(out.node.rfind('-') + 1);
    std::string prefix = out_.name + "-" + TemplateOf(node);
    if (out.node == out_.name) {
      out.pod = out_.name;  // the workflow is this one step
    } else {
      prefix.resize(std::min(prefix.size(), kLongestName - kHashWithDash));
      out.pod = prefix + "-" + number;
    }
    return out;
  }

  void Fill(StepStatus& step, const Value& node) const {
    step.phase = PhaseOf(node);
    if (const std::string name = TemplateOf(node); !name.empty()) step.template_name = name;
    step.exit_code = ExitCodeOf(node);
    step.message = node.StringOr("message", "");
    step.started = node.StringOr("startedAt", "");
    step.finished = node.StringOr("finishedAt", "");
    const std::string type = node.StringOr("type", "");
    const Value* own = &node;
    if (type == "Pod") {
      step.tries.push_back(TryOf(node));
    } else if (const auto found = tries_.find(node.StringOr("name", "")); found != tries_.end()) {
      for (const auto& [number, attempt] : found->second) step.tries.push_back(TryOf(*attempt));
      own = found->second.rbegin()->second;
      const StepTry& last = step.tries.back();
      step.between_tries = !IsFinal(step.phase) && IsFinal(last.phase);
      // "No more retries left" is not why. What a Retry waits for is.
      if (!step.between_tries && !last.message.empty()) step.message = last.message;
      if (!step.exit_code && IsFinal(step.phase)) step.exit_code = last.exit_code;
      // A Retry is Running at once, whatever its pod waits for.
      if (step.phase == Phase::kRunning && last.phase == Phase::kPending)
        step.phase = Phase::kPending;
    }
    // Of others than pods it is a sum over whatever comes after them.
    const std::string progress =
        own->StringOr("type", "") == "Pod" ? own->StringOr("progress", "") : std::string();
    if (progress != "0/1" && progress != "1/1") step.progress = progress;
  }

  void AddTheRest() {
    std::vector<const Value*> rest;
    for (const auto& [name, node] : nodes_) {
      std::string_view base;
      const bool is_try = TryNumber(name, base) && tries_.find(base) != tries_.end();
      if (is_try || listed_.contains(name) || IsGroup(node->StringOr("type", ""))) continue;
      const std::string path =
          name.starts_with(out_.name + ".") ? name.substr(out_.name.size() + 1) : name;
      if (gates_.contains(path)) continue;
      rest.push_back(node);
    }
    std::stable_sort(rest.begin(), rest.end(), [](const Value* a, const Value* b) {
      return a->StringOr("startedAt", "") < b->StringOr("startedAt", "");
    });
    for (const Value* const node : rest) {
      if (out_.steps.size() >= kMostSteps) return;
      StepStatus step;
      const std::string name = node->StringOr("name", "");
      const bool below = name.starts_with(out_.name + ".");
      step.path = below ? name.substr(out_.name.size() + 1) : name;
      step.task = node->StringOr("displayName", step.path);
      step.exit_handler = step.path == kExitHandler || step.path.starts_with("onExit.");
      Fill(step, *node);
      out_.steps.push_back(std::move(step));
    }
  }

  const Value& workflow_;
  RunStatus out_;
  std::size_t visits_ = 0;
  std::map<std::string, const Value*, std::less<>> nodes_;  // by name
  std::map<std::string, std::map<std::uint32_t, const Value*>, std::less<>> tries_;
  std::set<std::string> listed_;  // names of nodes that tasks stand for
  std::set<std::string> gates_;   // paths
};

}  // namespace

bool MayHaveParts(const RunStatus& run) {
  if (!run.part_of.empty()) return false;  // the parts of a part are those of the whole
  return !run.nodes_unreadable.empty() ||
         std::any_of(run.steps.begin(), run.steps.end(),
                     [](const StepStatus& step) { return step.template_name == kPartTemplate; });
}

void AddPart(RunStatus& run, const RunStatus& part) {
  const std::string prefix = run.uid + "-";
  const std::string name =
      part.name.starts_with(prefix) ? part.name.substr(prefix.size()) : part.name;
  std::vector<StepStatus> more = part.steps;
  for (StepStatus& step : more) {
    step.path = name + "." + step.path;
    step.workflow = part.name;
  }
  const auto behind = std::find_if(run.steps.begin(), run.steps.end(),
                                   [](const StepStatus& step) { return step.exit_handler; });
  run.steps.insert(behind, std::make_move_iterator(more.begin()),
                   std::make_move_iterator(more.end()));
}

Result<RunStatus> ReadWorkflowStatus(const Value& workflow) { return Reader(workflow).Read(); }

}  // namespace holdfast::engines::argo
