#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "runtime/step/run_view.h"

namespace holdfast::runtime {

struct GcOptions {
  bool dry_run = false;
  // The run whose engine the operator knows to be dead: its record is brought to its end although
  // its lease has not expired, and clean-ups of it that failed are tried again, also where it has
  // ended. Empty: only records whose lease is gone.
  std::string run;
  // Also remove what nothing refers to: attempts that lost, bundles, tombstones, temporary files.
  bool remove_orphans = true;
  std::chrono::seconds bundle_age = std::chrono::hours(24);
  std::chrono::hours tombstone_age{30 * 24};
  // What only the bank itself can see (Bank::SweepLeftovers): temporary files, uploads that were never
  // completed.
  std::chrono::seconds leftover_age = std::chrono::hours(24);
};

// A record that gc leaves alone, because its run has a lease: the run lives, or its engine is dead
// and an operator can say so (GcOptions::run).
struct GcWait {
  std::string run;
  std::string started_by;  // may be empty
  WallTime until;          // the lease's end
  // What the run owes as things are now: resources that may be at rest, and others whose post has
  // not run, so that temporary or half-made things may be left. The texts of their keys.
  std::vector<std::string> at_rest;
  std::vector<std::string> not_cleaned_up;
};

// Clean-ups of a record that failed. They are tried again when somebody says so (GcOptions::run).
struct GcRetry {
  std::string run;
};

// One thing that gc did, would do, or waits with.
struct GcAction {
  std::string subject;  // "checkpoint ID", "bundle abc...", "attempt ..."
  std::string action;   // one line
  bool failed = false;  // it could not be done, or not all of it; `action` says why
  std::optional<GcWait> wait = std::nullopt;
  // The clean-ups that belong to it, in order, and what plugins told while they made them; bounded.
  std::vector<std::string> told = {};
  std::optional<GcRetry> retry = std::nullopt;
};

// Brings to their end what dead runs left: for every unfinished record whose lease is gone it does
// what their `end` would have done; a deletion is carried on through the plugins' delete
// activities. Then removes orphans. Records of another provider than env's are left to that one's
// gc. One record that cannot be ended does not keep the others from it: its action says `failed`.
// Records whose run still has its lease are named, with `wait`; those that ended with clean-ups that
// failed, with `retry`, are failures as long as that is so; and so are damaged ones.
Result<std::vector<GcAction>> Gc(const StepEnvironment& env, const GcOptions& options);

}  // namespace holdfast::runtime
