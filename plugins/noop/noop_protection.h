#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plugins/noop/trace.h"
#include "plugins/sdk/protection_plugin.h"

namespace holdfast::plugins::noop {

// What every noop plugin has: any activity, the parameters of behaviour.h, the settings. A plugin
// object narrows it to the types and activities that its settings name.
PluginDescriptor NoopDescriptor();

// A plugin of settings that have passed NoopDescriptor().settings; kInvalidInput for a type or an
// activity that cannot be.
Result<std::unique_ptr<ProtectionPlugin>> MakeNoopProtection(const Value& settings);

// Protects nothing real: claims the resource types that it is told to, defines the activities that
// it is told to, and in each does what the parameters of the resource say (behaviour.h). It keeps
// to all rules of a plugin: its data, saved info, journal and new resources are real ones, and can
// be checked.
//
// Unlike most C++ plugins it implements ProtectionPlugin itself, because what it is depends on its
// settings; a plugin whose types and activities are known writes a plain class
// (docs/tutorial/first-plugin.md).
class NoopProtection final : public ProtectionPlugin {
 public:
  NoopProtection(PluginDescriptor descriptor, PollSettings poll, std::string trace,
                 std::string graph);

  const PluginDescriptor& descriptor() const override { return descriptor_; }
  const PollSettings& poll_settings() const override { return poll_; }
  Result<StepChoice> Choose(Operation operation, ActivityKind kind, const Resource& resource,
                            const Value& parameters) const override;
  // Can there be a resource with the id that restore is told to give?
  std::vector<ParameterFault> Validate(Operation operation, const Resource& resource,
                                       const Value& parameters) const override;
  Activity Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint, Context& context,
                 std::span<const Resource> resources, const Parameters& parameters) override;
  std::vector<std::unique_ptr<ProtectablePlugin>> TakeProtectables() override;

 private:
  PluginDescriptor descriptor_;
  PollSettings poll_;
  Trace trace_;
  std::string graph_;
};

}  // namespace holdfast::plugins::noop
