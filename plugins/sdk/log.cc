#include "plugins/sdk/log.h"

#include <unistd.h>

#include <array>

#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast {

JsonLinesLogger::JsonLinesLogger(int descriptor, const Clock& clock, LogLevel least, Value fixed)
    : descriptor_(descriptor), clock_(clock), least_(least), fixed_(std::move(fixed)) {}

void JsonLinesLogger::Log(LogLevel level, std::string_view message, const Value& fields) {
  if (level < least_) return;
  static constexpr std::array<std::string_view, 4> kNames{"debug", "info", "warning", "error"};
  Value line = fixed_;
  if (fields.is_map()) {
    for (const auto& [key, value] : fields.AsMap()) line.Set(key, value);
  }
  if (line.Find("message_type") == nullptr) line.Set("message_type", "log");
  line.Set("time", FormatTime(clock_.Now()));
  line.Set("level", kNames[static_cast<std::size_t>(level)]);
  line.Set("message", Printable(message));
  auto text = DumpJson(line);
  // A field with bytes that are no UTF-8 must not cost the line itself.
  if (!text) text = DumpJson(Value().Set("message_type", "log").Set("message", Printable(message)));
  if (!text) return;
  *text += '\n';
  // One write, so that lines of several processes on one pipe do not mix.
  [[maybe_unused]] const ssize_t written = write(descriptor_, text->data(), text->size());
}

}  // namespace holdfast
