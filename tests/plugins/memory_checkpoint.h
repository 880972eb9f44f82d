#pragma once

#include "plugins/conformance/memory_checkpoint.h"

namespace holdfast::testing_plugins {

using plugins::conformance::MemoryCheckpoint;

}  // namespace holdfast::testing_plugins
