#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/log.h"
#include "runtime/store/warnings.h"

namespace holdfast::runtime {

// The log of one call of an activity: hands every line on, and keeps what warns, bounded, so that
// it can be recorded with the outcome. Of more than fit, the first ones are kept and the last ones,
// where plugins sum up. Thread-safe.
class WarningRecorder final : public Logger {
 public:
  // `log` is borrowed and has to outlive this object.
  explicit WarningRecorder(Logger& log) : log_(log) {}
  void Log(LogLevel level, std::string_view message, const Value& fields) override;
  Warnings Recorded() const;

 private:
  Logger& log_;
  mutable std::mutex mutex_;
  std::vector<std::string> first_;
  std::deque<std::string> last_;
  std::uint64_t left_out_ = 0;
};

}  // namespace holdfast::runtime
