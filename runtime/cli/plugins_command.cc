#include "runtime/cli/commands.h"

namespace holdfast::cli {

int CheckPlugins(Session& session, const PluginsArguments&) {
  return session.out().Fail(Internal("not here yet"));
}

}  // namespace holdfast::cli
