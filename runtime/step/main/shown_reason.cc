#include "runtime/step/main/shown_reason.h"

#include <fmt/format.h>

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

std::string ShortLine(std::string_view why) {
  std::string line = Printable(why);
  for (const std::string_view opening : {"{{", "{%", "<%"}) {
    for (std::size_t at = 0; (at = line.find(opening, at)) != std::string::npos; ++at)
      line.insert(at + 1, " ");
  }
  constexpr std::string_view kCut = "...";
  if (line.size() > kLongestLine) {
    line.resize(Utf8Prefix(std::string_view(line).substr(0, kLongestLine - kCut.size())));
    line += kCut;
  }
  return line;
}

void ShownReason::AskBundle(const BankSection& tenant, const std::string& bundle) {
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

std::string ShownReason::Line(ExitCode code, std::string_view why) const {
  const std::string_view more =
      instead_.empty() ? std::string_view("the log and the journal say more") : instead_;
  return ShortLine(hides_names_ ? fmt::format("{}; {}", MeaningOf(code), more) : why);
}

}  // namespace holdfast::runtime
