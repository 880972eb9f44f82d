#pragma once

#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/store/listing.h"

namespace holdfast::runtime {

// Looks whether what an available checkpoint holds is there, as far as that shows without reading its data: its bundle, of each
// resource the manifest that counts, and all that this names (StatManifest). What is not there sets the summary's
// `damage`, unless a deletion has begun meanwhile. `parallel`: how many resources at once; `tenant` is used by as many threads.
//
// Returns which key is not there that it is encrypted with, and of what, where `tenant` has keys and that is none of
// them; else "": where the keys of a provider are not at hand, nobody knows. An error: the bank cannot be asked.
Result<std::string> CheckContents(const BankSection& tenant, RecordSummary& summary,
                                  unsigned parallel);

}  // namespace holdfast::runtime
