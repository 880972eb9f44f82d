#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/step/run_view.h"

namespace holdfast::runtime {

// Objects that say who works on a record, and cannot be read. A lease and a claim are replaced as a
// whole, so that is damage and no write that was torn. Nobody can tell then whether that one lives:
// for an operator who knows that it does not (gc of a run) they count as those of one that is gone.

// The lease that then counts: given back, under the greatest token, with the newest epoch table of
// the record; and of a removal that may not be over (Lease::removes), as the damaged one counted.
// nullopt: the lease can be read, or there is none.
Result<std::optional<Lease>> LeaseInPlaceOfADamagedOne(const Record& record, std::string_view run,
                                                       WallTime now);

// The claims of the run's steps that cannot be read, as the keys of their objects below the record.
Result<std::vector<std::string>> DamagedClaims(RunView& run);
// Writes in their place claims of a process that is gone. What their attempts have journaled counts
// again; they are found by the number of the claim. Returns the keys.
Result<std::vector<std::string>> MendClaims(RunView& run);

}  // namespace holdfast::runtime
