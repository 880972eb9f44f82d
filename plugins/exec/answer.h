#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/activity.h"
#include "plugins/sdk/bytes.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::exec {

// The version of the protocol that this build speaks (docs/reference/exec-protocol.md).
inline constexpr int kProtocol = 1;
// The longest line that a plugin may write on stdout, without its newline.
inline constexpr std::size_t kLongestLine = 1U << 20U;
// What a listing may hold: in number, and in bytes of its lines.
inline constexpr std::size_t kMostResources = 1'000'000;
inline constexpr std::uint64_t kMostResourceBytes = 512U << 20U;

// The calls, one process each.
enum class Call { kDescribe, kList, kShow, kDependents, kCheck, kActivity, kPoll, kCleanUp };
// "describe", "list", "show", "dependents", "check", "activity", "poll", "clean-up".
std::string_view NameOf(Call call);

enum class AnswerState { kDone, kYield, kFailed };

// What a plugin process has answered, checked for form.
struct Answer {
  AnswerState state = AnswerState::kDone;
  Value result;                  // the message "result", with no fields but those that the call has
  std::vector<Value> resources;  // the messages "resource" of list and dependents
  Progress progress;             // the last one that was told
  // Of kFailed: what it says is wrong.
  Error error() const;
};

// Reads the lines that a plugin writes on stdout while it runs: hands on progress and log messages,
// keeps resources and the result. The first line that is not what the protocol allows is the error
// of Write, which ends the process.
class AnswerReader final : public ByteSink {
 public:
  // `name` ("exec:/opt/x") is for errors. `log` is borrowed; `on_progress` may be empty. Both are
  // called on the thread that writes.
  AnswerReader(Call call, std::string name, Logger& log,
               std::function<void(const Progress&)> on_progress);

  Status Write(std::span<const std::byte> data) override;
  // What came, once the process has ended: nullopt when there was no result, kInvalidInput when the
  // last line was cut off.
  Result<std::optional<Answer>> Take();

 private:
  Status Line(std::string_view line);
  Status TakeProgress(const Value& message);
  Status TakeLog(const Value& message);
  Status TakeResource(Value message, std::size_t size);
  Status TakeResult(Value message);
  Error Fault(std::string message) const;
  Status CheckKeys(const Value& message, const std::vector<std::string>& allowed) const;

  Call call_;
  std::string name_;
  Logger& log_;
  std::function<void(const Progress&)> on_progress_;
  std::string line_;
  std::uint64_t line_number_ = 0;
  std::uint64_t resource_bytes_ = 0;
  bool has_result_ = false;
  Answer answer_;
};

}  // namespace holdfast::plugins::exec
