#pragma once

#include <chrono>
#include <string_view>

#include "plugins/sdk/clock.h"

namespace holdfast {

// Which start of a run a process works for. An engine that makes the ids of its runs itself (Argo, Mistral) has one
// start a run, and none has a name. The local engine takes an id from its user, who may give it twice: it makes a random
// id for each start and keeps it where it keeps the run, so that a step that is tried again, and a run that is
// resumed, have the same one. Its steps find it in this variable.
inline constexpr const char* kStartVariable = "HOLDFAST_START";

// Whether what was written for the start `written` of a run belongs to who works for the start `own` of a run of
// the same id. Who has no name for its own, by hand or with an older build, works for whichever start there is.
inline bool IsOfStart(std::string_view written, std::string_view own) {
  return own.empty() || written == own;
}

// What an engine takes for its own start's when it looks for it, `since` when it began: also what steps wrote after
// that which were not told of their start, as in a container that passes no variable on. (Told of it, they would have
// begun nothing under an id that is somebody else's.)
inline bool MayBeOfStart(std::string_view written, WallTime at, std::string_view own,
                         WallTime since) {
  // Times are written in milliseconds.
  return written.empty() ? at >= std::chrono::floor<std::chrono::milliseconds>(since)
                         : IsOfStart(written, own);
}

}  // namespace holdfast
