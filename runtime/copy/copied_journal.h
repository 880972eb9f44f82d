#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Copies what the journal of a checkpoint says of one step: who did it when, and how each activity ended, with
// what it warned of, so that what is shown of the copy is what is shown of the original. What was journaled for
// processes that come later, intents and parts of manifests, is not: nothing of the run is to be done any more.
// `from` and `to` are sections of the checkpoint. Again: success.
Status CopyStepJournal(const BankSection& from, const BankSection& to, const std::string& step);

}  // namespace holdfast::runtime
