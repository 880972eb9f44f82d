#pragma once

#include <string_view>

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

}  // namespace holdfast
