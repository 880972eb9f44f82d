#pragma once

#include <string>

#include "runtime/cli/session.h"

namespace holdfast::cli {

// Deletes a checkpoint as 'checkpoints delete' does, as one of several: one that goes well is silent but
// for warnings (with --json it says all the same), one that does not says everything. `provider`: its id. The exit code
// that the command alone would have.
int DeleteOneOfSeveral(Session& session, const std::string& provider,
                       const std::string& checkpoint);

}  // namespace holdfast::cli
