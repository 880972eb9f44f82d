#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/error.h"
#include "runtime/cli/command_node.h"

namespace holdfast::cli {

// What is wrong with a command line that could not be read: which word nobody knows, and what was probably meant; else
// `wrong`, what CLI11 says of it, in our words. kUsage.
Error UsageError(const CommandNode& root, std::string_view wrong,
                 const std::vector<std::string>& words);

}  // namespace holdfast::cli
