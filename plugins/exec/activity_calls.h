#pragma once

#include <span>
#include <string>

#include "plugins/exec/description.h"
#include "plugins/exec/executable.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/parameters.h"

namespace holdfast::plugins::exec {

// The processes of one activity, one after the other. Lives in the frame of the activity's
// coroutine: destroyed while the plugin waits to be polled, it runs clean-up.
class ActivityCalls {
 public:
  // All borrowed; they outlive this.
  struct Parts {
    const Executable& executable;
    const Description& description;
    const Value& settings;
    const CallSettings& call;
    Operation operation;
    ActivityKind kind;
    Checkpoint& checkpoint;
    Context& context;
    std::span<const Resource> resources;
    const Parameters& parameters;
  };
  explicit ActivityCalls(const Parts& parts);
  ActivityCalls(const ActivityCalls&) = delete;
  ActivityCalls& operator=(const ActivityCalls&) = delete;
  ~ActivityCalls();

  // Runs `activity`, the next times `poll`: true when the activity is done, false when it wants to
  // be polled again. What the answer carries is in the checkpoint when this returns.
  Result<bool> Next();
  // What the last process told.
  const Progress& progress() const { return progress_; }

 private:
  Result<Value> Request();
  Result<Value> ResourceToValue(const Resource& resource);
  Status AddLinks(const Resource& resource, Value& out);
  Status AddSaved(const Resource& resource, Value& out);
  Status Apply(const Value& result, bool clean_up);
  Status ApplyTo(const Resource& resource, const Value& part, bool clean_up);
  // Journaled anything, or the journal cannot be read: an earlier process may have left something.
  bool MayHaveBegun();
  Status CleanUp(std::string_view reason);
  // Cleans up after a process that broke; the error that the activity ends with.
  Error CleanUpAfter(Error error);
  Error While(Error error) const;

  Parts parts_;
  Progress progress_;
  bool started_ = false;
  bool waiting_ = false;  // it yielded, and nothing has ended it since
};

}  // namespace holdfast::plugins::exec
