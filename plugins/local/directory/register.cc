#include "plugins/local/directory/register.h"

#include "plugins/local/directory/directory_protection.h"
#include "plugins/local/inventory/inventory_protectable.h"

namespace holdfast::plugins::directory {

void Register(PluginRegistry& registry) {
  registry.AddProtection<DirectoryProtection>();
  registry.AddProtectable(inventory::DirectoryProtectable());
}

}  // namespace holdfast::plugins::directory
