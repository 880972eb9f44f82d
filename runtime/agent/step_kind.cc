#include "runtime/agent/step_kind.h"

#include <string_view>

namespace holdfast::agent {

StepKind KindOf(const StepRequest& request) {
  if (request.command == "begin") return StepKind::kBegin;
  if (request.command == "gate") return StepKind::kGate;
  if (request.command == "end") return StepKind::kEnd;
  const std::string_view step(request.step);
  if (step.ends_with("-pre")) return StepKind::kPre;
  if (step.ends_with("-fin")) return StepKind::kPreFinish;
  if (step.ends_with("-post")) return StepKind::kPost;
  if (step.ends_with("-par") || step.ends_with("-copy")) return StepKind::kCopy;
  return StepKind::kOther;
}

int TurnOf(StepKind kind) {
  if (MayBeLong(kind)) return 2;
  return kind == StepKind::kPre ? 1 : 0;
}

bool MayBeLong(StepKind kind) { return kind == StepKind::kCopy || kind == StepKind::kOther; }

bool EndsARest(StepKind kind) {
  return kind == StepKind::kEnd || kind == StepKind::kPreFinish || kind == StepKind::kPost;
}

bool MayBeginARest(StepKind kind) {
  return kind == StepKind::kBegin || kind == StepKind::kPre || kind == StepKind::kOther;
}

}  // namespace holdfast::agent
