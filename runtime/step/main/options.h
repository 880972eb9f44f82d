#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// The command line of holdfast-step: `holdfast-step COMMAND --name=value ...`. A parser of its own,
// because every step of every run starts this program: a general one costs more than the step.
struct StepOptions {
  std::string command;  // begin, run, end, gate; empty with --help or --version
  bool help = false;
  bool version = false;
  std::map<std::string, std::string, std::less<>> values;  // of the options that were given

  std::string Get(std::string_view name, std::string_view fallback = "") const;
  // True for "--name", "--name=true", "yes", "1", "on"; false for "", "false", "no", "0", "off".
  bool Flag(std::string_view name) const;
};

// kUsage for an unknown command, an unknown option (did you mean), an option that the command does
// not have, one that is given twice, one without its value, a flag with a value that is no truth.
Result<StepOptions> ParseStepOptions(const std::vector<std::string>& arguments);

// What --help prints.
std::string StepHelp();

}  // namespace holdfast::runtime
