#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"

namespace holdfast::plugins::noop {

// What happened, in the order in which it happened, over all processes: a file to which each noop
// activity appends one JSON line per event and resource,
//
//   {"activity":"protect.pre","all_succeeded":true,"epoch":1,"event":"begin","pid":4711,
//    "record":"...","resource":"Noop::Volume#v1","steady_ns":123456789}
//
// event is begin, end, failed or stopped (cancelled, or not polled any more); a process that dies
// leaves a begin alone. steady_ns is the machine's monotonic clock. all_succeeded stands in the
// begin lines of pre_finish and post only: what the runtime tells them.
// Each line is one write of O_APPEND, so that lines of several processes never mix.
class Trace {
 public:
  // An empty path traces nothing.
  explicit Trace(std::string path) : path_(std::move(path)) {}

  Status Add(std::string_view event, Operation operation, ActivityKind kind, Checkpoint& checkpoint,
             const Clock& clock, const Resource& resource) const;

 private:
  std::string path_;
};

}  // namespace holdfast::plugins::noop
