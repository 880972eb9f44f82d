#pragma once

#include <string>
#include <vector>

namespace holdfast::cli {

// The command line as data: what the reference and the completion scripts are printed from.
struct CommandNode {
  struct Option {
    std::string name;                     // "-o,--output", "plan"
    std::vector<std::string> long_names;  // without dashes
    std::vector<std::string> short_names;
    std::string description;
    std::string default_text;
    bool required = false;
    bool positional = false;
    bool takes_value = false;
  };
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::vector<Option> options;
  std::vector<CommandNode> children;
};

}  // namespace holdfast::cli
