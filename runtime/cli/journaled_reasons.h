#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugins/sdk/bank_section.h"

namespace holdfast::cli {

// By step: why it failed in that run, as its journal in the bank has it. Reads the journals of `steps` alone, as a run
// may have very many; a step of which nothing can be read, or that says nothing, is not in it.
std::map<std::string, std::string> JournaledReasons(const BankSection& tenant,
                                                    const std::string& run,
                                                    const std::vector<std::string>& steps);

}  // namespace holdfast::cli
