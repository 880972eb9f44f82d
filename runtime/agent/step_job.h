#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::agent {

// What one call of the action holdfast.step asks for: the arguments of one holdfast-step.
struct StepRequest {
  std::string command;  // run, begin, end, gate
  std::string step;     // of run; names with commas between them, of gate
  std::string run;
  std::string record;  // empty: the run's own
  std::string bundle;  // a SHA-256 in 64 hexadecimal digits
  std::string provider;
  bool fail_fast = false;  // of begin
  bool partial = false;    // of begin
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 reads the 0 that `<` is compared with as a pointer
  friend auto operator<=>(const StepRequest&, const StepRequest&) = default;
};

// A JSON object of exactly these members; `command` is run, and the last two are false unless they are given (as true or
// false, or as a text that says so). kInvalidInput, with the member, for everything that holdfast-step would not take.
Result<StepRequest> ParseStepRequest(std::string_view json);
Value ToValue(const StepRequest& request);

// The program with its arguments. `options` are the site's, and stand last.
std::vector<std::string> ArgvOf(const StepRequest& request, const std::string& program,
                                const std::vector<std::string>& options);

// A step that the agent has accepted, as it is kept.
struct Job {
  std::string id;       // of Mistral's action execution: a UUID in lower case
  StepRequest request;  // without a command: it has been lost, and that is the failure
  WallTime accepted;
  // How its process ended; both empty: it is to be run, or at work.
  std::string report;   // the line that holdfast-step --report has printed
  std::string failure;  // why there is no such line
  WallTime ended_at{};  // then: when that was

  bool ended() const { return !report.empty() || !failure.empty(); }
};

Result<std::string> DumpJob(const Job& job);
// kCorrupt for what DumpJob does not write.
Result<Job> ParseJob(std::string_view text, const std::string& file);

}  // namespace holdfast::agent
