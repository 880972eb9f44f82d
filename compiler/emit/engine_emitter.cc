#include "compiler/emit/engine_emitter.h"

#include <array>

#include "compiler/emit/argo/argo_emitter.h"
#include "compiler/emit/mistral/mistral_emitter.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {
namespace {

struct Engine {
  std::string_view name;
  std::unique_ptr<EngineEmitter> (*make)();
};

constexpr std::array kEngines{Engine{"argo", &MakeArgoEmitter},
                              Engine{"mistral", &MakeMistralEmitter}};

}  // namespace

std::vector<std::string> EngineNames() {
  std::vector<std::string> names;
  names.reserve(kEngines.size());
  for (const Engine& engine : kEngines) names.emplace_back(engine.name);
  return names;
}

Result<std::unique_ptr<EngineEmitter>> MakeEngineEmitter(std::string_view name) {
  for (const Engine& engine : kEngines) {
    if (engine.name == name) return engine.make();
  }
  const std::string near = Nearest(name, EngineNames());
  return InvalidInput("nothing can be compiled for an engine '" + Printable(name) + "'")
      .Hint(near.empty() ? "there are " + Join(EngineNames(), ", ")
                         : "did you mean '" + near + "'?");
}

}  // namespace holdfast::compiler
