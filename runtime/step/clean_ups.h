#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/step/run_view.h"

namespace holdfast::runtime {

// A post that has to be called although no engine will: its resource's pre succeeded, was killed
// after it had journaled an intent, or failed with its work half done, and the post has no recorded
// outcome (design: semantics, failure). A resource without pre owes one once another of its
// activities has begun. Posts that act only on success are never owed.
struct OwedCleanUp {
  const BundleStep* step = nullptr;  // not owned: the bundle's
  const BundleResource* resource = nullptr;
  std::uint64_t epoch = 1;
};

// Those that are owed alone, or also those that FindUncleaned names: they failed, and somebody who
// knows, or hopes, that they would succeed now wants them tried again.
enum class CleanUps { kOwed, kFailedToo };

// Every clean-up that is owed, in the order of the steps; older epochs count, too.
Result<std::vector<OwedCleanUp>> FindOwedCleanUps(const StepEnvironment& env, RunView& run,
                                                  CleanUps which = CleanUps::kOwed);

// Calls them, one after the other, each in an attempt of its step. One that fails is recorded and
// the next goes on; one that is stopped or times out has no outcome and stays owed. Returns what is
// still owed. `by` is "end", "begin" or "gc". The outcome of one that is tried again is recorded beside
// the earlier one, and counts in its place.
Result<std::vector<OwedCleanUp>> RunOwedCleanUps(const StepEnvironment& env, RunView& run,
                                                 std::string_view by,
                                                 CleanUps which = CleanUps::kOwed);

// A resource that may still be at rest, or have left something behind: its pre succeeded or is half
// done, its post failed or did not end, and no post of a later epoch succeeded.
struct Uncleaned {
  ResourceKey resource;
  bool at_rest = false;  // else only what it made may be left
  std::string text;      // for people: which resource, and why
};

// All of them, each once, in the order of the steps.
Result<std::vector<Uncleaned>> FindUncleaned(const StepEnvironment& env, RunView& run);

// Waits until no other process works on a step of the run: its claim has a result, its process is
// gone, or its heartbeat has ended (which a holder of an old token brings about itself).
// kUnavailable when this process is told to end meanwhile.
Status WaitForClaims(const StepEnvironment& env, RunView& run);

}  // namespace holdfast::runtime
