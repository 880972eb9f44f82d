#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/noop/behaviour.h"
#include "plugins/noop/noop_protection.h"
#include "plugins/sdk/bundle.h"
#include "plugins/sdk/check.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "runtime/step/gc/gc.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "tests/runtime/step_process.h"
#include "tests/sdk/sanitizers.h"

namespace holdfast::testing_runtime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(StepProcess, AWholeRunMakesAnAvailableCheckpoint) {
  Publish();
  const auto begun = Begin();
  ASSERT_EQ(begun.exit_code, 0) << begun.error;
  for (const std::string& step : order_) {
    const auto outcome = Run(step);
    EXPECT_EQ(outcome.exit_code, 0) << step << ": " << outcome.error;
  }
  const auto ended = End();
  EXPECT_EQ(ended.exit_code, 0) << ended.error;
  EXPECT_EQ(State(), RecordState::kAvailable);
  const auto report = runtime::ShowRecord(Tenant(), runtime::RecordKind::kCheckpoint, "run-1");
  ASSERT_TRUE(report) << report.error().Render();
  ASSERT_EQ(report->resources.size(), 2U);
  EXPECT_EQ(report->resources[1].manifest->bytes(), 100'000U);
}

TEST_F(StepProcess, KilledAnywhereAndRunAgainEndsTheSame) {
  const std::vector<std::string> points{"before:claim",   "after:claim",     "before:activity",
                                        "after:activity", "before:manifest", "after:manifest",
                                        "before:result",  "after:result"};
  for (const std::string& point : points) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    for (const std::string& step : order_) {
      const auto killed = Run(step, point);
      const bool reached = killed.signal == SIGKILL;
      EXPECT_TRUE(reached || (killed.exit_code == 0 && point.ends_with("manifest")))
          << step << killed.error;
      const auto again = Run(step);
      EXPECT_EQ(again.exit_code, 0) << step << ": " << again.error;
    }
    EXPECT_EQ(End().exit_code, 0);
    EXPECT_EQ(State(), RecordState::kAvailable);
    // Once the work was committed it is not done again.
    if (point == "after:manifest" || point == "after:result") {
      EXPECT_EQ(Begun("parallel", kVolume), 1);
    }
    EXPECT_LE(Begun("parallel", kVolume), 2);
  }
}

TEST_F(StepProcess, KilledAndNeverRunAgainIsCleanedUpByEnd) {
  for (const std::string point :
       {"after:claim", "before:activity", "after:activity", "before:result"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    ASSERT_EQ(Run("app-pre").exit_code, 0);
    EXPECT_EQ(Run("vol-pre", point).signal, SIGKILL);
    const auto ended = End();
    EXPECT_EQ(ended.exit_code, 5) << ended.error;
    EXPECT_EQ(State(), RecordState::kError);
    EXPECT_EQ(Begun("post", kApp), 1);
    // Before the plugin journaled its intent there is nothing to clean up.
    EXPECT_EQ(Begun("post", kVolume),
              point == "after:activity" || point == "before:result" ? 1 : 0);
  }
}

TEST_F(StepProcess, FusedLeafKilledBetweenItsActivitiesGoesOn) {
  Publish({}, true);
  ASSERT_EQ(Begin().exit_code, 0);
  ASSERT_EQ(Run("app-pre").exit_code, 0);
  ASSERT_EQ(Run("app-par").exit_code, 0);
  EXPECT_EQ(Run("vol-leaf", "after:outcome").signal, SIGKILL);
  EXPECT_EQ(Begun("pre", kVolume), 1);
  EXPECT_EQ(Begun("parallel", kVolume), 0);
  EXPECT_EQ(Run("vol-leaf").exit_code, 0);
  EXPECT_EQ(Begun("pre", kVolume), 1);
  EXPECT_EQ(Run("app-post").exit_code, 0);
  EXPECT_EQ(End().exit_code, 0);
}

TEST_F(StepProcess, BeginKilledAnywhereAndRunAgainBegins) {
  for (const std::string point : {"begin:before-marker", "begin:after-lease", "begin:after-run",
                                  "begin:before-state", "begin:after-state"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    EXPECT_EQ(Begin(point).signal, SIGKILL);
    EXPECT_EQ(Begin().exit_code, 0);
    EXPECT_EQ(Run("app-pre").exit_code, 0);
  }
}

TEST_F(StepProcess, EndKilledAnywhereAndRunAgainEnds) {
  for (const std::string point :
       {"end:after-claim", "end:after-token", "end:before-state", "end:after-state",
        "end:after-indices", "end:after-marker", "end:after-release"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    for (const std::string& step : order_) ASSERT_EQ(Run(step).exit_code, 0);
    EXPECT_EQ(End(point).signal, SIGKILL);
    const auto again = End();
    EXPECT_EQ(again.exit_code, 0) << again.error;
    EXPECT_EQ(State(), RecordState::kAvailable);
    EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
    EXPECT_EQ(runtime::ReadIndex(Tenant(), "nightly")->size(), 1U);
  }
}

// --- killed, and nothing of the run is ever run again: gc ----------------------------------------

TEST_F(StepProcess, StepKilledAnywhereAndNeverRunAgainIsCleanedUpByGc) {
  for (const std::string point :
       {"before:claim", "after:claim", "before:activity", "after:activity", "before:manifest",
        "after:manifest", "before:result", "after:result"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
    EXPECT_EQ(Run("vol-par", point).signal, SIGKILL);
    CollectGarbageLater();
    EXPECT_EQ(State(), RecordState::kError);
    EXPECT_EQ(Begun("post", kVolume), 1);
    EXPECT_EQ(Begun("post", kApp), 1);
    EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
  }
}

TEST_F(StepProcess, FusedLeafKilledBetweenItsActivitiesIsCleanedUpByGc) {
  Publish({}, true);
  ASSERT_EQ(Begin().exit_code, 0);
  ASSERT_EQ(Run("app-pre").exit_code, 0);
  EXPECT_EQ(Run("vol-leaf", "after:outcome").signal, SIGKILL);
  CollectGarbageLater();
  EXPECT_EQ(Begun("parallel", kVolume), 0);
  EXPECT_EQ(Begun("post", kVolume), 1);
  EXPECT_EQ(Begun("post", kApp), 1);
}

TEST_F(StepProcess, BeginKilledAnywhereAndNeverRunAgainLeavesNothingUnfinished) {
  for (const std::string point : {"begin:before-marker", "begin:after-lease", "begin:after-run",
                                  "begin:before-state", "begin:after-state"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    EXPECT_EQ(Begin(point).signal, SIGKILL);
    CollectGarbageLater();
    EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
    EXPECT_EQ(State(),
              point == "begin:after-state" ? std::optional(RecordState::kError) : std::nullopt);
  }
}

TEST_F(StepProcess, EndKilledAnywhereAndNeverRunAgainIsEndedByGc) {
  for (const std::string point :
       {"end:after-claim", "end:after-token", "end:before-state", "end:after-state",
        "end:after-indices", "end:after-marker", "end:after-release"}) {
    SCOPED_TRACE(point);
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    for (const std::string& step : order_) ASSERT_EQ(Run(step).exit_code, 0);
    EXPECT_EQ(End(point).signal, SIGKILL);
    CollectGarbageLater();
    EXPECT_EQ(State(), RecordState::kAvailable);
    EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
    EXPECT_EQ(runtime::ReadIndex(Tenant(), "nightly")->size(), 1U);
  }
}

TEST_F(StepProcess, CleanUpKilledAnywhereIsMadeOnceByTheNextEndOrGc) {
  for (const std::string point : {"before:clean-up", "after:clean-up", "before:clean-up:2"}) {
    for (const bool again : {true, false}) {
      SCOPED_TRACE(point + (again ? ", end again" : ", gc"));
      Fresh();
      Publish();
      ASSERT_EQ(Begin().exit_code, 0);
      ASSERT_EQ(Run("app-pre").exit_code, 0);
      EXPECT_EQ(Run("vol-pre", "after:activity").signal, SIGKILL);
      EXPECT_EQ(End(point).signal, SIGKILL);
      if (again) {
        EXPECT_EQ(End().exit_code, 5);
      } else {
        CollectGarbageLater();
      }
      EXPECT_EQ(State(), RecordState::kError);
      EXPECT_EQ(Begun("post", kVolume), 1);
      EXPECT_EQ(Begun("post", kApp), 1);
      EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
    }
  }
}

TEST_F(StepProcess, ResumeKilledBetweenItsEpochsAndItsStateIsBegunAgainOrEnded) {
  for (const bool again : {true, false}) {
    SCOPED_TRACE(again ? "begun again" : "gc");
    Fresh();
    Publish();
    ASSERT_EQ(Begin().exit_code, 0);
    ASSERT_EQ(Run("app-pre").exit_code, 0);
    ASSERT_EQ(End().exit_code, 5);
    run_ = "run-2";
    record_ = "run-1";
    EXPECT_EQ(Begin("begin:after-epochs").signal, SIGKILL);
    if (again) {
      EXPECT_EQ(Begin().exit_code, 0);
      for (const std::string& step : order_) EXPECT_EQ(Run(step).exit_code, 0);
      EXPECT_EQ(End().exit_code, 0);
    } else {
      CollectGarbageLater();
    }
    EXPECT_EQ(State(), again ? RecordState::kAvailable : RecordState::kError);
    EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
  }
}

TEST_F(StepProcess, DeletionKilledAnywhereEndsDeletedRunAgainOrNot) {
  for (const std::string point :
       {"begin:after-lease", "begin:after-deleting", "begin:after-state", "checkpoint:deleting",
        "end:erasing", "end:erasing:5", "end:before-state", "end:after-state"}) {
    for (const bool again : {true, false}) {
      SCOPED_TRACE(point + (again ? ", again" : ", gc"));
      Fresh();
      Publish();
      ASSERT_EQ(Begin().exit_code, 0);
      for (const std::string& step : order_) ASSERT_EQ(Run(step).exit_code, 0);
      ASSERT_EQ(End().exit_code, 0);
      PublishDeletion();
      // Each program as far as the one that is killed.
      const bool in_begin = point.starts_with("begin");
      const bool in_step = point.starts_with("checkpoint");
      EXPECT_EQ(Begin(in_begin ? point : "").signal, in_begin ? SIGKILL : 0);
      if (!in_begin) {
        EXPECT_EQ(Run("vol-del", in_step ? point : "").signal, in_step ? SIGKILL : 0);
        if (!in_step) {
          EXPECT_EQ(End(point).signal, SIGKILL);
        }
      }
      if (again) {
        if (in_begin) {
          EXPECT_EQ(Begin().exit_code, 0);
        }
        if (in_begin || in_step) {
          EXPECT_EQ(Run("vol-del").exit_code, 0);
        }
        EXPECT_EQ(End().exit_code, 0);
      } else {
        CollectGarbageLater();
      }
      // A begin that was killed before it marked the checkpoint has deleted nothing.
      const bool began = again || point != "begin:after-lease";
      EXPECT_EQ(State(), began ? RecordState::kDeleted : RecordState::kAvailable);
      EXPECT_EQ(Tenant().ListAll("checkpoints/run-1/data/")->empty(), began);
      EXPECT_THAT(*runtime::ListUnfinished(Tenant()), IsEmpty());
    }
  }
}

TEST_F(StepProcess, SecondProcessWaitsThenExits75AndSigtermExits143) {
  policy_.Set("step_deadline", 200);  // ms; half of it is what the second one waits
  Publish(Value().Set("parallel_sleep", "50s"));
  ASSERT_EQ(Begin().exit_code, 0);
  for (const char* const step : {"app-pre", "app-par", "vol-pre"})
    ASSERT_EQ(Run(step).exit_code, 0);
  Cancellation stop;
  ProcessSpec spec = Spec(Arguments("run", "vol-par"), "");
  spec.cancellation = &stop;  // SIGTERM, as an engine sends it
  spec.grace = std::chrono::seconds(30);
  ProcessOutcome first;
  std::thread process([&] { first = *runner_->Run(spec); });
  while (Begun("parallel", kVolume) == 0) std::this_thread::yield();
  const auto second = Run("vol-par");
  EXPECT_EQ(second.exit_code, 75) << second.error;
  EXPECT_THAT(second.error, HasSubstr("waiting for process"));
  stop.Set();
  process.join();
  EXPECT_EQ(first.exit_code, 143) << first.error;
  EXPECT_EQ(Begun("parallel", kVolume), 1);
  EXPECT_EQ(End().exit_code, 5);
  EXPECT_EQ(Begun("post", kVolume), 1);
  EXPECT_EQ(Begun("post", kApp), 1);
}

TEST_F(StepProcess, SigtermEndsTheWaitForAnotherProcess) {
  Publish(Value().Set("parallel_sleep", "50s"));
  ASSERT_EQ(Begin().exit_code, 0);
  for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
  Cancellation stop_first;
  ProcessSpec spec = Spec(Arguments("run", "vol-par"), "");
  spec.cancellation = &stop_first;
  spec.grace = std::chrono::seconds(30);
  std::thread process([this, spec] { std::ignore = runner_->Run(spec); });
  while (Begun("parallel", kVolume) == 0) std::this_thread::yield();
  Cancellation stop;
  spec.cancellation = &stop;
  spec.on_error_line = [&](std::string_view line) {
    if (line.find("waiting for process") != std::string_view::npos) stop.Set();
  };
  const auto second = Call(spec);
  EXPECT_EQ(second.exit_code, 143) << second.error;
  EXPECT_EQ(Begun("parallel", kVolume), 1);
  stop_first.Set();
  process.join();
}

TEST_F(StepProcess, EndThatComesWhileAStepDiesWaitsForIt) {
  Publish(Value().Set("parallel_sleep", "50s"));
  ASSERT_EQ(Begin().exit_code, 0);
  for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
  Cancellation stop;
  ProcessSpec spec = Spec(Arguments("run", "vol-par"), "");
  spec.cancellation = &stop;
  spec.grace = std::chrono::seconds(30);
  ProcessOutcome first;
  std::thread process([&] { first = *runner_->Run(spec); });
  while (Begun("parallel", kVolume) == 0) std::this_thread::yield();
  ProcessOutcome ended;
  std::thread end([&] { ended = End(); });
  // Once the end has its token, whatever the dying step still writes is refused.
  while (true) {
    const auto lease = runtime::CurrentLease(Tenant(), "run-1");
    if ((*lease)->ending) break;
    std::this_thread::yield();
  }
  EXPECT_EQ(Begun("post", kVolume), 0);
  stop.Set();
  process.join();
  end.join();
  EXPECT_EQ(first.exit_code, 143) << first.error;
  EXPECT_EQ(ended.exit_code, 5) << ended.error;
  EXPECT_EQ(Begun("post", kVolume), 1);
}

TEST_F(StepProcess, OnlyABeginMakesABank) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  bank_.reset();
  std::filesystem::rename(Path("bank"), Path("away"));
  auto of_one = Arguments("run");
  for (const char* const more : {"--resource=Noop::App#app", "--activity=pre"})
    of_one.emplace_back(more);
  auto of_failed = Arguments("end");
  of_failed.emplace_back("--status=Failed");
  auto dry = Arguments("begin");
  dry.emplace_back("--dry-run");
  for (const auto& arguments : {Arguments("run", "app-pre"), of_one, Arguments("gate", "app-pre"),
                                Arguments("end"), of_failed, dry}) {
    const auto outcome = Call(Spec(arguments, ""));
    EXPECT_EQ(outcome.exit_code, 10) << arguments.front() << ": " << outcome.error;
    EXPECT_THAT(outcome.error, HasSubstr("the bank at '" + Path("bank") + "' is not there yet"));
    EXPECT_FALSE(std::filesystem::exists(Path("bank"))) << arguments.front();
  }
  // It is mounted again: the run goes on as if nothing had been.
  std::filesystem::rename(Path("away"), Path("bank"));
  bank_ = *OpenFilesystemBank(Path("bank"));
  for (const std::string& step : order_) EXPECT_EQ(Run(step).exit_code, 0) << step;
  EXPECT_EQ(End().exit_code, 0);
  EXPECT_EQ(State(), RecordState::kAvailable);
}

TEST_F(StepProcess, OneActivityOfAFusedStepRunsAlone) {
  Publish({}, true);
  ASSERT_EQ(Begin().exit_code, 0);
  ASSERT_EQ(Run("app-pre").exit_code, 0);
  auto arguments = Arguments("run");
  for (const char* const more :
       {"--operation=protect", "--resource=Noop::Volume#vol", "--activity=pre"}) {
    arguments.emplace_back(more);
  }
  EXPECT_EQ(Call(Spec(arguments, "")).exit_code, 0);
  EXPECT_EQ(Begun("pre", kVolume), 1);
  EXPECT_EQ(Begun("parallel", kVolume), 0);
  EXPECT_EQ(Run("vol-leaf").exit_code, 0);
  EXPECT_EQ(Begun("pre", kVolume), 1);
  EXPECT_EQ(Begun("parallel", kVolume), 1);
}

TEST_F(StepProcess, DryRunSaysWhatAStepWouldDoAndWritesNothing) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  const auto before = Tenant().ListAll();
  auto arguments = Arguments("run", "app-pre");
  arguments.emplace_back("--dry-run");
  const auto outcome = Call(Spec(arguments, ""));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("pre of Noop::App#app"));
  EXPECT_EQ(*Tenant().ListAll(), *before);
  EXPECT_EQ(Begun("pre", kApp), 0);
}

TEST_F(StepProcess, DryRunOfEndNamesTheCleanUpsThatAreOwedAndWritesNothing) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  auto arguments = Arguments("end");
  arguments.emplace_back("--dry-run");
  const auto nothing = Call(Spec(arguments, ""));
  EXPECT_EQ(nothing.exit_code, 0);
  EXPECT_THAT(nothing.output, HasSubstr("no clean-up is owed"));
  for (const char* const step : {"app-pre", "vol-pre"}) ASSERT_EQ(Run(step).exit_code, 0);
  const auto before = Tenant().ListAll();
  const auto outcome = Call(Spec(arguments, ""));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output,
              HasSubstr("would clean up: post of Noop::Volume#vol (step vol-post, epoch 1); would "
                        "clean up: post of Noop::App#app (step app-post, epoch 1)"));
  EXPECT_EQ(*Tenant().ListAll(), *before);
  EXPECT_EQ(Begun("post", kApp), 0);
}

TEST_F(StepProcess, GateSaysWhetherAnythingCanRun) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  EXPECT_EQ(Call(Spec(Arguments("gate", "vol-pre"), "")).exit_code, 20);
  ASSERT_EQ(Run("app-pre").exit_code, 0);
  EXPECT_EQ(Call(Spec(Arguments("gate", "vol-pre"), "")).exit_code, 0);
}

TEST_F(StepProcess, WrongCommandLinesExit2AndSayWhy) {
  const auto text = [&](std::vector<std::string> arguments) {
    const auto outcome = Call(Spec(std::move(arguments), ""));
    EXPECT_EQ(outcome.exit_code, 2);
    return outcome.error;
  };
  EXPECT_THAT(text({}), HasSubstr("a command is missing"));
  EXPECT_THAT(text({"beginn"}), HasSubstr("did you mean 'begin'"));
  EXPECT_THAT(text({"run", "--stepp=x"}), HasSubstr("did you mean 'step'"));
  EXPECT_THAT(text({"begin", "--step=x"}), HasSubstr("'begin' has no option '--step'"));
  EXPECT_THAT(text({"run", "--step"}), HasSubstr("needs a value"));
  EXPECT_THAT(text({"run", "--run=a", "--run=b"}), HasSubstr("twice"));
  EXPECT_THAT(text({"begin", "--partial=maybe"}), HasSubstr("true or false"));
  EXPECT_THAT(text({"run", "--run=a"}), HasSubstr("--provider is missing"));
}

TEST_F(StepProcess, AStepTakesLittleMemory) {
  Publish();
  ASSERT_EQ(Begin().exit_code, 0);
  // Not through the runner: only wait4 says what one child took.
  const ProcessSpec spec = Spec(Arguments("run", "app-pre"), "");
  std::vector<char*> argv;
  for (const std::string& argument : spec.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  for (const auto& [name, value] : spec.environment)
    ASSERT_EQ(::setenv(name.c_str(), value.c_str(), 1), 0);
  const auto before = std::chrono::steady_clock::now();
  pid_t pid = 0;
  ASSERT_EQ(::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ), 0);
  int status = 0;
  rusage usage{};
  ASSERT_EQ(::wait4(pid, &status, 0, &usage), pid);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - before;
  EXPECT_EQ(status, 0);
  const auto milliseconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1000 + static_cast<double>(time.tv_usec) / 1000;
  };
  std::cout << fmt::format("a no-op step: {:.1f} ms ({:.1f} ms of CPU), {:.1f} MiB\n", took.count(),
                           milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
                           static_cast<double>(usage.ru_maxrss) / 1024);
  if (!testing::kSanitized) {
    EXPECT_LT(usage.ru_maxrss, 16 * 1024);
  }
}

TEST_F(StepProcess, HelpListsEveryExitCode) {
  const auto outcome = Call(Spec({"--help"}, ""));
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* const name : {"omitted", "try-again", "terminated", "activity-failed"}) {
    EXPECT_THAT(outcome.output, HasSubstr(name));
  }
}

}  // namespace
}  // namespace holdfast::testing_runtime
