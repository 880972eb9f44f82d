#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "runtime/cli/command_line.h"
#include "runtime/cli/completion.h"
#include "runtime/cli/output.h"
#include "runtime/cli/reference.h"
#include "runtime/cli/usage_error.h"

namespace holdfast::cli {
namespace {

// Does the command do something of which its data is only the report?
bool Acts(std::string_view path) {
  constexpr std::array<std::string_view, 14> kActing{"submit",
                                                     "watch",
                                                     "stop",
                                                     "resume",
                                                     "resubmit",
                                                     "run",
                                                     "gc",
                                                     "step run",
                                                     "checkpoints verify",
                                                     "checkpoints delete",
                                                     "checkpoints prune",
                                                     "checkpoints copy",
                                                     "checkpoints pin",
                                                     "checkpoints unpin"};
  return std::find(kActing.begin(), kActing.end(), path) != kActing.end();
}

int PrintReference(const ReadCommand& command, const CommandLine& line) {
  const std::string& topic = command.topic;
  if (topic == "cli" || topic == "exit-codes") {
    WriteStdout(topic == "cli" ? ReferenceMarkdown(line.Tree()) : ExitCodesMarkdown());
    return EndStdout(0, false);
  }
  Session session(command.global);
  if (auto status = session.LoadAllPlugins(); !status) return session.out().Fail(status.error());
  WriteStdout(topic == "plugins" ? PluginsMarkdown(session.registry())
                                 : ProviderKeysMarkdown(session.registry()));
  return EndStdout(0, false);
}

int Main(int argc, char** argv) {
  CommandLine line;
  const std::vector<std::string> words(argv + 1, argv + argc);
  const ReadCommand command = line.Read(argc, argv);
  if (command.exit_code) return *command.exit_code;
  if (command.wrong) {
    // What could not be read has set no option, but whoever reads data wants this as data as well.
    const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
    return EndStdout(Output(json, false).Fail(UsageError(line.Tree(), *command.wrong, words)),
                     false);
  }
  if (command.path == "completion") {
    WriteStdout(CompletionScript(line.Tree(), command.shell));
    return EndStdout(0, false);
  }
  if (command.path == "reference") return PrintReference(command, line);
  if (!command.action) {
    if (command.global.json) {
      return EndStdout(Output(true, false)
                           .Fail(Error(ErrorCode::kUsage, "a command is missing")
                                     .Hint("'holdfast --help' lists what there is")),
                       false);
    }
    WriteStdout(line.Help());
    return static_cast<int>(ExitCode::kUsage);
  }
  Session session(command.global);
  return EndStdout(command.action(session), Acts(command.path));
}

}  // namespace
}  // namespace holdfast::cli

int main(int argc, char** argv) {
  // A reader that goes away is a write error, not the end of what is running.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return holdfast::cli::Main(argc, argv);
  } catch (const std::exception& e) {
    // CLI11 may throw while options are declared: a bug of ours, never input.
    std::fprintf(stderr, "holdfast: %s\n", e.what());
    return static_cast<int>(holdfast::ExitCode::kInternal);
  }
}
