#include "runtime/modules/module_loader.h"

#include <algorithm>
#include <set>
#include <vector>

#include "plugins/banks/filesystem/register.h"
#include "plugins/sdk/text.h"
#include "runtime/modules/module_file.h"

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
    HOLDFAST_ASSIGN_OR_RETURN(void* const symbol,
                              OpenModule(std::string(module), "holdfast_module_register"));
    const auto enter = reinterpret_cast<void (*)(PluginRegistry*)>(symbol);
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
