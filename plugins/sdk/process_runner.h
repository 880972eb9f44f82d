#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// A child process to run. There is no shell unless argv names one.
struct ProcessSpec {
  std::vector<std::string> argv;                   // argv[0] is looked up in PATH
  std::map<std::string, std::string> environment;  // added to, or over, our own
  std::vector<std::string> environment_removed;    // taken out of our own
  std::string working_folder;                      // empty = ours
  // Kill after this long: SIGTERM to its process group, SIGKILL `grace` later.
  std::chrono::milliseconds deadline{std::chrono::minutes(10)};
  std::chrono::milliseconds grace{std::chrono::seconds(5)};
  // Should this process die, the child is killed; with this also what it has started in its group.
  // For commands of users: they start others. Costs a shell.
  bool group_dies_with_us = false;
  const Cancellation* cancellation = nullptr;  // Not owned. Set: ended like at the deadline.
  ByteSource* input = nullptr;                 // Not owned. stdin; none = /dev/null.
  ByteSink* output = nullptr;  // Not owned. stdout; none = collected (output_limit).
  std::uint64_t output_limit =
      1U << 20U;  // bytes of stdout, and of stderr, that are kept: the first
  // Called with each whole line of stderr, for logs; may be empty.
  std::function<void(std::string_view)> on_error_line;
  // Pipes beside the standard three: the child's descriptor number, and which end we hold.
  struct ExtraPipe {
    int child_descriptor = 0;
    bool child_reads = false;
  };
  std::vector<ExtraPipe> extra_pipes;
  // Called on a thread of its own per extra pipe with our end (closed afterwards by the runner).
  std::function<void(int child_descriptor, int our_descriptor)> on_pipe;
};

struct ProcessOutcome {
  int exit_code = 0;       // when it exited
  int signal = 0;          // when a signal ended it, else 0
  bool timed_out = false;  // we ended it at its deadline
  bool cancelled = false;  // we ended it because cancellation was set
  std::string output;      // stdout, where no sink was given
  std::string error;       // stderr, at most output_limit bytes

  bool ok() const { return exit_code == 0 && signal == 0 && !timed_out && !cancelled; }
};

// Starts processes and waits for them: always exec, in a process group of their own, never a bare
// fork, no descriptor inherited but the named ones. Thread-safe.
class ProcessRunner {
 public:
  virtual ~ProcessRunner() = default;
  // kNotFound when there is no such program, kDenied when it may not be run. How it ended is in
  // the outcome, a failure of `input` or `output` is the error. The process is killed (SIGKILL)
  // when this one dies. Its output is complete when it has exited: what it left running in the
  // background stays, is not waited for, and is ended only with it, at the deadline, or where
  // extra pipes were given.
  virtual Result<ProcessOutcome> Run(const ProcessSpec& spec) = 0;
  // Starts a process that outlives this one (a new session, standard descriptors on /dev/null or
  // the given log file); returns its id. For things that are journaled, so that they can be ended.
  virtual Result<int> StartDetached(const ProcessSpec& spec, const std::string& log_file) = 0;
};

// The real one.
std::unique_ptr<ProcessRunner> MakeProcessRunner();

// "exit code 3: last line of stderr", for errors about a finished process.
std::string DescribeOutcome(const ProcessOutcome& outcome);

// The identity of a process that survives the reuse of its number: the boot id of its kernel, the
// PID namespace whose numbers are meant (pid_namespaces(7)), pid and start time (/proc/PID/stat
// field 22). Empty fields when the process does not exist.
struct ProcessIdentity {
  std::string host;
  std::string boot_id;
  std::string pid_namespace;
  int pid = 0;
  std::uint64_t start_time = 0;
  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};
ProcessIdentity OwnProcessIdentity();
// "root@host", for people: who started a run, or pinned a checkpoint.
std::string OwnUserAtHost();
// Do the numbers of both count the same processes, so that FindProcess of the one knows whether the
// other lives? False where that is not known. Containers have namespaces of their own on one host,
// and two hosts may have one name.
bool SeesProcessesOf(const ProcessIdentity& self, const ProcessIdentity& other);
// Looks up a process now; nullopt when there is none (a zombie counts as none).
std::optional<ProcessIdentity> FindProcess(int pid);

}  // namespace holdfast
