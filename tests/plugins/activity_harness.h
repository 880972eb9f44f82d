#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/protection_plugin.h"
#include "tests/plugins/memory_checkpoint.h"

namespace holdfast::testing_plugins {

// A folder of its own below the test's temporary folder, removed with everything in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Keeps the lines that are logged, as "level: message". Thread-safe.
class KeptLog final : public Logger {
 public:
  void Log(LogLevel level, std::string_view message, const Value& fields) override;
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

// A Context with the machine's clock and processes, and a deadline ten minutes away.
class TestContext {
 public:
  TestContext();
  Context& context() { return *context_; }
  Cancellation& cancellation() { return cancellation_; }
  KeptLog& log() { return log_; }

 private:
  KeptLog log_;
  Cancellation cancellation_;
  std::unique_ptr<ProcessRunner> processes_;
  std::unique_ptr<Context> context_;
};

// Calls back once, when the plugin reports its progress first: in the middle of a large file.
class InterruptedContext final : public Context {
 public:
  InterruptedContext(TestContext& base, std::function<void()> interruption)
      : Context("local", SystemClock(), base.context().log(), base.context().processes(),
                base.cancellation(), SystemClock().Steady() + std::chrono::minutes(10)),
        interruption_(std::move(interruption)) {}
  void Report(const Progress&) override {
    if (interruption_) std::exchange(interruption_, nullptr)();
  }

 private:
  std::function<void()> interruption_;
};

// Runs one activity to its end as the runtime does: parameters checked against the plugin's schema,
// polled while it yields, what it wrote published when it succeeded and dropped otherwise. An
// activity that the plugin does not define is a success.
Status RunActivity(ProtectionPlugin& plugin, ActivityKind kind, MemoryCheckpoint& checkpoint,
                   Context& context, const Resource& resource, const Value& parameters = {});
// Its activities one after the other: pre, pre_finish, parallel and post; after a failure the rest
// is left out, but for pre_finish and post when pre had succeeded. The first failure.
Status RunAllActivities(ProtectionPlugin& plugin, MemoryCheckpoint& checkpoint, Context& context,
                        const Resource& resource, const Value& parameters = {});

// The preflight of a plugin with these parameters of protect, checked: its problems, one a line.
std::string Preflight(ProtectionPlugin& plugin, Context& context, const Resource& resource,
                      const Value& parameters = {});

// What a plugin finds wrong with these parameters, checked, of an operation: one fault a line, such
// as "exclude[1]: message"; "resource: message" for what the resource says of itself.
std::string FaultsOf(const ProtectionPlugin& plugin, Operation operation, const Resource& resource,
                     const Value& parameters = {});

// How a child process ended.
struct ChildEnd {
  bool killed = false;  // by SIGKILL, as a failpoint does
  int exit_code = 0;    // when it exited: 0 when `work` returned success, else 4
};
// Runs `work` in a forked process with HOLDFAST_FAILPOINT=`failpoint` (empty: none). Only for work
// whose results are outside this process: a filesystem bank, files, databases.
ChildEnd RunInChild(const std::string& failpoint, const std::function<Status()>& work);

// A plugin of a class with settings as a provider file would have them; a wrong one ends the test.
template <class P>
std::unique_ptr<ProtectionPlugin> MakePlugin(const Value& settings = {}) {
  const PluginDescriptor descriptor = plugin_internal::MakeDescriptor<P>();
  auto checked = CheckAgainstSchema(descriptor.settings, settings, "test.conf", "settings");
  HOLDFAST_CHECK(checked.has_value());
  return MakeProtectionPlugin<P>(*checked);
}

}  // namespace holdfast::testing_plugins
