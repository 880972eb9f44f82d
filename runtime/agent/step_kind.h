#pragma once

#include "runtime/agent/step_job.h"

namespace holdfast::agent {

// What the agent can tell of a step without its bundle: the compiler ends the names of steps with what they are
// (compiler/workflow/step_names.h). It decides on when a step runs, never on what it does: where a name does not say it, a
// step may wait, no more.
enum class StepKind {
  kBegin,
  kGate,
  kEnd,
  kPre,
  kPreFinish,
  kPost,
  kCopy,   // parallel, alone or with the post of a leaf
  kOther,  // all of a leaf in one, or a name of another form
};
StepKind KindOf(const StepRequest& request);

// 0 before 1 before 2: what ends a rest, or keeps others waiting, does not wait for what takes hours.
int TurnOf(StepKind kind);
// It may take hours.
bool MayBeLong(StepKind kind);
// It ends what a step before it has begun, and does nothing where nothing was: it is run also when nobody waits for it any
// more, so that nothing stays at rest.
bool EndsARest(StepKind kind);
// It may begin what nobody would end: it is not run as long as Mistral, which is to be asked, does not answer.
bool MayBeginARest(StepKind kind);

}  // namespace holdfast::agent
