#pragma once

#include <string>

#include "plugins/sdk/clock.h"
#include "runtime/store/record.h"
#include "runtime/store/removal_hold.h"

namespace holdfast::runtime {

// Removes what is left of a checkpoint that is being deleted, once every plugin has deleted what it had made. State and plan
// stay as the tombstone. Again: success. `run` is the deletion's; `hold`: its lease of the checkpoint among others.
// kLocked once another one has taken over, or where it is not being deleted (any more).
Status EraseCheckpoint(RemovalHold& hold, const std::string& run, const Clock& clock);

// The way out for a damaged checkpoint that no deletion can be compiled for, or whose plugins cannot
// act: erases what the bank has of it. What plugins made outside of the bank (a snapshot) stays, and so
// does what a clean-up would have undone. kInvalidInput for one that is not damaged or is pinned, kLocked
// while somebody works on it or from it.
Status EraseDamagedCheckpoint(const BankSection& tenant, const std::string& id, const Clock& clock);

}  // namespace holdfast::runtime
