#include "plugins/exec/register.h"

#include <memory>
#include <string>
#include <utility>

#include "plugins/exec/exec_protection.h"

namespace holdfast::plugins::exec {

namespace {

// There is no context yet when a provider is opened: a plugin that cannot describe itself is an
// error that says why, and what it wrote on stderr last; the rest of its log is dropped.
class NoLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view, const Value&) override {}
};

Status Resolve(std::string_view name, PluginRegistry& registry) {
  if (registry.FindProtection(name) != nullptr) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const Executable executable, Executable::Open(name));
  const auto processes = MakeProcessRunner();
  NoLog log;
  HOLDFAST_ASSIGN_OR_RETURN(Description description, Describe(executable, *processes, log));
  ProtectionEntry entry;
  entry.descriptor = description.descriptor;
  entry.make = [executable, made_of = std::move(description)](
                   const Value& settings) -> Result<std::unique_ptr<ProtectionPlugin>> {
    return std::unique_ptr<ProtectionPlugin>(
        std::make_unique<ExecProtection>(executable, made_of, settings));
  };
  registry.AddProtection(std::move(entry));
  return Ok();
}

}  // namespace

void Register(PluginRegistry& registry) { registry.AddResolver("exec:", Resolve); }

}  // namespace holdfast::plugins::exec
