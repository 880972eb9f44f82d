#pragma once

#include <string>
#include <vector>

#include "plugins/sdk/bundle.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::verify {

// Whose a schedule file is: a CronWorkflow of Argo's, or what a request for a cron trigger of Mistral's has.
enum class ScheduleEngine { kArgo, kMistral };

// What of a workflow's schedule file is not what the plan in its bundle says: when it starts the workflow, which one, and
// with what. There is one right form of it, which the compiler writes; free are the labels of a CronWorkflow that Argo
// does not obey, and, within limits, how many ended runs Argo keeps. A sentence each, with file and line.
std::vector<std::string> ScheduleFaults(const local::ParsedFile& file, ScheduleEngine engine,
                                        const Bundle& bundle);

// Does the plan in a bundle start its workflow by itself?
bool HasSchedule(const Bundle& bundle);

}  // namespace holdfast::verify
