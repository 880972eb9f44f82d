#include "plugins/sdk/json.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  if (const auto value = ParseYaml(text, "fuzz.yaml"); value) {
    // What was read is written as JSON, and the same comes back. (YAML has numbers that JSON
    // lacks.)
    if (const auto json = DumpJson(*value); json) {
      const auto back = ParseJson(*json, "fuzz.json");
      fuzz::Require(back.has_value() && *DumpJson(*back) == *json, "YAML as JSON can be read back");
    }
  } else {
    (void)value.error().Render();
  }
  (void)ParseYamlStream(text, "fuzz.yaml");
  return 0;
}
