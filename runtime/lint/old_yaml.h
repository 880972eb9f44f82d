#pragma once

#include <optional>
#include <string_view>

#include "plugins/sdk/value.h"

namespace holdfast::lint {

// What a scalar without quotes is to the reader of Kubernetes' clients (sigs.k8s.io/yaml: YAML 1.1 as
// go-yaml 2 has it) where that is a truth or a finite number: yes is true, 1_000 is 1000, 010 is 8, 0b11
// is 3. Nothing for a text, as 1:30 is there, too.
std::optional<Value> OldReading(std::string_view plain);

}  // namespace holdfast::lint
