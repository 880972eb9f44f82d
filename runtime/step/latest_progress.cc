#include "runtime/step/latest_progress.h"

#include <fcntl.h>
#include <unistd.h>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/progress_text.h"

namespace holdfast::runtime {

LatestProgress::LatestProgress(std::string file) : file_(std::move(file)) {
  if (!file_.empty()) ::unlink(file_.c_str());
}

void LatestProgress::Take(const Progress& progress) { Set(ProgressText(progress)); }

std::string LatestProgress::Text() const {
  const std::lock_guard lock(mutex_);
  return text_;
}

void LatestProgress::Set(std::string text) {
  const std::lock_guard lock(mutex_);
  if (text == text_) return;
  text_ = std::move(text);
  if (file_.empty()) return;
  constexpr mode_t kAllMayRead = 0644;
  const OwnedDescriptor file(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, kAllMayRead));
  if (!file.valid()) return;
  // In one write, and cut off behind it: who reads meanwhile finds a whole line first.
  const std::string line = text_.empty() ? "" : text_ + "\n";
  const ssize_t written = ::pwrite(file.get(), line.data(), line.size(), 0);
  if (written >= 0) [[maybe_unused]]
    const int cut = ::ftruncate(file.get(), written);
}

}  // namespace holdfast::runtime
