#include "runtime/cli/cluster_trust.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "plugins/sdk/text.h"
#include "runtime/cli/next_command.h"

namespace holdfast::cli {

namespace {

// Everything else, now or later, is refused: --provider-config-dir, for one, says where hooks come from.
constexpr std::array<std::string_view, 14> kHarmless{
    "run",    "record",     "step",          "operation", "resource", "activity", "dry-run",
    "status", "started-by", "stop-children", "fail-fast", "partial",  "help",     "version"};

Error Refused(const std::vector<std::string>& argv, const StepArguments& arguments,
              const std::string& what) {
  return Error(ErrorCode::kDenied, "step " + Printable(arguments.step) + " of " +
                                       Printable(arguments.from_cluster) + " " + what + ": " +
                                       Printable(ShellWords(argv)))
      .Hint("'holdfast step show --from-cluster " + ShellWord(arguments.from_cluster) + " " +
            ShellWord(arguments.step) +
            "' shows all of it; --trust-cluster runs it on this machine all the same");
}

}  // namespace

Status CheckForeignCommand(const std::vector<std::string>& argv, const OpenedWorkflow& workflow,
                           const StepArguments& arguments) {
  if (argv.front() != StepBinary())
    return Refused(argv, arguments, "runs a program that is not holdfast-step");
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      // The command, and no value of an option before it: the templates write --NAME=VALUE.
      if (i == 1) continue;
      return Refused(argv, arguments, "has an argument that no step has, " + Printable(word));
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(2, equals == word.npos ? equals : equals - 2);
    const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
    if (name == "provider" || name == "bundle") {
      if (value == (name == "provider" ? workflow.provider : workflow.files.sha256)) continue;
      return Refused(argv, arguments, "is of another " + std::string(name) + " than its Workflow");
    }
    if (std::find(kHarmless.begin(), kHarmless.end(), name) == kHarmless.end()) {
      return Refused(argv, arguments,
                     "has an option that is not taken from a cluster, --" + Printable(name));
    }
  }
  return Ok();
}

}  // namespace holdfast::cli
