#pragma once

#include <chrono>
#include <map>
#include <string>

#include "plugins/engines/mistral/api.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/log.h"
#include "runtime/agent/job_table.h"

namespace holdfast::agent {

// Tells Mistral how steps have ended (PUT /v2/action_executions/ID), again and again until it has taken that, or has an
// outcome of this action already, or has not known it for a day. No report waits for another one that Mistral does not
// take. One thread.
class Reporter {
 public:
  // What a job's report has come to.
  enum class Fate {
    kTaken,
    kDropped,  // Mistral does not want it
    kUnknown,  // Mistral does not know its action: not yet, not any more, or not in this project
    kRefused,  // Mistral answers, but did not take this one
    kUnreachable,  // nor does it answer to anything else
  };

  // All are borrowed.
  Reporter(JobTable& table, engines::mistral::Api& api, const Clock& clock, Logger& log)
      : table_(table), api_(api), clock_(clock), log_(log) {}

  // Until the table is stopped.
  void Work();
  // One try.
  Fate Report(const Job& job);

 private:
  JobTable& table_;
  engines::mistral::Api& api_;
  const Clock& clock_;
  Logger& log_;
  std::map<std::string, int> tries_;  // that Mistral has answered, and did not take
  int unreachable_ = 0;               // how often one after another
};

// The body of that request: the output is {"report": the line as a text}, or {"error": why there is none}. The action
// makes the text of it that the workflows' fail-on looks at (`output` in templates/mistral/holdfast-step-agent.yaml).
inline constexpr const char* kReportKey = "report";
Result<std::string> ActionUpdateOf(const Job& job);

}  // namespace holdfast::agent
