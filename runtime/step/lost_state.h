#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "runtime/step/run_view.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// The state that a begin writes is one small object. Where that is lost nothing that is good is made of what the run has done,
// nor is it forgotten.

// Whether anything was done in a record, though its states may be lost: by those that there are (but `error`, which a begin that
// came to nothing has, too), by their numbers, and by the claims of its steps, which are asked for by their keys: a listing may not
// show yet what there is. Of a deletion also true where its bundle, which names the steps, cannot be read. Half a copy has not begun.
Result<bool> HasBegun(const Record& record);
// Whether another run than `run` was the first to claim one of its steps; by their keys alone.
Result<bool> HasBegunBefore(const Record& record, std::string_view run);

// kCorrupt, which names the first state: it is missing.
Error FirstStateMissing(const Record& record);

// Writes the states that a record has lost before the first that is left, or its first: as one in which `by`, a run, works, with the
// loss as the reason.
Status MendFirstStates(RunView& run, std::string by, const Clock& clock);
// The run that worked on a record which has lost its first states, as far as that can be told: by the run that has it now, by
// those of its other states, by its id. Empty: by none of them.
Result<std::string> RunOfLostStates(const RunView& run);
// Was it written by MendFirstStates?
bool IsMended(const StateEntry& state);

}  // namespace holdfast::runtime
