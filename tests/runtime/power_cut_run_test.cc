#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "tests/bank/simulated_disk.h"
#include "tests/bank/temporary_folder.h"
#include "tests/runtime/shop_run.h"
#include "tests/sdk/property_cases.h"

// The power is cut after a system call of a whole protect on a folder: what survived shows no half checkpoint, and the
// same run, run again, ends well.

namespace holdfast::testing_runtime {
namespace {

using testing::DiskProcess;
using testing::SimulatedDisk;
using testing::Survivors;
using testing::TemporaryFolder;

// The disk is simulated: what is below it need not be one.
std::filesystem::path InMemory() {
  std::error_code ignored;
  return std::filesystem::is_directory("/dev/shm", ignored)
             ? std::filesystem::path("/dev/shm")
             : std::filesystem::temp_directory_path();
}

std::uint64_t CallsOfAProtect(std::string& bundle) {
  const TemporaryFolder folder(InMemory());
  SimulatedDisk disk(folder.path());
  DiskProcess process(disk, DiskProcess::kNever);
  const auto bank = OpenFilesystemBank(folder.path() / "bank", process);
  World world(bank->get());
  AddShop(world);
  bundle = world.Publish();
  const World::Outcome end = PlayWithRestarts(world, bundle);
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  return process.calls();
}

void ExpectAllIsWellAfter(const SimulatedDisk& disk, Survivors survivors, std::uint64_t seed,
                          const std::string& bundle) {
  const TemporaryFolder folder(InMemory());
  disk.WriteSurvivors(folder.path(), survivors, seed);
  const auto bank = OpenFilesystemBank(folder.path() / "bank");
  ASSERT_TRUE(bank) << bank.error().Render();
  ExpectNoHalfCheckpoint(**bank, bundle);
  World world(bank->get());
  AddShop(world);
  world.Publish();
  World::Outcome end = PlayWithRestarts(world, bundle);
  // Its `end` had begun: that is all that an engine tries again.
  if (end.code == ExitCode::kLocked) end = world.End("run-1");
  EXPECT_EQ(end.code, ExitCode::kOk) << end.text;
  ExpectNoHalfCheckpoint(**bank, bundle);
  EXPECT_EQ(world.StateOf("run-1"), RecordState::kAvailable);
  EXPECT_THAT(world.Unfinished(), ::testing::IsEmpty());
}

// HOLDFAST_PROPERTY_CASES: how many of the calls (the soak: all).
TEST(PowerCutOfAProtect, ShowsNoHalfCheckpointAndEndsWellWhenRunAgain) {
  std::string bundle;
  const std::uint64_t calls = CallsOfAProtect(bundle);
  ASSERT_GT(calls, 300U);
  const std::uint64_t cases =
      std::min<std::uint64_t>(static_cast<std::uint64_t>(testing::PropertyCases(40)), calls + 1);
  for (std::uint64_t i = 0; i < cases; ++i) {
    const std::uint64_t n = i * (calls + 1) / cases;
    SCOPED_TRACE(n);
    const TemporaryFolder folder(InMemory());
    SimulatedDisk disk(folder.path());
    DiskProcess process(disk, n);
    const auto bank = OpenFilesystemBank(folder.path() / "bank", process);
    if (bank) {
      World world(bank->get());
      AddShop(world);
      if (world.TryToPublish()) std::ignore = PlayWithRestarts(world, bundle);
    }
    for (const Survivors survivors :
         {Survivors::kNothing, Survivors::kNamesNotBytes, Survivors::kAnything}) {
      ExpectAllIsWellAfter(disk, survivors, n, bundle);
      if (::testing::Test::HasFailure()) FAIL() << "after call " << n << " of " << calls;
    }
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
