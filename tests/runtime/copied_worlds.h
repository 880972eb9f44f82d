#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "runtime/store/listing.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {

// Two providers with banks of their own, and an application with two volumes that both know.
struct TwoBanks {
  TwoBanks() {
    second.provider_id = "provider-2";
    for (World* const world : {&first, &second}) {
      world->Add("T::App#shop");
      world->Add("T::Volume#a", {"T::App#shop"});
      world->Add("T::Volume#b", {"T::App#shop"});
    }
  }
  // run-1 in the first bank.
  void Protect() {
    bundle = first.Publish();
    const auto ended = first.RunAll("run-1", bundle);
    ASSERT_EQ(ended.code, ExitCode::kOk) << ended.text;
  }
  World::Outcome Copy(runtime::CopyReport* report = nullptr,
                      const std::function<void(runtime::CopyRequest&)>& change = {}) {
    return second.CopyFrom(first, "run-1", report, change);
  }
  // From the second bank alone; every byte is compared by the scripted plugin.
  void ExpectRestored(const std::string& run) {
    second.contents = first.contents;
    second.raw = first.raw;
    const auto restored = second.RunAll(run, second.Publish(Operation::kRestore, "run-1"));
    EXPECT_EQ(restored.code, ExitCode::kOk) << restored.text;
  }

  World first;
  World second;
  std::string bundle;
};

// What a reader of a bank may see of run-1 at any moment: all of it or nothing.
inline bool IsWholeOrNothing(World& world) {
  const BankSection tenant =
      *BankSection::Open(world.memory, "t/local", SectionAccess::kRead, world.tenant.keys());
  const auto listed = runtime::ListCheckpoints(tenant, {});
  EXPECT_TRUE(listed) << listed.error().Render();
  if (!listed || listed->empty()) {
    const auto index = tenant.ListAll("indices/by-");
    EXPECT_TRUE(index && index->empty()) << "an index points to what is not there";
    return false;
  }
  EXPECT_EQ(listed->front().damage, "");
  EXPECT_EQ(listed->front().state, RecordState::kAvailable);
  const auto report = runtime::ShowRecord(tenant, runtime::RecordKind::kCheckpoint, "run-1");
  EXPECT_TRUE(report) << report.error().Render();
  if (!report) return false;
  const auto record = *runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, "run-1");
  for (const runtime::ResourceReport& resource : report->resources) {
    EXPECT_TRUE(resource.succeeded) << resource.resource.key.str();
    EXPECT_TRUE(resource.manifest) << resource.resource.key.str();
    if (!resource.manifest) continue;
    const BankSection data =
        *record.section().Narrow(runtime::DataPrefix(resource.resource.key), SectionAccess::kRead);
    for (const auto& stream : resource.manifest->streams)
      EXPECT_TRUE(runtime::StatDataStream(data, stream));
  }
  return true;
}

}  // namespace holdfast::testing_runtime
