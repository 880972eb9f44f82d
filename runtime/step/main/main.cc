#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "plugins/sdk/bank_settings.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/places.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/run_start.h"
#include "plugins/sdk/text.h"
#include "runtime/discovery/discovery.h"
#include "runtime/modules/engine_module.h"
#include "runtime/modules/module_loader.h"
#include "runtime/step/begin.h"
#include "runtime/step/end.h"
#include "runtime/step/latest_progress.h"
#include "runtime/step/main/options.h"
#include "runtime/step/main/outcome_sink.h"
#include "runtime/step/main/stop_children.h"
#include "runtime/step/step_driver.h"

namespace holdfast::runtime {
namespace {

constexpr auto kDriftDeadline = std::chrono::minutes(5);
// Longer than the grace that pods have as a rule; what takes longer is looked at by the next try.
constexpr auto kChildrenDeadline = std::chrono::minutes(10);

// The only state of this program outside of main: a signal handler has no arguments.
// Set by the handler below, and by whoever finds that the lease is lost.
Cancellation g_cancellation;  // NOLINT: see above
// By the handlers alone.
std::atomic<bool> g_told_to_end{false};       // NOLINT: see above
std::atomic<bool> g_deadline_is_over{false};  // NOLINT: see above

void OnSignal(int) {
  g_told_to_end.store(true);
  g_cancellation.Set();
}

void OnDeadline(int) {
  g_deadline_is_over.store(true);
  g_told_to_end.store(true);
  g_cancellation.Set();
}

void InstallSignals() {
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  sigemptyset(&action.sa_mask);
  // No SA_RESTART: calls that wait return, and their loops look at the cancellation.
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  action.sa_handler = &OnDeadline;
  sigaction(SIGALRM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void Write(int descriptor, std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(descriptor, text.data(), text.size());
}

// Told to end in the middle: what failed then failed for that. Also where the end of the run has
// taken over meanwhile, so that nothing could be recorded any more.
ExitCode ExitCodeAfter(const Error& error) {
  const bool ended = (g_cancellation.is_set() && error.code() == ErrorCode::kUnavailable) ||
                     (g_told_to_end.load() && error.code() == ErrorCode::kLocked);
  return ended ? ExitCode::kTerminated : ExitCodeOf(error.code());
}

// What is told of a step that was told to end.
std::string WithDeadline(std::string why) {
  if (g_deadline_is_over.load()) why += " (the plan's step_deadline is over)";
  return why;
}

int Fail(const Error& error, Logger& log, const OutcomeSink& outcome) {
  const ExitCode code = ExitCodeAfter(error);
  const std::string why = WithDeadline(error.OneLine());
  log.Log(LogLevel::kError, why, Value().Set("exit_code", static_cast<int>(code)));
  if (isatty(STDERR_FILENO) != 0) Write(STDERR_FILENO, error.Render() + "\n");
  return outcome.Tell(code, why);
}

std::string StartedBy(const StepOptions& options) {
  if (std::string given = options.Get("started-by"); !given.empty()) return given;
  return OwnUserAtHost();
}

// Lists the live graph below the bundle's roots and compares it with the compiled one.
DriftChecker MakeDriftChecker(Provider& provider, const StepEnvironment& env) {
  return [&provider, &env](const Bundle& bundle,
                           const ResourceGraph& compiled) -> Result<std::string> {
    std::vector<ResourceKey> roots;
    for (const std::string& root : bundle.roots) {
      HOLDFAST_ASSIGN_OR_RETURN(ResourceKey key, ParseResourceKey(root));
      roots.push_back(std::move(key));
    }
    if (roots.empty()) return std::string();
    Context context(env.tenant_name, env.clock, env.log, env.processes, env.cancellation,
                    env.clock.Steady() + kDriftDeadline);
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph live,
                              DiscoverGraph(provider, context, roots, {}));
    const Drift drift = CompareGraphs(compiled, live);
    if (!drift.any()) return std::string();
    // Only the plan's name is known here; its file is called so where 'plan new' has made it. Nor does a
    // bundle know how its file was written: the same one is a Workflow's and a WorkflowTemplate's.
    const std::string plan = Printable(bundle.plan.StringOr("name", "PLAN")) + ".yaml";
    return fmt::format(
        "{}; discover and compile the plan again, with the options that it was compiled with "
        "(such as --kind template), here if its file is {}: holdfast plan discover {} && holdfast "
        "compile protect {}",
        DescribeDrift(drift), plan, plan, plan);
  };
}

// Which start of the run this is, where its engine says it.
std::string OwnStart() {
  const char* const start = std::getenv(kStartVariable);
  return start == nullptr ? "" : start;
}

std::vector<std::string> StepsToAsk(const StepOptions& options) {
  const std::string given = options.Get("step");
  std::vector<std::string> steps;
  for (const std::string_view step : Split(given, ',')) {
    if (!step.empty()) steps.emplace_back(step);
  }
  return steps;
}

Result<StepReport> RunStep(const StepEnvironment& env, const StepOptions& options) {
  const std::vector<std::string> asked = StepsToAsk(options);
  if (options.command == "gate" && asked.empty()) {
    return Error(ErrorCode::kUsage, "the gates of which steps?").Hint("--step=NAME,NAME");
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto run, RunView::Join(env, options.Get("run"), OwnStart(), options.Get("record"),
                                    options.Get("bundle")));
  StepDriver driver(env, *run);
  if (options.command == "gate") return driver.Gate(asked);
  // Where the report is all that an engine sees, its own deadline would end the wait, and not the step.
  if (const auto deadline = StepDeadline(run->bundle().bundle());
      deadline && options.Flag("report"))
    ::alarm(static_cast<unsigned>(
        std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(*deadline).count(), 1)));
  StepRequest request;
  request.step = options.Get("step");
  request.fail_fast = options.Flag("fail-fast");
  request.dry_run = options.Flag("dry-run");
  const std::string operation = options.Get("operation", NameOf(run->operation()));
  if (operation != NameOf(run->operation())) {
    return InvalidInput(fmt::format("the bundle is one of {}, not of {}", NameOf(run->operation()),
                                    Printable(operation)));
  }
  if (options.Get("resource").empty() && !options.Get("activity").empty()) {
    return Error(ErrorCode::kUsage, "--activity needs --resource").Hint("--resource=TYPE#ID");
  }
  if (const std::string resource = options.Get("resource"); !resource.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceKey key, ParseResourceKey(resource));
    const auto kind = ParseActivityKind(options.Get("activity"));
    if (!kind) {
      return Error(ErrorCode::kUsage, "--resource needs --activity")
          .Hint("pre, pre_finish, parallel or post");
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::string step, FindStepOf(*run, key, *kind));
    if (!request.step.empty() && request.step != step) {
      return InvalidInput(fmt::format("{} of {} is run by step {}, not by {}", NameOf(*kind),
                                      Printable(resource), step, Printable(request.step)));
    }
    request.step = step;
    request.only = {key, *kind};
  }
  if (request.step.empty()) {
    return Error(ErrorCode::kUsage, "which step?")
        .Hint("--step=NAME, or --resource and --activity");
  }
  return driver.Run(request);
}

// On a cluster parts of a large run are Workflows of their own. On one machine they are parts of this one, and
// have ended with it.
Status StopChildrenInPod(const EndRequest& request, const StepEnvironment& env) {
  const char* const in_pod = std::getenv("KUBERNETES_SERVICE_HOST");
  if (in_pod == nullptr || *in_pod == '\0' || request.status == "Succeeded") return Ok();
  engines::argo::ServiceParts parts;
  parts.processes = &env.processes;
  parts.clock = &env.clock;
  parts.log = &env.log;
  parts.cancellation = &g_cancellation;
  HOLDFAST_ASSIGN_OR_RETURN(const auto service, OpenArgo(parts));
  return StopChildren(*service, request.run, kChildrenDeadline, env.clock, env.pause, env.log);
}

Result<StepReport> Dispatch(const StepOptions& options, Logger& log, OutcomeSink& outcome) {
  for (const char* const needed : {"provider", "run"}) {
    if (!options.Get(needed).empty()) continue;
    return Error(ErrorCode::kUsage, fmt::format("--{} is missing", needed))
        .Hint("holdfast-step --help");
  }
  if (options.command != "end" && options.Get("bundle").empty()) {
    return Error(ErrorCode::kUsage, "--bundle is missing").Hint("holdfast-step --help");
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const ProviderFolder folder,
      LoadProviderFolder(ProviderFolderPath(options.Get("provider-config-dir"))));
  HOLDFAST_ASSIGN_OR_RETURN(const ProviderConfig* const config,
                            folder.Find(options.Get("provider")));
  PluginRegistry registry;
  RegisterBuiltIns(registry);
  const std::unique_ptr<PluginSource> source = MakeModuleLoader();
  HOLDFAST_ASSIGN_OR_RETURN(const std::unique_ptr<Provider> provider,
                            Provider::Open(*config, registry, *source));
  provider->GiveToBank({&log, &g_cancellation});
  for (const std::string& warning : provider->warnings()) log.Log(LogLevel::kWarning, warning);
  // Only a begin may be the first to write. Where the bank is gone under a run (a mount that went
  // away), an empty one in its place would take what the run writes, and hide that it is gone.
  const bool may_make_bank = options.command == "begin" && !options.Flag("dry-run");
  HOLDFAST_ASSIGN_OR_RETURN(
      BankSection tenant,
      provider->tenant_section(SectionAccess::kWrite,
                               may_make_bank ? BankUse::kWrite : BankUse::kRead));
  outcome.AskBundle(tenant, options.Get("bundle"));
  const std::unique_ptr<ProcessRunner> processes = MakeProcessRunner();
  StepEnvironment env{
      std::move(tenant),
      config->tenant,
      config->id,
      [&provider](std::string_view type) { return provider->ProtectionFor(type); },
      SystemClock(),
      log,
      *processes,
      g_cancellation,
      OwnProcessIdentity(),
      SleepingPause(g_cancellation),
      {},
  };
  const DataSettings data = BindChecked<DataSettings>(provider->bank_settings());
  env.data = {data.segment_size.bytes, static_cast<unsigned>(data.parallel), data.compression_level,
              &g_cancellation};

  env.bank_folder = provider->bank_folder();
  // As Argo's executor names it, and the agent.
  const char* const progress_file = std::getenv("ARGO_PROGRESS_FILE");
  LatestProgress progress(progress_file == nullptr ? "" : progress_file);
  env.progress = &progress;

  if (options.command == "begin") {
    BeginRequest request;
    request.run = options.Get("run");
    request.start = OwnStart();
    request.record = options.Get("record");
    request.bundle = options.Get("bundle");
    request.started_by = StartedBy(options);
    request.fail_fast = options.Flag("fail-fast");
    request.partial = options.Flag("partial");
    request.dry_run = options.Flag("dry-run");
    return Begin(env, request, MakeDriftChecker(*provider, env));
  }
  if (options.command == "end") {
    EndRequest request;
    request.run = options.Get("run");
    request.start = OwnStart();
    request.status = options.Get("status");
    request.dry_run = options.Flag("dry-run");
    if (!request.status.empty()) log.Log(LogLevel::kInfo, "the engine says: " + request.status);
    if (options.Flag("stop-children") && !request.dry_run)
      HOLDFAST_RETURN_IF_ERROR(StopChildrenInPod(request, env));
    return End(env, request);
  }
  return RunStep(env, options);
}

// Also of arguments that cannot be parsed: who waits for a report gets one.
bool WantsReport(const std::vector<std::string>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return argument == "--report" || argument == "--report=true";
  });
}

int Main(const std::vector<std::string>& arguments) {
  const char* const termination_log = std::getenv("HOLDFAST_TERMINATION_LOG");
  OutcomeSink outcome(termination_log == nullptr ? "" : termination_log);
  const auto options = ParseStepOptions(arguments);
  if (!options) {
    Write(STDERR_FILENO, "holdfast-step: " + options.error().Render() + "\n");
    if (WantsReport(arguments)) outcome.Report();
    return outcome.Tell(ExitCode::kUsage, options.error().OneLine());
  }
  if (options->help) {
    Write(STDOUT_FILENO, StepHelp());
    return 0;
  }
  if (options->version) {
    Write(STDOUT_FILENO, "holdfast-step " HOLDFAST_VERSION "\n");
    return 0;
  }
  InstallSignals();
  if (options->Flag("report")) {
    outcome.Report();
    if (const Status opened = outcome.OpenLog(*options); !opened)
      return outcome.Tell(ExitCodeOf(opened.error().code()), opened.error().OneLine());
  }
  Value fixed = Value().Set("command", options->command);
  for (const char* const name : {"run", "record", "step"}) {
    if (const std::string value = options->Get(name); !value.empty()) fixed.Set(name, value);
  }
  JsonLinesLogger log(STDERR_FILENO, SystemClock(),
                      options->Flag("verbose") ? LogLevel::kDebug : LogLevel::kInfo,
                      std::move(fixed));
  const Result<StepReport> report = Dispatch(*options, log, outcome);
  if (!report) return Fail(report.error(), log, outcome);
  ExitCode code = report->exit_code;
  // A step that was told to end never exits 0, also when it was done by then.
  if (g_cancellation.is_set() && code == ExitCode::kOk) code = ExitCode::kTerminated;
  const std::string why = WithDeadline(report->message);
  log.Log(code == ExitCode::kOk || code == ExitCode::kOmitted ? LogLevel::kInfo : LogLevel::kError,
          why, Value().Set("exit_code", static_cast<int>(code)));
  if (options->Flag("dry-run")) Write(STDOUT_FILENO, Printable(report->message) + "\n");
  return outcome.Tell(code, why);
}

}  // namespace
}  // namespace holdfast::runtime

int main(int argc, char** argv) {
  return holdfast::runtime::Main(std::vector<std::string>(argv + 1, argv + argc));
}
