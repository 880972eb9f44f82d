#pragma once

#include <functional>
#include <string>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Says whether there is a time zone of that name: which machine knows them is the caller's to say. An
// empty one takes every name.
using ZoneCheck = std::function<Status(const std::string& timezone)>;

// When a CronWorkflow starts: lines of cron that Argo does not take, days that never come, a time zone
// that nobody knows.
Findings FindScheduleFaults(const local::SourceFile& source, const Value& document,
                            const ZoneCheck& check_zone);

}  // namespace holdfast::lint
