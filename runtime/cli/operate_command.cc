// Delete and verify of a checkpoint as one command: they are operations (plugins act), compiled from
// the checkpoint and run here.
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

int CompileAndRun(Session& session, const CheckpointsArguments& arguments, Operation operation) {
  const Output& out = session.out();
  std::string folder = (fs::temp_directory_path() / "holdfast-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr)
    return out.Fail(SystemError(errno, "making a folder for the workflow"));

  CompileArguments compile;
  compile.operation = operation;
  compile.checkpoint = arguments.checkpoint;
  compile.of_plan = arguments.plan;
  compile.provider = arguments.provider;
  compile.parameters = arguments.parameters;
  compile.sample = arguments.sample;
  compile.partial = arguments.partial;
  compile.output = folder + "/" + std::string(NameOf(operation)) + ".yaml";
  // It runs here, where a template may have as many tasks as there are.
  compile.max_tasks_per_template = 1'000'000;
  const auto file = CompileToFile(session, compile);
  std::error_code ignored;
  if (!file) {
    fs::remove_all(folder, ignored);
    return out.Fail(file.error());
  }
  RunArguments run;
  run.file = *file;
  const int code = RunWorkflowFile(session, run);
  // After a failure the logs are what one needs.
  if (code == 0) fs::remove_all(folder, ignored);
  return code;
}

}  // namespace

int DeleteCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  return CompileAndRun(session, arguments, Operation::kDelete);
}

int VerifyCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  return CompileAndRun(session, arguments, Operation::kVerify);
}

}  // namespace holdfast::cli
