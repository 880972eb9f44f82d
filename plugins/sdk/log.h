#pragma once

#include <string>
#include <string_view>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/value.h"

namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Takes log lines. Thread-safe. Lines never hold a secret.
class Logger {
 public:
  virtual ~Logger() = default;
  // `message` is for people; `fields` (a map or null) for machines.
  virtual void Log(LogLevel level, std::string_view message, const Value& fields = {}) = 0;
};

// JSON lines on a file descriptor: {"message_type":"log","time","level","message",...fields}.
// A line is one write(); failures to write are ignored (a log must not end a backup).
class JsonLinesLogger final : public Logger {
 public:
  // `descriptor` is borrowed. `fixed` is added to every line (run, record, step).
  JsonLinesLogger(int descriptor, const Clock& clock, LogLevel least, Value fixed);
  void Log(LogLevel level, std::string_view message, const Value& fields) override;

 private:
  int descriptor_;
  const Clock& clock_;
  LogLevel least_;
  Value fixed_;
};

}  // namespace holdfast
