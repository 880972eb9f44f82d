#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/output.h"

namespace holdfast::cli {

// The id that a command line means: itself, or for "latest" the newest available checkpoint (of
// `plan`, unless that is empty); kNotFound when there is none. A damaged one is never the newest, and
// one that is newer than what is chosen is warned of.
Result<std::string> ChooseCheckpoint(const Output& out, const BankSection& tenant,
                                     const std::string& text, const std::string& plan);

}  // namespace holdfast::cli
