#include "plugins/sdk/failpoint.h"

#if defined(HOLDFAST_FAILPOINTS)
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

namespace holdfast {

void Failpoint(const char* name) {
  // Asked every time: a test forks and sets it in the child.
  const char* const wanted = std::getenv("HOLDFAST_FAILPOINT");
  if (wanted == nullptr) return;
  std::string_view text(wanted);
  // A failpoint's name may hold colons; only digits behind the last one are a count.
  int count = 1;
  if (const auto colon = text.rfind(':');
      colon != std::string_view::npos && colon + 1 < text.size() &&
      text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos) {
    count = std::atoi(text.data() + colon + 1);
    text = text.substr(0, colon);
  }
  if (text != name) return;
  static int seen = 0;
  if (++seen == count) std::raise(SIGKILL);
}

}  // namespace holdfast
#endif
