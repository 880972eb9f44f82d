#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/cli/commands.h"

namespace holdfast::cli {

// Commands that a message tells people to type next: whole, quoted for a shell, and with the
// options without which this machine would take another provider, folder or bundle.

// A word as a shell reads it back.
std::string ShellWord(std::string_view word);
// A command of these words.
std::string ShellWords(const std::vector<std::string>& words);

// "holdfast", with the provider folder where the environment names another one.
std::string ProgramCommand(const Session& session);

// holdfast gc --run RUN, of a run in the bank of `provider`.
std::string GcCommand(Session& session, const ProviderConfig& provider, std::string_view run);

// The `holdfast run` that `arguments` were read from, on `record`; an empty one: anew.
std::string RunCommand(const Session& session, const RunArguments& arguments,
                       std::string_view record);

// What makes the workflow file of `arguments`, a template or not, anew from what is there now, and runs
// it. Empty where the file of `plan` does not stand beside it under its usual name.
std::vector<std::string> CompileAgainCommands(const Session& session, const RunArguments& arguments,
                                              const std::string& plan, bool is_template);

}  // namespace holdfast::cli
