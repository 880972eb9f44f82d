#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "plugins/net/http_listener.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "runtime/agent/inquiry.h"
#include "runtime/agent/job_store.h"
#include "runtime/agent/job_table.h"
#include "runtime/agent/options.h"
#include "runtime/agent/process_limits.h"
#include "runtime/agent/reporter.h"
#include "runtime/agent/served_providers.h"
#include "runtime/agent/step_runner.h"
#include "runtime/agent/step_service.h"
#include "runtime/modules/engine_module.h"
#include "runtime/modules/module_loader.h"

namespace holdfast::agent {
namespace {

// A report is small, and another one may be waiting.
constexpr std::chrono::milliseconds kReportDeadline{30'000};
// So is a question, for which a step waits.
constexpr std::chrono::milliseconds kQuestionDeadline{10'000};

// Of the steps at once, those that may take hours leave some to the others, on which a server that is at rest may wait.
unsigned MostLong(unsigned jobs) {
  constexpr unsigned kMany = 8;
  return jobs - (jobs >= kMany ? 2U : jobs >= 2 ? 1U : 0U);
}

void Write(int descriptor, std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(descriptor, text.data(), text.size());
}

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  return set;
}

Result<net::ListenerOptions> ListenerOptionsOf(const AgentOptions& options) {
  net::ListenerOptions out;
  out.address = options.listen;
  if (options.tls_certificate_file.empty()) return out;
  auto certificate = ReadFile(options.tls_certificate_file, std::uint64_t{1} << 20U);
  if (!certificate) return std::move(certificate).error().While("--tls-certificate");
  out.certificate_pem = std::move(*certificate);
  auto key = ReadKeyFile(options.tls_key_file);
  if (!key) return std::move(key).error().While("--tls-key");
  out.key_pem = std::move(*key);
  return out;
}

// Said at the start, not by the first step of a night.
Result<std::vector<std::string>> ProvidersOf(const AgentOptions& options, Logger& log) {
  PluginRegistry registry;
  runtime::RegisterBuiltIns(registry);
  const std::unique_ptr<PluginSource> source = runtime::MakeModuleLoader();
  return LoadServedProviders(ProviderFolderOf(options.step_options), registry, *source, log);
}

Status Serve(const AgentOptions& options, Logger& log) {
  HOLDFAST_ASSIGN_OR_RETURN(Secret token, ReadTokenFile(options.token_file));
  HOLDFAST_ASSIGN_OR_RETURN(net::ListenerOptions listening, ListenerOptionsOf(options));
  if (::access(options.step_program.c_str(), X_OK) != 0) {
    return SystemError(errno, "the program of steps, '" + Printable(options.step_program) + "'")
        .Hint("--step-program=FILE");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto providers, ProvidersOf(options, log));
  HOLDFAST_RETURN_IF_ERROR(AllowDescriptorsFor(options.jobs));
  HOLDFAST_ASSIGN_OR_RETURN(const JobStore store, JobStore::Open(options.state_folder));
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Job> jobs, store.Load(log));

  Cancellation end_steps;
  Cancellation end_calls;
  engines::mistral::ApiParts parts;
  parts.clock = &SystemClock();
  parts.log = &log;
  parts.cancellation = &end_calls;
  parts.call_deadline = kReportDeadline;
  HOLDFAST_ASSIGN_OR_RETURN(const auto api, runtime::OpenMistral(parts));
  parts.call_deadline = kQuestionDeadline;
  HOLDFAST_ASSIGN_OR_RETURN(const auto asking_api, runtime::OpenMistral(parts));

  JobTable table(store, SystemClock(), log, {.most_long = MostLong(options.jobs)});
  // First those that are there: one of them may be handed in again.
  table.Restore(std::move(jobs));
  StepService service(std::move(token), options.rate, table, SystemClock(), log);
  const bool tls = !listening.certificate_pem.empty();
  HOLDFAST_ASSIGN_OR_RETURN(const auto listener,
                            net::HttpListener::Start(std::move(listening), service, log));
  if (!tls && !options.listen.loopback) {
    log.Log(LogLevel::kWarning,
            "other machines reach this agent without TLS: whoever sees the network sees the token");
  }
  log.Log(LogLevel::kInfo, "listens",
          Value()
              .Set("address", listener->address().Text())
              .Set("tls", tls)
              .Set("mistral", api->Place())
              .Set("providers", Value::List(providers.begin(), providers.end()))
              .Set("state_dir", options.state_folder)
              .Set("jobs", static_cast<int>(options.jobs)));

  const std::unique_ptr<ProcessRunner> processes = MakeProcessRunner();
  Reporter reporter(table, *api, SystemClock(), log);
  Inquiry inquiry(table, *asking_api);
  std::thread reporting([&reporter] { reporter.Work(); });
  std::thread asking([&inquiry] { inquiry.Work(); });
  {
    const StepRunner runner(
        {options.step_program, options.step_options, options.jobs, options.grace}, table,
        *processes, end_steps, log);
    const sigset_t signals = StopSignals();
    int signal = 0;
    while (::sigwait(&signals, &signal) != 0) {
    }
    log.Log(LogLevel::kInfo, "ends", Value().Set("signal", signal));
    // What Mistral hands in until the steps have ended is kept for the next start, and what ends is reported: a workflow
    // tries again for less than a minute.
    table.StopRunning();
    end_steps.Set();
  }
  listener->Stop();
  table.Stop();
  end_calls.Set();
  reporting.join();
  asking.join();
  log.Log(LogLevel::kInfo, "has ended");
  return Ok();
}

int Main(const std::vector<std::string>& arguments) {
  const auto options = ParseAgentOptions(arguments);
  if (!options) {
    Write(STDERR_FILENO, "holdfast-agent: " + options.error().Render() + "\n");
    return static_cast<int>(ExitCodeOf(options.error().code()));
  }
  if (!options->said.empty()) {
    Write(STDOUT_FILENO, options->said);
    return 0;
  }
  KeepLittleMemory();
  CloseToOthers();
  ::signal(SIGPIPE, SIG_IGN);
  // Of every thread: they are waited for in one place.
  const sigset_t signals = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  JsonLinesLogger log(STDERR_FILENO, SystemClock(),
                      options->verbose ? LogLevel::kDebug : LogLevel::kInfo, Value(Value::Map{}));
  const Status served = Serve(*options, log);
  if (served) return 0;
  const ExitCode code = ExitCodeOf(served.error().code());
  log.Log(LogLevel::kError, served.error().OneLine(),
          Value().Set("exit_code", static_cast<int>(code)));
  if (::isatty(STDERR_FILENO) != 0) Write(STDERR_FILENO, served.error().Render() + "\n");
  return static_cast<int>(code);
}

}  // namespace
}  // namespace holdfast::agent

int main(int argc, char** argv) {
  return holdfast::agent::Main(std::vector<std::string>(argv + 1, argv + argc));
}
