#pragma once

#include <string>
#include <vector>

#include "runtime/step/clean_ups.h"
#include "runtime/step/run_view.h"
#include "runtime/step/step_driver.h"

namespace holdfast::runtime {

// What an end claims in the journal of its record.
inline constexpr std::string_view kEndStep = "end";

struct EndRequest {
  std::string run;
  std::string start;  // which start of it (run_start.h): of another one's there is nothing to end
  // What the engine believes; logged, and never used but where it says that a run succeeded which
  // the bank does not know: that is kCorrupt.
  std::string status;
  bool dry_run = false;
  // Of a run that is cancelled, the record that it works on: a begin of it that has not come so far is
  // kept from it, whenever it comes. Empty: one that is still to come makes its record.
  std::string keeps_from = {};
};

// The last step of every run, and an engine's exit handler: takes a new fencing token, waits for
// dying steps, makes the clean-ups that are owed, sets the record's state from the journal alone,
// writes the indices, gives the lease back. Exit codes: 0 the record ended well (also when there
// was nothing to end: the run's begin was refused), 5 it did not, 13 it did not as nobody let it read the checkpoint, 143 told to end
// meanwhile.
// Idempotent: what a killed `end` left is completed.
Result<StepReport> End(const StepEnvironment& env, const EndRequest& request);

// What was found out about a record.
struct Verdict {
  bool good = false;
  std::vector<std::string> reasons;  // why not, at most a handful; for people
  std::uint64_t warnings = 0;        // of all activities, good or not, and of the graph
  std::uint64_t uncleaned = 0;       // resources that FindUncleaned names
  bool denied = false;               // StateEntry's
};
// Available if and only if the journal holds a success of every activity in the bundle and
// (protect) every manifest reads back.
Result<Verdict> JudgeRecord(const StepEnvironment& env, RunView& run);

// What `end`, gc and a deletion of an abandoned checkpoint do once they have the lease: claims,
// clean-ups, verdict, state, indices, marker. `by` stands in the journal.
Result<StepReport> FinishRecord(const StepEnvironment& env, RunView& run, std::string_view by,
                                CleanUps which = CleanUps::kOwed);

}  // namespace holdfast::runtime
