#pragma once

#include <string>

#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// Opens NAME.so of this build's modules (HOLDFAST_MODULE_DIR, else ../lib/holdfast beside the folder of the program)
// and finds `symbol` in it. kInvalidInput for one that is missing, no module of ours, or of another build. It stays
// open as long as the process lives.
Result<void*> OpenModule(const std::string& name, const char* symbol);

}  // namespace holdfast::runtime
