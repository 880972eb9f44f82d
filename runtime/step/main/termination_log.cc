#include "runtime/step/main/termination_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "plugins/sdk/text.h"
#include "runtime/store/bundle_store.h"

namespace holdfast::runtime {
namespace {

// What is left of the 450 bytes of status that a task is reckoned with, beside the node itself.
constexpr std::size_t kLongestLine = 200;

std::string_view MeaningOf(ExitCode code) {
  const auto* const at =
      std::find_if(kExitCodes.begin(), kExitCodes.end(),
                   [code](const ExitCodeEntry& entry) { return entry.code == code; });
  return at == kExitCodes.end() ? std::string_view("failed") : at->meaning;
}

}  // namespace

std::string TerminationLine(std::string_view why) {
  std::string line = Printable(why);
  for (std::size_t at = 0; (at = line.find("{{", at)) != std::string::npos; ++at)
    line.insert(at + 1, " ");
  constexpr std::string_view kCut = "...";
  if (line.size() > kLongestLine) {
    line.resize(Utf8Prefix(std::string_view(line).substr(0, kLongestLine - kCut.size())));
    line += kCut;
  }
  return line;
}

void TerminationLog::AskBundle(const BankSection& tenant, const std::string& bundle) {
  if (path_.empty()) return;
  const auto stored = StoredBundle::Open(tenant, bundle);
  if (!stored) {
    hides_names_ = true;
    // Most often why the step fails; it names the bundle, and nothing that is in it.
    if (stored.error().code() == ErrorCode::kNotFound) instead_ = stored.error().OneLine();
    return;
  }
  const Value* const policy = stored->bundle().plan.Find("policy");
  hides_names_ = policy != nullptr && policy->StringOr("step_names", "") == "opaque";
}

void TerminationLog::Write(ExitCode code, std::string_view why) const {
  if (path_.empty()) return;
  const std::string_view more =
      instead_.empty() ? std::string_view("the log and the journal say more") : instead_;
  const std::string line =
      TerminationLine(hides_names_ ? fmt::format("{}; {}", MeaningOf(code), more) : why);
  // Never made here: the engine has made it, or does not look.
  const int file = ::open(path_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(file, line.data(), line.size());
  ::close(file);
}

}  // namespace holdfast::runtime
