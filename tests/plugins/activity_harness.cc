#include "tests/plugins/activity_harness.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace holdfast::testing_plugins {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
  HOLDFAST_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void KeptLog::Log(LogLevel level, std::string_view message, const Value&) {
  static constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
  const std::lock_guard lock(mutex_);
  text_ += fmt::format("{}: {}\n", kNames[static_cast<int>(level)], message);
}

std::string KeptLog::text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

TestContext::TestContext() : processes_(MakeProcessRunner()) {
  context_ = std::make_unique<Context>("local", SystemClock(), log_, *processes_, cancellation_,
                                       SystemClock().Steady() + std::chrono::minutes(10));
}

Status RunActivity(ProtectionPlugin& plugin, ActivityKind kind, MemoryCheckpoint& checkpoint,
                   Context& context, const Resource& resource, const Value& parameters) {
  const PluginDescriptor& descriptor = plugin.descriptor();
  const OperationDescriptor& operation = descriptor.operation(checkpoint.operation());
  if (!operation.Defines(kind)) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(Value checked, CheckAgainstSchema(operation.parameters, parameters,
                                                              "parameters.yaml", "parameters"));
  const Parameters given(std::map<ResourceKey, Value>{{resource.key, std::move(checked)}});
  HOLDFAST_ASSIGN_OR_RETURN(const StepChoice choice, plugin.Choose(checkpoint.operation(), kind,
                                                                   resource, given.Of(resource)));
  if (choice.kind == StepChoice::Kind::kNone) return Ok();
  checkpoint.Give({resource.key});
  checkpoint.set_saved_info_schema(descriptor.has_saved_info ? std::optional(descriptor.saved_info)
                                                             : std::nullopt);
  Activity activity = plugin.Start(checkpoint.operation(), kind, checkpoint, context,
                                   std::span(&resource, 1), given);
  while (!activity.Resume()) {
    if (context.cancelled()) {
      checkpoint.Abandon();
      return CancelledError();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the poll interval
  }
  Status outcome = activity.TakeOutcome();
  if (!outcome) {
    checkpoint.Abandon();
    return outcome;
  }
  return checkpoint.Commit();
}

Status RunAllActivities(ProtectionPlugin& plugin, MemoryCheckpoint& checkpoint, Context& context,
                        const Resource& resource, const Value& parameters) {
  HOLDFAST_RETURN_IF_ERROR(
      RunActivity(plugin, ActivityKind::kPre, checkpoint, context, resource, parameters));
  Status first;
  checkpoint.set_all_succeeded(true);
  for (const ActivityKind kind :
       {ActivityKind::kPreFinish, ActivityKind::kParallel, ActivityKind::kPost}) {
    if (!first && kind == ActivityKind::kParallel) continue;
    checkpoint.set_all_succeeded(first.has_value());
    Status status = RunActivity(plugin, kind, checkpoint, context, resource, parameters);
    if (first && !status) first = std::move(status);
  }
  return first;
}

std::string Preflight(ProtectionPlugin& plugin, Context& context, const Resource& resource,
                      const Value& parameters) {
  const auto checked = CheckAgainstSchema(
      plugin.descriptor().operation(Operation::kProtect).parameters, parameters, "", "parameters");
  HOLDFAST_CHECK(checked.has_value());
  std::string text;
  for (const Error& problem :
       plugin.Check(context, resource, Parameters({{resource.key, *checked}}))) {
    text += std::string(NameOf(problem.code())) + ": " + problem.OneLine() + "\n";
  }
  return text;
}

std::string FaultsOf(const ProtectionPlugin& plugin, Operation operation, const Resource& resource,
                     const Value& parameters) {
  const auto checked = CheckAgainstSchema(plugin.descriptor().operation(operation).parameters,
                                          parameters, "", "parameters");
  HOLDFAST_CHECK(checked.has_value());
  std::string text;
  for (const ParameterFault& fault : plugin.Validate(operation, resource, *checked)) {
    text += fault.parameter.empty() ? "resource" : fault.parameter;
    if (fault.item) text += "[" + std::to_string(*fault.item) + "]";
    text += ": " + fault.error.message() + "\n";
  }
  return text;
}

ChildEnd RunInChild(const std::string& failpoint, const std::function<Status()>& work) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  HOLDFAST_CHECK(child >= 0);
  if (child == 0) {
    if (failpoint.empty()) {
      ::unsetenv("HOLDFAST_FAILPOINT");
    } else {
      ::setenv("HOLDFAST_FAILPOINT", failpoint.c_str(), 1);
    }
    const Status status = work();
    if (!status) std::fprintf(stderr, "%s\n", status.error().Render().c_str());
    std::fflush(nullptr);
    ::_exit(status ? 0 : 4);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ChildEnd end;
  end.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  return end;
}

}  // namespace holdfast::testing_plugins
