#include "plugins/sdk/bundle.h"
#include "tests/fuzz/fuzz_target.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::TextOf(data, size);
  if (const auto bundle = ParseBundle(text, "bundle.json"); bundle) {
    const auto again = DumpBundle(*bundle);
    fuzz::Require(again.has_value() && ParseBundle(*again, "bundle.json").has_value(),
                  "a bundle that was read can be written and read");
    (void)ShardOfStep(*bundle, "a-step");
  } else {
    (void)bundle.error().Render();
  }
  if (auto shard = ParseShard(text, "shard-0.json"); shard) {
    const auto again = DumpShard(*shard);
    fuzz::Require(again.has_value() && ParseShard(*again, "shard-0.json").has_value(),
                  "a shard that was read can be written and read");
    LoadedBundle loaded;
    loaded.shards.push_back(std::move(*shard));
    (void)GraphOfBundle(loaded);
    (void)loaded.FindStep("a-step");
  } else {
    (void)shard.error().Render();
  }
  return 0;
}
