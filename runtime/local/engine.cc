#include "runtime/local/engine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/run_start.h"
#include "plugins/sdk/text.h"
#include "runtime/local/log_tail.h"
#include "runtime/local/run_folder.h"
#include "runtime/local/step_process.h"
#include "runtime/local/step_program.h"
#include "runtime/local/stop_signals.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::local {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kStateFormat = 1;
constexpr milliseconds kTailEvery{200};  // how often the logs of running steps are looked at

std::int64_t Milliseconds(WallTime time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
}
WallTime FromMilliseconds(std::int64_t count) { return WallTime(milliseconds(count)); }

class AttendedSignals {
 public:
  explicit AttendedSignals(StopSignals* signals) : signals_(signals) {
    if (signals_ != nullptr) signals_->SetAttended(true);
  }
  ~AttendedSignals() {
    if (signals_ != nullptr) signals_->SetAttended(false);
  }
  AttendedSignals(const AttendedSignals&) = delete;
  AttendedSignals& operator=(const AttendedSignals&) = delete;

 private:
  StopSignals* signals_;
};

class Engine {
 public:
  Engine(const RunOptions& options, RunObserver& observer, const Workflow& workflow,
         RunFolder folder)
      : options_(options), observer_(observer), workflow_(workflow), folder_(std::move(folder)) {}

  Result<RunOutcome> Run(const std::map<std::string, std::string>& parameters) {
    HOLDFAST_RETURN_IF_ERROR(options_.resume ? Resume() : Begin(parameters));
    const AttendedSignals attended(options_.stop_signals);
    RunStart start;
    start.run_id = run_id_;
    start.workflow_name = workflow_.NameOfRun(run_id_);
    start.run_folder = folder_.run_folder();
    start.parameters = parameters_;
    start.resumed = options_.resume;
    observer_.RunStarted(start);
    if (auto done = Loop(options_.stop_signals); !done) {
      // The state can no longer be written: what runs is told to end, a resume runs it again.
      for (auto& [node, step] : steps_) step.process.Signal(SIGTERM);
      return std::move(done).error();
    }
    RunOutcome outcome = MakeOutcome();
    HOLDFAST_RETURN_IF_ERROR(
        Record(Value().Set("event", "ended").Set("phase", NameOf(outcome.phase)), true));
    observer_.RunEnded(outcome);
    return outcome;
  }

 private:
  struct Step {
    StepInfo info;
    StepProcess process;
    LogTail tail;
    SteadyTime started;
    std::optional<SteadyTime> deadline;  // then it is told to end
    std::optional<SteadyTime> kill_at;   // it was told to end; then it is killed
    std::optional<std::string> reason;   // why it was told to, for the message
  };
  struct Times {
    std::optional<WallTime> start;
    std::optional<WallTime> end;
  };

  std::size_t Slots() const {
    const auto limit = static_cast<std::size_t>(workflow_.parallelism.value_or(0));
    if (limit == 0 || options_.jobs == 0) return std::max<std::size_t>(limit, options_.jobs);
    return std::min<std::size_t>(limit, options_.jobs);
  }

  Status Record(Value line, bool durable) {
    line.Set("time", Milliseconds(SystemClock().Now()));
    return folder_.Append(line, durable);
  }

  void MakeScheduler(std::size_t slots) {
    SchedulerSettings settings;
    settings.run_id = run_id_;
    settings.parameters = parameters_;
    settings.slots = slots;
    settings.first = first_;
    scheduler_.emplace(workflow_, std::move(settings));
  }

  Status Begin(const std::map<std::string, std::string>& parameters) {
    run_id_ = options_.run_id.empty() ? MakeRunId() : options_.run_id;
    start_ = MakeRunId();
    parameters_ = parameters;
    started_ = SystemClock().Now();
    Value::Map given;
    for (const auto& [name, value] : parameters_) given.emplace(name, value);
    Value head;
    head.Set("event", "run")
        .Set("format", kStateFormat)
        .Set("run", run_id_)
        .Set("start", start_)
        .Set("file", Printable(options_.file));
    first_ = options_.first;
    if (!first_.empty()) head.Set("first", Value::List(first_.begin(), first_.end()));
    head.Set("sha256", workflow_.sha256)
        .Set("slots", static_cast<std::int64_t>(Slots()))
        .Set("parameters", Value(std::move(given)));
    head.Set("time", Milliseconds(started_));
    HOLDFAST_RETURN_IF_ERROR(folder_.StartRun(run_id_, head));
    MakeScheduler(Slots());
    scheduler_->Start();
    return Ok();
  }

  // --- Resume: the scheduler is deterministic, so the recorded events bring it to where it was.

  Status Resume() {
    run_id_ = options_.run_id;
    if (run_id_.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(run_id_, folder_.LatestRun());
      if (run_id_.empty())
        return NotFound(fmt::format("there is no run in '{}' to resume", folder_.folder()));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<Value> lines, folder_.ResumeRun(run_id_));
    if (lines.empty() || lines[0].IntOr("format", 0) != kStateFormat) {
      return Corrupt(
          fmt::format("the state of run '{}' has no head that this version knows", run_id_));
    }
    const Value& head = lines[0];
    if (head.StringOr("sha256", "") != workflow_.sha256) {
      return InvalidInput(
                 fmt::format("'{}' or one of its templates has changed since run '{}' was started",
                             options_.file, run_id_))
          .Hint("bring the file back, or start a new run");
    }
    if (const Value* given = head.Find("parameters"); given != nullptr && given->is_map()) {
      for (const auto& [name, value] : given->AsMap()) parameters_[name] = TextOf(value);
    }
    for (const auto& [name, value] : options_.parameters) {
      if (parameters_[name] != value) {
        return InvalidInput(fmt::format("run '{}' was started with another value of parameter '{}'",
                                        run_id_, name));
      }
    }
    if (const Value* first = head.Find("first"); first != nullptr && first->is_list()) {
      for (const Value& name : first->AsList()) first_.insert(TextOf(name));
    }
    start_ = head.StringOr("start", "");  // an older build gave it none
    started_ = FromMilliseconds(head.IntOr("time", 0));
    MakeScheduler(static_cast<std::size_t>(head.IntOr("slots", 0)));
    scheduler_->Start();
    Replay();
    for (std::size_t i = 1; i < lines.size(); ++i) {
      HOLDFAST_RETURN_IF_ERROR(ReplayLine(lines[i], i + 1));
      Replay();
    }
    scheduler_->TakeFulfilled();
    HOLDFAST_RETURN_IF_ERROR(Record(
        Value().Set("event", "resumed").Set("slots", static_cast<std::int64_t>(Slots())), true));
    // What ran when the engine ended runs again; then come the steps for which there is room now.
    for (const NodeId node : replayed_) restart_.push_back(node);
    for (const auto& [node, wait] : replayed_waits_) timers_[node] = SystemClock().Steady() + wait;
    scheduler_->SetSlots(Slots());
    return Ok();
  }

  void Replay() {
    for (Action& action : scheduler_->TakeActions()) {
      if (action.kind == Action::Kind::kStart) {
        replayed_.insert(action.node);
        commands_[action.node] = std::move(action.command);
      } else if (action.kind == Action::Kind::kKill) {
        replayed_.erase(action.node);
      } else {
        replayed_waits_[action.node] = action.wait;
      }
    }
  }

  Status ReplayLine(const Value& line, std::size_t number) {
    const std::string event = line.StringOr("event", "");
    const WallTime time = FromMilliseconds(line.IntOr("time", 0));
    const auto damaged = [this, number] {
      return Corrupt(fmt::format("line {} of the state of run '{}' does not fit what is before it",
                                 number, run_id_));
    };
    if (event == "started" || event == "finished") {
      const NodeId node = scheduler_->Find(line.StringOr("node", ""));
      if (node == kNoNode || scheduler_->Info(node).type != NodeType::kPod) return damaged();
      if (event == "started") {
        scheduler_->PodStarted(node);
        times_[node] = {time, std::nullopt};
        return Ok();
      }
      if (replayed_.erase(node) == 0 && !IsFulfilled(scheduler_->Info(node).phase))
        return damaged();
      PodResult result;
      if (const Value* code = line.Find("exit"); code != nullptr && code->is_int())
        result.exit_code = static_cast<int>(code->AsInt());
      result.message = line.StringOr("message", "");
      times_[node].end = time;
      scheduler_->PodFinished(node, result);
    } else if (event == "waited") {
      const NodeId node = scheduler_->Find(line.StringOr("node", ""));
      if (node == kNoNode || replayed_waits_.erase(node) == 0) return damaged();
      scheduler_->WaitOver(node);
    } else if (event == "shutdown") {
      scheduler_->Stop(line.StringOr("strategy", "") == "Stop" ? Shutdown::kStop
                                                               : Shutdown::kTerminate);
    } else if (event == "deadline") {
      scheduler_->DeadlinePassed();
    } else if (event == "resumed") {
      scheduler_->SetSlots(static_cast<std::size_t>(line.IntOr("slots", 0)));
    } else if (event == "ended") {
      return Error(ErrorCode::kConflict,
                   fmt::format("run '{}' has ended: {}", run_id_, line.StringOr("phase", "")))
          .Hint("start a new run; parameter 'record' names what it is to go on with");
    } else {
      return damaged();
    }
    return Ok();
  }

  // --- The loop ----------------------------------------------------------------------------------

  Status Loop(StopSignals* signals) {
    if (!scheduler_->complete()) {
      for (const NodeId node : restart_) HOLDFAST_RETURN_IF_ERROR(StartStep(node, commands_[node]));
    }
    HOLDFAST_RETURN_IF_ERROR(Apply());
    while (true) {
      while (!failed_starts_.empty()) {
        const auto failed = failed_starts_.front();
        failed_starts_.erase(failed_starts_.begin());
        HOLDFAST_RETURN_IF_ERROR(Finish(failed.first, failed.second, nullptr));
      }
      if (scheduler_->complete() && steps_.empty()) return Ok();
      if (scheduler_->stuck() && steps_.empty() && timers_.empty()) {
        message_ = "steps wait for a lock that the template around them holds";
        HOLDFAST_RETURN_IF_ERROR(Shut(Shutdown::kStop));
        continue;
      }
      std::vector<pollfd> wait;
      std::vector<NodeId> order;
      if (signals != nullptr) wait.push_back({signals->descriptor(), POLLIN, 0});
      for (const auto& [node, step] : steps_) {
        wait.push_back({step.process.descriptor(), POLLIN, 0});
        order.push_back(node);
      }
      if (poll(wait.data(), wait.size(), TimeoutMs()) < 0 && errno != EINTR)
        return SystemError(errno, "cannot wait for steps");
      if (signals != nullptr) {
        for (int left = signals->Take(); left > 0; --left) HOLDFAST_RETURN_IF_ERROR(OnStopSignal());
      }
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (wait[i + (signals != nullptr ? 1 : 0)].revents != 0)
          HOLDFAST_RETURN_IF_ERROR(Collect(order[i]));
      }
      HOLDFAST_RETURN_IF_ERROR(OnTimers());
      observer_.StillRunning();
    }
  }

  int TimeoutMs() const {
    const SteadyTime now = SystemClock().Steady();
    std::optional<SteadyTime> next;
    const auto consider = [&next](const std::optional<SteadyTime>& time) {
      if (time && (!next || *time < *next)) next = time;
    };
    for (const auto& [node, step] : steps_) {
      consider(step.deadline);
      consider(step.kill_at);
    }
    for (const auto& [node, time] : timers_) consider(time);
    consider(RunDeadline());
    if (!steps_.empty()) consider(now + kTailEvery);
    if (!next) return -1;
    // Rounded up: never awake just before the time, and then again.
    const auto left = std::chrono::ceil<milliseconds>(*next - now).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  // activeDeadlineSeconds counts on the wall clock, as a resumed run goes on counting.
  std::optional<SteadyTime> RunDeadline() const {
    if (!workflow_.active_deadline || deadline_seen_ || scheduler_->verdict_known())
      return std::nullopt;
    const auto left = started_ + *workflow_.active_deadline - SystemClock().Now();
    return SystemClock().Steady() + std::chrono::duration_cast<SteadyTime::duration>(left);
  }

  Status OnTimers() {
    const SteadyTime now = SystemClock().Steady();
    for (auto& [node, step] : steps_) {
      Tail(step);
      if (step.kill_at && now >= *step.kill_at) {
        step.process.KillGroup();
        step.kill_at.reset();
      } else if (step.deadline && now >= *step.deadline) {
        TellToEnd(step, "it was active longer than its deadline");
      }
    }
    std::vector<NodeId> over;
    for (const auto& [node, time] : timers_) {
      if (now >= time) over.push_back(node);
    }
    for (const NodeId node : over) {
      timers_.erase(node);
      HOLDFAST_RETURN_IF_ERROR(
          Record(Value().Set("event", "waited").Set("node", scheduler_->Info(node).name), true));
      scheduler_->WaitOver(node);
      HOLDFAST_RETURN_IF_ERROR(Apply());
    }
    if (const auto deadline = RunDeadline(); deadline && now >= *deadline) {
      deadline_seen_ = true;
      HOLDFAST_RETURN_IF_ERROR(Record(Value().Set("event", "deadline"), true));
      message_ = "the run's deadline has passed";
      scheduler_->DeadlinePassed();
      HOLDFAST_RETURN_IF_ERROR(Apply());
    }
    return Ok();
  }

  Status OnStopSignal() {
    if (++stop_signals_ > 2) {
      for (auto& [node, step] : steps_) step.process.KillGroup();
      return Ok();
    }
    return Shut(stop_signals_ == 1 && scheduler_->shutdown() == Shutdown::kNone
                    ? Shutdown::kStop
                    : Shutdown::kTerminate);
  }

  Status Shut(Shutdown strategy) {
    if (scheduler_->complete() || strategy <= scheduler_->shutdown()) return Ok();
    HOLDFAST_RETURN_IF_ERROR(
        Record(Value().Set("event", "shutdown").Set("strategy", NameOf(strategy)), true));
    observer_.Stopping(strategy);
    scheduler_->Stop(strategy);
    return Apply();
  }

  // Does what the scheduler wants done, and tells which tasks came to nothing.
  Status Apply() {
    for (Action& action : scheduler_->TakeActions()) {
      if (action.kind == Action::Kind::kStart) {
        HOLDFAST_RETURN_IF_ERROR(StartStep(action.node, action.command));
      } else if (action.kind == Action::Kind::kWait) {
        timers_[action.node] = SystemClock().Steady() + action.wait;
      } else if (const auto step = steps_.find(action.node); step != steps_.end()) {
        TellToEnd(step->second, scheduler_->Info(action.node).message);
      }
    }
    for (const NodeId node : scheduler_->TakeFulfilled()) {
      const NodeInfo info = scheduler_->Info(node);
      const bool leaf = info.type == NodeType::kSkipped ||
                        (info.type == NodeType::kPod && !times_.contains(node));
      if (leaf) observer_.TaskLeftOut(info);
    }
    return Ok();
  }

  void TellToEnd(Step& step, std::string reason) {
    step.deadline.reset();
    if (step.reason) return;
    step.reason = std::move(reason);
    step.process.Signal(SIGTERM);
    step.kill_at = SystemClock().Steady() + options_.grace;
  }

  Status StartStep(NodeId node, const PodCommand& command) {
    const NodeInfo info = scheduler_->Info(node);
    StepProcessSpec spec;
    spec.argv = command.command;
    spec.argv[0] = ProgramOf(spec.argv[0], options_.step_binary);
    spec.argv.insert(spec.argv.end(), command.args.begin(), command.args.end());
    spec.environment = OwnEnvironment();
    for (const auto& [name, value] : command.environment) spec.environment[name] = value;
    for (const auto& [name, value] : options_.environment) spec.environment[name] = value;
    spec.environment[kStartVariable] = start_;
    spec.log_file = folder_.LogFile(info.name);

    LogTail tail(spec.log_file);
    Failpoint("engine:before-start");
    auto process = StepProcess::Start(spec);
    times_[node] = {SystemClock().Now(), std::nullopt};
    StepInfo step_info;
    step_info.name = info.name;
    step_info.task = info.task;
    step_info.template_name = info.template_name;
    step_info.attempt = info.attempt;
    step_info.exit_handler = info.exit_handler;
    step_info.log_file = spec.log_file;
    if (!process) {
      // As a shell has it: not there 127, may not be run 126. Neither is tried again by our rules.
      PodResult result;
      result.message = process.error().OneLine();
      if (process.error().code() == ErrorCode::kNotFound) result.exit_code = 127;
      if (process.error().code() == ErrorCode::kDenied) result.exit_code = 126;
      observer_.StepStarted(step_info);
      failed_starts_.emplace_back(node, std::move(result));
      return Ok();
    }
    step_info.pid = process->pid();
    Step step{std::move(step_info), std::move(*process), std::move(tail), SystemClock().Steady(),
              std::nullopt,         std::nullopt,        std::nullopt};
    if (command.deadline) step.deadline = step.started + *command.deadline;
    Step& kept = steps_.insert_or_assign(node, std::move(step)).first->second;
    Failpoint("engine:after-start");
    // Only told: a step whose start is not recorded is run again, as any that has not finished.
    HOLDFAST_RETURN_IF_ERROR(Record(Value()
                                        .Set("event", "started")
                                        .Set("node", info.name)
                                        .Set("pid", static_cast<std::int64_t>(kept.info.pid)),
                                    false));
    scheduler_->PodStarted(node);
    observer_.StepStarted(kept.info);
    return Ok();
  }

  void Tail(Step& step) {
    for (const Value& line : step.tail.ReadProgress()) observer_.StepProgress(step.info, line);
  }

  Status Collect(NodeId node) {
    Step& step = steps_.at(node);
    HOLDFAST_ASSIGN_OR_RETURN(const std::optional<int> code,
                              step.process.Collect(step.reason.has_value()));
    if (!code) return Ok();
    Tail(step);
    PodResult result;
    result.exit_code = code;
    if (*code != 0) result.message = fmt::format("exit code {}", *code);
    if (step.reason)
      result.message = *step.reason + (*code == 0 ? "" : fmt::format(", exit code {}", *code));
    Step ended = std::move(step);
    steps_.erase(node);
    return Finish(node, result, &ended);
  }

  Status Finish(NodeId node, const PodResult& result, const Step* step) {
    Value line;
    line.Set("event", "finished")
        .Set("node", scheduler_->Info(node).name)
        .Set("message", Printable(result.message));
    if (result.exit_code) line.Set("exit", static_cast<std::int64_t>(*result.exit_code));
    Failpoint("engine:before-finished");
    HOLDFAST_RETURN_IF_ERROR(Record(std::move(line), true));
    Failpoint("engine:after-finished");
    times_[node].end = SystemClock().Now();
    scheduler_->PodFinished(node, result);

    const NodeInfo info = scheduler_->Info(node);
    StepEnd end;
    end.phase = info.phase;
    end.exit_code = result.exit_code;
    end.message = result.message;
    if (step != nullptr)
      end.seconds = std::chrono::duration<double>(SystemClock().Steady() - step->started).count();
    if (info.retry != kNoNode && !IsFulfilled(scheduler_->Info(info.retry).phase)) {
      end.retried = true;
      // Taken from the strategy, not from the actions, which are still to be done.
      end.retry_after = WaitBeforeNextTry(info.retry);
    }
    StepInfo told;
    if (step != nullptr) {
      told = step->info;
    } else {
      told.name = info.name;
      told.task = info.task;
      told.template_name = info.template_name;
      told.attempt = info.attempt;
      told.log_file = folder_.LogFile(info.name);
    }
    observer_.StepEnded(told, end);
    return Apply();
  }

  milliseconds WaitBeforeNextTry(NodeId retry) const {
    const NodeInfo info = scheduler_->Info(retry);
    const RetryStrategy* strategy = scheduler_->RetryOf(retry);
    return strategy == nullptr ? milliseconds(0) : strategy->WaitAfter(info.tries);
  }

  RunOutcome MakeOutcome() const {
    RunOutcome outcome;
    outcome.phase = scheduler_->phase();
    outcome.stopped = scheduler_->stopped();
    outcome.run_id = run_id_;
    outcome.start_id = start_;
    outcome.workflow_name = workflow_.NameOfRun(run_id_);
    outcome.run_folder = folder_.run_folder();
    outcome.parameters = parameters_;
    outcome.start = started_;
    outcome.end = SystemClock().Now();
    outcome.message = message_;
    std::map<NodeId, std::size_t> place;
    for (NodeInfo& info : scheduler_->Nodes()) {
      NodeOutcome node;
      if (const auto times = times_.find(info.id); times != times_.end()) {
        node.start = times->second.start;
        node.end = times->second.end;
        node.log_file = folder_.LogFile(info.name);
      }
      if (info.retry != kNoNode) {
        NodeOutcome& task = outcome.nodes[place.at(info.retry)];
        if (node.start && (!task.start || *node.start < *task.start)) task.start = node.start;
        if (node.end && (!task.end || *node.end > *task.end)) task.end = node.end;
      }
      node.info = std::move(info);
      place[node.info.id] = outcome.nodes.size();
      outcome.nodes.push_back(std::move(node));
    }
    return outcome;
  }

  const RunOptions& options_;
  RunObserver& observer_;
  const Workflow& workflow_;
  RunFolder folder_;
  std::string run_id_;
  std::string start_;  // run_start.h
  std::map<std::string, std::string> parameters_;
  std::set<std::string> first_;
  WallTime started_;
  std::string message_;
  std::optional<Scheduler> scheduler_;
  std::map<NodeId, Step> steps_;
  std::map<NodeId, SteadyTime> timers_;  // Retry nodes between two tries
  std::map<NodeId, Times> times_;
  std::vector<std::pair<NodeId, PodResult>> failed_starts_;
  bool deadline_seen_ = false;
  int stop_signals_ = 0;

  std::set<NodeId> replayed_;  // started, not finished
  std::map<NodeId, milliseconds> replayed_waits_;
  std::map<NodeId, PodCommand> commands_;
  std::vector<NodeId> restart_;
};

std::string WorkFolderOf(const RunOptions& options) {
  return options.work_folder.empty() ? options.file + ".run" : options.work_folder;
}

// kConflict when the latest run was interrupted: it may have left things that only it cleans up.
Status CheckNoneInterrupted(const RunFolder& folder) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string latest, folder.LatestRun());
  if (latest.empty()) return Ok();
  const auto lines = folder.ReadRun(latest);
  if (!lines && lines.error().code() == ErrorCode::kNotFound) return Ok();
  if (lines && !lines->empty() && lines->back().StringOr("event", "") == "ended") return Ok();
  return Error(ErrorCode::kConflict,
               fmt::format("run '{}' in '{}' was interrupted", latest, folder.folder()))
      .Hint("'--resume' goes on with it, '--new' leaves it and starts another");
}

}  // namespace

std::string MakeRunId() {
  std::array<unsigned char, 16> bytes{};
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0FU) | 0x40U);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3FU) | 0x80U);
  std::string id;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += fmt::format("{:02x}", bytes[i]);
  }
  return id;
}

Result<std::optional<EarlierRun>> FindEarlierRun(const RunOptions& options) {
  HOLDFAST_ASSIGN_OR_RETURN(const RunFolder folder, RunFolder::Open(WorkFolderOf(options)));
  std::string run = options.run_id;
  if (run.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(run, folder.LatestRun());
    if (run.empty()) return std::optional<EarlierRun>();
  }
  const auto lines = folder.ReadRun(run);
  if (!lines) {
    if (lines.error().code() == ErrorCode::kNotFound) return std::optional<EarlierRun>();
    return lines.error();
  }
  EarlierRun earlier;
  earlier.run_id = run;
  if (!lines->empty()) {
    earlier.start_id = lines->front().StringOr("start", "");
    earlier.start = FromMilliseconds(lines->front().IntOr("time", 0));
  }
  if (!lines->empty() && lines->back().StringOr("event", "") == "ended")
    earlier.phase = lines->back().StringOr("phase", "");
  return std::optional<EarlierRun>(std::move(earlier));
}

Result<RunOutcome> RunWorkflow(const RunOptions& options, RunObserver& observer) {
  HOLDFAST_ASSIGN_OR_RETURN(const Workflow workflow,
                            ReadWorkflowFile(options.file, options.template_folders));
  std::map<std::string, std::string> parameters;
  if (!options.resume) {
    HOLDFAST_ASSIGN_OR_RETURN(parameters, ResolveParameters(workflow, options.parameters));
  }
  HOLDFAST_ASSIGN_OR_RETURN(RunFolder folder, RunFolder::Open(WorkFolderOf(options)));
  if (!options.resume && !options.abandon_interrupted)
    HOLDFAST_RETURN_IF_ERROR(CheckNoneInterrupted(folder));
  return Engine(options, observer, workflow, std::move(folder)).Run(parameters);
}

}  // namespace holdfast::local
