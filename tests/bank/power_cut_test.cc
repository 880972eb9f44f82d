#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <set>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "tests/bank/simulated_disk.h"
#include "tests/bank/temporary_folder.h"

// The power is cut after every single system call of a script of bank operations, and what must hold
// is checked on what survived: an object whose Put had succeeded is there with all its bytes, one
// whose Delete had succeeded is not, and what was under way is whole or absent.

namespace holdfast::testing {
namespace {

using State = std::optional<std::string>;  // the bytes of an object; nothing = there is none

ObjectKey Key(std::string_view text) { return *ObjectKey::Parse(text); }

std::string Large(char letter) { return std::string(300'000, letter); }  // several writes

// The disk is simulated: what is below it need not be one.
std::filesystem::path InMemory() {
  std::error_code ignored;
  return std::filesystem::is_directory("/dev/shm", ignored)
             ? std::filesystem::path("/dev/shm")
             : std::filesystem::temp_directory_path();
}

// Runs operations and knows what each key may be afterwards.
class Script {
 public:
  explicit Script(Bank& bank) : bank_(&bank) {}

  void Put(const std::string& key, const std::string& value) {
    Run(key, value, [&] { return PutBytes(*bank_, Key(key), value); });
  }
  void Create(const std::string& key, const std::string& value) {
    Run(key, value, [&] { return bank_->CreateExclusive(Key(key), value, Settling::kWait); });
  }
  void Replace(const std::string& key, const std::string& value) {
    Run(key, value, [&] { return bank_->Replace(Key(key), value); });
  }
  void Delete(const std::string& key) {
    Run(key, std::nullopt, [&] { return bank_->Delete(Key(key)); });
  }
  // PutSame of bank_section.h: what a second attempt does.
  void PutAgain(const std::string& key, const std::string& value) {
    Run(key, value, [&]() -> Status {
      Status put = PutBytes(*bank_, Key(key), value);
      if (put || put.error().code() != ErrorCode::kConflict) return put;
      StringSink sink(1U << 30U);
      HOLDFAST_RETURN_IF_ERROR(bank_->Get(Key(key), sink));
      if (sink.data() != value) return put;
      return Ok();
    });
  }

  bool failed() const { return failed_; }
  const std::map<std::string, std::set<State>>& allowed() const { return allowed_; }
  // What another process may have left undone.
  void Allow(const std::map<std::string, std::set<State>>& others) {
    for (const auto& [key, states] : others) allowed_[key].insert(states.begin(), states.end());
  }

 private:
  void Run(const std::string& key, const State& after, const std::function<Status()>& operation) {
    if (failed_) return;
    std::set<State>& states =
        allowed_.try_emplace(key, std::set<State>{std::nullopt}).first->second;
    states.insert(after);
    if (operation()) {
      states = {after};
    } else {
      failed_ = true;
    }
  }

  Bank* bank_;
  bool failed_ = false;
  std::map<std::string, std::set<State>> allowed_;
};

State StateOf(Bank& bank, const std::string& key) {
  StringSink sink(1U << 30U);
  const Status got = bank.Get(Key(key), sink);
  if (got) return sink.Take();
  EXPECT_EQ(got.error().code(), ErrorCode::kNotFound) << got.error().Render();
  return std::nullopt;
}

std::string Shown(const State& state) {
  if (!state) return "absent";
  return std::to_string(state->size()) + " bytes of '" + state->substr(0, 10) + "'";
}

void CheckSurvivors(const SimulatedDisk& disk, Survivors survivors, std::uint64_t seed,
                    const std::map<std::string, std::set<State>>& allowed) {
  const TemporaryFolder after(InMemory());
  disk.WriteSurvivors(after.path(), survivors, seed);
  // Its syncs stay in memory: there are thousands of them.
  SimulatedDisk restarted(after.path());
  DiskProcess process(restarted, DiskProcess::kNever);
  auto opened = OpenFilesystemBank(after.path() / "bank", process);
  ASSERT_TRUE(opened) << opened.error().Render();
  Bank& bank = **opened;
  std::vector<std::string> present;
  for (const auto& [key, states] : allowed) {
    const State state = StateOf(bank, key);
    EXPECT_TRUE(states.contains(state)) << key << " is " << Shown(state);
    if (state) present.push_back(key);
  }
  const auto listed = bank.List({});
  ASSERT_TRUE(listed) << listed.error().Render();
  std::vector<std::string> keys;
  for (const ObjectInfo& info : *listed) keys.push_back(info.key.str());
  EXPECT_EQ(keys, present);
  // Life goes on: everything can be written, and the sweep leaves nothing but objects.
  for (const auto& [key, states] : allowed) {
    std::ignore = bank.Delete(Key(key));
  }
  EXPECT_TRUE(PutBytes(bank, Key(allowed.begin()->first), "again"));
  ASSERT_TRUE(SweepFilesystemBank(after.path() / "bank",
                                  std::chrono::system_clock::now() + std::chrono::hours(48)));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(after.path())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 1U);
}

void RunScript(Script& script) {
  script.Put("data/a/b/0", Large('a'));
  script.Put("data/a/b/1", "one");
  script.Create("claims/x/claim-1", "holder");
  script.Replace("claims/x/lease", "first");
  script.Replace("claims/x/lease", "the second value");
  script.Put("state", "protecting");
  script.Delete("data/a/b/0");
  script.Put("data/a/b/0", Large('b'));
  script.Delete("data/a/b/1");
  script.Delete("data/a/b/0");  // the folders go
  script.Put("data/a/c/0", "other");
  script.Put("data/a/b", "where a folder was");
  script.Replace("claims/x/lease", "");
}

// How many changing calls the whole script makes.
std::uint64_t CallsOf(const std::function<void(Script&)>& run) {
  const TemporaryFolder folder(InMemory());
  SimulatedDisk disk(folder.path());
  DiskProcess process(disk, DiskProcess::kNever);
  auto bank = OpenFilesystemBank(folder.path() / "bank", process);
  Script script(**bank);
  run(script);
  EXPECT_FALSE(script.failed());
  return process.calls();
}

void CutAfterEveryCall(Survivors survivors, std::uint64_t seeds) {
  const std::uint64_t calls = CallsOf(RunScript);
  ASSERT_GT(calls, 50U);
  for (std::uint64_t n = 0; n <= calls; ++n) {
    const TemporaryFolder folder(InMemory());
    SimulatedDisk disk(folder.path());
    DiskProcess process(disk, n);
    auto bank = OpenFilesystemBank(folder.path() / "bank", process);
    std::map<std::string, std::set<State>> allowed{{"state", {std::nullopt}}};
    if (bank) {
      Script script(**bank);
      RunScript(script);
      EXPECT_EQ(script.failed(), n < calls);
      if (!script.allowed().empty()) allowed = script.allowed();
    }
    for (std::uint64_t seed = 0; seed < seeds; ++seed) {
      CheckSurvivors(disk, survivors, n * 1000 + seed, allowed);
      if (::testing::Test::HasFailure()) {
        FAIL() << "after call " << n << " of " << calls << ", seed " << n * 1000 + seed;
      }
    }
  }
}

TEST(PowerCut, KeepsWhatSucceededWhenNothingUnsyncedSurvives) {
  CutAfterEveryCall(Survivors::kNothing, 1);
}

TEST(PowerCut, KeepsWhatSucceededWhenNamesSurviveWithoutBytes) {
  CutAfterEveryCall(Survivors::kNamesNotBytes, 1);
}

TEST(PowerCut, KeepsWhatSucceededWhateverSurvives) { CutAfterEveryCall(Survivors::kAnything, 5); }

// A process dies after call n and leaves folders and names that it has not made durable. Another one
// uses them, succeeds, and then the power is cut: what the other was told must hold.
TEST(PowerCut, KeepsWhatAProcessBuiltOnTheRemainsOfAnother) {
  const auto first = [](Script& script) {
    script.Put("a/b/c/shared", "same");
    script.Create("a/b/d/claim", "first");
  };
  const auto second = [](Script& script) {
    script.PutAgain("a/b/c/shared", "same");  // and nothing else there, which would sync it, too
    script.Put("a/b/d/own", "own");
  };
  const std::uint64_t calls = CallsOf(first);
  for (std::uint64_t n = 0; n <= calls; ++n) {
    const TemporaryFolder folder(InMemory());
    SimulatedDisk disk(folder.path());
    DiskProcess dying(disk, n);
    std::map<std::string, std::set<State>> left;
    if (auto bank = OpenFilesystemBank(folder.path() / "bank", dying)) {
      Script script(**bank);
      first(script);
      left = script.allowed();
    }
    DiskProcess living(disk, DiskProcess::kNever);
    auto bank = OpenFilesystemBank(folder.path() / "bank", living);
    ASSERT_TRUE(bank) << bank.error().Render();
    Script script(**bank);
    second(script);
    ASSERT_FALSE(script.failed()) << n;
    left.erase("a/b/c/shared");  // the second process was told that it is there
    script.Allow(left);
    CheckSurvivors(disk, Survivors::kNothing, 0, script.allowed());
    if (::testing::Test::HasFailure()) FAIL() << "first process stopped after call " << n;
  }
}

}  // namespace
}  // namespace holdfast::testing
