#pragma once

#include <memory>
#include <span>
#include <vector>

#include "plugins/exec/description.h"
#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::exec {

// A protection plugin that is an executable. Each activity is one process `activity` and, while it
// yields, one process `poll` a time; what survives between them is in the journal of the resource.
// An activity that is stopped, takes too long, crashes or breaks the protocol is followed by one
// process `clean-up`, within its own time-out, whose failure is logged.
class ExecProtection final : public ProtectionPlugin {
 public:
  // `settings` have passed description.descriptor.settings.
  ExecProtection(Executable executable, Description description, const Value& settings);

  const PluginDescriptor& descriptor() const override { return description_.descriptor; }
  const PollSettings& poll_settings() const override { return poll_; }
  Result<StepChoice> Choose(Operation operation, ActivityKind kind, const Resource& resource,
                            const Value& parameters) const override;
  std::vector<Error> Check(Context& context, const Resource& resource,
                           const Parameters& parameters) override;
  Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                 std::span<const Resource> resources, const Parameters& parameters) override;
  std::vector<std::unique_ptr<ProtectablePlugin>> TakeProtectables() override;

 private:
  Executable executable_;
  Description description_;
  Value settings_;  // the executable's own
  CallSettings call_;
  PollSettings poll_;
};

}  // namespace holdfast::plugins::exec
