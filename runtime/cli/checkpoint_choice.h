#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/output.h"

namespace holdfast::cli {

// The id that a command line means: itself, or for "latest" the newest available checkpoint (of
// `plan`, unless that is empty); kNotFound when there is none. A damaged one is never the newest, and
// one that is newer than what is chosen is warned of. kInvalidInput where the newest was made in the
// future (a clock was wrong): which one is the newest, only a person can say.
Result<std::string> ChooseCheckpoint(const Output& out, const BankSection& tenant,
                                     const std::string& text, const std::string& plan,
                                     WallTime now);

}  // namespace holdfast::cli
