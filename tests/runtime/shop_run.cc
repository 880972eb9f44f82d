#include "tests/runtime/shop_run.h"

#include <gtest/gtest.h>

#include <array>

#include "runtime/store/indices.h"
#include "runtime/store/newest_manifest.h"

namespace holdfast::testing_runtime {

namespace {

// Every byte of a stream, checked; how many.
std::uint64_t ReadAll(const BankSection& data, const runtime::StreamManifest& stream) {
  const auto source = runtime::OpenDataStream(data, stream, {});
  EXPECT_TRUE(source) << source.error().Render();
  std::uint64_t count = 0;
  std::array<std::byte, 1U << 16U> piece{};
  while (source) {
    const auto read = (*source)->Read(piece);
    EXPECT_TRUE(read) << read.error().Render();
    if (!read || *read == 0) break;
    count += *read;
  }
  return count;
}

}  // namespace

void AddShop(World& world) {
  world.Add("T::App#shop");
  world.Add("T::Volume#a", {"T::App#shop"});
  world.Add("T::Volume#b", {"T::App#shop"});
}

World::Outcome PlayWithRestarts(World& world, const std::string& bundle) {
  const auto again = [&](auto work) {
    World::Outcome outcome = work();
    for (int i = 0; i < 3 && world.bank.reached() && outcome.code != ExitCode::kOk; ++i) {
      world.bank.Disarm();
      outcome = work();
    }
    return outcome;
  };
  const auto begun = again([&] { return world.Begin("run-1", bundle); });
  if (begun.code != ExitCode::kOk) return begun;
  for (const std::string& step : world.Steps(bundle)) {
    again([&] { return world.Run("run-1", bundle, step); });
    ExpectNoHalfCheckpoint(world.stored, bundle);
  }
  return again([&] { return world.End("run-1"); });
}

void ExpectNoHalfCheckpoint(Bank& bank, const std::string& bundle) {
  BankSection tenant =
      *BankSection::Open(bank, "t/local", SectionAccess::kRead, KeysOfEveryWorld());
  const auto index = runtime::ReadIndex(tenant, "");
  ASSERT_TRUE(index);
  auto record = *runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, "run-1");
  const auto state = record.State();
  ASSERT_TRUE(state);
  const bool available = *state && (*state)->state == RecordState::kAvailable;
  EXPECT_TRUE(index->empty() || available) << "an index points to what is not available";
  if (!available) return;
  auto stored = runtime::StoredBundle::Open(tenant, bundle);
  ASSERT_TRUE(stored);
  const auto resources = stored->AllResources();
  ASSERT_TRUE(resources);
  for (const auto& [key, resource] : *resources) {
    const auto manifest = runtime::NewestManifest(record, key);
    ASSERT_TRUE(manifest);
    ASSERT_TRUE(*manifest) << key.str() << " has no manifest";
    const BankSection data =
        *record.section().Narrow(runtime::DataPrefix(key), SectionAccess::kRead);
    for (const auto& stream : (*manifest)->streams) {
      EXPECT_EQ(ReadAll(data, stream), stream.size);
    }
  }
}

}  // namespace holdfast::testing_runtime
