#include "runtime/cli/cluster_trust.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/next_command.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

// What says neither what is worked on nor where. Everything else, now or later, is refused: --provider-config-dir, for one,
// says where hooks come from.
constexpr std::array<std::string_view, 4> kFlags{"dry-run", "stop-children", "fail-fast",
                                                 "partial"};
constexpr std::string_view kStatus = "status";

std::vector<std::string> WordsOf(const local::ListedStep& step) {
  std::vector<std::string> words = step.command;
  words.insert(words.end(), step.args.begin(), step.args.end());
  return words;
}

Error Refused(const local::ListedStep& step, const StepArguments& arguments,
              const std::string& what, const std::string& instead = {}) {
  return Error(ErrorCode::kDenied, "step " + Printable(arguments.step) + " of " +
                                       Printable(arguments.from_cluster) + " " + what + ": " +
                                       Printable(ShellWords(WordsOf(step))))
      .Hint(instead + "'holdfast step show --from-cluster " + ShellWord(arguments.from_cluster) +
            " " + ShellWord(arguments.step) +
            "' shows all of it; --trust-cluster runs it on this machine all the same");
}

// An option that may have one value, and how a command with another one is refused.
struct Expected {
  std::string_view name;
  std::string_view value;  // empty: it may be missing
  std::string otherwise;
  bool names_other = false;
  bool said = false;
};

std::string Otherwise(const Expected& option, std::string_view other) {
  return option.otherwise + (option.names_other && !other.empty() ? ", " + Printable(other) : "");
}

}  // namespace

Status CheckForeignCommand(const local::ListedStep& step, const OpenedWorkflow& workflow,
                           const StepArguments& arguments) {
  const std::vector<std::string> argv = WordsOf(step);
  if (argv.front() != StepBinary())
    return Refused(step, arguments, "runs a program that is not holdfast-step");
  const std::string_view command = argv.size() < 2 ? "" : std::string_view(argv[1]);
  // These say something, and do nothing.
  if (argv.size() == 2 && (command == "--help" || command == "--version")) return Ok();
  const bool frames = step.task == "begin" || step.task == "end";
  if (command != (frames ? std::string_view(step.task) : "run")) {
    return Refused(step, arguments,
                   "is called '" + Printable(command) + "', and not as a step of that name is");
  }
  const std::string_view own_step = frames ? std::string_view() : step.task;
  std::array expected{
      Expected{"provider", workflow.provider, "is of another provider than its Workflow"},
      Expected{"bundle", workflow.files.sha256, "is of another bundle than its Workflow"},
      Expected{"run", arguments.run_id, "works in another run than " + Printable(arguments.run_id)},
      Expected{"record", arguments.record, "works on another record than its run does", true},
      Expected{"step", own_step, "runs another step", true}};
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with("--")) {
      return Refused(step, arguments, "has an argument that no step has, " + Printable(word));
    }
    const std::size_t equals = word.find('=');
    const bool bare = equals == word.npos;
    const std::string_view name = word.substr(2, bare ? equals : equals - 2);
    if (std::find(kFlags.begin(), kFlags.end(), name) != kFlags.end()) continue;
    const auto option = std::find_if(expected.begin(), expected.end(),
                                     [&](const Expected& e) { return e.name == name; });
    if (option == expected.end() && name != kStatus) {
      return Refused(step, arguments,
                     "has an option that is not taken from a cluster, --" + Printable(name));
    }
    // It would take the next word, which may be the --dry-run that is put there.
    if (bare)
      return Refused(step, arguments, "has an option without its value, --" + Printable(name));
    if (option == expected.end()) continue;
    const std::string_view value = word.substr(equals + 1);
    if (value != option->value) return Refused(step, arguments, Otherwise(*option, value));
    option->said = true;
  }
  for (const Expected& option : expected) {
    if (!option.said && !option.value.empty())
      return Refused(step, arguments, Otherwise(option, ""));
  }
  return Ok();
}

Status CheckForeignRun(Session& session, const local::ListedStep& step,
                       const OpenedWorkflow& workflow, const StepArguments& arguments) {
  constexpr const char* kInstead = "--run-id names the run to work in; ";
  if (step.task == "begin" || step.task == "end") {
    return Refused(step, arguments, "would frame a run that it is only a part of", kInstead);
  }
  const auto parent = OpenRun(session, arguments.cluster, arguments.run_id);
  if (!parent && parent.error().code() != ErrorCode::kNotFound) return parent.error();
  if (!parent || parent->status.uid != arguments.run_id || !parent->status.part_of.empty()) {
    return Refused(
        step, arguments,
        "works in the run " + Printable(arguments.run_id) + ", which is none of its namespace",
        kInstead);
  }
  const engines::RunStatus& whole = parent->status;
  const auto has = [&whole](const char* name, const std::string& value) {
    const auto found = whole.parameters.find(name);
    return found != whole.parameters.end() && found->second == value;
  };
  const std::string record = arguments.record.empty() ? arguments.run_id : arguments.record;
  if (has("bundle", workflow.files.sha256) && has("provider", workflow.provider) &&
      whole.record() == record) {
    return Ok();
  }
  return Refused(
      step, arguments,
      "is of another bundle, provider or record than the run " + Printable(arguments.run_id),
      kInstead);
}

}  // namespace holdfast::cli
