#include "plugins/local/application/register.h"

#include "plugins/local/application/application_protection.h"
#include "plugins/local/inventory/inventory_protectable.h"

namespace holdfast::plugins::application {

void Register(PluginRegistry& registry) {
  registry.AddProtection<ApplicationProtection>();
  registry.AddProtectable(inventory::ApplicationProtectable());
}

}  // namespace holdfast::plugins::application
