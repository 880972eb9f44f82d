#include "plugins/engines/mistral/executions.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "plugins/engines/mistral/answers.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/net/url.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::engines::mistral {

namespace {

using std::chrono::milliseconds;

// Names that the compiler gives to what frames a sub-workflow (compiler/emit/mistral).
constexpr std::string_view kGate = "gate";
constexpr std::string_view kVerdict = "verdict";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kWorkflowTask = "WORKFLOW";
// A parameter of ours: of the environment itself Mistral keeps the variables, and not the name.
constexpr std::string_view kEnvironmentName = "holdfast_environment";
constexpr std::string_view kEndedByHand =
    "somebody has called it a success before its last step: it is none";
// Sub-workflows of an object that somebody else wrote.
constexpr int kDeepest = 100;
constexpr std::size_t kMostMessage = 2000;

// WAITING and IDLE: its inbound links have not all fired.
Phase PhaseOf(std::string_view state) {
  if (state == "SUCCESS") return Phase::kSucceeded;
  if (state == "ERROR") return Phase::kFailed;
  if (state == "CANCELLED") return Phase::kError;
  if (state == "SKIPPED") return Phase::kSkipped;
  if (state == "WAITING" || state == "IDLE") return Phase::kNone;
  return Phase::kRunning;
}

RunStatus RunOf(const Value& execution) {
  RunStatus out;
  out.uid = out.handle = execution.StringOr("id", "");
  out.name = execution.StringOr("workflow_name", "");
  const std::string state = execution.StringOr("state", "");
  // One that has not begun is begun at once.
  out.phase = HasEnded(state) ? PhaseOf(state) : Phase::kRunning;
  if (state == "CANCELLED") out.shutdown = kCancelled;
  out.paused = state == "PAUSED";
  out.environment = MapAt(execution, "params").StringOr(kEnvironmentName, "");
  out.message = execution.StringOr("state_info", "");
  out.created = out.started = TimeOf(execution, "created_at");
  if (HasEnded(state)) out.finished = TimeOf(execution, "updated_at");
  const Value input = MapAt(execution, "input");
  for (const auto& [name, value] : input.AsMap()) {
    if (value.is_string()) out.parameters[name] = value.AsString();
    if (value.is_bool()) out.parameters[name] = value.AsBool() ? "true" : "false";
    if (value.is_int()) out.parameters[name] = std::to_string(value.AsInt());
  }
  return out;
}

std::string FirstLine(std::string_view text) {
  return std::string(Trim(text.substr(0, text.find('\n'))));
}

void CallFailed(RunStatus& run) {
  run.phase = Phase::kFailed;
  run.message = kEndedByHand;
}

// Of a step that was not handed to an agent; empty for everything else.
std::string WithoutAgent(std::string_view text) {
  const auto behind = [&](std::string_view mark, std::string_view what) {
    const auto at = text.find(mark);
    if (at == text.npos) return std::string();
    std::string_view why = text.substr(at + mark.size());
    // What Mistral's executor puts around it.
    if (why.ends_with("']")) why.remove_suffix(2);
    return std::string(what) + Printable(why.substr(0, kMostMessage));
  };
  std::string why =
      behind("unknown encoding: " + std::string(kRefusalMark), "the agent has refused the step: ");
  if (why.empty())
    why = behind("Failed to send HTTP request: ", "Mistral could not reach the agent: ");
  return why;
}

// What an action says that brought no report.
std::string WithoutReport(const std::string& text) {
  if (text.empty()) return "the step left no report";
  if (std::string why = WithoutAgent(text); !why.empty()) return why;
  // The whole command stands behind that, and no reason.
  if (text.find("Failed to execute ssh cmd") == std::string::npos)
    return Printable(text.substr(0, kMostMessage));
  constexpr std::string_view kBefore = " on ['";
  const std::size_t host = text.rfind(kBefore);
  std::string where;
  if (host != std::string::npos) {
    const std::size_t begin = host + kBefore.size();
    where = " on " + Printable(text.substr(begin, text.find('\'', begin) - begin));
  }
  return "Mistral could not run it over ssh" + where + ": the log of its executor says why";
}

// "Invalid input [name=n-protect, class=DirectWorkflowSpec, unexpected=['of-bundle-...']]": what Mistral says of an input that the
// definition does not have.
bool IsOfAnotherBundle(const Error& refused, std::string_view bundle_input) {
  if (bundle_input.empty() || refused.code() != ErrorCode::kInvalidInput) return false;
  const std::size_t at = refused.message().find("unexpected=[");
  return at != std::string::npos && refused.message().find(bundle_input, at) != std::string::npos;
}

// The last step has reported that all is well, and is red: it is so where any task of the run is. Says which.
void ExplainRedEnd(RunStatus& run) {
  constexpr std::size_t kMostNamed = 3;
  const auto end = std::find_if(run.steps.begin(), run.steps.end(), [](const StepStatus& step) {
    return step.path == kEnd && step.failed() && step.exit_code == 0;
  });
  if (end == run.steps.end()) return;
  std::vector<std::string> others;
  for (const StepStatus& step : run.steps) {
    if (step.failed() && step.path != kEnd) others.push_back(step.path);
  }
  const bool more = others.size() > kMostNamed;
  if (more) others.resize(kMostNamed);
  if (!end->message.empty()) end->message += "; ";
  end->message +=
      "all that the run was to do is done, and Mistral calls it failed because it has no "
      "report of that from " +
      (others.empty() ? "a task" : Join(others, ", ")) + (more ? " and others" : "");
}

}  // namespace

std::optional<StepReport> ParseStepReport(std::string_view result) {
  const auto report = ParseJson(result, "report");
  if (!report || !report->is_map()) return std::nullopt;
  const Value* const code = report->Find("exit");
  if (code == nullptr || !code->is_int()) return std::nullopt;
  StepReport out;
  out.exit_code = static_cast<int>(code->AsInt());
  out.message = report->StringOr("message", "");
  out.log = report->StringOr("log", "");
  out.log_tail = report->StringOr("log_tail", "");
  return out;
}

std::string NewExecutionId() {
  // RFC 9562, version 4.
  std::random_device random;
  std::uniform_int_distribution<std::uint32_t> any;
  const std::uint32_t a = any(random);
  const std::uint32_t b = any(random);
  const std::uint32_t c = any(random);
  const std::uint32_t d = any(random);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:04x}{:08x}", a, b >> 16U, b & 0xfffU,
                     8U + (c >> 30U), (c >> 16U) & 0xfffU, c & 0xffffU, d);
}

Status StartExecution(Api& api, const NewExecution& execution) {
  Value inputs(Value::Map{});
  for (const auto& [name, value] : execution.inputs) inputs.Set(name, value);
  // Both are texts of JSON, as Mistral's own client sends them.
  HOLDFAST_ASSIGN_OR_RETURN(const std::string input, DumpJson(inputs));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string params,
      DumpJson(
          Value().Set("env", execution.environment).Set(kEnvironmentName, execution.environment)));
  HOLDFAST_ASSIGN_OR_RETURN(std::string body,
                            DumpJson(Value()
                                         .Set("id", execution.id)
                                         .Set("workflow_name", execution.workflow)
                                         .Set("description", execution.description)
                                         .Set("input", input)
                                         .Set("params", params)));
  Call call;
  call.method = net::HttpMethod::kPost;
  call.target = "/executions";
  call.body = std::move(body);
  call.repeatable = true;  // it has its id
  auto answer = api.Send(call);
  if (!answer && IsOfAnotherBundle(answer.error(), execution.bundle_input)) {
    return Unavailable("somebody has just stored another compile of the workflow " +
                       execution.workflow + " in " + api.Place() + ": nothing was started")
        .Hint("the same again begins with what is there now");
  }
  if (!answer) return std::move(answer).error();
  if (answer->body.is_map() && answer->body.StringOr("id", "") == execution.id) return Ok();
  return Corrupt(api.Place() + " has started another execution than it was asked for");
}

Status CancelExecution(Api& api, const std::string& id, const std::string& why) {
  HOLDFAST_ASSIGN_OR_RETURN(std::string body,
                            DumpJson(Value().Set("state", "CANCELLED").Set("state_info", why)));
  Call call;
  call.method = net::HttpMethod::kPut;
  call.target = "/executions/" + id;
  call.body = std::move(body);
  auto answer = api.Send(call);
  if (!answer) return std::move(answer).error();
  // What has ended stays as it is, and that is the answer.
  const std::string state = answer->body.is_map() ? answer->body.StringOr("state", "") : "";
  if (state == "CANCELLED") return Ok();
  return Error(ErrorCode::kConflict, "the execution has ended already (" + Printable(state) + ")");
}

Result<std::vector<RunStatus>> ListRuns(Api& api, const std::string& workflow) {
  std::string target =
      "/executions?nulls=task_execution_id&fields=id,workflow_name,state,state_info,input,params,"
      "created_at,updated_at,task_execution_id";
  if (!workflow.empty()) target += "&workflow_name=" + net::PercentEncoded(workflow);
  HOLDFAST_ASSIGN_OR_RETURN(const Value::List executions, GetList(api, target, "executions"));
  std::vector<RunStatus> out;
  bool successes = false;
  for (const Value& execution : executions) {
    if (!execution.StringOr("task_execution_id", "").empty()) continue;
    RunStatus run = RunOf(execution);
    if (!run.parameters.contains("bundle")) continue;
    run.steps_listed = false;
    run.message = FirstLine(run.message);
    successes = successes || run.phase == Phase::kSucceeded;
    out.push_back(std::move(run));
  }
  if (!successes) return out;
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List ends,
      GetList(api, "/tasks?name=end&state=SUCCESS&fields=id,workflow_execution_id", "tasks"));
  std::set<std::string> good;
  for (const Value& task : ends) good.insert(task.StringOr("workflow_execution_id", ""));
  for (RunStatus& run : out) {
    if (run.phase == Phase::kSucceeded && !good.contains(run.uid)) CallFailed(run);
  }
  return out;
}

Result<std::vector<RunReader::Task>> RunReader::TasksOf(const std::string& execution, bool final) {
  if (const auto kept = ended_.find(execution); kept != ended_.end()) return kept->second;
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List listed,
      GetList(api_,
              "/tasks?workflow_execution_id=" + execution +
                  "&fields=id,name,type,state,state_info,created_at,started_at,finished_at,"
                  "runtime_context",
              "tasks"));
  std::vector<Task> tasks;
  for (const Value& task : listed) {
    Task out;
    out.id = task.StringOr("id", "");
    out.name = task.StringOr("name", "");
    out.type = task.StringOr("type", "");
    out.state = task.StringOr("state", "");
    out.state_info = task.StringOr("state_info", "");
    out.started = TimeOf(task, "started_at");
    if (HasEnded(out.state)) out.finished = TimeOf(task, "finished_at");
    // The policy counts the retries, not the first try.
    const Value context = MapAt(task, "runtime_context");
    if (const Value* const policy = context.Find("retry_task_policy"); policy != nullptr)
      out.tries = 1 + static_cast<int>(policy->IntOr("retry_no", 0));
    tasks.push_back(std::move(out));
  }
  const auto ended = [](const Task& task) { return HasEnded(task.state); };
  if (final && std::all_of(tasks.begin(), tasks.end(), ended)) ended_[execution] = tasks;
  return tasks;
}

// The tries that Mistral's table has, with what their actions returned.
Status RunReader::AddTries(const Task& task, StepStatus& step) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const Value::List actions,
      GetList(api_,
              "/action_executions?task_execution_id=" + task.id +
                  "&include_output=true&fields=id,state,output,created_at,updated_at",
              "action_executions"));
  step.tries.clear();
  for (const Value& action : actions) {
    StepTry attempt;
    attempt.node = action.StringOr("id", "");
    const std::string state = action.StringOr("state", "");
    attempt.phase = PhaseOf(state);
    attempt.started = TimeOf(action, "created_at");
    if (HasEnded(state)) attempt.finished = TimeOf(action, "updated_at");
    const Value output = MapAt(action, "output");
    const Value* const result = output.Find("result");
    std::string text = result != nullptr && result->is_string() ? result->AsString() : "";
    // What an agent says of a step that left no report.
    if (result != nullptr && result->is_map()) text = result->StringOr("error", "");
    if (auto report = ParseStepReport(text)) {
      attempt.exit_code = report->exit_code;
      // An action that brings a report has succeeded, whatever it reports.
      attempt.phase = report->exit_code == 0 ? Phase::kSucceeded : Phase::kFailed;
      attempt.message = report->message;
      reports_[attempt.node] = std::move(*report);
    } else if (HasEnded(state)) {
      attempt.phase = Phase::kFailed;
      attempt.message = WithoutReport(text);
    }
    step.tries.push_back(std::move(attempt));
  }
  if (step.tries.empty()) return Ok();
  const StepTry& last = step.tries.back();
  step.exit_code = last.exit_code;
  if (!last.message.empty()) step.message = last.message;
  return Ok();
}

Result<StepStatus> RunReader::StepOf(const Task& task) {
  if (const auto kept = tried_.find(task.id); kept != tried_.end()) return kept->second;
  StepStatus step;
  step.task = task.name;
  step.phase = PhaseOf(task.state);
  step.started = task.started;
  step.finished = task.finished;
  step.between_tries = task.state == "DELAYED";
  // Where a join is tried again, it waits as it did before all came in.
  if (step.phase == Phase::kNone && task.tries > 1) {
    step.phase = Phase::kRunning;
    step.between_tries = true;
  }
  // Of one that succeeded, or that runs its first try, there is nothing to ask.
  const bool asks = step.phase == Phase::kFailed || step.phase == Phase::kError || task.tries > 1 ||
                    step.between_tries;
  if (asks && task.type != kWorkflowTask) {
    HOLDFAST_RETURN_IF_ERROR(AddTries(task, step));
  } else if (step.phase != Phase::kNone && task.type != kWorkflowTask) {
    StepTry only;
    only.phase = step.phase;
    only.started = step.started;
    only.finished = step.finished;
    step.tries.push_back(std::move(only));
  }
  if (step.exit_code == static_cast<int>(ExitCode::kOmitted)) step.phase = Phase::kOmitted;
  // "Failed by fail-on policy" says less than the step.
  if (step.message.empty()) step.message = FirstLine(task.state_info);
  if (task.state == "CANCELLED" && step.message.empty()) step.message = "cancelled";
  if (HasEnded(task.state)) tried_[task.id] = step;
  return step;
}

Status RunReader::AddSteps(const std::string& execution, bool final, const std::string& prefix,
                           int depth, RunStatus& out) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Task> tasks, TasksOf(execution, final));
  for (const Task& task : tasks) {
    const auto below = below_.find(task.id);
    if (task.type == kWorkflowTask && below != below_.end() && depth < kDeepest) {
      const std::size_t before = out.steps.size();
      HOLDFAST_RETURN_IF_ERROR(AddSteps(below->second.id, HasEnded(below->second.state),
                                        prefix + task.name + ".", depth + 1, out));
      const bool says_why =
          std::any_of(out.steps.begin() + static_cast<std::ptrdiff_t>(before), out.steps.end(),
                      [](const StepStatus& step) {
                        return step.phase == Phase::kFailed || step.phase == Phase::kError;
                      });
      if (says_why || task.state != "ERROR" || below->second.info.empty()) continue;
      // It ended by itself: what is in none of its tasks is why.
      StepStatus step;
      step.task = task.name;
      step.path = prefix + task.name;
      step.phase = Phase::kFailed;
      step.started = task.started;
      step.finished = task.finished;
      step.message = FirstLine(below->second.info);
      // Nothing in it could run: its gate says so.
      if (const auto inner = ended_.find(below->second.id); inner != ended_.end() &&
                                                            inner->second.size() == 1 &&
                                                            inner->second.front().name == kGate) {
        HOLDFAST_ASSIGN_OR_RETURN(const StepStatus gate, StepOf(inner->second.front()));
        step.phase = gate.phase;
        step.exit_code = gate.exit_code;
        step.message = gate.message;
      }
      out.steps.push_back(std::move(step));
      continue;
    }
    const bool frames = task.name == kGate || task.name == kVerdict;
    if (frames && (task.name == kVerdict || task.state != "ERROR")) continue;
    HOLDFAST_ASSIGN_OR_RETURN(StepStatus step, StepOf(task));
    if (frames && !step.failed()) continue;
    step.path = prefix + step.task;
    by_path_[step.path] = task;
    out.steps.push_back(std::move(step));
  }
  return Ok();
}

Result<bool> RunReader::IsAtWork(const StepStatus& step) {
  const auto task = by_path_.find(step.path);
  if (task == by_path_.end()) return false;
  StepStatus asked;
  HOLDFAST_RETURN_IF_ERROR(AddTries(task->second, asked));
  return !asked.tries.empty() && !IsFinal(asked.tries.back().phase);
}

std::vector<std::string> RunReader::GoingOn() const {
  std::vector<std::string> out;
  for (const auto& [task, below] : below_) {
    if (!HasEnded(below.state)) out.push_back(below.id);
  }
  return out;
}

Result<std::optional<StepReport>> RunReader::ReportOf(const StepStatus& step,
                                                      const StepTry& attempt) {
  std::string action = attempt.node;
  if (const auto task = by_path_.find(step.path); action.empty() && task != by_path_.end()) {
    StepStatus asked;
    HOLDFAST_RETURN_IF_ERROR(AddTries(task->second, asked));
    if (!asked.tries.empty()) action = asked.tries.back().node;
  }
  const auto report = reports_.find(action);
  if (report == reports_.end()) return std::optional<StepReport>();
  return std::optional<StepReport>(report->second);
}

Result<RunStatus> RunReader::Read() {
  auto found = GetObject(api_, "/executions/" + id_);
  if (!found) return std::move(found).error();
  if (const std::string root = found->StringOr("root_execution_id", "");
      !root.empty() && root != id_) {
    id_ = root;
    HOLDFAST_ASSIGN_OR_RETURN(found, GetObject(api_, "/executions/" + id_));
  }
  RunStatus out = RunOf(*found);
  HOLDFAST_ASSIGN_OR_RETURN(const Value::List below,
                            GetList(api_,
                                    "/executions?root_execution_id=" + id_ +
                                        "&fields=id,state,state_info,task_execution_id",
                                    "executions"));
  for (const Value& execution : below) {
    const std::string task = execution.StringOr("task_execution_id", "");
    if (task.empty()) continue;
    below_[task] = {execution.StringOr("id", ""), execution.StringOr("state", ""),
                    execution.StringOr("state_info", "")};
  }
  HOLDFAST_RETURN_IF_ERROR(AddSteps(id_, out.ended(), "", 0, out));
  // Mistral lists every task that has failed, with those that failed for that; the steps say it themselves.
  const auto says_why = [](const StepStatus& step) {
    return step.failed() || step.phase == Phase::kOmitted;
  };
  if (std::any_of(out.steps.begin(), out.steps.end(), says_why)) out.message.clear();
  ExplainRedEnd(out);
  out.message = FirstLine(out.message);
  if (out.phase == Phase::kSucceeded) {
    const auto end = by_path_.find(std::string(kEnd));
    if (end == by_path_.end() || end->second.state != "SUCCESS") CallFailed(out);
  }
  return out;
}

Status FollowExecution(Api& api, const std::string& id, milliseconds patience,
                       const ApiParts& parts, const std::function<bool(RunStatus status)>& see) {
  constexpr milliseconds kPause{1'000};
  constexpr milliseconds kLongestPause{15'000};
  // Looking costs Mistral as much as we wait for it: no more than a fifth of the time.
  constexpr int kShareOfTime = 5;
  const net::Wait wait = net::RealWait();
  RunReader reader(api, id);
  SteadyTime heard = parts.clock->Steady();
  milliseconds away = kPause;
  for (;;) {
    const SteadyTime began = parts.clock->Steady();
    auto status = reader.Read();
    const SteadyTime ended = parts.clock->Steady();
    milliseconds pause = kPause;
    if (status) {
      heard = ended;
      away = kPause;
      if (!see(std::move(*status))) return Ok();
      pause = std::max(
          kPause, std::chrono::duration_cast<milliseconds>(ended - began) * (kShareOfTime - 1));
    } else {
      if (status.error().code() != ErrorCode::kUnavailable) return std::move(status).error();
      if (ended - heard > patience)
        return std::move(status).error().While("the run is out of sight");
      pause = away;
      away = std::min(away * 2, kLongestPause);
    }
    if (!wait(std::min(pause, kLongestPause), parts.cancellation)) return Unavailable("cancelled");
  }
}

}  // namespace holdfast::engines::mistral
