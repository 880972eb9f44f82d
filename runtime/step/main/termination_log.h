#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/exit_code.h"

namespace holdfast::runtime {

// Where the engine looks for the reason why a container failed: the file HOLDFAST_TERMINATION_LOG
// (Kubernetes: /dev/termination-log). Argo copies it into the status of the Workflow, which has room
// for little, which more people see than the bank, and which is kept outside of it. Hence one short
// line, and no name of a resource where the plan keeps those to itself. One thread.
class TerminationLog {
 public:
  // `path` empty: there is none, and nothing is written.
  explicit TerminationLog(std::string path) : path_(std::move(path)) {}

  // Before a step reads anything of a tenant: looks up in its bundle whether the plan's names may be
  // seen. Where that cannot be read they may not.
  void AskBundle(const BankSection& tenant, const std::string& bundle);

  // Tries to write why this process fails; that it cannot is no failure of its own.
  void Write(ExitCode code, std::string_view why) const;

 private:
  std::string path_;
  bool hides_names_ = false;
  std::string instead_;  // of what hides names; empty: where to read on
};

// What Write writes: at most 200 bytes, printable, and nothing in it that an engine would interpret.
std::string TerminationLine(std::string_view why);

}  // namespace holdfast::runtime
