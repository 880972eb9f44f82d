#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/exec/register.h"
#include "plugins/sdk/registry.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::testing_plugins {

// A context whose deadline a test chooses, and which tells it of progress.
class WatchedContext final : public Context {
 public:
  WatchedContext(Logger& log, ProcessRunner& processes, const Cancellation& cancellation,
                 std::chrono::milliseconds time)
      : Context("local", SystemClock(), log, processes, cancellation,
                SystemClock().Steady() + time) {}
  void Report(const Progress& progress) override {
    if (on_report) on_report(progress);
  }
  std::function<void(const Progress&)> on_report;
};

// Plugins made of small scripts in a temporary folder, and a filesystem bank beside them.
class ScriptPluginTest : public testing::Test {
 protected:
  ScriptPluginTest();

  // Writes an executable file; returns "exec:PATH".
  std::string Script(std::string_view name, std::string_view text);
  // A shell plugin of type Test::Thing: `activity` and `poll` are what it does in these calls. Each
  // request is appended, a line, to the file "<call>.log" of the folder.
  std::string Shell(std::string_view activity, std::string_view poll = "");
  // The same in Python; the activity's lines find `request` (a dict), say(dict), done(**fields),
  // send(kind, payload) and receive() -> (kind, payload).
  std::string Python(std::string_view activity);

  // Makes the plugin known and makes one with these settings.
  Result<std::unique_ptr<ProtectionPlugin>> Open(const std::string& name,
                                                 const Value& settings = Value(Value::Map{}));
  ProtectionPlugin& Plugin(const std::string& name, const Value& settings = Value(Value::Map{}));
  // Opens the plugin `name` and runs one activity of it, by default protect's parallel.
  Status Run(const std::string& name, ActivityKind kind = ActivityKind::kParallel);
  Status RunIn(MemoryCheckpoint& checkpoint, const std::string& name,
               ActivityKind kind = ActivityKind::kParallel);

  // The requests of a call that the plugin has seen, one JSON text a line.
  std::string Requests(std::string_view call);

  TempFolder folder_;
  KeptLog log_;
  Cancellation cancellation_;
  std::unique_ptr<ProcessRunner> processes_;
  std::unique_ptr<WatchedContext> context_;
  std::unique_ptr<Bank> bank_;
  PluginRegistry registry_;
  std::unique_ptr<ProtectionPlugin> plugin_;
  Resource thing_;
};

// "message [hint]" of an error with its causes; "" for a success.
std::string ErrorText(const Status& status);
template <class T>
std::string ErrorText(const Result<T>& result) {
  return result ? "" : ErrorText(Status(result.error()));
}

}  // namespace holdfast::testing_plugins
