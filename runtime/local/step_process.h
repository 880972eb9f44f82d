#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::local {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int number() const { return number_; }
  bool open() const { return number_ >= 0; }
  int Release();
  void Close();

 private:
  int number_ = -1;
};

struct StepProcessSpec {
  std::vector<std::string> argv;  // argv[0] with a '/' or looked up in the PATH of `environment`
  std::map<std::string, std::string> environment;  // all of it
  std::string log_file;                            // stdout and stderr are appended to it
};

// A running step: a child in a process group of its own, that gets SIGTERM when we die.
//
// Destroying a step that runs leaves it alone; it still gets SIGTERM when this process ends.
class StepProcess {
 public:
  // kNotFound when there is no such program, kDenied when it may not be run; otherwise
  // kUnavailable or kInternal.
  static Result<StepProcess> Start(const StepProcessSpec& spec);

  int pid() const { return pid_; }
  // Readable once the process has ended: for poll().
  int descriptor() const { return pidfd_.number(); }
  // The exit code once it has ended, 128 + N when signal N ended it; nullopt while it runs.
  // `end_group` kills what is left of its process group.
  Result<std::optional<int>> Collect(bool end_group);
  // To the step itself, as a container's init gets it.
  void Signal(int signal) const;
  void KillGroup() const;

 private:
  StepProcess(int pid, Descriptor pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  int pid_ = 0;
  Descriptor pidfd_;
};

// The environment of this process.
std::map<std::string, std::string> OwnEnvironment();

}  // namespace holdfast::local
