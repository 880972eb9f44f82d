#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "plugins/sdk/bundle.h"
#include "plugins/sdk/mistral_words.h"

namespace holdfast::verify {

// What the plan in a bundle says of a run, beside its steps and their order: what a file says of it has to be the same.
struct RunSettings {
  std::string workflow;  // its name, which its schedule starts
  bool fail_fast = false;
  bool partial = false;
  std::int64_t retries = 0;
  std::optional<std::chrono::seconds> step_deadline;
  std::optional<std::chrono::seconds> run_deadline;
  std::optional<std::int64_t> parallelism;
  std::chrono::seconds keep_succeeded{0};
  std::chrono::seconds keep_failed{0};

  // How long a try of a step may take.
  std::chrono::seconds LongestStep() const {
    return step_deadline.value_or(mistral_words::kLongestStep);
  }
};
RunSettings SettingsOf(const Bundle& bundle);

// What no plan says and a site may say in its own files is free between these. The docs name them
// (docs/reference/verify-workflow.md).
namespace limits {

// Mistral's pause between two tries of a step, in each definition.
inline constexpr std::chrono::seconds kShortestDelay{1};
inline constexpr std::chrono::seconds kLongestDelay{10 * 60};
// Of Argo's leaf templates that have numbers of their own in place of the plan's: tries of a step after its first, the
// longest pause between two, and the deadline of one try.
inline constexpr std::int64_t kMostRetries = 100;
inline constexpr std::chrono::minutes kLongestPause{60};
inline constexpr std::chrono::seconds kShortestTry{60};
inline constexpr std::chrono::hours kLongestTry{30 * 24};
// Ended runs that Argo keeps of a CronWorkflow.
inline constexpr std::int64_t kFewestRunsKept = 1;
inline constexpr std::int64_t kMostRunsKept = 1000;

}  // namespace limits

}  // namespace holdfast::verify
