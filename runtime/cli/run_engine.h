#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

// An engine that runs were given to, for commands that show them: status, watch, logs. One thread.
class RunEngine {
 public:
  virtual ~RunEngine() = default;
  // For people: "namespace argo of https://host:6443".
  virtual std::string Place() const = 0;
  // What a next command needs to ask the same one: "" or " --engine mistral".
  virtual std::string Options() const = 0;
  // What one try of a step is there: "pod".
  virtual std::string_view TryWord() const = 0;

  // The handle of the run that has this handle or this id. kNotFound: there is none.
  virtual Result<std::string> HandleOf(const std::string& run) = 0;
  // The same run as it is now, with the steps of its parts.
  virtual Result<engines::RunStatus> Find(const std::string& run) = 0;
  // All of ours, in no order.
  virtual Result<std::vector<engines::RunStatus>> List() = 0;
  // Hands on each state that is seen, until `see` returns false. `all_steps`: a step that is not in it has not begun. Bears
  // an engine that is away for a quarter of an hour, as an upgrade of a control plane takes minutes. kUnavailable when the
  // session is cancelled.
  using See = std::function<bool(engines::RunStatus status, bool all_steps)>;
  virtual Status Follow(const std::string& handle, const See& see) = 0;
  // Where the engine calls a run ended before its last step is, waits for that; false: it was not seen to end, and a warning
  // has said so.
  virtual bool AwaitLastStep(const std::optional<BankSection>& bank,
                             engines::RunStatus& status) = 0;
  // What cleans up after a run that ended without its last step, for whoever knows that nothing of it is to go on.
  virtual std::string CleanUp(const engines::RunStatus& run) = 0;
  // The handle of the run that a part is of.
  virtual std::string WholeOf(const engines::RunStatus& part) = 0;

  // What a try of a step has written; with `follow` until it ends. kNotFound where that is gone, or not to be had there: the
  // error then says where it is.
  virtual Status ReadLog(const engines::RunStatus& run, const engines::StepStatus& step,
                         const engines::StepTry& attempt, bool follow, ByteSink& sink) = 0;
};

// The one that the arguments name. kUsage for an option of another one.
Result<std::unique_ptr<RunEngine>> OpenRunEngine(Session& session,
                                                 const ClusterArguments& arguments);

}  // namespace holdfast::cli
