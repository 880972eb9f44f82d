#include "runtime/modules/module_loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <vector>

#include "plugins/banks/filesystem/register.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {

namespace {

struct ModuleEntry {
  std::string_view plugin;
  std::string_view module;
  std::string_view status;
};

// A list that may be empty: a build without plugins is one, too.
const std::vector<ModuleEntry>& Modules() {
  static const std::vector<ModuleEntry> modules{
#include "module_table.inc"
  };
  return modules;
}

constexpr std::string_view kBuildId = HOLDFAST_BUILD_ID;

std::string ModuleFolder() {
  if (const char* const folder = std::getenv("HOLDFAST_MODULE_DIR");
      folder != nullptr && *folder != '\0') {
    return folder;
  }
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "lib/holdfast";
  // Test programs lie in the build's tests/ and find its modules the same way.
  return (self.parent_path().parent_path() / "lib" / "holdfast").string();
}

class ModuleLoader final : public PluginSource {
 public:
  Status Require(std::string_view name, PluginRegistry& registry) override {
    const bool exec = name.starts_with("exec:");
    const auto& modules = Modules();
    const auto entry =
        std::find_if(modules.begin(), modules.end(), [&](const ModuleEntry& candidate) {
          return exec ? candidate.module == "exec" : candidate.plugin == name;
        });
    if (entry == modules.end()) return NotFound("no plugin called '" + Printable(name) + "'");
    HOLDFAST_RETURN_IF_ERROR(Load(entry->module, registry));
    if (exec) return registry.Resolve(name);
    return Ok();
  }

  std::vector<std::string> Names() const override {
    std::vector<std::string> names;
    for (const ModuleEntry& entry : Modules()) {
      if (entry.module != "exec") names.emplace_back(entry.plugin);
    }
    return names;
  }

 private:
  Status Load(std::string_view module, PluginRegistry& registry) {
    if (loaded_.contains(module)) return Ok();
    const std::string path = ModuleFolder() + "/" + std::string(module) + ".so";
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
    const auto enter =
        reinterpret_cast<void (*)(PluginRegistry*)>(dlsym(handle, "holdfast_module_register"));
    if (build_id == nullptr || enter == nullptr) {
      return InvalidInput(path + " is no plugin module")
          .Hint("is HOLDFAST_MODULE_DIR the folder of this build's modules?");
    }
    if (build_id() != kBuildId) {
      return InvalidInput("the plugin module " + path + " is of another build than this program")
          .Hint("install programs and modules of the same build");
    }
    enter(&registry);
    loaded_.insert(std::string(module));
    return registry.status();
  }

  std::set<std::string, std::less<>> loaded_;
};

}  // namespace

void RegisterBuiltIns(PluginRegistry& registry) { banks::filesystem::Register(registry); }

std::string_view PluginStatus(std::string_view plugin) {
  for (const ModuleEntry& entry : Modules()) {
    if (entry.plugin == plugin) return entry.status;
  }
  return {};
}

std::unique_ptr<PluginSource> MakeModuleLoader() { return std::make_unique<ModuleLoader>(); }

}  // namespace holdfast::runtime
