#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/store/journal.h"
#include "runtime/store/record.h"
#include "tests/engines/random_case.h"

namespace holdfast::testing_engines {

// One line of noop's trace.
struct TraceEvent {
  std::size_t activity = 0;  // of the case
  std::string event;
  std::uint64_t epoch = 1;
  std::int64_t steady_ns = 0;
  std::optional<bool> all_succeeded;
};
// All whole lines of a trace; none when there is no such file.
Result<std::vector<TraceEvent>> ReadTrace(const RandomCase& c, const std::string& file);

// What the journal says of one activity, in its resource's present epoch.
struct JournaledActivity {
  bool there = false;  // the record knows this activity
  std::string step;
  std::uint64_t epoch = 1;
  std::optional<runtime::ActivityOutcome> outcome;
  bool intent = false;
  // Of every epoch: how many attempts recorded a final outcome (an omitted gate is none).
  std::vector<std::pair<std::uint64_t, int>> final_outcomes;

  bool Succeeded() const { return outcome && outcome->outcome == runtime::Outcome::kSucceeded; }
  bool Failed() const { return outcome && outcome->outcome == runtime::Outcome::kFailed; }
  bool Ran() const { return Succeeded() || Failed(); }
  bool RanBy(std::string_view who) const { return Ran() && outcome->by == who; }
};

// What a bank says about a protect, read from its objects.
struct RunTruth {
  runtime::RecordState state = runtime::RecordState::kError;
  std::string reason;
  std::vector<JournaledActivity> activities;  // as the case numbers them
  bool unfinished = false;                    // marked so
  bool lease_held = false;
};
Result<RunTruth> ReadTruth(const RandomCase& c, const BankSection& tenant,
                           const std::string& record);

}  // namespace holdfast::testing_engines
