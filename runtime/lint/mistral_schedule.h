#pragma once

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Is a document what a request for a cron trigger of Mistral's has (POST /v2/cron_triggers), and no workflow? It has no
// `version`, and says what is started, or when.
bool IsCronTrigger(const Value& document);

// A cron trigger: fields that Mistral's API does not have or takes otherwise, a pattern that its scheduler (croniter) does not
// take, or by which it never starts anything: that one it answers as a fault of its own.
Findings FindTriggerFaults(const local::SourceFile& source, const Value& document);

}  // namespace holdfast::lint
