#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/cli/output.h"

namespace holdfast::cli {

// What of other providers' checkpoints in the bank: machines that share one may have plans of one name.
enum class OfOthers {
  kLeave,  // they are nobody's business here
  // Where the bank has none of this provider, in whatever state, and available ones of exactly one other:
  // who has lost all but the bank wrote a new provider file. With a warning.
  kTakeWhenAlone,
};

// The id that a command line means: itself, or for "latest" the newest available checkpoint of the
// provider (by its id) and of `plan`, unless that is empty; kNotFound when there is none. A damaged one
// is never the newest, and one that is newer than what is chosen is warned of. kInvalidInput where the
// newest was made in the future (a clock was wrong): which one is the newest, only a person can say.
Result<std::string> ChooseCheckpoint(const Output& out, const BankSection& tenant,
                                     const std::string& provider_id, OfOthers of_others,
                                     const std::string& text, const std::string& plan,
                                     WallTime now);

}  // namespace holdfast::cli
