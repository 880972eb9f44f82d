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

// What a command line says of it.
struct WantedCheckpoint {
  std::string text;    // an id, or "latest"
  std::string plan;    // latest: of this one; empty: of any
  std::string origin;  // latest: what this provider (name or id) made; empty: any
};

// The id that a command line means: itself, or for "latest" the newest available checkpoint of the
// provider (by its id) of plan and origin; kNotFound when there is none. A damaged one
// is never the newest, and one that is newer than what is chosen is warned of. kInvalidInput where the
// newest was made in the future (a clock was wrong), and where no origin is said and several providers made those that
// there are: which one is meant, only a person can say.
Result<std::string> ChooseCheckpoint(const Output& out, const BankSection& tenant,
                                     const std::string& provider_id, OfOthers of_others,
                                     const WantedCheckpoint& wanted, WallTime now);

}  // namespace holdfast::cli
