#include "tests/plugins/sample_plugin/register.h"

#include "tests/plugins/sample_plugin/file_protectable.h"
#include "tests/plugins/sample_plugin/file_protection.h"

namespace holdfast::plugins::sample {

void Register(PluginRegistry& registry) {
  registry.AddProtection<FileProtection>();
  registry.AddProtectable(FileProtectable());
}

}  // namespace holdfast::plugins::sample
