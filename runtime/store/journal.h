#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/store/claim.h"
#include "runtime/store/warnings.h"

namespace holdfast::runtime {

// The journal of a record: what each attempt of each step did (design: bank, layout).
//
//   journal/<step>/claim-<n>             who works on it (claim.h)
//   journal/<step>/<attempt>/intent-<n>  what a plugin journaled, in order
//   journal/<step>/<attempt>/outcome-<n> outcomes of one call, where the step goes on after it
//   journal/<step>/<attempt>/result      all outcomes of the attempt; written last, once
//
// Everything is found through the claims, never through a listing. What plugins say in it, entries, saved
// info, errors, warnings, is encrypted where the provider has keys (sealed_member.h).

enum class Outcome {
  kSucceeded,
  kFailed,  // of a pre: and its half-done work is undone
  kOmitted,
  kHalfDone,  // a pre that failed and could not undo its own half-done work: its post is owed
};
std::string_view NameOf(Outcome outcome);

// Why an activity was omitted (ActivityOutcome::reason).
inline constexpr std::string_view kReasonGate = "gate";      // a gate did not succeed
inline constexpr std::string_view kReasonCommit = "commit";  // a post that acts only on success
inline constexpr std::string_view kReasonFailFast = "fail-fast";
// Why an activity failed that was to read what is stored: it was not let (a key or a permission is missing), and so has found
// out nothing about it. An older build reads it as any failure.
inline constexpr std::string_view kReasonDenied = "denied";

// How much a verify read of a resource of which it read a sample: plain bytes.
struct SampleRead {
  std::uint64_t read = 0;
  std::uint64_t of = 0;
};

// What happened to one activity of one resource. No outcome is recorded for an activity that was
// killed, stopped or timed out.
struct ActivityOutcome {
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
  std::uint64_t epoch = 1;
  Outcome outcome = Outcome::kSucceeded;
  std::string reason;  // of an omission; of a failure: kReasonDenied, or empty
  std::string error;   // of a failure, also a half-done one: one line
  // What the activity warned of; of a call for several resources with the first of them.
  Warnings warnings;
  WallTime started;
  WallTime ended;
  std::string by;       // "step", "end", "begin", "gc"
  std::string attempt;  // that recorded it (not stored: the object's place says it)
  // protect, where a later activity writes the manifest: what this one contributes to it.
  Value streams;  // a list of {"name": ..., as data_stream.h writes it}, or null
  Value raw;      // with them: the raw objects of its attempt (RawObjectsToValue), or null
  Value saved;    // the saved info, or null
  // Read: there is saved info, and the key that opens it is not there (kDenied, naming it).
  std::optional<Error> saved_closed = {};
  std::string point_in_time;  // as FormatTime writes it; empty = not set
  // verify: it read a sample, not every byte.
  std::optional<SampleRead> sample;

  // Of a restore or a verify: a failure that says nothing of the checkpoint.
  bool denied() const { return outcome == Outcome::kFailed && reason == kReasonDenied; }
  // Nothing that a new attempt could change: a success, a failure, a commit that was not made.
  bool final() const {
    if (outcome == Outcome::kOmitted) return reason == kReasonCommit;
    return outcome != Outcome::kHalfDone;
  }
};

// The object `result` of an attempt.
struct AttemptResult {
  std::string run;
  std::uint64_t token = 0;
  int exit_code = 0;
  // Every activity of the step, in this or earlier attempts, succeeded, and so did all that the
  // step comes after.
  bool clean = false;
  std::string how;  // "done", "stopped" (SIGTERM), "locked", "timed-out", "fenced"
  std::string why;  // of "locked": by what; one line
  WallTime started;
  WallTime ended;
  std::vector<ActivityOutcome> outcomes;
};

// What a plugin journaled for a resource: one intent-<n>.
struct Intent {
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
  std::uint64_t epoch = 1;
  Value entries;
  // Read: the key that opens the entries is not there (kDenied, naming it).
  std::optional<Error> closed = {};
};

struct Attempt {
  Claim claim;
  std::optional<AttemptResult> result;
  std::vector<ActivityOutcome> outcomes;  // of the result, or the outcome-<n> objects
};

// All attempts of one step, oldest first.
struct StepJournal {
  std::vector<Attempt> attempts;

  // The outcome that counts: the last one recorded; a final one before a half-done one, that before
  // any other omission.
  const ActivityOutcome* Find(const ResourceKey& resource, ActivityKind kind,
                              std::uint64_t epoch) const;
  // The newest claim when its attempt has no result.
  const Claim* OpenClaim() const;
  // The newest result, or nullptr.
  const AttemptResult* LastResult() const;
  // Why the step failed in `run`, one line: what its last attempt there recorded. Empty where that recorded nothing,
  // as one that was killed: what an earlier one said is not why then, and the engine knows more.
  std::string WhyItFailed(std::string_view run) const;
};

// `record` is the record's section. An empty journal for a step that never ran.
Result<StepJournal> ReadStepJournal(const BankSection& record, std::string_view step);
Result<std::vector<Intent>> ReadIntents(const BankSection& record, std::string_view step,
                                        std::string_view attempt);

// Intents and outcomes count from 1 in an attempt.
Status WriteIntent(const BankSection& record, std::string_view step, std::string_view attempt,
                   std::uint64_t number, const Intent& intent);
Status WriteOutcomes(const BankSection& record, std::string_view step, std::string_view attempt,
                     std::uint64_t number, const std::vector<ActivityOutcome>& outcomes);
Status WriteResult(const BankSection& record, std::string_view step, std::string_view attempt,
                   const AttemptResult& result);

}  // namespace holdfast::runtime
