#pragma once

#include <span>
#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::verify {

// The workflow's own files of Argo: what stands in them beside their tasks, and decides as well whether those run. Only
// what the compiler writes is let pass, with the numbers of the bundle's plan, and where pods run (service account, nodes); all
// else is a fault, a sentence each. `files`: the one that is started, then its children.
std::vector<std::string> FormFaults(std::span<const local::ParsedFile> files, const Bundle& bundle);

}  // namespace holdfast::verify
