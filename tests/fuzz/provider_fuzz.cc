// The INI reader and a provider file, which is read from a file: one in memory.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "plugins/sdk/ini.h"
#include "plugins/sdk/provider.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ini = ParseIni(fuzz::TextOf(data, size), "fuzz.conf");
  if (!ini) (void)ini.error().Render();

  const int file = ::memfd_create("fuzz.conf", MFD_CLOEXEC);
  fuzz::Require(file >= 0 && ::write(file, data, size) == static_cast<ssize_t>(size),
                "the machine gives a file in memory");
  const auto config = LoadProviderFile("/proc/self/fd/" + std::to_string(file));
  ::close(file);
  if (config) {
    fuzz::Require(ini.has_value(), "a provider file is an INI file");
    fuzz::Require(config->id.size() == 36 && !config->name.empty() && !config->plugins.empty(),
                  "a provider has a name, an id and a plugin");
  } else {
    (void)config.error().Render();
  }
  return 0;
}
