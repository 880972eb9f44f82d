#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <tuple>

#include "plugins/sdk/process_runner.h"
#include "runtime/local/run_folder.h"
#include "tests/local_engine/engine_fixture.h"

namespace holdfast::local {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Engine : public EngineTest {};

TEST_F(Engine, RunsStepsInOrderWithTheirArgumentsAndEnvironment) {
  Write("      - {name: a, template: step}\n      - {name: b, template: step, depends: a}\n",
        "  - name: step\n    container:\n      command: [sh, -c, 'echo \"$0 $1 $COLOUR "
        "$OUT_OF_FILE\" >> $OUT']\n"
        "      args: ['{{tasks.name}}', '{{workflow.uid}}']\n"
        "      env:\n      - {name: COLOUR, value: '{{workflow.parameters.colour}}'}\n"
        "      - {name: OUT_OF_FILE, value: file}\n"
        "      - {name: SECRET, valueFrom: {secretKeyRef: {name: s, key: k}}}\n",
        "  arguments: {parameters: [{name: colour, value: red}]}\n");
  options_.run_id = "run-1";
  options_.parameters["colour"] = "green";
  options_.environment["OUT_OF_FILE"] = "options";
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kSucceeded);
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(Read("out"), "a run-1 green options\nb run-1 green options\n");
  EXPECT_THAT(events_,
              ElementsAre("started a", "ended a Succeeded 0", "started b", "ended b Succeeded 0"));
  ASSERT_NE(Find(outcome, "a"), nullptr);
  EXPECT_LE(*Find(outcome, "a")->end, *Find(outcome, "b")->start);
}

TEST_F(Engine, AFailureLeavesOutWhatItGatesAndTellsTheExitHandler) {
  Write(
      "      - {name: a, template: bad}\n      - {name: b, template: good, depends: a.Succeeded}\n"
      "      - {name: c, template: good, depends: '!a.Daemoned'}\n",
      Script("bad", "exit 4") + Script("good", "echo {{tasks.name}} >> $OUT") +
          Script("end", "echo end {{workflow.status}} >> $OUT"),
      "  onExit: end\n");
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(Read("out"), "c\nend Failed\n");
  EXPECT_EQ(PhaseOf(outcome, "b"), "Omitted");
  EXPECT_THAT(events_, Contains("left out b Omitted"));
  EXPECT_EQ(Find(outcome, "a")->info.exit_code, 4);
}

constexpr const char* kRetry =
    "    retryStrategy:\n      limit: '5'\n      retryPolicy: Always\n"
    "      expression: lastRetry.status == \"Error\" || asInt(lastRetry.exitCode) in [75, 137, "
    "143]\n"
    "      backoff: {duration: 10ms, factor: '2'}\n";

TEST_F(Engine, TryAgainAndKilledAreTriedAgainOtherCodesAreFinal) {
  Write("      - {name: a, template: step}\n",
        Script("step",
               "echo {{retries}} >> $OUT\ncase {{retries}} in 0) exit 75;; 1) kill -9 $$;; *) exit "
               "4;; esac",
               kRetry));
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_EQ(Read("out"), "0\n1\n2\n");
  EXPECT_THAT(events_,
              ElementsAre("started a(0)", "ended a(0) Failed 75 retried", "started a(1)",
                          "ended a(1) Failed 137 retried", "started a(2)", "ended a(2) Failed 4"));
  EXPECT_EQ(Find(outcome, "a")->info.tries, 3U);
  EXPECT_EQ(*Find(outcome, "a")->start, *Find(outcome, "a(0)")->start);
}

TEST_F(Engine, AProgramThatIsNotThereIsExitCode127AndNotTriedAgain) {
  Write("      - {name: a, template: step}\n",
        std::string("  - name: step\n") + kRetry +
            "    container: {command: [no-such-program-here]}\n");
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_THAT(events_, ElementsAre("started a(0)", "ended a(0) Failed 127"));
  EXPECT_THAT(Find(outcome, "a(0)")->info.message,
              HasSubstr("cannot start 'no-such-program-here'"));
}

TEST_F(Engine, TheImagesStepBinaryIsTheOneOfTheOptions) {
  WriteFile("mine", "#!/bin/sh\necho mine \"$@\" >> $OUT\n");
  std::filesystem::permissions(folder_ + "/mine", std::filesystem::perms::owner_all);
  Write("      - {name: a, template: step}\n",
        "  - name: step\n    container: {image: x, command: [/usr/local/bin/holdfast-step], args: "
        "[run, '--step={{tasks.name}}']}\n");
  options_.step_binary = folder_ + "/mine";
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Read("out"), "mine run --step=a\n");
}

TEST_F(Engine, TemplatesOfAFolderAreFound) {
  WriteFile("templates/site.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\nmetadata: {name: "
            "site}\nspec:\n  templates:\n" +
                Script("step", "echo {{tasks.name}} >> $OUT"));
  WriteFile("templates/other.yaml", "kind: ConfigMap\n");
  Write("      - {name: a, templateRef: {name: site, template: step}}\n", "");
  options_.template_folders = {folder_ + "/templates"};
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Read("out"), "a\n");
}

TEST_F(Engine, NoMoreStepsRunAtOnceThanJobsSays) {
  // Each step says how many are there, itself included.
  Write(
      "      - {name: a, template: step}\n      - {name: b, template: step}\n      - {name: c, "
      "template: step}\n"
      "      - {name: d, template: step}\n",
      Script("step",
             "mkdir -p $DIR/here; touch $DIR/here/{{tasks.name}}; ls $DIR/here | wc -l >> $OUT; rm "
             "$DIR/here/{{tasks.name}}"),
      "  parallelism: 3\n");
  options_.jobs = 1;
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Read("out"), "1\n1\n1\n1\n");
}

TEST_F(Engine, ProgressLinesReachTheObserver) {
  Write("      - {name: a, template: step}\n",
        Script("step",
               "echo plain; echo '{\"message_type\":\"log\",\"message\":\"progress\"}'\n"
               "echo '{\"message_type\":\"progress\",\"percent\":40}' >&2\nprintf "
               "'{\"message_type\":\"progress\",\"percent\":100}\\n'"));
  std::vector<std::int64_t> percents;
  on_progress_ = [&](const StepInfo& step, const Value& line) {
    EXPECT_EQ(step.task, "a");
    percents.push_back(line.IntOr("percent", -1));
  };
  const RunOutcome outcome = Run();
  EXPECT_THAT(percents, ElementsAre(40, 100));
  EXPECT_THAT(Read("wf.yaml.run/" + outcome.run_id + "/logs/a.log"), HasSubstr("plain\n"));
}

// The step and the process that it started are there when the signal comes, and gone at the end.
TEST_F(Engine, CtrlCStopsAsArgosStopDoes) {
  Write(
      "      - {name: a, template: long}\n      - {name: b, template: next, depends: "
      "'!a.Daemoned'}\n",
      Script("long",
             "trap 'echo stopped >> $OUT; exit 143' TERM\nsleep 600 & echo $! > $DIR/pid\n"
             "echo '{\"message_type\":\"progress\"}'\nwait",
             kRetry) +
          Script("next", "echo next >> $OUT") +
          Script("end", "echo end {{workflow.status}} >> $OUT"),
      "  onExit: end\n");
  on_progress_ = [](const StepInfo&, const Value&) { kill(getpid(), SIGINT); };
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_TRUE(outcome.stopped);
  EXPECT_THAT(Read("out"),
              AllOf(HasSubstr("stopped\n"), HasSubstr("end Failed\n"), Not(HasSubstr("next"))));
  EXPECT_THAT(events_, Contains("stopping Stop"));
  EXPECT_EQ(Find(outcome, "a(0)")->info.exit_code, 143);
  // Its SIGKILL may still be on the way on a busy machine.
  const int child = std::stoi(Read("pid"));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (FindProcess(child) && std::chrono::steady_clock::now() < until) sched_yield();
  EXPECT_FALSE(FindProcess(child).has_value()) << "the step's own child lives on";
}

TEST_F(Engine, AStepThatIgnoresTheSignalIsKilledAfterTheGrace) {
  Write(
      "      - {name: a, template: stubborn}\n",
      Script("stubborn",
             "trap '' TERM\necho '{\"message_type\":\"progress\"}'\nwhile :; do sleep 600; done"));
  options_.grace = std::chrono::milliseconds(20);
  on_progress_ = [](const StepInfo&, const Value&) { kill(getpid(), SIGTERM); };
  const RunOutcome outcome = Run();
  EXPECT_TRUE(outcome.stopped);
  EXPECT_EQ(Find(outcome, "a")->info.exit_code, 137);
}

TEST_F(Engine, ASecondCtrlCEndsTheExitHandlerToo) {
  const std::string wait = "echo '{\"message_type\":\"progress\"}'\nexec sleep 600";
  Write("      - {name: a, template: long}\n", Script("long", wait) + Script("end", wait),
        "  onExit: end\n");
  on_progress_ = [](const StepInfo&, const Value&) { kill(getpid(), SIGINT); };
  const RunOutcome outcome = Run();
  EXPECT_THAT(events_, AllOf(Contains("stopping Stop"), Contains("stopping Terminate")));
  EXPECT_EQ(PhaseOf(outcome, "onExit"), "Failed");
  EXPECT_TRUE(outcome.stopped);
}

TEST_F(Engine, OneMoreCtrlCAfterARunIsLetPassAndOneBeyondEndsTheProcess) {
  Write("      - {name: a, template: step}\n", Script("step", "true"));
  const auto after_a_run = [this](int signals) {
    auto caught = StopSignals::Catch();
    options_.stop_signals = &*caught;
    std::ignore = RunWorkflow(options_, *this);
    for (int i = 0; i < signals; ++i) raise(SIGINT);
    // It is not forgotten: a next run of this process would be stopped by it.
    _exit(caught->Take());
  };
  EXPECT_EXIT(after_a_run(0), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(after_a_run(1), testing::ExitedWithCode(1), "");
  EXPECT_EXIT(after_a_run(2), testing::KilledBySignal(SIGINT), "");
}

TEST_F(Engine, FormerSignalHandlersComeBack) {
  struct sigaction before = {};
  struct sigaction caught = {};
  struct sigaction after = {};
  sigaction(SIGINT, nullptr, &before);
  {
    const auto signals = StopSignals::Catch();
    sigaction(SIGINT, nullptr, &caught);
  }
  sigaction(SIGINT, nullptr, &after);
  EXPECT_NE(before.sa_handler, caught.sa_handler);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST_F(Engine, TheRunsDeadlineEndsStepsAndTheExitHandlerStillRuns) {
  Write("      - {name: a, template: long}\n",
        Script("long", "exec sleep 600") + Script("end", "echo end >> $OUT"),
        "  onExit: end\n  activeDeadlineSeconds: 1\n");
  const RunOutcome outcome = Run();
  EXPECT_EQ(outcome.phase, Phase::kFailed);
  EXPECT_FALSE(outcome.stopped);
  EXPECT_EQ(outcome.message, "the run's deadline has passed");
  EXPECT_EQ(Read("out"), "end\n");
}

TEST_F(Engine, AStepsOwnDeadlineEndsThatStepOnly) {
  Write(
      "      - {name: a, template: long}\n      - {name: b, template: after, depends: "
      "'!a.Daemoned'}\n",
      Script("long", "exec sleep 600", "    activeDeadlineSeconds: 1\n") +
          Script("after", "echo b >> $OUT"));
  const RunOutcome outcome = Run();
  EXPECT_EQ(Find(outcome, "a")->info.exit_code, 143);
  EXPECT_THAT(Find(outcome, "a")->info.message, HasSubstr("longer than its deadline"));
  EXPECT_EQ(Read("out"), "b\n");
}

TEST_F(Engine, WorksInAFolderThatNobodyElseWorksIn) {
  Write("      - {name: a, template: step}\n", Script("step", "true"));
  ErrorCode code = ErrorCode::kInternal;
  on_started_ = [&](const StepInfo&) {
    const auto second = RunFolder::Open(options_.file + ".run");
    if (!second) code = second.error().code();
  };
  Run();
  EXPECT_EQ(code, ErrorCode::kLocked);
  EXPECT_TRUE(RunFolder::Open(options_.file + ".run").has_value()) << "the lock is given back";
}

TEST_F(Engine, AFileThatIsRefusedStartsAndWritesNothing) {
  Write("      - {name: a, template: step}\n", Script("step", "echo a >> $OUT"));
  options_.parameters["nope"] = "1";
  const auto outcome = RunWorkflow(options_, *this);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInvalidInput);
  EXPECT_FALSE(std::filesystem::exists(options_.file + ".run"));
}

TEST_F(Engine, NestedTemplatesRunAsOneGraph) {
  Write(
      "      - {name: g, template: inner, arguments: {parameters: [{name: word, value: hello}]}}\n"
      "      - {name: z, template: leaf, depends: g}\n",
      "  - name: inner\n    inputs: {parameters: [{name: word}]}\n    dag:\n      tasks:\n"
      "      - {name: x, template: leaf, arguments: {parameters: [{name: w, value: "
      "'{{inputs.parameters.word}}'}]}}\n" +
          Script("leaf", "echo {{tasks.name}} {{inputs.parameters.w}} >> $OUT",
                 "    inputs: {parameters: [{name: w, default: none}]}\n"));
  EXPECT_EQ(Run().phase, Phase::kSucceeded);
  EXPECT_EQ(Read("out"), "x hello\nz none\n");
}

}  // namespace
}  // namespace holdfast::local
