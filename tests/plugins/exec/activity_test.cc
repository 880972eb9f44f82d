// What an executable may do in an activity, and what happens when it does something else: always
// one clear error, never a hang.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "plugins/sdk/context.h"
#include "plugins/sdk/json.h"
#include "tests/plugins/exec/script_plugin.h"

namespace holdfast::testing_plugins {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kDone = R"(printf '%s\n' "$done")";

class ExecActivity : public ScriptPluginTest {};

TEST_F(ExecActivity, DoneIsASuccess) {
  EXPECT_EQ(ErrorText(Run(Shell(kDone))), "");
  EXPECT_EQ(Requests("clean-up"), "");
}

TEST_F(ExecActivity, GetsOneRequestThatSaysAll) {
  thing_.extra = Value().Set("path", "/x");
  thing_.children.push_back({{"Test::Thing", "t2"}, "child", Value().Set("device", "vda")});
  ASSERT_EQ(ErrorText(Run(Shell(kDone), ActivityKind::kPost)), "");
  const auto request = ParseJson(Requests("activity"), "request");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->IntOr("protocol", 0), 1);
  EXPECT_EQ(request->StringOr("operation", ""), "protect");
  EXPECT_EQ(request->StringOr("activity", ""), "post");
  EXPECT_EQ(request->Find("checkpoint")->StringOr("id", ""), "c1");
  EXPECT_GT(request->IntOr("seconds_left", 0), 60);
  const Value& resource = request->Find("resources")->AsList().at(0);
  EXPECT_EQ(resource.StringOr("id", ""), "t1");
  EXPECT_EQ(resource.Find("extra")->StringOr("path", ""), "/x");
  EXPECT_TRUE(resource.BoolOr("all_succeeded", false));
  EXPECT_EQ(resource.Find("children")->AsList().at(0).Find("facts")->StringOr("device", ""), "vda");
}

TEST_F(ExecActivity, StderrAndLogMessagesGoToTheLog) {
  ASSERT_EQ(ErrorText(Run(Shell("echo from stderr >&2; printf '%s\\n' "
                                "'{\"message_type\":\"log\",\"level\":\"warning\",\"message\":"
                                "\"take care\"}' \"$done\""))),
            "");
  EXPECT_THAT(log_.text(), HasSubstr("info: from stderr"));
  EXPECT_THAT(log_.text(), HasSubstr("warning: take care"));
}

TEST_F(ExecActivity, WhatItLogsCannotSteerATerminal) {
  ASSERT_EQ(ErrorText(Run(Shell(std::string("printf '\\033[2Jx\\n' >&2; ") + kDone))), "");
  EXPECT_THAT(log_.text(), HasSubstr("\\x1b[2Jx"));
}

TEST_F(ExecActivity, ReportsProgress) {
  std::string told;
  context_->on_report = [&](const Progress& progress) {
    told = progress.what + std::to_string(progress.done);
  };
  ASSERT_EQ(
      ErrorText(Run(Shell(
          std::string(
              R"(printf '%s\n' '{"message_type":"progress","done":7,"total":9,"what":"copying"}'; )") +
          kDone))),
      "");
  EXPECT_EQ(told, "copying7");
}

// --- yield, poll, journal -------------------------------------------------------------------------

constexpr const char* kYield =
    R"(printf '%s\n' '{"message_type":"result","protocol":1,"state":"yield","journal":{"snapshot":"s1"}}')";

TEST_F(ExecActivity, PollGetsWhatWasJournaledBefore) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ASSERT_EQ(ErrorText(RunIn(checkpoint, Shell(kYield, kDone), ActivityKind::kPre)), "");
  EXPECT_THAT(Requests("activity"), HasSubstr(R"("journal":{})"));
  EXPECT_THAT(Requests("poll"), HasSubstr(R"("journal":{"snapshot":"s1"})"));
  EXPECT_EQ(checkpoint.Journaled(thing_)->StringOr("snapshot", ""), "s1");
}

TEST_F(ExecActivity, LaterActivitiesGetTheJournalToo) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const std::string plugin = Shell(kYield, kDone);
  ASSERT_EQ(ErrorText(RunIn(checkpoint, plugin, ActivityKind::kPre)), "");
  ASSERT_EQ(ErrorText(RunIn(checkpoint, plugin, ActivityKind::kPost)), "");
  EXPECT_THAT(Requests("activity"), HasSubstr(R"("activity":"post")"));
  EXPECT_THAT(Requests("activity"), HasSubstr(R"("journal":{"snapshot":"s1"})"));
}

TEST_F(ExecActivity, GivenUpWhileItWaitsItIsCleanedUp) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ProtectionPlugin& plugin = Plugin(Shell(kYield, kDone));
  checkpoint.Give({thing_.key});
  {
    const Parameters none;
    Activity activity = plugin.Start(Operation::kProtect, ActivityKind::kPre, checkpoint, *context_,
                                     std::span(&thing_, 1), none);
    ASSERT_FALSE(activity.Resume());
    EXPECT_EQ(Requests("clean-up"), "");
  }
  EXPECT_THAT(Requests("clean-up"), HasSubstr(R"("snapshot":"s1")"));
  EXPECT_THAT(Requests("clean-up"), HasSubstr(R"("reason":"given up")"));
  EXPECT_EQ(Requests("poll"), "");
}

TEST_F(ExecActivity, StoppedWhileItWaitsItIsCleanedUpOnceAndNotPolled) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  ProtectionPlugin& plugin = Plugin(Shell(kYield, kDone));
  checkpoint.Give({thing_.key});
  const Parameters none;
  Activity activity = plugin.Start(Operation::kProtect, ActivityKind::kPre, checkpoint, *context_,
                                   std::span(&thing_, 1), none);
  ASSERT_FALSE(activity.Resume());
  cancellation_.Set();
  ASSERT_TRUE(activity.Resume());
  EXPECT_EQ(activity.TakeOutcome().error().message(), CancelledError().message());
  const std::string clean_ups = Requests("clean-up");
  EXPECT_EQ(std::count(clean_ups.begin(), clean_ups.end(), '\n'), 1);
  EXPECT_EQ(Requests("poll"), "");
}

TEST_F(ExecActivity, KeepsSavedInfoPointInTimeAndNewResource) {
  MemoryCheckpoint protect(*bank_, "c1");
  ASSERT_EQ(
      ErrorText(RunIn(
          protect,
          Shell(
              R"(printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","saved_info":{"n":5},"point_in_time":"2026-01-02T03:04:05.000Z"}')"))),
      "");
  EXPECT_EQ(FormatTime(*protect.PointInTime(thing_)), "2026-01-02T03:04:05.000Z");
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_EQ(
      ErrorText(RunIn(
          restore,
          Shell(
              R"(printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","new_resource":{"type":"Test::Thing","id":"t9"}}')"))),
      "");
  EXPECT_THAT(Requests("activity"), HasSubstr(R"("saved_info":{"n":5})"));
  EXPECT_EQ((*restore.NewResource(thing_.key))->str(), "Test::Thing#t9");
}

// --- failures -------------------------------------------------------------------------------------

TEST_F(ExecActivity, SaysWhatThePluginSaysIsWrong) {
  const Status status = Run(Shell(
      R"(printf '%s\n' '{"message_type":"result","protocol":1,"state":"failed","error":{"code":"denied","message":"no key","hint":"ask for one"}}')"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kDenied);
  EXPECT_THAT(status.error().message(), HasSubstr("protect parallel of Test::Thing#t1: no key"));
  EXPECT_EQ(status.error().hint(), "ask for one");
  EXPECT_EQ(Requests("clean-up"), "") << "who says that it failed has cleaned up";
}

TEST_F(ExecActivity, FailedStillJournals) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const Status status = RunIn(
      checkpoint,
      Shell(
          R"(printf '%s\n' '{"message_type":"result","protocol":1,"state":"failed","journal":{"left":"x"},"error":{"message":"no"}}'; exit 3)"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(checkpoint.Journaled(thing_)->StringOr("left", ""), "x");
}

TEST_F(ExecActivity, FailedIsUndoneUnlessItSaysThatItIsHalfDone) {
  const auto failed = [this](const char* more) {
    return Shell(fmt::format(
        R"(printf '%s\n' '{{"message_type":"result","protocol":1,"state":"failed",{}"error":{{"message":"no"}}}}')",
        more));
  };
  EXPECT_FALSE(Run(failed("")).error().half_done());
  EXPECT_FALSE(Run(failed(R"("half_done":false,)")).error().half_done());
  EXPECT_TRUE(Run(failed(R"("half_done":true,)")).error().half_done());
}

TEST_F(ExecActivity, ACrashThatIsCleanedUpIsUndone) {
  const Status status = Run(Shell("exit 9"));
  ASSERT_FALSE(status.has_value());
  EXPECT_FALSE(status.error().half_done());
}

TEST_F(ExecActivity, ACrashWhoseCleanUpFailsIsHalfDone) {
  const std::string plugin = Script("crashes.sh", R"(#!/bin/sh
read -r request
case $request in
*'"call":"describe"'*) printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","plugin":{"types":["Test::Thing"],"settings_section":"x","operations":{"protect":{"activities":["parallel"]},"restore":{"empty_on_purpose":true},"delete":{"empty_on_purpose":true}}}}' ;;
*'"call":"clean-up"'*) exit 8 ;;
*) exit 9 ;;
esac
)");
  const Status status = Run(plugin);
  ASSERT_FALSE(status.has_value());
  EXPECT_TRUE(status.error().half_done());
  EXPECT_THAT(status.error().OneLine(), HasSubstr("its clean-up"));
}

class UnreadableJournal final : public MemoryCheckpoint {
 public:
  using MemoryCheckpoint::MemoryCheckpoint;
  Result<Value> Journaled(const Resource&) override { return Unavailable("the bank is away"); }
};

TEST_F(ExecActivity, AJournalThatCannotBeReadIsNoProofThatNothingWasBegun) {
  UnreadableJournal checkpoint(*bank_, "c1");
  const Status status = RunIn(checkpoint, Shell(kDone), ActivityKind::kPre);
  ASSERT_FALSE(status.has_value());
  EXPECT_TRUE(status.error().half_done());
  EXPECT_EQ(Requests("activity"), "");
}

struct Broken {
  const char* name;
  const char* activity;
  const char* error;
};
std::ostream& operator<<(std::ostream& out, const Broken& broken) { return out << broken.name; }

class BrokenAnswer : public ScriptPluginTest, public testing::WithParamInterface<Broken> {};

TEST_P(BrokenAnswer, IsOneClearErrorAndCleanedUp) {
  const Status status = Run(Shell(GetParam().activity));
  EXPECT_THAT(ErrorText(status), HasSubstr(GetParam().error));
  EXPECT_THAT(Requests("clean-up"), HasSubstr(R"("reason":"crashed")"));
}

#define RESULT(more) R"(printf '%s\n' '{"message_type":"result","protocol":1,)" more "}'"

INSTANTIATE_TEST_SUITE_P(
    Exec, BrokenAnswer,
    testing::Values(
        Broken{"NoJson", "echo hello", "'hello' is no JSON"},
        Broken{"HalfAnAnswer", "printf '{\"message_type\":'", "is no JSON"},
        Broken{"NoObject", "echo '[1]'", "a message is a JSON object"},
        Broken{"NoResult", ":", "ended without a result: exit code 0"},
        Broken{"Dies", "echo oh no >&2; exit 3", "ended without a result: exit code 3: oh no"},
        Broken{"Killed", "kill -KILL $$", "ended without a result: ended by signal 9"},
        Broken{"DoneButExitCode", "printf '%s\\n' \"$done\"; exit 3",
               "it said done, but then: exit code 3"},
        Broken{"GoesOn", "printf '%s\\n' \"$done\" \"$done\"", "it goes on after its result"},
        Broken{"OtherProtocol",
               R"(echo '{"message_type":"result","protocol":2,"state":"done","more":1}')",
               "it speaks protocol 2, this build speaks 1"},
        Broken{"NoProtocol", R"(echo '{"message_type":"result","state":"done"}')",
               "a result says 'protocol': 1"},
        Broken{"NoState", RESULT(R"("state":"finished")"), "has no state 'finished'"},
        Broken{"UnknownField", RESULT(R"("state":"done","jurnal":{})"), "did you mean 'journal'?"},
        Broken{"UnknownMessage", R"(echo '{"message_type":"hello"}')",
               "activity has no message 'hello'"},
        Broken{"ResourceInAnActivity", R"(echo '{"message_type":"resource","id":"x"}')",
               "no message 'resource'"},
        Broken{"FailedWithoutError", RESULT(R"("state":"failed")"),
               "exactly when its state is failed"},
        Broken{"DoneWithError", RESULT(R"("state":"done","error":{"message":"x"})"),
               "exactly when its state is failed"},
        Broken{"JournalIsNoObject", RESULT(R"("state":"done","journal":[1])"),
               "'journal' is a JSON object"},
        Broken{"SavedInfoAgainstItsSchema", RESULT(R"("state":"done","saved_info":{"n":"x"})"),
               "n"},
        Broken{"PointInTimeIsNoTime", RESULT(R"("state":"done","point_in_time":"yesterday")"),
               "yesterday"},
        Broken{"NewResourceInProtect",
               RESULT(R"("state":"done","new_resource":{"type":"A","id":"b"})"), "not allowed"},
        Broken{
            "AnswersForAnother",
            RESULT(
                R"("state":"done","resources":[{"type":"Test::Thing","id":"t2","journal":{"a":1}}])"),
            "Test::Thing#t2 does not belong to this step"},
        Broken{"HugeLine", "head -c 2000000 /dev/zero | tr '\\0' x",
               "a line is longer than 1048576 bytes"},
        Broken{"EndlessLine", "exec tr '\\0' x < /dev/zero", "a line is longer than 1048576 bytes"},
        Broken{"EndlessLines", "exec yes '{\"message_type\":\"nothing\"}'", "no message 'nothing'"},
        Broken{"NegativeProgress", R"(echo '{"message_type":"progress","done":-1}')",
               "progress cannot be negative"},
        Broken{"NotUtf8", "printf '\\377\\376\\n'", "is no JSON"}),
    [](const testing::TestParamInfo<Broken>& info) { return info.param.name; });

// --- it never hangs -------------------------------------------------------------------------------

TEST_F(ExecActivity, OneThatNeverEndsIsEndedAtTheDeadline) {
  ProtectionPlugin& plugin =
      Plugin(Shell("trap '' TERM; while :; do sleep 1; done"), Value().Set("stop_grace", "50ms"));
  context_ = std::make_unique<WatchedContext>(log_, *processes_, cancellation_,
                                              std::chrono::milliseconds(400));
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const Status status = RunActivity(plugin, ActivityKind::kParallel, checkpoint, *context_, thing_);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), CancelledError().message()) << "no outcome is recorded";
  EXPECT_THAT(Requests("clean-up"), HasSubstr(R"("operation":"protect")"));
}

TEST_F(ExecActivity, AStopEndsItAndCleansUp) {
  ProtectionPlugin& plugin =
      Plugin(Shell(R"(echo '{"message_type":"progress","what":"working"}'; exec sleep 1000)"));
  context_->on_report = [&](const Progress&) { cancellation_.Set(); };
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const Status status = RunActivity(plugin, ActivityKind::kParallel, checkpoint, *context_, thing_);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message(), CancelledError().message());
  EXPECT_THAT(Requests("clean-up"), HasSubstr(R"("reason":"stopped")"));
}

TEST_F(ExecActivity, OneThatReadsNoRequestIsNoObstacle) {
  thing_.extra = Value().Set("large", std::string(1 << 20, 'x'));
  const std::string plugin = Script("deaf.sh", R"(#!/bin/sh
printf '%s\n' '{"message_type":"result","protocol":1,"state":"done","plugin":{"types":["Test::Thing"],"settings_section":"x","operations":{"protect":{"activities":["parallel"]},"restore":{"empty_on_purpose":true},"delete":{"empty_on_purpose":true}}}}'
)");
  EXPECT_THAT(ErrorText(Run(plugin)), HasSubstr("a result of activity has no field 'plugin'"));
}

TEST_F(ExecActivity, AProcessThatItLeavesBehindIsNotWaitedFor) {
  const std::string plugin =
      Shell(std::string("setsid sh -c 'echo $$ > \"$0/left\"; exec sleep 1000' \"$folder\" & "
                        "while [ ! -s \"$folder/left\" ]; do sleep 0.01; done; ") +
            kDone);
  EXPECT_EQ(ErrorText(Run(plugin)), "");
  int left = 0;
  std::ifstream(folder_ / "left") >> left;
  ASSERT_GT(left, 0);
  EXPECT_EQ(::kill(left, SIGKILL), 0) << "it holds the pipes still, and yet the activity has ended";
}

TEST_F(ExecActivity, ACleanUpThatHangsIsEndedAndLogged) {
  const std::string plugin = Script("hangs.py", R"(#!/usr/bin/env python3
import json, sys, time
request = json.loads(sys.stdin.readline())
if request["call"] == "describe":
    print('{"message_type":"result","protocol":1,"state":"done","plugin":{"types":["Test::Thing"],"settings_section":"x","operations":{"protect":{"activities":["parallel"]},"restore":{"empty_on_purpose":true},"delete":{"empty_on_purpose":true}}}}')
elif request["call"] == "clean-up":
    time.sleep(1000)
else:
    sys.exit(9)
)");
  MemoryCheckpoint checkpoint(*bank_, "c1");
  const Status status = RunActivity(Plugin(plugin, Value().Set("clean_up_timeout", "200ms")),
                                    ActivityKind::kParallel, checkpoint, *context_, thing_);
  EXPECT_THAT(ErrorText(status), HasSubstr("exit code 9"));
  EXPECT_THAT(log_.text(), HasSubstr("warning: clean-up failed"));
}

}  // namespace
}  // namespace holdfast::testing_plugins
