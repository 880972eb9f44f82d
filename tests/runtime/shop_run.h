#pragma once

#include <string>

#include "plugins/sdk/bank.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {

// The protect that is disturbed everywhere: an application with two volumes, as run "run-1".
void AddShop(World& world);

// Plays all of it; when the bank stops, the process is dead and a new one does the same again.
World::Outcome PlayWithRestarts(World& world, const std::string& bundle);

// What a reader may see at any moment, whatever has crashed: no checkpoint, or all of it.
void ExpectNoHalfCheckpoint(Bank& bank, const std::string& bundle);

}  // namespace holdfast::testing_runtime
