#pragma once

#include <vector>

#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Checks workflow definitions of OpenStack Mistral (DSL v2) offline: what its server refuses, what it takes and
// then breaks over when the workflow runs, and what it takes and does not do as one would think, as measured on
// Mistral 15.0. Definitions find the workflows that they start in all of `files`, else may be those of the
// server. Nothing that runs well there is refused, our own limits apart: 200 tasks in a definition.
//
// The findings are those of each file in turn, by line.
Findings LintMistral(const std::vector<local::SourceFile>& files);

}  // namespace holdfast::lint
