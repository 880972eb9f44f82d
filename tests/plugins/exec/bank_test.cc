// Bank bytes over the descriptors 3 and 4: what a plugin may do, and what becomes of one that does
// something else.

#include <gtest/gtest.h>

#include "tests/plugins/exec/script_plugin.h"

namespace holdfast::testing_plugins {
namespace {

using testing::HasSubstr;

class ExecBank : public ScriptPluginTest {
 protected:
  // Protects one stream "a" of 3 MiB.
  void Protect() {
    ASSERT_EQ(ErrorText(Run(Python(R"(
put("a", bytes(range(256)) * 12288)
done(saved_info={"n": 1}))"))),
              "");
  }
  Status Restore(std::string_view activity) {
    MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
    return RunIn(restore, Python(activity));
  }
};

TEST_F(ExecBank, StreamsComeBackAsTheyWent) {
  Protect();
  EXPECT_EQ(ErrorText(Restore(R"(
kind, data = get("a")
send(b"L")
streams = json.loads(receive()[1])["streams"]
ok = data == bytes(range(256)) * 12288 and streams[0]["stream"] == "a" and streams[0]["size"] == len(data)
sys.exit(0 if done() is None and ok else 5))")),
            "");
}

TEST_F(ExecBank, AStreamMayBeEmptyAndSeveralMayFollow) {
  ASSERT_EQ(ErrorText(Run(Python(R"(
put("empty", b"")
kind, info = put("b", b"xyz")
assert json.loads(info)["size"] == 3
done(saved_info={"n": 1}))"))),
            "");
  EXPECT_EQ(ErrorText(Restore(R"(
assert get("empty") == (b"F", b"")
assert get("b") == (b"F", b"xyz")
done())")),
            "");
}

TEST_F(ExecBank, AMissingStreamIsAnAnswer) {
  Protect();
  EXPECT_EQ(ErrorText(Restore(R"(
kind, error = get("nothing")
assert kind == b"E" and json.loads(error)["code"] == "not-found", (kind, error)
done())")),
            "");
}

TEST_F(ExecBank, AnAbandonedStreamIsNone) {
  ASSERT_EQ(ErrorText(Run(Python(R"(
send(b"P", b'{"stream":"a"}')
send(b"D", b"half")
send(b"A")
assert receive()[0] == b"K"
done(saved_info={"n": 1}))"))),
            "");
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
  EXPECT_TRUE(restore.ListData(thing_)->empty());
}

TEST_F(ExecBank, DeleteRemovesTheData) {
  Protect();
  MemoryCheckpoint deletion(*bank_, Operation::kDelete, "c1", "d1");
  ASSERT_EQ(ErrorText(RunIn(deletion, Python(R"(
send(b"X")
assert receive()[0] == b"K"
done())"))),
            "");
  EXPECT_EQ(deletion.StoredObjects(thing_), 0U);
}

TEST_F(ExecBank, OnePutThatIsNotAnsweredYetStillCounts) {
  ASSERT_EQ(ErrorText(Run(Python(R"(
send(b"P", b'{"stream":"a"}')
send(b"D", b"abc")
send(b"F")
done(saved_info={"n": 1}))"))),
            "");
  EXPECT_EQ(ErrorText(Restore(R"(
assert get("a") == (b"F", b"abc")
done())")),
            "");
}

TEST_F(ExecBank, SeveralResourcesAreNamed) {
  Resource other = thing_;
  other.key.id = "t2";
  const std::vector<Resource> both{thing_, other};
  ProtectionPlugin& plugin = Plugin(Python(R"(
assert put("a", b"of t2", resource="Test::Thing#t2")[0] == b"K"
assert put("b", b"x")[0] == b"E"
done(resources=[{"type": "Test::Thing", "id": "t2", "saved_info": {"n": 2}, "journal": {"k": 1}}]))"));
  MemoryCheckpoint checkpoint(*bank_, "c1");
  checkpoint.Give({thing_.key, other.key});
  checkpoint.set_saved_info_schema(plugin.descriptor().saved_info);
  const Parameters none;
  Activity activity =
      plugin.Start(Operation::kProtect, ActivityKind::kParallel, checkpoint, *context_, both, none);
  ASSERT_TRUE(activity.Resume());
  // The second put was refused: the activity cannot be a success.
  EXPECT_THAT(ErrorText(activity.TakeOutcome()), HasSubstr("names one of them as 'resource'"));
}

// --- what is refused ------------------------------------------------------------------------------

TEST_F(ExecBank, ADamagedStreamFailsTheActivityWhateverThePluginSays) {
  Protect();
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
  ASSERT_TRUE(restore.Damage(thing_, "a").has_value());
  const Status status = RunIn(restore, Python("get('a')\ndone()"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kCorrupt);
}

TEST_F(ExecBank, RestoreCannotWrite) {
  Protect();
  EXPECT_THAT(ErrorText(Restore(R"(
kind, error = put("b", b"x")
assert kind == b"E" and json.loads(error)["code"] == "denied"
done())")),
              HasSubstr("putting stream 'b': not allowed"));
}

TEST_F(ExecBank, AStreamIsWrittenOnce) {
  EXPECT_THAT(ErrorText(Run(Python("put('a', b'1')\nput('a', b'2')\ndone(saved_info={'n': 1})"))),
              HasSubstr("stream 'a' was written already"));
}

TEST_F(ExecBank, OneThatDiesOfARefusalSaysBoth) {
  EXPECT_THAT(ErrorText(Run(Python("put('../x', b'1')\nsys.exit('the bank does not like me')"))),
              testing::AllOf(HasSubstr("exit code 1: the bank does not like me"),
                             HasSubstr("is no name of a stream")));
}

struct Misuse {
  const char* name;
  const char* activity;
  const char* error;
};
std::ostream& operator<<(std::ostream& out, const Misuse& misuse) { return out << misuse.name; }

class BankMisuse : public ScriptPluginTest, public testing::WithParamInterface<Misuse> {};

TEST_P(BankMisuse, FailsTheActivityAndStoresNothing) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  EXPECT_THAT(ErrorText(RunIn(checkpoint, Python(GetParam().activity))),
              HasSubstr(GetParam().error));
  EXPECT_EQ(checkpoint.StoredObjects(thing_), 0U);
  const auto objects = bank_->List({});
  ASSERT_EQ(ErrorText(objects), "");
  for (const ObjectInfo& object : *objects) {
    EXPECT_THAT(object.key.str(), HasSubstr("checkpoints/c1/")) << "outside of the checkpoint";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Exec, BankMisuse,
    testing::Values(
        Misuse{"ClimbsOut", "put('../../x', b'evil')\ndone()", "'../../x' is no name of a stream"},
        Misuse{"DotDot", "put('..', b'evil')\ndone()", "'..' is no name of a stream"},
        Misuse{"Slash", "put('a/b', b'evil')\ndone()", "'a/b' is no name of a stream"},
        Misuse{"EmptyName", "put('', b'evil')\ndone()", "'' is no name of a stream"},
        Misuse{"LongName", "put('a' * 65, b'evil')\ndone()", "is no name of a stream"},
        Misuse{"NulInName", "put('a\\0b', b'evil')\ndone()", "is no name of a stream"},
        Misuse{"OtherResource", "put('a', b'evil', resource='Test::Thing#t2')\ndone()",
               "Test::Thing#t2 does not belong to this step"},
        Misuse{"OtherKindOfResource", "put('a', b'evil', resource=['t2'])\ndone()",
               "'resource' is a text"},
        Misuse{"NotFinished", "send(b'P', b'{\"stream\":\"a\"}')\nsend(b'D', b'half')\ndone()",
               "began to put stream 'a' and did not finish it"},
        Misuse{"Garbage", "write(b'GET / HTTP/1.1\\r\\n\\r\\n' * 100)\ntime.sleep(1000)",
               "a bank frame of"},
        Misuse{"UnknownRequest", "send(b'Z')\ntime.sleep(1000)", "there is no bank request 'Z'"},
        Misuse{"TooLong", "write(b'D\\xff\\xff\\xff\\xff')\ntime.sleep(1000)",
               "a bank frame of 4294967295 bytes is too long"},
        Misuse{"CutOff", "write(b'P\\0\\0')\nos.close(3)\ntime.sleep(1000)",
               "end in the middle of a frame"},
        Misuse{"CutOffAtItsEnd", "write(b'P\\0\\0\\0\\x20{')\ndone()",
               "end in the middle of a frame"},
        Misuse{"DataWithoutPut", "send(b'D', b'x')\ntime.sleep(1000)",
               "without a stream that is being put"},
        Misuse{"GetWithinPut",
               "send(b'P', b'{\"stream\":\"a\"}')\nsend(b'G', "
               "b'{\"stream\":\"a\"}')\ntime.sleep(1000)",
               "bank request 'G' while a stream is being put"},
        Misuse{"NoJson", "send(b'P', b'a')\ntime.sleep(1000)", "bank request P"},
        Misuse{"NoObject", "send(b'P', b'[]')\ntime.sleep(1000)", "is a JSON object"},
        Misuse{"UnknownArgument",
               "send(b'P', b'{\"stream\":\"a\",\"key\":\"../x\"}')\ntime.sleep(1000)",
               "has no 'key'"},
        Misuse{"FinishWithPayload",
               "send(b'P', b'{\"stream\":\"a\"}')\nsend(b'F', b'x')\ntime.sleep(1000)",
               "has no payload"},
        Misuse{"DeleteInProtect", "send(b'X')\nreceive()\ndone()", "deleting data: not allowed"}),
    [](const testing::TestParamInfo<Misuse>& info) { return info.param.name; });

// --- it never hangs -------------------------------------------------------------------------------

TEST_F(ExecBank, OneThatClosesItsPipesMayGoOn) {
  EXPECT_EQ(ErrorText(Run(Python("os.close(3)\nos.close(4)\ndone()"))), "");
}

TEST_F(ExecBank, OneThatDoesNotReadWhatItAskedForEndsAsItSays) {
  Protect();
  EXPECT_EQ(ErrorText(Restore("send(b'G', b'{\"stream\":\"a\"}')\ndone()")), "");
}

TEST_F(ExecBank, OneThatClosesTheAnswersInTheMiddleDoesNotEndUs) {
  Protect();
  EXPECT_EQ(ErrorText(Restore("send(b'G', b'{\"stream\":\"a\"}')\nread(5)\nos.close(4)\ndone()")),
            "");
}

TEST_F(ExecBank, OneThatNeverReadsItsAnswersIsEndedAtTheDeadline) {
  Protect();
  ProtectionPlugin& plugin = Plugin(Python("send(b'G', b'{\"stream\":\"a\"}')\ntime.sleep(1000)"),
                                    Value().Set("stop_grace", "50ms"));
  context_ =
      std::make_unique<WatchedContext>(log_, *processes_, cancellation_, std::chrono::seconds(2));
  MemoryCheckpoint restore(*bank_, Operation::kRestore, "c1", "r1");
  EXPECT_THAT(ErrorText(RunActivity(plugin, ActivityKind::kParallel, restore, *context_, thing_)),
              HasSubstr(CancelledError().message()));
}

TEST_F(ExecBank, OneThatDiesInTheMiddleOfAPutFails) {
  MemoryCheckpoint checkpoint(*bank_, "c1");
  EXPECT_THAT(ErrorText(RunIn(checkpoint,
                              Python("send(b'P', b'{\"stream\":\"a\"}')\nsend(b'D', b'x' * 100)\n"
                                     "os.kill(os.getpid(), signal.SIGKILL)"))),
              HasSubstr("ended by signal 9"));
  EXPECT_EQ(checkpoint.StoredObjects(thing_), 0U);
}

TEST_F(ExecBank, AProcessLeftBehindThatWritesForEverIsNotWaitedFor) {
  EXPECT_THAT(ErrorText(Run(Python(R"(
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 3)
    signal.alarm(60)
    while True:
        os.write(3, b"D\0\0\0\1x")
send(b"P", b'{"stream":"a"}')
done())"))),
              testing::AnyOf(HasSubstr("did not finish it"), HasSubstr("in the middle of a frame"),
                             HasSubstr("without a stream")));
}

}  // namespace
}  // namespace holdfast::testing_plugins
