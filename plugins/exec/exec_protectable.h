#pragma once

#include <memory>
#include <vector>

#include "plugins/exec/description.h"
#include "plugins/sdk/protectable_plugin.h"

namespace holdfast::plugins::exec {

// The protectables that an executable brings: list, show and dependents are one process each.
// `settings` are the executable's own, checked.
std::vector<std::unique_ptr<ProtectablePlugin>> MakeExecProtectables(const Executable& executable,
                                                                     const Description& description,
                                                                     const Value& settings,
                                                                     const CallSettings& call);

}  // namespace holdfast::plugins::exec
