#include "plugins/sdk/preflight.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "plugins/sdk/process_launch.h"
#include "plugins/sdk/text.h"

namespace holdfast {

Status RequireWritableFolder(const std::string& folder, const std::string& what) {
  const std::string named = fmt::format("{} '{}'", what, Printable(folder));
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return SystemError(errno, named);
  if (!S_ISDIR(info.st_mode)) return InvalidInput(named + " is no folder");
  // As whom we act, not as whom we were started; a read-only file system is seen, too.
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return SystemError(errno, "writing in " + named);
  }
  return Ok();
}

Status RequireProgram(const std::string& program) {
  ProcessSpec spec;
  spec.argv = {program};
  HOLDFAST_RETURN_IF_ERROR(FindProgram(spec));
  return Ok();
}

}  // namespace holdfast
