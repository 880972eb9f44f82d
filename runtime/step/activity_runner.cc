#include "runtime/step/activity_runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/sdk/text.h"
#include "runtime/step/step_context.h"

namespace holdfast::runtime {

ActivityCall RunActivity(const StepEnvironment& env, Logger& log, ProtectionPlugin& plugin,
                         Operation operation, ActivityKind kind, Checkpoint& checkpoint,
                         std::span<const Resource> resources, const Parameters& parameters) {
  const PollSettings& settings = plugin.poll_settings();
  const SteadyTime deadline = env.clock.Steady() + settings.activity_timeout;
  Value fields = Value().Set("activity", NameOf(kind)).Set("operation", NameOf(operation));
  if (resources.size() == 1) fields.Set("resource", Printable(resources.front().key.str()));
  StepContext context(env.tenant_name, env.clock, log, env.processes, env.cancellation, deadline,
                      fields, env.progress);
  const auto ended_early = [&]() -> std::optional<ActivityCall> {
    if (env.cancellation.is_set()) return ActivityCall{ActivityEnd::kStopped, CancelledError()};
    if (env.clock.Steady() >= deadline) {
      return ActivityCall{ActivityEnd::kTimedOut,
                          Unavailable(fmt::format("it took longer than activity_timeout ({})",
                                                  FormatDuration(settings.activity_timeout)))};
    }
    return std::nullopt;
  };
  if (auto early = ended_early()) return std::move(*early);

  Activity activity = plugin.Start(operation, kind, checkpoint, context, resources, parameters);
  std::chrono::milliseconds interval = settings.poll_interval;
  while (true) {
    if (activity.Resume()) {
      Status status = activity.TakeOutcome();
      if (!status) {
        if (auto early = ended_early()) return std::move(*early);
        if (status.error().code() == ErrorCode::kLocked && !status.error().half_done())
          return {ActivityEnd::kLocked, std::move(status)};
      }
      return {ActivityEnd::kDone, std::move(status)};
    }
    context.Report(activity.progress());
    if (auto early = ended_early()) return std::move(*early);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - env.clock.Steady());
    env.pause(std::min(interval, left));
    interval =
        std::min(interval * 3 / 2 + std::chrono::milliseconds(1), settings.poll_interval_max);
    if (auto early = ended_early()) return std::move(*early);
  }
}

}  // namespace holdfast::runtime
