#include "plugins/sdk/exit_code.h"

namespace holdfast {

ExitCode ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return ExitCode::kUsage;
    case ErrorCode::kInvalidInput:
      return ExitCode::kInvalidInput;
    case ErrorCode::kNotFound:
      return ExitCode::kNotFound;
    case ErrorCode::kConflict:
      return ExitCode::kInvalidInput;
    case ErrorCode::kLocked:
      return ExitCode::kLocked;
    case ErrorCode::kCorrupt:
      return ExitCode::kCorrupt;
    case ErrorCode::kDenied:
      return ExitCode::kDenied;
    case ErrorCode::kUnavailable:
      return ExitCode::kTryAgain;
    case ErrorCode::kInternal:
      return ExitCode::kInternal;
  }
  return ExitCode::kInternal;
}

}  // namespace holdfast
