#include "plugins/sdk/json.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = ParseJson(fuzz::TextOf(data, size), "fuzz.json");
  if (!value) {
    (void)value.error().Render();
    return 0;
  }
  const auto text = DumpJson(*value);
  fuzz::Require(text.has_value(), "what was read can be written");
  const auto back = ParseJson(*text, "fuzz.json");
  fuzz::Require(back.has_value(), "what was written can be read");
  fuzz::Require(*back == *value, "a value survives being written and read");
  fuzz::Require(*DumpJson(*back) == *text, "the same value is the same bytes");
  return 0;
}
