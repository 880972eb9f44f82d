#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plugins/banks/memory/memory_bank.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/forwarding_bank.h"
#include "plugins/sdk/protection_plugin.h"
#include "runtime/copy/checkpoint_copy.h"
#include "runtime/step/begin.h"
#include "runtime/step/end.h"
#include "runtime/step/gc/gc.h"
#include "runtime/step/step_driver.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/record.h"
#include "tests/bank/faulty_bank.h"
#include "tests/sdk/moved_time.h"

namespace holdfast::testing_runtime {

using runtime::RecordState;
using runtime::StepReport;

// What a scripted activity does when it is called.
struct Behaviour {
  bool fails = false;
  bool half_done = false;    // with fails, of a pre: it cannot undo its work, and says so
  bool journals = true;      // an intent before it does anything
  bool dies = false;         // after its intent and half of its work: the process is gone
  bool stopped = false;      // SIGTERM arrives while it runs
  bool hangs = false;        // yields for ever: activity_timeout ends it
  bool loses_lease = false;  // somebody takes a new token while it runs
  bool loses_race = false;   // another process of its step writes the manifest meanwhile
  int yields = 0;
  int locked = 0;                       // so often somebody's lock keeps it out
  std::vector<std::string> warns = {};  // lines that it logs as warnings
};

// Says what the test says. Steady goes on by itself as well, so that real waits end.
class TestClock final : public Clock {
 public:
  explicit TestClock(const testing::MovedTime<WallTime>& now) : now_(now), begin_(now) {}
  explicit TestClock(testing::MovedTime<WallTime>&&) = delete;  // nobody would move a copy
  WallTime Now() const override { return now_; }
  SteadyTime Steady() const override {
    return std::chrono::steady_clock::now() +
           std::chrono::duration_cast<SteadyTime::duration>(Now() - begin_);
  }

 private:
  const testing::MovedTime<WallTime>& now_;
  const WallTime begin_;
};

// Data is written once: nothing that holds an object in place keeps a run, a copy or gc from its work (object lock of S3).
class WriteOnceBank final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;
  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override;
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override;
  Status Replace(const ObjectKey& key, std::string_view value) override;

 private:
  void Check(const ObjectKey& key);
};

// What stands outside of every process: the bank, what is quiesced, what was called. One per test.
class World {
 public:
  // `on`: what its bank's objects are in (not owned); nullptr: memory.
  explicit World(Bank* on = nullptr);
  ~World();

  // --- The graph ---------------------------------------------------------------------------------
  // Types: T::App (quiesces in pre, resumes in pre_finish, cleans up in post; for restore all
  // four), T::Volume (pre, parallel with data, post), T::Plain (parallel only), T::Ledger (pre,
  // post that commits only on success), T::Group (like T::Volume; its pres share one step).
  void Add(const std::string& resource, const std::vector<std::string>& parents = {});
  bool fuse_leaves = false;
  std::string drift_policy = "fail";
  int sample = 0;  // of a verify that is published: percent; 0: everything

  std::string provider_id = "provider-1";
  runtime::DataOptions data;
  // What a resource's stream holds, and of those that are named, what a raw object of it does.
  std::string BytesOf(const ResourceKey& key) const;
  std::map<std::string, std::string> contents;  // "T::Volume#a"; else a line with its name
  std::map<std::string, std::string> raw;

  // Compiles what was added for an operation and puts the bundle into the bank.
  std::string Publish(Operation operation = Operation::kProtect,
                      const std::string& checkpoint = "");
  // The same on a bank that may fail.
  Result<std::string> TryToPublish(Operation operation = Operation::kProtect,
                                   const std::string& checkpoint = "");
  // Names of the steps in an order that an engine could choose.
  std::vector<std::string> Steps(const std::string& bundle);

  // --- Scripts: "pre T::App#a" -> what it does ---------------------------------------------------
  std::map<std::string, Behaviour> script;

  // --- What happened -----------------------------------------------------------------------------
  std::vector<std::string> calls;             // "pre T::App#a", in order
  std::set<std::string> quiesced;             // "T::App#a"
  std::set<std::string> snapshots;            // what a volume's pre made and its post has to remove
  std::map<std::string, bool> all_succeeded;  // "post T::App#a" -> what the plugin was told
  std::map<std::string, bool> below_began;    // the same, of posts
  std::size_t CallsOf(const std::string& call) const;

  // --- Processes ---------------------------------------------------------------------------------
  struct Outcome {
    ExitCode code = ExitCode::kOk;
    std::string text;
  };
  Outcome Begin(const std::string& run, const std::string& bundle, const std::string& record = "");
  Outcome Run(const std::string& run, const std::string& bundle, const std::string& step,
              const std::string& record = "");
  Outcome End(const std::string& run, const std::string& status = "",
              const std::string& keeps_from = "");
  // begin, every step (again while it says "try again" or 143), end; returns end's outcome.
  Outcome RunAll(const std::string& run, const std::string& bundle, const std::string& record = "");

  // Copies a checkpoint of `from` into this world's bank; `change`: of what is asked for, `*report`: what came of it.
  // Either may be left out.
  Outcome CopyFrom(World& from, const std::string& checkpoint,
                   runtime::CopyReport* report = nullptr,
                   const std::function<void(runtime::CopyRequest&)>& change = {});

  void CollectGarbage(const runtime::GcOptions& options, std::vector<runtime::GcAction>* actions);

  // For requests that need more than the above; `cancellation` may be nullptr.
  template <class Work>
  Outcome InProcess(Work work);

  std::optional<RecordState> StateOf(const std::string& record,
                                     runtime::RecordKind kind = runtime::RecordKind::kCheckpoint);
  std::vector<std::string> Unfinished();
  // Every outcome of one activity that the journal holds, in order: "succeeded", "failed",
  // "omitted", over all attempts and epochs.
  std::vector<std::string> Outcomes(const std::string& record, const std::string& step,
                                    const std::string& activity);

  testing::MovedTime<WallTime> now;  // of every process' clock, and of the bank's
  TestClock clock{now};
  MemoryBank memory{clock};
  Bank& stored;  // what is behind the faults
  WriteOnceBank write_once{stored};
  testing::FaultyBank bank{write_once};
  BankSection tenant;
  BankSection behind;                  // the same, for a test that harms what is stored
  std::string drift;                   // what the drift checker finds
  bool stopped_while_listing = false;  // SIGTERM arrives while it lists; once
  std::string start;  // of their run, that processes work for; empty: none is named
  bool fail_fast = false;
  bool partial = false;
  // of the next process; none: one that is dead when it is over
  std::optional<ProcessIdentity> identity;
  std::chrono::milliseconds heartbeat_every{20'000};
  // Instead of waiting, in each process; empty: they wait.
  std::function<void(std::chrono::milliseconds)> pause;
  std::chrono::milliseconds step_deadline{0};  // of plans that are published; 0: none

 private:
  friend class ScriptedPlugin;
  class Process;
  std::map<ResourceKey, std::vector<ResourceKey>> parents_;
  int processes_ = 0;
  std::recursive_mutex mutex_;
};

// Of HOLDFAST_TEST_KEYS, with which every world is encrypted; else nullptr.
const KeyRing* KeysOfEveryWorld();

inline ResourceKey Key(const std::string& text) { return *ParseResourceKey(text); }

}  // namespace holdfast::testing_runtime
