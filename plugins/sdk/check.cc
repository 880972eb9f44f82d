#include "plugins/sdk/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: this should never happen (a bug): %s\n", file, line, condition);
  std::fflush(stderr);
#ifdef HOLDFAST_FUZZ
  std::abort();
#endif
  // Not exit(): destructors of a program in an impossible state must not write anything.
  std::_Exit(1);
}

}  // namespace holdfast
