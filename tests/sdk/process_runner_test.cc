#include "plugins/sdk/process_runner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::StartsWith;

class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "process-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

ProcessSpec Shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", script};
  spec.deadline = seconds(60);
  return spec;
}

ProcessOutcome MustRun(const ProcessSpec& spec) {
  auto outcome = MakeProcessRunner()->Run(spec);
  EXPECT_TRUE(outcome.has_value()) << outcome.error().Render();
  return outcome ? *outcome : ProcessOutcome{};
}

TEST(ProcessRunner, CollectsOutputErrorAndExitCode) {
  const ProcessOutcome outcome = MustRun(Shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(outcome.output, "out\n");
  EXPECT_EQ(outcome.error, "err\n");
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_FALSE(outcome.ok());
  EXPECT_EQ(DescribeOutcome(outcome), "exit code 7: err");
}

TEST(ProcessRunner, LooksUpProgramsInPath) {
  ProcessSpec spec;
  spec.argv = {"true"};
  EXPECT_TRUE(MustRun(spec).ok());
}

TEST(ProcessRunner, TellsAMissingProgramFromAForbiddenOne) {
  ProcessSpec spec;
  spec.argv = {"no-such-program-anywhere"};
  EXPECT_EQ(MakeProcessRunner()->Run(spec).error().code(), ErrorCode::kNotFound);
  spec.argv = {"/no/such/program"};
  EXPECT_EQ(MakeProcessRunner()->Run(spec).error().code(), ErrorCode::kNotFound);
  spec.argv = {"/etc/passwd"};
  EXPECT_EQ(MakeProcessRunner()->Run(spec).error().code(), ErrorCode::kDenied);
}

TEST(ProcessRunner, NamesTheWorkingFolderThatIsMissing) {
  ProcessSpec spec = Shell("pwd");
  spec.working_folder = "/no/such/folder";
  const auto outcome = MakeProcessRunner()->Run(spec);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_THAT(outcome.error().message(), HasSubstr("/no/such/folder"));
}

TEST(ProcessRunner, ChangesTheEnvironmentAsToldAndKeepsTheRest) {
  ::setenv("HOLDFAST_TEST_KEPT", "kept", 1);
  ::setenv("HOLDFAST_TEST_GONE", "gone", 1);
  ProcessSpec spec = Shell("echo $HOLDFAST_TEST_KEPT:$HOLDFAST_TEST_GONE:$ADDED");
  spec.environment["ADDED"] = "added";
  spec.environment_removed = {"HOLDFAST_TEST_GONE"};
  EXPECT_EQ(MustRun(spec).output, "kept::added\n");
}

TEST(ProcessRunner, InheritsNoDescriptorButTheStandardThree) {
  const int leaked = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC on purpose
  ASSERT_GE(leaked, 3);
  // "ls" itself opens the folder: one more than the three.
  ProcessSpec spec = Shell("exec ls /proc/self/fd");
  EXPECT_EQ(MustRun(spec).output, "0\n1\n2\n3\n");
  ::close(leaked);
}

TEST(ProcessRunner, ResetsSignalsThatWeIgnoreOrBlock) {
  ::signal(SIGPIPE, SIG_IGN);
  const ProcessOutcome outcome = MustRun(Shell("kill -PIPE $$; echo survived"));
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ(outcome.signal, SIGPIPE);
  EXPECT_EQ(outcome.output, "");
}

TEST(ProcessRunner, StreamsInputAndOutputLargerThanAnyPipe) {
  const std::string text(5U << 20U, 'x');
  MemorySource source(text);
  StringSink sink(16U << 20U);
  ProcessSpec spec = Shell("cat; echo done >&2");
  spec.input = &source;
  spec.output = &sink;
  const ProcessOutcome outcome = MustRun(spec);
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(sink.data().size(), text.size());
  EXPECT_TRUE(sink.data() == text);
  EXPECT_EQ(outcome.error, "done\n");
}

TEST(ProcessRunner, AProcessThatReadsNoInputIsNoError) {
  const std::string text(5U << 20U, 'x');
  MemorySource source(text);
  ProcessSpec spec = Shell("exit 3");
  spec.input = &source;
  EXPECT_EQ(MustRun(spec).exit_code, 3);
}

class FailingSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte>) override {
    return Error(ErrorCode::kDenied, "disk full");
  }
};

TEST(ProcessRunner, AFailingSinkEndsTheProcessAndIsTheError) {
  FailingSink sink;
  ProcessSpec spec = Shell("while :; do echo y; sleep 0.01; done");
  spec.output = &sink;
  const auto begin = steady_clock::now();
  const auto outcome = MakeProcessRunner()->Run(spec);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().message(), "disk full");
  EXPECT_LT(steady_clock::now() - begin, seconds(30));
}

class FailingSource final : public ByteSource {
 public:
  Result<std::size_t> Read(std::span<std::byte>) override { return Corrupt("bad segment"); }
};

TEST(ProcessRunner, AFailingSourceIsTheErrorThoughTheProcessSucceeded) {
  FailingSource source;
  ProcessSpec spec = Shell("cat");
  spec.input = &source;
  const auto outcome = MakeProcessRunner()->Run(spec);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kCorrupt);
}

TEST(ProcessRunner, KeepsTheFirstBytesOfTooMuchOutput) {
  ProcessSpec spec = Shell("echo first; head -c 1000000 /dev/zero");
  spec.output_limit = 10;
  EXPECT_EQ(MustRun(spec).output.substr(0, 6), "first\n");
  EXPECT_EQ(MustRun(spec).output.size(), 10U);
}

TEST(ProcessRunner, HandsOutErrorLinesWhole) {
  std::vector<std::string> lines;
  ProcessSpec spec = Shell("printf 'one\\ntw' >&2; sleep 0.05; printf 'o\\nlast' >&2");
  spec.on_error_line = [&](std::string_view line) { lines.emplace_back(line); };
  MustRun(spec);
  EXPECT_THAT(lines, testing::ElementsAre("one", "two", "last"));
}

TEST(ProcessRunner, EndsTheWholeGroupAtTheDeadline) {
  const TempFolder folder;
  ProcessSpec spec = Shell("sleep 1000 & echo $! > " + (folder / "pid") + "; wait");
  spec.deadline = milliseconds(300);
  const ProcessOutcome outcome = MustRun(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.ok());
  int grandchild = 0;
  std::ifstream(folder / "pid") >> grandchild;
  ASSERT_GT(grandchild, 0);
  const auto until = steady_clock::now() + seconds(20);
  while (FindProcess(grandchild) && steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(FindProcess(grandchild).has_value());
}

TEST(ProcessRunner, KillsWhatIgnoresSigtermAfterTheGrace) {
  ProcessSpec spec = Shell("trap '' TERM; while :; do sleep 0.05; done");
  spec.deadline = milliseconds(200);
  spec.grace = milliseconds(200);
  const ProcessOutcome outcome = MustRun(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.signal, SIGKILL);
}

TEST(ProcessRunner, EndsAtCancellation) {
  Cancellation cancellation;
  ProcessSpec spec = Shell("echo ready >&2; exec sleep 1000");
  spec.cancellation = &cancellation;
  spec.on_error_line = [&](std::string_view) { cancellation.Set(); };
  const ProcessOutcome outcome = MustRun(spec);
  EXPECT_TRUE(outcome.cancelled);
  EXPECT_FALSE(outcome.timed_out);
}

TEST(ProcessRunner, DoesNotWaitForWhatTheProcessLeftBehind) {
  const TempFolder folder;
  const auto begin = steady_clock::now();
  const ProcessOutcome outcome =
      MustRun(Shell("sleep 1000 & echo $! > " + (folder / "pid") + "; echo started"));
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.output, "started\n");
  EXPECT_LT(steady_clock::now() - begin, seconds(30));
  int left = 0;
  std::ifstream(folder / "pid") >> left;
  ASSERT_TRUE(FindProcess(left).has_value()) << "a service that a command starts stays";
  ::kill(left, SIGKILL);
}

TEST(ProcessRunner, SpeaksOverExtraPipes) {
  ProcessSpec spec = Shell("cat <&5 >&9");
  spec.extra_pipes = {{5, true}, {9, false}};
  std::string got;
  spec.on_pipe = [&](int number, int descriptor) {
    if (number == 5) {
      std::ignore = ::write(descriptor, "hello", 5);
      return;
    }
    char buffer[64];
    for (ssize_t n = 0; (n = ::read(descriptor, buffer, sizeof buffer)) > 0;) {
      got.append(buffer, static_cast<std::size_t>(n));
    }
  };
  EXPECT_TRUE(MustRun(spec).ok());
  EXPECT_EQ(got, "hello");
}

TEST(ProcessRunner, ADetachedProcessHasASessionOfItsOwnAndALog) {
  const TempFolder folder;
  const auto pid =
      MakeProcessRunner()->StartDetached(Shell("echo logged; exec sleep 1000"), folder / "log");
  ASSERT_TRUE(pid.has_value()) << pid.error().Render();
  EXPECT_EQ(::getsid(*pid), *pid);
  std::string line;
  const auto until = steady_clock::now() + seconds(20);
  while (line != "logged" && steady_clock::now() < until) {
    std::ifstream in(folder / "log");
    std::getline(in, line);
  }
  EXPECT_EQ(line, "logged");
  ::kill(*pid, SIGKILL);
  ::waitpid(*pid, nullptr, 0);
}

TEST(ProcessRunner, AProcessDiesWithUsAndADetachedOneDoesNot) {
  const TempFolder folder;
  const pid_t runner = ::fork();
  if (runner == 0) {
    const auto processes = MakeProcessRunner();
    std::ignore = processes->StartDetached(
        Shell("echo $$ > " + (folder / "detached") + "; exec sleep 1000"), "");
    std::ignore = processes->Run(Shell("while [ ! -s " + (folder / "detached") +
                                       " ]; do sleep 0.01; done; echo $$ > " +
                                       (folder / "attached") + "; exec sleep 1000"));
    ::_exit(0);
  }
  const auto read_pid = [&](const std::string& name) {
    int pid = 0;
    const auto until = steady_clock::now() + seconds(30);
    while (pid == 0 && steady_clock::now() < until) std::ifstream(folder / name) >> pid;
    return pid;
  };
  const int attached = read_pid("attached");
  const int detached = read_pid("detached");
  ASSERT_GT(attached, 0);
  ASSERT_GT(detached, 0);
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  const auto until = steady_clock::now() + seconds(20);
  while (FindProcess(attached) && steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(FindProcess(attached).has_value());
  EXPECT_TRUE(FindProcess(detached).has_value());
  ::kill(detached, SIGKILL);
}

// What a command of a user has started goes on when only the command is killed.
TEST(ProcessRunner, AGroupDiesWithUsAndOutlivesNothingElse) {
  const TempFolder folder;
  const auto read_pid = [&](const std::string& name) {
    int pid = 0;
    const auto until = steady_clock::now() + seconds(30);
    while (pid == 0 && steady_clock::now() < until) std::ifstream(folder / name) >> pid;
    return pid;
  };
  const pid_t runner = ::fork();
  if (runner == 0) {
    ProcessSpec spec = Shell("sh -c 'echo $$ > " + (folder / "below") + "; exec sleep 1000'; true");
    spec.group_dies_with_us = true;
    std::ignore = MakeProcessRunner()->Run(spec);
    ::_exit(0);
  }
  const int below = read_pid("below");
  ASSERT_GT(below, 0);
  ::kill(runner, SIGKILL);
  ::waitpid(runner, nullptr, 0);
  const auto until = steady_clock::now() + seconds(20);
  while (FindProcess(below) && steady_clock::now() < until) std::this_thread::yield();
  EXPECT_FALSE(FindProcess(below).has_value());
  ::kill(below, SIGKILL);

  // What a finished command has left in the background stays.
  ProcessSpec spec = Shell("sleep 1000 >/dev/null 2>&1 & echo $! > " + (folder / "background"));
  spec.group_dies_with_us = true;
  const auto outcome = MakeProcessRunner()->Run(spec);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_TRUE(outcome->ok());
  const int background = read_pid("background");
  EXPECT_TRUE(FindProcess(background).has_value());
  ::kill(background, SIGKILL);
}

TEST(ProcessIdentity, OfUsIsStableAndNamesThisBoot) {
  const ProcessIdentity own = OwnProcessIdentity();
  EXPECT_EQ(own.pid, ::getpid());
  EXPECT_GT(own.start_time, 0U);
  EXPECT_EQ(own.boot_id.size(), 36U);
  EXPECT_FALSE(own.host.empty());
  EXPECT_THAT(own.pid_namespace, StartsWith("pid:["));
  EXPECT_TRUE(SeesProcessesOf(own, own));
  EXPECT_EQ(FindProcess(own.pid), own);
}

TEST(ProcessIdentity, AZombieCountsAsNone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT);
  EXPECT_FALSE(FindProcess(child).has_value());
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(FindProcess(0).has_value());
  EXPECT_FALSE(FindProcess(-1).has_value());
}

}  // namespace
}  // namespace holdfast
