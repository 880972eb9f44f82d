#include "runtime/cli/schedule_times.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>

namespace holdfast::cli {

namespace {

// TZ as it was, when this goes.
class TimeZone {
 public:
  explicit TimeZone(const std::string& name) {
    if (const char* const before = std::getenv("TZ"); before != nullptr) before_ = before;
    setenv("TZ", (":" + name).c_str(), 1);
    tzset();
  }
  ~TimeZone() {
    if (before_) {
      setenv("TZ", before_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  TimeZone(const TimeZone&) = delete;
  TimeZone& operator=(const TimeZone&) = delete;

 private:
  std::optional<std::string> before_;
};

// An unknown name means UTC to the C library.
bool IsKnown(const std::string& timezone) {
  const char* const folder = std::getenv("TZDIR");
  std::error_code error;
  return std::filesystem::is_regular_file(
      std::filesystem::path(folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo") /
          timezone,
      error);
}

}  // namespace

std::optional<compiler::CivilTime> CivilTimeIn(const std::string& timezone, WallTime time) {
  const bool utc = timezone == "Etc/UTC";  // known without tzdata, too
  if (!utc && !IsKnown(timezone)) return std::nullopt;
  const TimeZone set(utc ? "UTC" : timezone);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return std::nullopt;
  return compiler::CivilTime{parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                             parts.tm_min};
}

}  // namespace holdfast::cli
