#include "plugins/noop/trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/json.h"

namespace holdfast::plugins::noop {

Status Trace::Add(std::string_view event, Operation operation, ActivityKind kind,
                  Checkpoint& checkpoint, const Clock& clock, const Resource& resource) const {
  if (path_.empty()) return Ok();
  Value entry =
      Value()
          .Set("activity", std::string(NameOf(operation)) + "." + std::string(NameOf(kind)))
          .Set("epoch", checkpoint.epoch())
          .Set("event", event)
          .Set("pid", static_cast<std::int64_t>(getpid()))
          .Set("record", checkpoint.record_id())
          .Set("resource", resource.key.str());
  if (event == "begin" && (kind == ActivityKind::kPreFinish || kind == ActivityKind::kPost)) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool all, checkpoint.AllSucceeded(resource));
    entry.Set("all_succeeded", all);
  }
  // Taken as late as possible: what ends before another thing begins has the smaller time.
  entry.Set("steady_ns",
            static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          clock.Steady().time_since_epoch())
                                          .count()));
  HOLDFAST_ASSIGN_OR_RETURN(std::string line, DumpJson(entry));
  line += '\n';
  const OwnedDescriptor file(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.valid()) return SystemError(errno, "opening the trace file " + path_);
  const ssize_t written = write(file.get(), line.data(), line.size());
  if (written < 0) return SystemError(errno, "writing the trace file " + path_);
  if (static_cast<std::size_t>(written) != line.size()) {
    return Internal("the trace file " + path_ + " took only a part of a line");
  }
  return Ok();
}

}  // namespace holdfast::plugins::noop
