#pragma once

#include <string>

#include "compiler/compile.h"
#include "plugins/sdk/result.h"
#include "runtime/verify/said_run.h"

namespace holdfast::compiler {

// What the files of an engine say, read back from their texts.
Result<verify::SaidRun> ReadRun(const std::string& engine, const CompiledWorkflow& compiled);

}  // namespace holdfast::compiler
