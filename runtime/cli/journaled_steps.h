#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/bank_section.h"

namespace holdfast::cli {

// By step: why it failed in that run, as its journal in the bank has it. Reads the journals of `steps` alone, as a run
// may have very many; a step of which nothing can be read, or that says nothing, is not in it.
std::map<std::string, std::string> JournaledReasons(const BankSection& tenant,
                                                    const std::string& run,
                                                    const std::vector<std::string>& steps);

// By step: how far it is ("40/100"), as whoever works on it in that run has said last: it renews its claim every 20 seconds
// or so, and says it there. The same of steps of which nothing is known.
std::map<std::string, std::string> JournaledProgress(const BankSection& tenant,
                                                     const std::string& run,
                                                     const std::vector<std::string>& steps);
// What the engine says of it, else JournaledProgress; empty: nobody says it. Good as long as both are.
const std::string& HowFar(const engines::StepStatus& step,
                          const std::map<std::string, std::string>& journaled);
// Those to ask for: they run, and the engine does not say how far they are. At most as many as are read in a moment.
std::vector<std::string> StepsWithoutProgress(const engines::RunStatus& status);

}  // namespace holdfast::cli
