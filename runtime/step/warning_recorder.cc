#include "runtime/step/warning_recorder.h"

#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kLastKept = 5;
constexpr std::string_view kCut = "...";

std::string Bounded(std::string_view message) {
  std::string line = Printable(message);
  if (line.size() <= kWarningBytes) return line;
  line.resize(kWarningBytes - kCut.size());
  line.resize(Utf8Prefix(line));
  return line + std::string(kCut);
}

}  // namespace

void WarningRecorder::Log(LogLevel level, std::string_view message, const Value& fields) {
  log_.Log(level, message, fields);
  // An error that the activity survives is no less than a warning.
  if (level < LogLevel::kWarning) return;
  std::string line = Bounded(message);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (first_.size() < kWarningsKept - kLastKept) {
    first_.push_back(std::move(line));
    return;
  }
  last_.push_back(std::move(line));
  if (last_.size() <= kLastKept) return;
  last_.pop_front();
  ++left_out_;
}

Warnings WarningRecorder::Recorded() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  Warnings warnings{first_, left_out_};
  warnings.lines.insert(warnings.lines.end(), last_.begin(), last_.end());
  return warnings;
}

}  // namespace holdfast::runtime
