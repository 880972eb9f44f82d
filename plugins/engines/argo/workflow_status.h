#pragma once

#include <string_view>

#include "plugins/engines/run_status.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

// What a Workflow object of Argo says of a run, as its controller (4.x) writes it. Pure: no network.
namespace holdfast::engines::argo {

// A field of our own in the status of a workflow whose compressed nodes could not be read: why. (What decompresses them
// brings libraries that most commands do without, and reading a status is not to need them.)
inline constexpr std::string_view kNodesUnreadable = "holdfast/nodes-unreadable";

// The label by which the parts of a large run are found, the child Workflows that its own one starts; its value is the
// run (templates/argo). They have a parameter `run` with the same.
inline constexpr std::string_view kPartOfRunLabel = "holdfast/run";
// The leaf template of a task that starts one.
inline constexpr std::string_view kPartTemplate = "child";

// kInvalidInput for what is no Workflow. Nodes that are still compressed are those that node_archive.h could not read.
Result<RunStatus> ReadWorkflowStatus(const Value& workflow);

// Puts the steps of a part behind the run's own and before its exit handler's; their paths then begin with the part's
// name, without that of the run.
void AddPart(RunStatus& run, const RunStatus& part);

// A large run may have parts: a task starts one, or nobody sees its tasks.
bool MayHaveParts(const RunStatus& run);

}  // namespace holdfast::engines::argo
