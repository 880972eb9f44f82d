#include "runtime/local/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "plugins/sdk/json.h"

namespace holdfast::local {
namespace {

constexpr std::size_t kMaxLine = 64U << 10U;

}  // namespace

LogTail::LogTail(std::string path) : path_(std::move(path)) {
  struct stat info = {};
  if (stat(path_.c_str(), &info) == 0) offset_ = static_cast<std::uint64_t>(info.st_size);
}

void LogTail::TakeLine(std::vector<Value>& out) {
  if (!too_long_ && line_.starts_with('{') && line_.find("\"progress\"") != std::string::npos) {
    auto value = ParseJson(line_, path_);
    if (value && value->StringOr("message_type", "") == "progress")
      out.push_back(std::move(*value));
  }
  line_.clear();
  too_long_ = false;
}

std::vector<Value> LogTail::ReadProgress() {
  std::vector<Value> out;
  if (!file_.open()) file_ = Descriptor(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file_.open()) return out;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t got =
        pread(file_.number(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
    if (got <= 0) return out;
    offset_ += static_cast<std::uint64_t>(got);
    for (ssize_t i = 0; i < got; ++i) {
      const char c = buffer[static_cast<std::size_t>(i)];
      if (c == '\n') {
        TakeLine(out);
      } else if (line_.size() < kMaxLine) {
        line_ += c;
      } else {
        too_long_ = true;
      }
    }
  }
}

}  // namespace holdfast::local
