#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "plugins/engines/argo/watch_lines.h"
#include "plugins/engines/argo/workflow_service.h"
#include "plugins/net/retrying_http_client.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::engines::argo {

// One workflow as the server has it, and where a watch can go on from.
struct Listed {
  std::optional<Value> workflow;  // nullopt: there is none of that name
  std::string resource_version;   // of the list
};

// What a list-watch needs of a server.
struct WatchSource {
  std::function<Result<Listed>(const std::string& name)> list;
  // Hands on each event until the server ends the watch (success), the connection is lost (kUnavailable), or
  // `take` returns an error, which is returned.
  std::function<Status(const std::string& name, const std::string& resource_version,
                       const std::function<Status(const WatchEvent&)>& take)>
      watch;
};

// WorkflowService::Follow over a source: a list, then watches from there, each from the newest version
// that was seen (bookmarks count), with the state that was seen last in between; 410 Gone, and a line that cannot be read, begin with a list again. A workflow of
// the same name and another uid is another one: kNotFound.
Status FollowWorkflow(const WatchSource& source, const std::string& name,
                      std::chrono::milliseconds patience, const Clock& clock, const net::Wait& wait,
                      const Cancellation* cancellation, const WorkflowService::See& see);

}  // namespace holdfast::engines::argo
