#pragma once

#include <vector>

#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Checks workflow definitions of OpenStack Mistral (DSL v2) offline: what its server refuses, what it takes and
// then breaks over when the workflow runs, and what it takes and does not do as one would think, as measured on
// Mistral 15.0. Definitions find the workflows that they start in all of `files`, else may be those of the
// server. Of what can run well there nothing is an error, our own limits apart (docs/reference/lint.md names them): what
// is only hardly meant so is a warning. A file may be a cron trigger, too (mistral_schedule.h).
//
// The findings are those of each file in turn, by line.
Findings LintMistral(const std::vector<local::SourceFile>& files);

}  // namespace holdfast::lint
