#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast::local {

// What a node of a running workflow is, and how it stands: Argo's words (design: argo).
enum class NodeType : std::uint8_t { kDag, kPod, kRetry, kSkipped };
enum class Phase : std::uint8_t {
  kPending,  // waits for a lock, or was started a moment ago
  kRunning,
  kSucceeded,
  kFailed,   // ended with another exit code than 0, or was stopped
  kError,    // never got an exit code: lost, or its expression could not be evaluated
  kSkipped,  // its `when` is false
  kOmitted,  // its `depends` is not met
};

constexpr bool IsFulfilled(Phase phase) {
  return phase != Phase::kPending && phase != Phase::kRunning;
}
// Ran, one way or the other; Skipped and Omitted did not.
constexpr bool IsCompleted(Phase phase) {
  return phase == Phase::kSucceeded || phase == Phase::kFailed || phase == Phase::kError;
}
constexpr bool IsFailedOrError(Phase phase) {
  return phase == Phase::kFailed || phase == Phase::kError;
}

constexpr std::string_view NameOf(Phase phase) {
  switch (phase) {
    case Phase::kPending:
      return "Pending";
    case Phase::kRunning:
      return "Running";
    case Phase::kSucceeded:
      return "Succeeded";
    case Phase::kFailed:
      return "Failed";
    case Phase::kError:
      return "Error";
    case Phase::kSkipped:
      return "Skipped";
    case Phase::kOmitted:
      return "Omitted";
  }
  return "";
}

constexpr std::string_view NameOf(NodeType type) {
  switch (type) {
    case NodeType::kDag:
      return "DAG";
    case NodeType::kPod:
      return "Pod";
    case NodeType::kRetry:
      return "Retry";
    case NodeType::kSkipped:
      return "Skipped";
  }
  return "";
}

}  // namespace holdfast::local
