#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Says whether there is a time zone of that name: which machine knows them is the caller's to say. An
// empty one takes every name.
using ZoneCheck = std::function<Status(const std::string& timezone)>;

// A WorkflowTemplate by its name; nullptr where it is not given.
using TemplateLookup = std::function<const Value*(std::string_view name)>;

// When a CronWorkflow starts: lines of cron that Argo does not take or that do not mean what they say,
// days that never come, a time zone that nobody knows, runs that are replaced and not cleaned up.
Findings FindScheduleFaults(const local::SourceFile& source, const Value& document,
                            const ZoneCheck& check_zone, const TemplateLookup& find_template);

}  // namespace holdfast::lint
