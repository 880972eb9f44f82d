#pragma once

namespace holdfast {

// A named place where a test can end the process: HOLDFAST_FAILPOINT=NAME ends it with SIGKILL the
// first time it gets there, NAME:N the N-th time (counted from 1). Builds without HOLDFAST_FAILPOINTS
// (release) have none. `name` is a literal such as "before:claim".
#if defined(HOLDFAST_FAILPOINTS)
void Failpoint(const char* name);
#else
inline void Failpoint(const char*) {}
#endif

}  // namespace holdfast
