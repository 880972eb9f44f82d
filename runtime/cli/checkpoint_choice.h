#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"

namespace holdfast::cli {

// The id that a command line means: itself, or for "latest" the newest available checkpoint (of
// `plan`, unless that is empty); kNotFound when there is none.
Result<std::string> ChooseCheckpoint(const BankSection& tenant, const std::string& text,
                                     const std::string& plan);

}  // namespace holdfast::cli
