#include "plugins/engines/argo/follow.h"

#include <algorithm>

#include "plugins/sdk/text.h"

namespace holdfast::engines::argo {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstWait{200};
constexpr milliseconds kLongestWait{10'000};

std::string MetadataText(const Value& workflow, std::string_view key) {
  const Value* const metadata = workflow.Find("metadata");
  return metadata == nullptr ? std::string() : metadata->StringOr(key, "");
}

class Follower {
 public:
  Follower(const std::string& name, const WorkflowService::See& see) : name_(name), see_(see) {}

  // kNotFound when it is another one; sets done() when nobody wants more.
  Status Show(const Value& workflow) {
    const std::string uid = MetadataText(workflow, "uid");
    if (uid_.empty()) uid_ = uid;
    if (uid != uid_) return Gone();
    const std::string version = MetadataText(workflow, "resourceVersion");
    if (!version.empty() && version == shown_) return Ok();
    shown_ = version;
    ++states_;
    last_ = workflow;
    done_ = !see_(last_);
    return Ok();
  }
  void ShowAgain() {
    if (seen()) done_ = !see_(last_);
  }
  Error Gone() const {
    return NotFound("workflow " + Printable(name_) + " was deleted while it was watched")
        .Hint("its record is in the bank: 'holdfast checkpoints list'");
  }
  bool done() const { return done_; }
  bool seen() const { return !uid_.empty(); }
  std::size_t states() const { return states_; }

 private:
  const std::string& name_;
  const WorkflowService::See& see_;
  std::string uid_;
  std::string shown_;
  Value last_;
  std::size_t states_ = 0;
  bool done_ = false;
};

}  // namespace

Status FollowWorkflow(const WatchSource& source, const std::string& name, milliseconds patience,
                      const Clock& clock, const net::Wait& wait, const Cancellation* cancellation,
                      const WorkflowService::See& see) {
  Follower follower(name, see);
  std::string version;  // empty: list first
  SteadyTime heard = clock.Steady();
  milliseconds pause = kFirstWait;
  const auto cancelled = [&] { return cancellation != nullptr && cancellation->is_set(); };
  // What may pass is waited for, within `patience` of the last time that the server was heard.
  const auto lost = [&](const Error& error) -> Status {
    if (cancelled() || error.code() != ErrorCode::kUnavailable) return error;
    if (clock.Steady() - heard > patience)
      return Error(error).While("the workflow is out of sight");
    if (!wait(pause, cancellation)) return error;
    pause = std::min(pause * 2, kLongestWait);
    return Ok();
  };
  while (!follower.done()) {
    if (cancelled()) return Unavailable("cancelled");
    if (version.empty()) {
      const auto listed = source.list(name);
      if (!listed) {
        HOLDFAST_RETURN_IF_ERROR(lost(listed.error()));
        continue;
      }
      heard = clock.Steady();
      if (!listed->workflow) {
        if (follower.seen()) return follower.Gone();
        return NotFound("there is no workflow " + Printable(name));
      }
      version = listed->resource_version;
      HOLDFAST_RETURN_IF_ERROR(follower.Show(*listed->workflow));
      if (follower.done()) break;
    }
    bool expired = false;
    bool answered = false;
    const std::size_t states = follower.states();
    const SteadyTime began = clock.Steady();
    const Error enough(ErrorCode::kInternal, "enough");
    const Status watched = source.watch(name, version, [&](const WatchEvent& event) -> Status {
      heard = clock.Steady();
      answered = true;
      pause = kFirstWait;
      if (!event.resource_version.empty()) version = event.resource_version;
      switch (event.kind) {
        case WatchEvent::Kind::kBookmark:
          return Ok();
        case WatchEvent::Kind::kDeleted:
          return follower.Gone();
        case WatchEvent::Kind::kExpired:
          expired = true;
          return Unavailable(event.message);
        case WatchEvent::Kind::kFailed:
          return Unavailable(event.message);
        case WatchEvent::Kind::kChanged:
          HOLDFAST_RETURN_IF_ERROR(follower.Show(event.object));
          if (follower.done()) return enough;
          return Ok();
      }
      return Ok();
    });
    // The Argo server's ends by a silence, which is an error. One that is away is not asked for more.
    if ((watched || answered) && follower.states() == states && !cancelled()) follower.ShowAgain();
    if (follower.done()) break;
    if (watched) {
      heard = clock.Steady();
      // One that ends at once, again and again, is not asked for without a pause.
      if (clock.Steady() - began < kFirstWait) {
        if (!wait(pause, cancellation)) return Unavailable("cancelled");
        pause = std::min(pause * 2, kLongestWait);
      }
      continue;
    }
    if (expired || watched.error().code() == ErrorCode::kCorrupt) {
      version.clear();
      HOLDFAST_RETURN_IF_ERROR(lost(Unavailable(watched.error().message())));
      continue;
    }
    HOLDFAST_RETURN_IF_ERROR(lost(watched.error()));
  }
  return Ok();
}

}  // namespace holdfast::engines::argo
