#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/noop/behaviour.h"
#include "plugins/noop/trace.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/parameters.h"

namespace holdfast::plugins::noop {

// The saved info of a resource that noop protected.
struct SavedInfo {
  std::string activity;  // that saved it
  std::vector<std::string> data;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields("activity", &SavedInfo::activity, "the activity that saved this").Required();
    fields("data", &SavedInfo::data, "the streams that had been written by then");
  }
};

// One call of a noop activity, for one resource or for the resources of an aggregated step: Begin,
// yields as often as YieldsWanted says, Work, End. A call that ends without End (destroyed at a
// yield) is traced as stopped. Everything is borrowed for as long as the call lives.
class NoopCall {
 public:
  NoopCall(const PluginDescriptor& descriptor, const Trace& trace, Operation operation,
           ActivityKind kind, Checkpoint& checkpoint, Context& context,
           std::span<const Resource> resources, const Parameters& parameters);
  ~NoopCall();
  NoopCall(const NoopCall&) = delete;
  NoopCall& operator=(const NoopCall&) = delete;

  // Traces, dies at the "begin", journals the intents.
  Status Begin();
  // The most that any of the resources wants.
  std::int64_t YieldsWanted() const;
  Status Work();
  Status End(Status status);

 private:
  Status WorkOn(const Resource& resource, const Behaviour& behaviour);
  // The work of the one activity that keeps the books of an operation: saved info, new resource,
  // deleted data, verified data.
  Status KeepBooks(const Resource& resource);
  Status CheckData(const Resource& resource);
  bool KeepsBooks(const Resource& resource) const;
  Status Sleep() const;
  // Kills the process when a resource is to die at `where`.
  Status DieAt(std::string_view where);
  Status JournalAll(std::string_view state);
  Status TraceAll(std::string_view event);
  // True for the first `times` calls with this name in this record (0: always); counted in the
  // bank, so that it holds over processes and epochs.
  Result<bool> CountedDown(const Resource& resource, std::string_view name, int times);
  std::string ActivityName() const;

  const PluginDescriptor& descriptor_;
  const Trace& trace_;
  Operation operation_;
  ActivityKind kind_;
  Checkpoint& checkpoint_;
  Context& context_;
  std::span<const Resource> resources_;
  const Parameters& parameters_;
  std::vector<Behaviour> behaviours_;  // by resource
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace holdfast::plugins::noop
