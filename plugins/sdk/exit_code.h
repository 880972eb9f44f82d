#pragma once

#include <array>
#include <string_view>

#include "plugins/sdk/error.h"

namespace holdfast {

// The exit codes of every program of ours. They are API: retry rules of workflows read them.
// docs/reference/exit-codes.md is printed from this table.
enum class ExitCode : int {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kInvalidInput = 3,
  kActivityFailed = 4,
  kRunFailed = 5,
  kRunStopped = 6,
  kNotFresh = 7,
  kNotFound = 10,
  kLocked = 11,
  kCorrupt = 12,
  kDenied = 13,
  kOmitted = 20,
  kTryAgain = 75,
  kInterrupted = 130,
  kTerminated = 143,
};

struct ExitCodeEntry {
  ExitCode code;
  std::string_view name;
  std::string_view meaning;
};

inline constexpr std::array<ExitCodeEntry, 16> kExitCodes{{
    {ExitCode::kOk, "ok", "done"},
    {ExitCode::kInternal, "internal", "a bug of ours, or an outcome that no other code names"},
    {ExitCode::kUsage, "usage", "the command line is wrong"},
    {ExitCode::kInvalidInput, "invalid-input",
     "a file, parameter or key is wrong; nothing was written"},
    {ExitCode::kActivityFailed, "activity-failed", "the activity of this step failed"},
    {ExitCode::kRunFailed, "run-failed", "the run failed: not everything succeeded"},
    {ExitCode::kRunStopped, "run-stopped", "the run was stopped (run, watch)"},
    {ExitCode::kNotFresh, "not-fresh",
     "no checkpoint is young enough, or its last verification failed (checkpoints status)"},
    {ExitCode::kNotFound, "not-found", "there is no such thing"},
    {ExitCode::kLocked, "locked", "another run holds the lease"},
    {ExitCode::kCorrupt, "corrupt", "stored bytes are not what was written"},
    {ExitCode::kDenied, "denied", "permissions, credentials or space are missing"},
    {ExitCode::kOmitted, "omitted", "a gate of this step did not succeed; it did nothing"},
    {ExitCode::kTryAgain, "try-again", "the same call may succeed later"},
    {ExitCode::kInterrupted, "interrupted", "this process was interrupted (Ctrl-C)"},
    {ExitCode::kTerminated, "terminated", "this process was told to end (SIGTERM)"},
}};

// The exit code of a program that ends with this error.
ExitCode ExitCodeOf(ErrorCode code);

}  // namespace holdfast
