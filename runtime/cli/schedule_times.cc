#include "runtime/cli/schedule_times.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "compiler/plan/schedule.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kUtc = "Etc/UTC";

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

// In the zone of TZ.
std::chrono::seconds AheadOfUtc(std::chrono::sys_seconds time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return {};
  return std::chrono::seconds(parts.tm_gmtoff);
}

fs::path DatabaseFolder() {
  const char* const folder = std::getenv("TZDIR");
  return folder != nullptr && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

// Tables of zones and leap seconds stand among the zones.
bool IsZoneFile(const fs::path& file) {
  constexpr std::string_view kMagic = "TZif";
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return false;
  std::ifstream in(file, std::ios::binary);
  std::string begin(kMagic.size(), '\0');
  return in.read(begin.data(), static_cast<std::streamsize>(begin.size())) && begin == kMagic;
}

// All zones once more, with and without leap seconds: few images have these folders, and Go has none of them built in.
bool IsSecondCopy(std::string_view folder) { return folder == "posix" || folder == "right"; }

// What stands among the zones and is no place: this machine's own zone (a cluster has another one), what the C library
// takes for rules that are not given, what a machine is set to that nobody has set, and Go's word for its machine's own.
bool IsNoPlace(std::string_view name) {
  return name == "localtime" || name == "posixrules" || name == "Factory" || name == "Local" ||
         IsSecondCopy(name.substr(0, name.find('/')));
}

// An unknown name means UTC to the C library.
bool IsKnown(const std::string& timezone) {
  return !IsNoPlace(timezone) && IsZoneFile(DatabaseFolder() / timezone);
}

std::vector<std::string> KnownZones() {
  std::vector<std::string> zones;
  const fs::path folder = DatabaseFolder();
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().lexically_relative(folder);
    if (IsSecondCopy(name)) {
      entry.disable_recursion_pending();
    } else if (IsKnown(name)) {
      zones.push_back(std::move(name));
    }
  }
  std::sort(zones.begin(), zones.end());
  return zones;
}

}  // namespace

Status CheckTimeZone(const std::string& timezone) {
  HOLDFAST_RETURN_IF_ERROR(compiler::CheckTimeZoneName(timezone));
  const bool have_database = IsZoneFile(DatabaseFolder() / "UTC");
  if (timezone == kUtc || IsKnown(timezone) || (!have_database && !IsNoPlace(timezone)))
    return Ok();
  const std::string near = Nearest(timezone, KnownZones());
  return InvalidInput("there is no time zone '" + Printable(timezone) + "'")
      .Hint(near.empty() ? "such as Europe/Berlin or Etc/UTC; " + DatabaseFolder().string() +
                               " has all that this machine knows"
                         : "did you mean '" + near + "'?");
}

std::optional<compiler::ZoneClocks> ClocksOf(const std::string& timezone, WallTime time) {
  namespace chrono = std::chrono;
  const auto now = chrono::floor<chrono::seconds>(time);
  chrono::sys_seconds from = now - chrono::weeks(1);
  if (timezone == kUtc) return compiler::ZoneClocks{{from, {}}};  // known without tzdata, too
  if (!IsKnown(timezone)) return std::nullopt;
  const TimeZone set(timezone);
  compiler::ZoneClocks out{{from, AheadOfUtc(from)}};
  // A zone changes its clocks at most every few weeks (Morocco's Ramadan).
  for (; from < now + chrono::years(50); from += chrono::days(1)) {
    const chrono::seconds ahead = AheadOfUtc(from + chrono::days(1));
    if (ahead == out.back().ahead) continue;
    chrono::sys_seconds before = from;
    chrono::sys_seconds after = from + chrono::days(1);
    while (after - before > chrono::seconds(1)) {
      const chrono::sys_seconds middle = before + (after - before) / 2;
      (AheadOfUtc(middle) == ahead ? after : before) = middle;
    }
    out.push_back({after, ahead});
  }
  return out;
}

}  // namespace holdfast::cli
