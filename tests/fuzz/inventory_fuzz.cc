#include "plugins/local/inventory/inventory.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto inventory = plugins::inventory::ParseInventory(fuzz::TextOf(data, size), "fuzz.yaml");
  if (!inventory) {
    (void)inventory.error().Render();
    return 0;
  }
  for (const auto& entry : inventory->applications) {
    fuzz::Require(CheckResourceKey(entry.Node().key).has_value(), "an application is a resource");
  }
  for (const auto& entry : inventory->directories) {
    fuzz::Require(CheckResourceKey(entry.Node().key).has_value(), "a directory is a resource");
    fuzz::Require(entry.path.starts_with('/'), "a directory's path is absolute");
  }
  for (const auto& entry : inventory->sqlite) (void)entry.Node();
  for (const auto& entry : inventory->postgresql) (void)entry.Node();
  return 0;
}
