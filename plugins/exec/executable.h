#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>

#include "plugins/exec/answer.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/resource.h"

namespace holdfast::plugins::exec {

// One call of an executable: one process, one request, one answer.
struct CallSpec {
  Call call = Call::kDescribe;
  Value request;  // a map; "protocol" and "call" are added
  // Past it: SIGTERM, and SIGKILL `grace` later, to the whole process group.
  std::chrono::milliseconds deadline{std::chrono::seconds(60)};
  std::chrono::milliseconds grace{std::chrono::seconds(5)};
  const Cancellation* cancellation = nullptr;  // Not owned. Set: ended as at the deadline.
  std::function<void(const Progress&)> on_progress;
  // Set: the process gets the descriptors 3 and 4, and the streams of `resources`. Not owned.
  Checkpoint* checkpoint = nullptr;
  std::span<const Resource> resources;
};

// How a call went: an answer (which may be that it failed), or none, and why.
struct CallEnd {
  std::optional<Answer> answer;
  // Without an answer: the process crashed, was ended by us, or did not keep to the protocol.
  // CancelledError() when `cancellation` was set.
  Status fault;
  bool cancelled = false;
};

// An executable that is a plugin. Thread-safe.
class Executable {
 public:
  // "exec:/opt/holdfast/volume" -> the executable; kInvalidInput when the path is not absolute,
  // kDenied when anybody could change the file. Never kNotFound: that would read as "no such
  // plugin is known", without saying why.
  static Result<Executable> Open(std::string_view name);

  const std::string& name() const { return name_; }  // "exec:/opt/holdfast/volume"
  const std::string& path() const { return path_; }
  // Runs the call on this thread and helpers; `spec.checkpoint` is used on this thread alone.
  CallEnd Run(ProcessRunner& processes, Logger& log, const CallSpec& spec) const;
  // The same where a failure is an error like any other; errors say which plugin and call.
  Result<Answer> Ask(ProcessRunner& processes, Logger& log, const CallSpec& spec) const;

 private:
  Executable(std::string name, std::string path) : name_(std::move(name)), path_(std::move(path)) {}
  std::string name_;
  std::string path_;
};

}  // namespace holdfast::plugins::exec
