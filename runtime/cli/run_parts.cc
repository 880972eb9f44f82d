#include "runtime/cli/run_parts.h"

#include <algorithm>
#include <utility>

#include "runtime/cli/cluster.h"

namespace holdfast::cli {

namespace argo = engines::argo;

namespace {

constexpr std::chrono::steady_clock::duration kLookEvery = std::chrono::seconds(5);
// Parts are up to a megabyte each: no more than a tenth of the time goes into them.
constexpr int kShareOfTime = 10;

}  // namespace

void RunParts::Look(const engines::RunStatus& run) {
  const auto began = std::chrono::steady_clock::now();
  auto found = argo::PartsOf(service_, run.uid);
  complete_ = found.has_value();
  if (!found && warned_.insert("").second) {
    out_.Warn("the parts of run " + run.uid +
              " cannot be listed, nothing is known of their steps: " + found.error().OneLine());
  }
  if (found) {
    for (engines::RunStatus& part : *found) {
      if (!part.nodes_unreadable.empty() && warned_.insert(part.name).second)
        WarnOfUnreadableNodes(out_, part);
      parts_[part.name] = std::move(part);
    }
    complete_ = std::all_of(parts_.begin(), parts_.end(),
                            [](const auto& part) { return part.second.nodes_unreadable.empty(); });
  }
  const auto ended = std::chrono::steady_clock::now();
  next_look_ = ended + std::max(kLookEvery, (ended - began) * (kShareOfTime - 1));
}

void RunParts::AddTo(engines::RunStatus& run, bool now) {
  if (!argo::MayHaveParts(run)) return;
  if (now || std::chrono::steady_clock::now() >= next_look_) Look(run);
  for (const auto& [name, part] : parts_) argo::AddPart(run, part);
}

}  // namespace holdfast::cli
