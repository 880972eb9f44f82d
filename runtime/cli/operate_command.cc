// Delete and verify of a checkpoint as one command: they are operations (plugins act), compiled from
// the checkpoint and run here.
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "plugins/sdk/exit_code.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/cli/one_deletion.h"
#include "runtime/step/erase.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

int CompileAndRun(Session& session, const CheckpointsArguments& arguments, Operation operation,
                  bool brief = false) {
  const Output& out = session.out();
  std::string folder = (fs::temp_directory_path() / "holdfast-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return out.Fail(SystemError(errno, "making a folder for the workflow"));

  CompileArguments compile;
  compile.operation = operation;
  compile.checkpoint = arguments.checkpoint;
  compile.of_plan = arguments.plan;
  compile.of_origin = arguments.origin;
  compile.provider = arguments.provider;
  compile.parameters = arguments.parameters;
  compile.sample = arguments.sample;
  compile.partial = arguments.partial;
  compile.brief = brief;
  compile.output = folder + "/" + std::string(NameOf(operation)) + ".yaml";
  // It runs here, where a template may have as many tasks as there are.
  compile.max_tasks_per_template = 1'000'000;
  compile.max_tasks_per_workflow = 10'000'000;
  const auto file = CompileToFile(session, compile);
  std::error_code ignored;
  if (!file) {
    fs::remove_all(folder, ignored);
    return out.Fail(file.error());
  }
  RunArguments run;
  run.file = *file;
  run.brief = brief;
  const int code = RunWorkflowFile(session, run);
  // Logs and state stand in the folder, too: after a run that failed or was stopped they are what one
  // needs. One that went well, or was refused with its reason said, leaves nothing.
  const bool kept = code == static_cast<int>(ExitCode::kRunFailed) ||
                    code == static_cast<int>(ExitCode::kRunStopped) ||
                    code == static_cast<int>(ExitCode::kInternal);
  if (kept) {
    out.Warn("the logs and the workflow file of this run are kept in " + folder +
             "; remove the folder when they are of no use any more");
  } else {
    fs::remove_all(folder, ignored);
  }
  return code;
}

// The way out where plugins cannot act, which leaves to a person what they would have done.
int EraseDamaged(Session& session, const CheckpointsArguments& arguments) {
  const Output& out = session.out();
  const std::string& id = arguments.checkpoint;
  if (id == "latest" || !arguments.parameters.empty()) {
    return out.Fail(Error(ErrorCode::kUsage,
                          "--without-plugins needs the id of a checkpoint, and "
                          "takes no parameters"));
  }
  const auto provider = session.OpenProvider(arguments.provider);
  if (!provider) return out.Fail(provider.error());
  // A bank that is not there is not made for that.
  const auto tenant = (*provider)->tenant_section(SectionAccess::kWrite, BankUse::kRead);
  if (!tenant) return out.Fail(tenant.error());
  const Status erased = runtime::EraseDamagedCheckpoint(*tenant, id, session.clock());
  if (!erased) return out.Fail(erased.error());
  out.Warn("no plugin was asked: what they made outside of the bank for checkpoint " + id +
           ", such as snapshots, is still there, and what was at rest still is");
  out.Say("checkpoint " + id + " is erased from the bank");
  return 0;
}

int Delete(Session& session, const CheckpointsArguments& arguments, bool brief) {
  const int code = CompileAndRun(session, arguments, Operation::kDelete, brief);
  if (code == static_cast<int>(ExitCode::kCorrupt)) {
    session.out().Say(
        "what is so damaged that it cannot be deleted otherwise is erased from the bank by "
        "'holdfast checkpoints delete --without-plugins'");
  }
  return code;
}

}  // namespace

int DeleteCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  if (arguments.without_plugins) return EraseDamaged(session, arguments);
  return Delete(session, arguments, false);
}

int DeleteOneOfSeveral(Session& session, const std::string& provider,
                       const std::string& checkpoint) {
  CheckpointsArguments arguments;
  arguments.provider = provider;
  arguments.checkpoint = checkpoint;
  return Delete(session, arguments, true);
}

int VerifyCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  return CompileAndRun(session, arguments, Operation::kVerify);
}

}  // namespace holdfast::cli
