#pragma once

#include <optional>
#include <string_view>

#include "plugins/local/inventory/inventory.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::application {

using inventory::Command;

// The command `name` ("quiesce") of an application: the parameter of that name, else what the
// inventory says (the resource's extra); nullopt when there is none. kInvalidInput when it has not
// one of the forms of ApplicationProtection::ProtectParameters.
Result<std::optional<Command>> FindHook(const Resource& resource, const Value& parameters,
                                        std::string_view name);

// Whether a run of a hook may be cut short by cancellation: what brings an application to rest
// may, what lets it go on must not.
enum class HookStop { kAtCancellation, kNever };

// Runs a hook: no shell, HOLDFAST_RESOURCE_ID, HOLDFAST_RESOURCE_NAME, HOLDFAST_OPERATION,
// HOLDFAST_CHECKPOINT_ID and HOLDFAST_HOOK in its environment; its output goes to the log.
// CancelledError() when it was cut short; otherwise a failure is kInternal and says how it ended.
Status RunHook(Context& context, const Checkpoint& checkpoint, const Resource& resource,
               std::string_view name, const Command& command, HookStop stop);

}  // namespace holdfast::plugins::application
