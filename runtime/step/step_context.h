#pragma once

#include <string>

#include "plugins/sdk/context.h"

namespace holdfast::runtime {

// The context of one activity: reports progress as log lines
// {"message_type":"progress","activity","resources","done","total","what"}, at most one a second.
class StepContext final : public Context {
 public:
  StepContext(std::string tenant, const Clock& clock, Logger& log, ProcessRunner& processes,
              const Cancellation& cancellation, SteadyTime deadline, Value fields)
      : Context(std::move(tenant), clock, log, processes, cancellation, deadline),
        fields_(std::move(fields)) {}
  void Report(const Progress& progress) override;

 private:
  Value fields_;
  bool reported_ = false;
  SteadyTime last_;
};

}  // namespace holdfast::runtime
