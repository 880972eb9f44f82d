#pragma once

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/provider.h"
#include "runtime/cli/session.h"
#include "runtime/step/step_environment.h"

namespace holdfast::cli {

// What this process needs to do a step's work itself. Borrows the session and the provider.
runtime::StepEnvironment StepEnvironmentOf(Session& session, Provider& provider,
                                           BankSection tenant);

// How many objects of its bank are read or written at once.
unsigned ParallelOf(const Provider& provider);

}  // namespace holdfast::cli
