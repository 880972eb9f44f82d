#include "runtime/step/step_context.h"

namespace holdfast::runtime {

void StepContext::Report(const Progress& progress) {
  const SteadyTime now = clock().Steady();
  if (reported_ && now - last_ < std::chrono::seconds(1)) return;
  reported_ = true;
  last_ = now;
  if (latest_ != nullptr) latest_->Take(progress);
  Value fields = fields_;
  fields.Set("message_type", "progress").Set("done", progress.done).Set("what", progress.what);
  if (progress.total != 0) fields.Set("total", progress.total);
  log().Log(LogLevel::kInfo, progress.what, fields);
}

}  // namespace holdfast::runtime
