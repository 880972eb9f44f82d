#pragma once

#include <string>
#include <string_view>

#include "runtime/cli/command_node.h"

namespace holdfast::cli {

// The completion script for `shell` (bash, zsh, fish): commands and long options; files elsewhere.
std::string CompletionScript(const CommandNode& root, std::string_view shell);

}  // namespace holdfast::cli
