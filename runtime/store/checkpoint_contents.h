#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/store/listing.h"

namespace holdfast::runtime {

// Looks whether what an available checkpoint holds is there, as far as that shows without reading its data: its bundle, of each
// resource the manifest that counts, and all that this names (StatManifest). What is not there sets the summary's
// `damage`; where a deletion has begun meanwhile, that sets its `state`. `parallel`: how many resources at once; `tenant` is used by
// as many threads.
//
// Returns which key it is encrypted with, and what of it, that is none of those of `tenant`, or ""; that is no damage. An
// error: the bank cannot be asked.
Result<std::string> CheckContents(const BankSection& tenant, RecordSummary& summary,
                                  unsigned parallel);

}  // namespace holdfast::runtime
