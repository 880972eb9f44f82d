#include "runtime/step/main/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/text.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {
namespace {

struct Option {
  std::string_view name;
  bool flag;
  std::string_view commands;  // letters: b(egin) r(un) e(nd) g(ate)
  std::string_view help;
};

constexpr std::array kOptions{
    Option{"provider", false, "breg", "id or name of the provider"},
    Option{"run", false, "breg", "the run's id, the engine's (Argo: the workflow's uid)"},
    Option{"record", false, "breg", "the record to work on; empty or absent: the run's id"},
    Option{"bundle", false, "breg", "SHA-256 of the bundle that the workflow was compiled into"},
    Option{"step", false, "rg",
           "the step to run, or whose gates to ask for (gate: also several, with commas)"},
    Option{"operation", false, "r", "with --resource and --activity: one activity alone"},
    Option{"resource", false, "r", "TYPE#ID"},
    Option{"activity", false, "r", "pre, pre_finish, parallel or post"},
    Option{"status", false, "e",
           "what the engine believes: logged, and an error where it is Succeeded and the bank has "
           "no such run"},
    Option{"stop-children", true, "e",
           "in a pod, unless the status is Succeeded: first stop the Workflows that this one has "
           "started, and wait for their steps"},
    Option{"fail-fast", true, "br", "no pre starts any more once something has failed"},
    Option{"partial", true, "b", "restore from a checkpoint in error"},
    Option{"started-by", false, "b", "who started the run, for listings"},
    Option{"provider-config-dir", false, "breg",
           "folder of the providers (HOLDFAST_PROVIDER_CONFIG_DIR)"},
    Option{"report", true, "breg",
           "print one line of JSON with the exit code, exit 0, and log to a file: for engines that "
           "see no more of a program"},
    Option{"log-dir", false, "breg",
           "with --report: the folder of the log files, as RUN/STEP.log (HOLDFAST_LOG_DIR; else "
           "/var/log/holdfast for root, and ~/.local/state/holdfast/log)"},
    Option{"verbose", true, "breg", "log debug lines, too"},
    Option{"dry-run", true, "breg", "say what would be done; write nothing"},
};

constexpr std::array<std::string_view, 4> kCommands{"begin", "run", "end", "gate"};

Error Usage(std::string message, std::string hint) {
  return Error(ErrorCode::kUsage, std::move(message)).Hint(std::move(hint));
}

template <class List, class Name>
std::string DidYouMean(std::string_view word, const List& list, Name name) {
  std::vector<std::string> candidates;
  candidates.reserve(std::size(list));
  for (const auto& entry : list) candidates.emplace_back(name(entry));
  const std::string near = Nearest(word, candidates);
  return near.empty() ? "holdfast-step --help" : "did you mean '" + near + "'?";
}

std::optional<bool> ParseTruth(std::string_view text) {
  for (const std::string_view yes : {"true", "yes", "1", "on"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"", "false", "no", "0", "off"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace

std::string StepOptions::Get(std::string_view name, std::string_view fallback) const {
  const auto at = values.find(name);
  return at == values.end() || at->second.empty() ? std::string(fallback) : at->second;
}

bool StepOptions::Flag(std::string_view name) const {
  const auto at = values.find(name);
  return at != values.end() && ParseTruth(at->second).value_or(false);
}

Result<StepOptions> ParseStepOptions(const std::vector<std::string>& arguments) {
  StepOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.help = true;
      continue;
    }
    if (argument == "--version") {
      options.version = true;
      continue;
    }
    if (!argument.starts_with("--")) {
      if (!options.command.empty()) {
        return Usage("unexpected argument '" + Printable(argument) + "'",
                     "options are --name=value");
      }
      if (std::find(kCommands.begin(), kCommands.end(), argument) == kCommands.end()) {
        return Usage("unknown command '" + Printable(argument) + "'",
                     DidYouMean(argument, kCommands, [](std::string_view c) { return c; }));
      }
      options.command = argument;
      continue;
    }
    const auto equals = argument.find('=');
    const std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const auto option = std::find_if(kOptions.begin(), kOptions.end(),
                                     [&](const Option& o) { return o.name == name; });
    if (option == kOptions.end()) {
      return Usage("unknown option '--" + Printable(name) + "'",
                   DidYouMean(name, kOptions, [](const Option& o) { return o.name; }));
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (option->flag) {
      value = "true";
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return Usage("--" + name + " needs a value", "--" + name + "=VALUE");
    }
    if (option->flag && !ParseTruth(value)) {
      return Usage("--" + name + " is true or false, not '" + Printable(value) + "'",
                   "--" + name + "=true");
    }
    if (!options.values.emplace(name, std::move(value)).second) {
      return Usage("--" + name + " is given twice", "give it once");
    }
  }
  if (options.help || options.version) return options;
  if (options.command.empty()) return Usage("a command is missing", "holdfast-step --help");
  for (const auto& [name, value] : options.values) {
    const auto option = std::find_if(kOptions.begin(), kOptions.end(),
                                     [&key = name](const Option& o) { return o.name == key; });
    if (option->commands.find(options.command.front()) == std::string_view::npos) {
      return Usage(fmt::format("'{}' has no option '--{}'", options.command, name),
                   "holdfast-step --help");
    }
  }
  for (const char* const name : {"run", "record"}) {
    const std::string id = options.Get(name);
    if (id.empty()) continue;
    if (Status known = CheckId(id); !known)
      return std::move(known).error().While("--" + std::string(name)).Hint("holdfast-step --help");
  }
  return options;
}

std::string StepHelp() {
  std::string out =
      "holdfast-step: one step of a workflow that holdfast compiled\n"
      "\n"
      "  holdfast-step begin|run|end|gate --name=value ...\n"
      "\n"
      "  begin   checks the bundle, takes the lease, creates or resumes the record\n"
      "  run     runs the activities of one step\n"
      "  end     cleans up what is owed, sets the record's state, gives the lease back\n"
      "  gate    exits 20 when nothing in the steps can run\n"
      "\n";
  for (const Option& option : kOptions) {
    std::string commands;
    for (const std::string_view command : kCommands) {
      if (option.commands.find(command.front()) == std::string_view::npos) continue;
      commands += (commands.empty() ? "" : ", ") + std::string(command);
    }
    out +=
        fmt::format("  --{:<28} {} ({})\n", std::string(option.name) + (option.flag ? "" : "=..."),
                    option.help, option.commands.size() == kCommands.size() ? "all" : commands);
  }
  out += "\nExit codes:\n";
  for (const ExitCodeEntry& entry : kExitCodes) {
    out += fmt::format("  {:>3}  {:<16} {}\n", static_cast<int>(entry.code), entry.name,
                       entry.meaning);
  }
  return out;
}

}  // namespace holdfast::runtime
