#include "plugins/noop/register.h"

#include "plugins/noop/noop_protection.h"

namespace holdfast::plugins::noop {

void Register(PluginRegistry& registry) {
  registry.AddProtection({NoopDescriptor(), MakeNoopProtection});
}

}  // namespace holdfast::plugins::noop
