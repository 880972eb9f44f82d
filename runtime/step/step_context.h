#pragma once

#include <string>

#include "plugins/sdk/context.h"
#include "runtime/step/latest_progress.h"

namespace holdfast::runtime {

// The context of one activity: reports progress as log lines
// {"message_type":"progress","activity","resources","done","total","what"}, at most one a second, and to
// `latest`, which is borrowed and may be null.
class StepContext final : public Context {
 public:
  StepContext(std::string tenant, const Clock& clock, Logger& log, ProcessRunner& processes,
              const Cancellation& cancellation, SteadyTime deadline, Value fields,
              LatestProgress* latest)
      : Context(std::move(tenant), clock, log, processes, cancellation, deadline),
        fields_(std::move(fields)),
        latest_(latest) {
    if (latest_ != nullptr) latest_->Forget();
  }
  void Report(const Progress& progress) override;

 private:
  Value fields_;
  LatestProgress* latest_;
  bool reported_ = false;
  SteadyTime last_;
};

}  // namespace holdfast::runtime
