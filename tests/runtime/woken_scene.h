#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sdk/forwarding_bank.h"
#include "runtime/fsck/fsck.h"
#include "tests/bank/lagging_bank.h"
#include "tests/runtime/world.h"

namespace holdfast::testing_runtime {

// A process that is stopped in the middle of a call to its bank (SIGSTOP, a machine that is suspended), while another host
// takes over and goes on, and that is woken up then. The call that it was in takes place; nothing more does.

enum class Call { kPut, kCreateExclusive, kReplace, kDelete, kGet, kList };

// A bank that holds one call back, once: what happens before it takes place is what others do meanwhile.
class PausingBank final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;
  void PauseAtChange(std::uint64_t n, std::function<void()> meanwhile) {
    wanted_ = [this, n](Call call, const std::string&) {
      return call != Call::kGet && call != Call::kList && ++changes_ == n;
    };
    changes_ = 0;
    meanwhile_ = std::move(meanwhile);
  }
  void PauseAt(Call call, std::string part, std::function<void()> meanwhile) {
    wanted_ = [call, part = std::move(part)](Call one, const std::string& key) {
      return one == call && key.find(part) != std::string::npos;
    };
    meanwhile_ = std::move(meanwhile);
  }
  // Of a bank on which create-exclusive is settled: who has found nothing there writes, whatever was created meanwhile, and reads that back.
  void SettleAt(std::string part, std::function<void()> meanwhile) {
    PauseAt(Call::kCreateExclusive, std::move(part), std::move(meanwhile));
    settles_ = true;
  }
  bool pending() const { return meanwhile_ != nullptr; }
  // The key of the call that was held back, without the tenant.
  const std::string& held_back() const { return held_back_; }

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    Before(Call::kPut, key);
    return ForwardingBank::Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    const bool found = settles_ && inner_.Stat(key);
    if (Before(Call::kCreateExclusive, key) && settles_ && !found)
      return inner_.Replace(key, value);
    return ForwardingBank::CreateExclusive(key, value, settling);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    Before(Call::kReplace, key);
    return ForwardingBank::Replace(key, value);
  }
  Status Delete(const ObjectKey& key) override {
    Before(Call::kDelete, key);
    return ForwardingBank::Delete(key);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    Before(Call::kGet, key);
    return ForwardingBank::Get(key, sink, offset, length);
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    Before(Call::kList, options.prefix);
    return ForwardingBank::List(options);
  }

 private:
  bool Before(Call call, const ObjectKey& key) { return Before(call, key.str()); }
  // True: it was held back.
  bool Before(Call call, const std::string& key) {
    std::function<void()> meanwhile;
    {
      const std::lock_guard lock(mutex_);
      if (!meanwhile_ || !wanted_(call, key)) return false;
      held_back_ = key.substr(std::string_view("t/local/").size());
      meanwhile = std::exchange(meanwhile_, nullptr);
    }
    meanwhile();
    return true;
  }
  std::mutex mutex_;
  std::function<bool(Call, const std::string&)> wanted_;
  std::function<void()> meanwhile_;
  std::uint64_t changes_ = 0;
  std::string held_back_;
  bool settles_ = false;
};

// A checkpoint in a first bank, and a second bank in which processes are stopped.
struct Scene {
  Scene() {
    source.provider_id = "provider-2";
    for (World* const one : {&source, &target}) {
      one->Add("T::App#shop");
      one->Add("T::Volume#a", {"T::App#shop"});
    }
    BeOnHost("host-a");
  }
  void Protect() { ASSERT_EQ(source.RunAll("run-1", source.Publish()).code, ExitCode::kOk); }
  World::Outcome Copy() { return target.CopyFrom(source, "run-1"); }
  World::Outcome Delete(const std::string& run) {
    return target.RunAll(run, target.Publish(Operation::kDelete, "run-1"));
  }
  void BeOnHost(const std::string& host) {
    target.identity.emplace();
    target.identity->host = host;
    target.identity->boot_id = "boot of " + host;
    target.identity->pid = 100 + ++processes;
    target.identity->start_time = 1;
  }
  void Advance(std::chrono::seconds time) {
    now += time;
    target.now += time;
    source.now += time;
  }
  // From here on another host works, and the heart of who worked so far has not been heard of for long enough.
  void PauseThatOne() {
    Advance(runtime::kClaimExpiry + std::chrono::seconds(4));
    BeOnHost("host-b");
  }
  std::vector<std::string> CollectGarbage(const std::string& run = "") {
    runtime::GcOptions options;
    options.run = run;
    std::vector<runtime::GcAction> actions;
    target.CollectGarbage(options, &actions);
    std::vector<std::string> failed;
    for (const auto& action : actions) {
      if (action.failed) failed.push_back(action.subject + ": " + action.action);
    }
    return failed;
  }
  void ExpectWhole(const std::string& run) {
    ASSERT_EQ(target.StateOf("run-1"), RecordState::kAvailable);
    const World::Outcome verified = target.RunAll(run, target.Publish(Operation::kVerify, "run-1"));
    EXPECT_EQ(verified.code, ExitCode::kOk) << verified.text;
  }
  std::vector<std::string> Keys(const std::string& prefix = "checkpoints/run-1/") {
    return *target.tenant.ListAll(prefix);
  }
  runtime::Record Checkpoint() {
    return *runtime::Record::Open(target.tenant, runtime::RecordKind::kCheckpoint, "run-1");
  }
  std::vector<RecordState> States() {
    std::vector<RecordState> states;
    const auto record =
        *runtime::Record::Open(target.tenant, runtime::RecordKind::kCheckpoint, "run-1");
    const auto all = *record.States();
    for (const auto& state : all) states.push_back(state.state);
    return states;
  }
  std::vector<std::string> Damage() {
    runtime::FsckOptions options;
    options.run = "fsck-of-test";
    const auto report = runtime::Fsck(target.tenant, target.clock, options);
    EXPECT_TRUE(report) << report.error().Render();
    std::vector<std::string> found;
    for (const auto& finding : report->findings) {
      if (finding.kind == runtime::FindingKind::kDamage)
        found.push_back(finding.what + " " + finding.record);
    }
    return found;
  }
  // Those of `before` that are not there any more.
  std::vector<std::string> Missing(const std::vector<std::string>& before) {
    std::vector<std::string> missing;
    for (const std::string& key : before) {
      if (!*target.tenant.Exists(key)) missing.push_back(key);
    }
    return missing;
  }

  testing::MovedTime<WallTime> now = *ParseTime("2026-11-24T01:00:00Z");
  TestClock clock{now};
  MemoryBank memory{clock};
  testing::LaggingBank lagging{memory};
  PausingBank bank{lagging};
  World source;
  World target{&bank};
  int processes = 0;
};

}  // namespace holdfast::testing_runtime
