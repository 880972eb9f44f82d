#include "compiler/emit/engine_emitter.h"

#include "compiler/emit/argo/argo_emitter.h"
#include "plugins/sdk/text.h"

namespace holdfast::compiler {

const std::vector<std::unique_ptr<EngineEmitter>>& EngineEmitters() {
  static const std::vector<std::unique_ptr<EngineEmitter>> emitters = [] {
    std::vector<std::unique_ptr<EngineEmitter>> out;
    out.push_back(MakeArgoEmitter());
    return out;
  }();
  return emitters;
}

Result<const EngineEmitter*> FindEngineEmitter(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& emitter : EngineEmitters()) {
    if (emitter->name() == name) return static_cast<const EngineEmitter*>(emitter.get());
    names.emplace_back(emitter->name());
  }
  return InvalidInput("there is no engine '" + Printable(name) + "'").Hint("there are " + Join(names, ", "));
}

}  // namespace holdfast::compiler
