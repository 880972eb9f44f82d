#pragma once

#include <string>

#include "runtime/cli/command_node.h"

namespace holdfast::cli {

// docs/reference/cli.md, printed by the program; a test fails when the file is stale.
std::string ReferenceMarkdown(const CommandNode& root);

}  // namespace holdfast::cli
