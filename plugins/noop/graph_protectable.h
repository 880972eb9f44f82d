#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/sdk/protectable_plugin.h"

namespace holdfast::plugins::noop {

// Protectables, one for each of `types`, whose resources are those of a resource graph file (the
// form that `holdfast plan discover` writes; YAML, or JSON when the name ends in .json). The file
// is read again when it has changed, so that a test can let a resource appear or vanish. It may
// hold other types, too: those are another plugin's.
std::vector<std::unique_ptr<ProtectablePlugin>> MakeGraphProtectables(
    const std::string& path, const std::vector<std::string>& types,
    const std::string& settings_section);

}  // namespace holdfast::plugins::noop
