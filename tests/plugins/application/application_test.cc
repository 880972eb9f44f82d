#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/local/application/application_protection.h"
#include "plugins/local/inventory/inventory.h"
#include "tests/plugins/activity_harness.h"

namespace holdfast::plugins::application {
namespace {

using namespace testing_plugins;
using testing::HasSubstr;

// An application whose hooks keep a file "frozen" and write down what they were called with.
class ApplicationTest : public testing::Test {
 protected:
  ApplicationTest() {
    auto bank = OpenFilesystemBank(folder_ / "bank");
    HOLDFAST_CHECK(bank.has_value());
    bank_ = std::move(*bank);
    app_.key = {"Local::Application", "shop"};
    app_.name = "Shop";
    app_.extra = Value(Value::Map{});
    Hook("quiesce", Frozen("touch"));
    Hook("resume", Frozen("rm -f"));
  }
  std::string Frozen(const std::string& command) const {
    return command + " " + (folder_ / "frozen");
  }
  // The hook writes its name to "calls", then does `script`.
  void Hook(const std::string& name, const std::string& script, std::int64_t timeout_ms = 60'000) {
    Value::List words{"/bin/sh", "-c",
                      fmt::format("echo {} >> {}; {}", name, folder_ / "calls", script)};
    Value hook(Value::Map{});
    hook.Set("command", Value(std::move(words))).Set("timeout_ms", timeout_ms);
    app_.extra.Set(name, std::move(hook));
  }
  bool frozen() const { return std::filesystem::exists(folder_ / "frozen"); }
  std::string calls() const {
    std::ifstream in(folder_ / "calls");
    std::stringstream out;
    for (std::string line; std::getline(in, line);) out << line << " ";
    return out.str();
  }
  MemoryCheckpoint Protect() { return MemoryCheckpoint(*bank_, "c1"); }
  Status Run(MemoryCheckpoint& checkpoint, ActivityKind kind, const Value& parameters = {}) {
    return RunActivity(*plugin_, kind, checkpoint, context_.context(), app_, parameters);
  }

  TempFolder folder_;
  std::unique_ptr<Bank> bank_;
  Resource app_;
  TestContext context_;
  std::unique_ptr<ProtectionPlugin> plugin_ = MakePlugin<ApplicationProtection>();
};

TEST_F(ApplicationTest, IsQuiescedInPreAndResumedInPreFinish) {
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  EXPECT_TRUE(frozen());
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPreFinish));
  EXPECT_FALSE(frozen());
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_EQ(calls(), "quiesce resume ");
  EXPECT_THAT(context_.log().text(), HasSubstr("application 'Shop' was at rest for"));
  EXPECT_TRUE(checkpoint.PointInTime(app_).has_value());
}

TEST_F(ApplicationTest, HooksLearnWhatTheyAreCalledFor) {
  app_.name = "a name\nof two lines";
  Hook("quiesce",
       "echo $HOLDFAST_RESOURCE_ID/$HOLDFAST_RESOURCE_NAME/$HOLDFAST_OPERATION/"
       "$HOLDFAST_CHECKPOINT_ID/$HOLDFAST_HOOK > " +
           (folder_ / "seen"));
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  std::ifstream in(folder_ / "seen");
  std::string line;
  std::getline(in, line);
  EXPECT_THAT(line, testing::StartsWith("shop/a name"));
  EXPECT_THAT(line, testing::EndsWith("of two lines/protect/c1/quiesce"));
}

TEST_F(ApplicationTest, AFailingQuiesceIsUndoneAtOnce) {
  Hook("quiesce", Frozen("touch") + "; echo no disk >&2; exit 3");
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("exit code 3: no disk"));
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, UndoingAFailedQuiesceIsTriedAgain) {
  Hook("quiesce", Frozen("touch") + "; exit 3");
  Hook("resume",
       "[ $(grep -c resume " + (folder_ / "calls") + ") -ge 3 ] || exit 1; " + Frozen("rm -f"));
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_FALSE(frozen());
  EXPECT_EQ(calls(), "quiesce resume resume resume ");
}

TEST_F(ApplicationTest, AQuiesceThatCannotBeUndoneIsHalfDoneAndPostUndoesItLater) {
  Hook("quiesce", Frozen("touch") + "; exit 3");
  Hook("resume", "[ -e " + (folder_ / "mended") + " ] || exit 1; " + Frozen("rm -f"));
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().half_done());
  EXPECT_THAT(status.error().OneLine(), HasSubstr("letting it go on again"));
  EXPECT_TRUE(frozen());
  std::ofstream(folder_ / "mended") << "";
  MemoryCheckpoint later = Protect();
  later.set_all_succeeded(false);
  EXPECT_TRUE(Run(later, ActivityKind::kPost));
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, AQuiesceThatIsUndoneIsNotHalfDone) {
  Hook("quiesce", Frozen("touch") + "; exit 3");
  MemoryCheckpoint checkpoint = Protect();
  EXPECT_FALSE(Run(checkpoint, ActivityKind::kPre).error().half_done());
}

TEST_F(ApplicationTest, AHalfDoneQuiesceIsQuiescedWhenItIsRunAgain) {
  Hook("quiesce", Frozen("touch") + "; [ -e " + (folder_ / "mended") + " ]");
  Hook("resume", "[ -e " + (folder_ / "mended") + " ] || exit 1; " + Frozen("rm -f"));
  MemoryCheckpoint first = Protect();
  EXPECT_TRUE(Run(first, ActivityKind::kPre).error().half_done());
  std::ofstream(folder_ / "mended") << "";
  MemoryCheckpoint again = Protect();
  EXPECT_TRUE(RunAllActivities(*plugin_, again, context_.context(), app_));
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, AKilledQuiesceThatFailsWhenItIsRunAgainIsUndone) {
  ASSERT_TRUE(RunInChild("application:quiesced", [&] {
                MemoryCheckpoint checkpoint = Protect();
                return Run(checkpoint, ActivityKind::kPre);
              }).killed);
  Hook("quiesce", "exit 3");
  ASSERT_TRUE(frozen());
  MemoryCheckpoint again = Protect();
  EXPECT_FALSE(Run(again, ActivityKind::kPre).error().half_done());
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, AQuiesceThatWasNeverBegunIsNeitherUndoneNorHalfDone) {
  app_.extra.Set("resume", Value());
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(status.error().half_done());
  EXPECT_EQ(calls(), "");
}

TEST_F(ApplicationTest, AQuiesceThatTakesTooLongIsEndedAndUndone) {
  Hook("quiesce", Frozen("touch") + "; exec sleep 1000", 200);
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("took too long"));
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, AStoppedQuiesceIsUndoneAndIsNoFailure) {
  Hook("quiesce", Frozen("touch") + "; exec sleep 1000");
  context_.cancellation().Set();
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), CancelledError().message());
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, PostResumesWhenPreFinishCouldNot) {
  Hook("resume", "[ -e " + (folder_ / "second") + " ] || { touch " + (folder_ / "second") +
                     "; exit 1; }; " + Frozen("rm -f"));
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  EXPECT_FALSE(Run(checkpoint, ActivityKind::kPreFinish));
  EXPECT_TRUE(frozen());
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_FALSE(frozen());
}

TEST_F(ApplicationTest, ParametersWinOverTheInventoryAndMayDeclareAShellLine) {
  Value shell(Value::Map{});
  shell.Set("shell", "echo shell > " + (folder_ / "by") + " && true").Set("timeout", "5s");
  Value parameters(Value::Map{});
  parameters.Set("quiesce", std::move(shell));
  MemoryCheckpoint checkpoint = Protect();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre, parameters));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "by"));
  EXPECT_EQ(calls(), "");
}

TEST_F(ApplicationTest, AShellLineThatIsNotDeclaredIsRefused) {
  Value parameters(Value::Map{});
  parameters.Set("quiesce", "rm -rf / ; echo");
  MemoryCheckpoint checkpoint = Protect();
  const Status status = Run(checkpoint, ActivityKind::kPre, parameters);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidInput);
  EXPECT_THAT(status.error().hint(), HasSubstr("shell"));
}

TEST_F(ApplicationTest, WithoutHooksThereAreNoSteps) {
  app_.extra = Value(Value::Map{});
  for (const ActivityKind kind :
       {ActivityKind::kPre, ActivityKind::kPreFinish, ActivityKind::kPost}) {
    EXPECT_EQ(plugin_->Choose(Operation::kProtect, kind, app_, {})->kind, StepChoice::Kind::kNone);
  }
  EXPECT_EQ(plugin_->Choose(Operation::kRestore, ActivityKind::kPre, app_, {})->kind,
            StepChoice::Kind::kNone);
  EXPECT_EQ(plugin_->Choose(Operation::kRestore, ActivityKind::kParallel, app_, {})->kind,
            StepChoice::Kind::kOwn);
}

TEST_F(ApplicationTest, DescriptorSaysThatItQuiescesAndHasNothingToDelete) {
  const PluginDescriptor& descriptor = plugin_->descriptor();
  EXPECT_TRUE(descriptor.quiesces);
  EXPECT_TRUE(descriptor.post_acts_on_failure);
  EXPECT_TRUE(descriptor.operation(Operation::kDelete).empty_on_purpose);
  EXPECT_FALSE(descriptor.operation(Operation::kDelete).DefinesAny());
}

// --- killed at every failpoint --------------------------------------------------------------------

class ApplicationKilled : public ApplicationTest,
                          public testing::WithParamInterface<const char*> {};

TEST_P(ApplicationKilled, RunAgainHasTheSameEnd) {
  const auto all = [&] {
    MemoryCheckpoint checkpoint = Protect();
    return RunAllActivities(*plugin_, checkpoint, context_.context(), app_);
  };
  ASSERT_TRUE(RunInChild(GetParam(), all).killed);
  EXPECT_TRUE(all());
  EXPECT_FALSE(frozen());
  MemoryCheckpoint checkpoint = Protect();
  EXPECT_TRUE(checkpoint.PointInTime(app_).has_value());
}

TEST_P(ApplicationKilled, NeverRunAgainIsCleanedUpByPost) {
  ASSERT_TRUE(RunInChild(GetParam(), [&] {
                MemoryCheckpoint checkpoint = Protect();
                return RunAllActivities(*plugin_, checkpoint, context_.context(), app_);
              }).killed);
  MemoryCheckpoint checkpoint = Protect();
  checkpoint.set_all_succeeded(false);
  EXPECT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_FALSE(frozen());
}

INSTANTIATE_TEST_SUITE_P(Failpoints, ApplicationKilled,
                         testing::Values("application:quiesce-intended", "application:quiesced",
                                         "application:quiesce-recorded", "application:resumed",
                                         "application:resume-recorded"));

// --- restore --------------------------------------------------------------------------------------

class ApplicationRestore : public ApplicationTest {
 protected:
  ApplicationRestore() {
    Hook("stop", "touch " + (folder_ / "stopped"));
    Hook("start", "rm -f " + (folder_ / "stopped"));
  }
  MemoryCheckpoint Restore() { return MemoryCheckpoint(*bank_, Operation::kRestore, "c1", "r1"); }
  bool stopped() const { return std::filesystem::exists(folder_ / "stopped"); }
};

TEST_F(ApplicationRestore, IsStoppedBeforeAndStartedAfter) {
  MemoryCheckpoint checkpoint = Restore();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  EXPECT_TRUE(stopped());
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kParallel));
  EXPECT_EQ(*checkpoint.NewResource(app_.key), app_.key);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_FALSE(stopped());
  EXPECT_EQ(calls(), "stop start ");
}

TEST_F(ApplicationTest, AnApplicationThatNothingStartsAgainIsSaidWhenItIsStopped) {
  Hook("stop", "true");
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  EXPECT_THAT(context_.log().text(), HasSubstr("has no 'start': it stays stopped"));
}

TEST_F(ApplicationRestore, StaysStoppedOnHalfRestoredDataUnlessToldOtherwise) {
  MemoryCheckpoint checkpoint = Restore();
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPre));
  checkpoint.set_all_succeeded(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_TRUE(stopped());
  EXPECT_THAT(context_.log().text(), HasSubstr("stays stopped"));
  Value parameters(Value::Map{});
  parameters.Set("start_after_failure", true);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost, parameters));
  EXPECT_FALSE(stopped());
}

TEST_F(ApplicationRestore, AStopThatCannotBeUndoneIsHalfDoneAndPostStartsItLater) {
  Hook("stop", "touch " + (folder_ / "stopped") + "; exit 3");
  Hook("start", "[ -e " + (folder_ / "mended") + " ] || exit 1; rm -f " + (folder_ / "stopped"));
  MemoryCheckpoint checkpoint = Restore();
  const Status status = Run(checkpoint, ActivityKind::kPre);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().half_done());
  EXPECT_TRUE(stopped());
  std::ofstream(folder_ / "mended") << "";
  MemoryCheckpoint later = Restore();
  later.set_all_succeeded(false);
  later.set_any_below_began(false);
  EXPECT_TRUE(Run(later, ActivityKind::kPost));
  EXPECT_FALSE(stopped());
}

class ApplicationRestoreKilled : public ApplicationRestore,
                                 public testing::WithParamInterface<const char*> {
 protected:
  Status All() {
    MemoryCheckpoint checkpoint = Restore();
    return RunAllActivities(*plugin_, checkpoint, context_.context(), app_);
  }
};

TEST_P(ApplicationRestoreKilled, RunAgainHasTheSameEnd) {
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return All(); }).killed);
  EXPECT_TRUE(All());
  EXPECT_FALSE(stopped());
  MemoryCheckpoint checkpoint = Restore();
  EXPECT_EQ(*checkpoint.NewResource(app_.key), app_.key);
}

TEST_P(ApplicationRestoreKilled, NeverRunAgainIsStartedByPost) {
  ASSERT_TRUE(RunInChild(GetParam(), [&] { return All(); }).killed);
  MemoryCheckpoint checkpoint = Restore();
  checkpoint.set_all_succeeded(false);
  checkpoint.set_any_below_began(false);
  ASSERT_TRUE(Run(checkpoint, ActivityKind::kPost));
  EXPECT_FALSE(stopped());
}

INSTANTIATE_TEST_SUITE_P(Failpoints, ApplicationRestoreKilled,
                         testing::Values("application:stop-intended", "application:stopped",
                                         "application:stop-recorded", "application:started",
                                         "application:start-recorded"));

TEST_F(ApplicationTest, ThePreflightLooksForEveryHooksProgram) {
  const auto preflight = [&](const Value& parameters = {}) {
    return Preflight(*plugin_, context_.context(), app_, parameters);
  };
  EXPECT_EQ(preflight(), "");
  EXPECT_EQ(calls(), "") << "the preflight ran a hook";
  const auto hook = [&](const std::string& name, const std::string& program) {
    Value value(Value::Map{});
    value.Set("command", Value::List{program}).Set("timeout_ms", 1000);
    app_.extra.Set(name, std::move(value));
  };
  std::ofstream(folder_ / "not-executable") << "#!/bin/sh\n";
  hook("quiesce", "no-such-program-of-holdfast");
  hook("resume", folder_ / "not-executable");
  hook("stop", folder_ / "gone");
  hook("start", folder_.path());
  const std::string problems = preflight();
  EXPECT_THAT(problems, HasSubstr("not-found: quiesce of application 'Shop': there is no program "
                                  "'no-such-program-of-holdfast'"));
  EXPECT_THAT(problems, HasSubstr("denied: resume of application 'Shop': program '" +
                                  (folder_ / "not-executable") + "'"));
  EXPECT_THAT(problems, HasSubstr("not-found: stop of application 'Shop'"));
  EXPECT_THAT(problems, HasSubstr("denied: start of application 'Shop'"));
  // The plan's command counts, not the inventory's.
  Value parameters(Value::Map{});
  parameters.Set("quiesce", Value::List{"true"});
  EXPECT_THAT(preflight(parameters), testing::Not(HasSubstr("quiesce")));
}

TEST_F(ApplicationTest, EveryFaultInTheCommandsIsSaid) {
  const auto faults = [&](Operation operation, const Value& parameters = {}) {
    return FaultsOf(*plugin_, operation, app_, parameters);
  };
  EXPECT_EQ(faults(Operation::kProtect), "");
  EXPECT_EQ(faults(Operation::kRestore), "");
  EXPECT_EQ(faults(Operation::kProtect,
                   Value().Set("quiesce", "rm -rf /").Set("resume", Value::List{""})),
            "quiesce: quiesce is a string, expected a list of words\n"
            "resume: resume names no program\n");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("quiesce", Value().Set("timeout", "5s"))),
            "quiesce: quiesce needs either 'command' or 'shell'\n");
  EXPECT_EQ(
      faults(Operation::kRestore,
             Value().Set("start", Value::List{std::string("a\0b", 3)}).Set("stop", Value(7))),
      "stop: stop is an integer, expected a list of words\nstart: a word of start holds a NUL "
      "byte\n");

  // A resume that is nowhere: the fault is where the quiesce is.
  app_.extra.MutableMap().erase("resume");
  EXPECT_EQ(faults(Operation::kProtect),
            "resource: application 'Shop' has 'quiesce' and no 'resume'\n");
  app_.extra.MutableMap().erase("quiesce");
  EXPECT_EQ(faults(Operation::kProtect), "");
  EXPECT_EQ(faults(Operation::kProtect, Value().Set("quiesce", Value::List{"true"})),
            "quiesce: application 'Shop' has 'quiesce' and no 'resume'\n");
  app_.extra.Set("stop", Value().Set("command", Value::List{}));
  EXPECT_THAT(faults(Operation::kRestore), HasSubstr("resource: stop of application 'Shop': "));
}

TEST_F(ApplicationTest, NothingIsStoppedThatCouldNotBeStartedAgain) {
  Hook("stop", "touch " + (folder_ / "stopped"));
  MemoryCheckpoint checkpoint(*bank_, Operation::kRestore, "c1", "r1");
  const Status status =
      Run(checkpoint, ActivityKind::kPre, Value().Set("start", "systemctl start shop"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "stopped"));
}

}  // namespace
}  // namespace holdfast::plugins::application
