#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plugins/sdk/exit_code.h"
#include "runtime/step/run_view.h"
#include "runtime/step/step_driver.h"

namespace holdfast::runtime {

// Lists the live graph again and compares it with the one that a bundle was compiled from
// (design: semantics, drift). Given by the executable; has a deadline of its own. Returns a text
// that names what is new or gone and the command that recompiles; empty: no drift.
using DriftChecker =
    std::function<Result<std::string>(const Bundle& bundle, const ResourceGraph& compiled)>;

struct BeginRequest {
  std::string run;
  std::string start;   // which start of it (run_start.h)
  std::string record;  // empty: the run's id
  std::string bundle;  // SHA-256
  std::string started_by;
  bool fail_fast = false;
  bool partial = false;  // restore from a checkpoint in error
  bool dry_run = false;
};

// The first step of every run: checks the bundle (hashes, plugins, majors of their schemas), takes
// the lease with a new fencing token, and creates the record, or resumes it: a record in error, or
// one that a dead run left. A resume first makes the clean-ups that are still owed, then gives
// every resource that is not finished a new epoch. Run again by the same run it completes what is
// missing.
//
// Before it writes anything else it marks the bundle as used (bundle_use.h): a gc either sees that, or this refuses.
//
// Errors: kNotFound (no bundle, no checkpoint), kInvalidInput (what cannot be begun, such as the
// deletion of a checkpoint that is pinned; nothing was written), kLocked (another run, or another start of
// this one, has the lease or the run's id; nothing of it was touched), kDenied (a key that the checkpoint
// needs is not there; nothing was written), kUnavailable (a gc is just removing the bundle; nothing was written).
Result<StepReport> Begin(const StepEnvironment& env, const BeginRequest& request,
                         const DriftChecker& drift);

// How far the begin of `run` has come on `record`, as the bank has it: its process may be gone, and
// its report lost. Half-way it has the lease, and its record does not say yet that the run works on it.
enum class BeginProgress { kNotBegun, kHalfWay, kDone };
Result<BeginProgress> ProgressOfBegin(const BankSection& tenant, std::string_view record,
                                      std::string_view run);

}  // namespace holdfast::runtime
