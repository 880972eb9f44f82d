#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/cli/command_node.h"
#include "runtime/cli/session.h"

namespace holdfast::cli {

using Action = std::function<int(Session&)>;

// What a command line asks for.
struct ReadCommand {
  std::optional<int> exit_code;      // set: help or the version was printed, and that was all
  std::optional<std::string> wrong;  // set: what cannot be read, in CLI11's words
  GlobalArguments global;
  std::string path;   // "checkpoints copy"; empty: no command
  Action action;      // empty for `completion`, `reference` and no command
  std::string shell;  // of `completion`
  std::string topic;  // of `reference`
};

// The commands of `holdfast` with their options, read into the structs of commands.h. One process, one command line: the
// actions that are read borrow it.
class CommandLine {
 public:
  CommandLine();
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  ReadCommand Read(int argc, char** argv);
  std::string Help() const;
  // As data, without what is not for people.
  CommandNode Tree() const;

 private:
  class Declared;
  const std::unique_ptr<Declared> declared_;
};

}  // namespace holdfast::cli
