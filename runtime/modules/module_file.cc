#include "runtime/modules/module_file.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "plugins/sdk/places.h"

namespace holdfast::runtime {

namespace {

constexpr std::string_view kBuildId = HOLDFAST_BUILD_ID;

std::string ModuleFolder() {
  if (const char* const folder = std::getenv("HOLDFAST_MODULE_DIR");
      folder != nullptr && *folder != '\0') {
    return folder;
  }
  // Test programs lie in the build's tests/ and find its modules the same way.
  return (std::filesystem::path(ProgramFolder()).parent_path() / "lib" / "holdfast").string();
}

}  // namespace

Result<void*> OpenModule(const std::string& name, const char* symbol) {
  const std::string path = ModuleFolder() + "/" + name + ".so";
  // Never closed: plugins, and the code of their coroutines, live as long as the process.
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const reason = dlerror();
    // The reason names the file.
    return InvalidInput("a plugin module cannot be opened: " +
                        (reason == nullptr ? path : std::string(reason)))
        .Hint(
            "modules are installed beside the programs, in lib/holdfast; HOLDFAST_MODULE_DIR "
            "names another folder");
  }
  const auto build_id =
      reinterpret_cast<const char* (*)()>(dlsym(handle, "holdfast_module_build_id"));
  void* const found = dlsym(handle, symbol);
  if (build_id == nullptr || found == nullptr) {
    return InvalidInput(path + " is no plugin module")
        .Hint("is HOLDFAST_MODULE_DIR the folder of this build's modules?");
  }
  if (build_id() != kBuildId) {
    return InvalidInput("the plugin module " + path + " is of another build than this program")
        .Hint("install programs and modules of the same build");
  }
  return found;
}

}  // namespace holdfast::runtime
