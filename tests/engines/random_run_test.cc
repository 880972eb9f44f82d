// The whole product on random graphs: what really happened is held to the definition (run_check.h).
// HOLDFAST_RANDOM_RUNS says how many seeds (default 12), HOLDFAST_RANDOM_SEED=n takes that one alone,
// HOLDFAST_RANDOM_KEEP=1 keeps its folder. HOLDFAST_RANDOM_PROGRAM is run instead of `holdfast`: what carries the
// runs over another engine (mistral/holdfast_over_mistral.py). Into HOLDFAST_RANDOM_FAILURES=FILE goes a line for each
// activity that has failed or was left out: its kind, and which of the two.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include "plugins/banks/filesystem/filesystem_bank.h"
#include "plugins/sdk/object_key.h"
#include "tests/engines/random_case.h"
#include "tests/engines/run_check.h"
#include "tests/engines/run_truth.h"

namespace holdfast::testing_engines {
namespace {

using std::chrono::steady_clock;

// No command of a case takes so long, unless something hangs.
constexpr std::chrono::minutes kDeadline{3};
constexpr int kSuccess = 0;
constexpr int kRunFailed = 5;
constexpr int kRunStopped = 6;

std::string ReadFile(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void WriteFile(const std::string& name, const std::string& text) {
  std::ofstream(name, std::ios::binary) << text;
}

std::int64_t SteadyNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             steady_clock::now().time_since_epoch())
      .count();
}

struct Ended {
  int exit_code = -1;
  int signal = 0;
  bool struck = false;  // by us, as asked
  std::string output;
};

// One case in a folder of its own.
class Rehearsal {
 public:
  explicit Rehearsal(const RandomCase& c) {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-random-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) folder_ = name;
    for (const char* const part : {"/providers.d", "/bank", "/templates"}) {
      std::filesystem::create_directories(folder_ + part);
    }
    WriteFile(folder_ + "/random.graph.yaml", c.GraphFile());
    WriteFile(folder_ + "/random.yaml", c.PlanFile());
    WriteFile(folder_ + "/providers.d/random.conf",
              "[provider]\nname = random\nid = 8f2d6a54-0c1e-4b7a-9a35-7d1c0b9e4f10\n"
              "description = random runs\nbank = filesystem\nplugin = noop\n[filesystem]\npath = " +
                  folder_ + "/bank\n" + c.Settings(folder_ + "/random.graph.yaml", trace()));
    WriteTemplates();
    setenv("HOLDFAST_PROVIDER_CONFIG_DIR", (folder_ + "/providers.d").c_str(), 1);
  }
  ~Rehearsal() {
    if (!keep_ && std::getenv("HOLDFAST_RANDOM_KEEP") == nullptr)
      std::filesystem::remove_all(folder_);
  }
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  void Keep() { keep_ = true; }
  const std::string& folder() const { return folder_; }
  std::string trace() const { return folder_ + "/trace.jsonl"; }
  const std::string& log() const { return log_; }

  // Runs `holdfast ARGUMENTS` to its end; sends it `signal` when the trace has `after` lines.
  Ended Holdfast(const std::vector<std::string>& arguments, std::optional<std::size_t> after = {},
                 int signal = SIGKILL) {
    std::vector<std::string> words{HOLDFAST_TEST_PROGRAM};
    if (const char* const other = std::getenv("HOLDFAST_RANDOM_PROGRAM"); other != nullptr)
      words[0] = other;
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = folder_ + "/output";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t pid = 0;
    const int started = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    Ended ended;
    if (started != 0) {
      ended.output = words[0] + " could not be started";
      return ended;
    }
    const auto deadline = steady_clock::now() + kDeadline;
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
      if (steady_clock::now() >= deadline) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        break;
      }
      if (after && !ended.struck && TraceLines() >= *after) {
        kill(pid, signal);
        ended.struck = true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    if (WIFEXITED(status)) ended.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) ended.signal = WTERMSIG(status);
    // It may have ended by itself first.
    if (signal == SIGKILL) ended.struck = ended.struck && ended.signal == SIGKILL;
    ended.output = ReadFile(out);
    for (const std::string& word : arguments)
      log_ += (word == arguments.front() ? "$ holdfast " : " ") + word;
    log_ += "\n" + ended.output + "(exit code " + std::to_string(ended.exit_code) + ", signal " +
            std::to_string(ended.signal) + ")\n";
    return ended;
  }

 private:
  std::size_t TraceLines() const {
    const std::string text = ReadFile(trace());
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  // The installed ones, but their retries come at once: `end` more often, as it meets several deaths.
  void WriteTemplates() const {
    for (const auto& entry : std::filesystem::directory_iterator(HOLDFAST_TEST_TEMPLATES)) {
      std::string text = ReadFile(entry.path().string());
      const auto replace = [&](const std::string& from, const std::string& to, bool last_only) {
        std::size_t at = last_only ? text.rfind(from) : text.find(from);
        for (; at != std::string::npos;
             at = last_only ? std::string::npos : text.find(from, at + to.size())) {
          text.replace(at, from.size(), to);
        }
      };
      replace("{duration: \"5s\", factor: \"2\", cap: \"5m\"}", "{duration: \"100ms\"}", false);
      replace("limit: \"{{workflow.parameters.retries}}\"",
              "limit: \"" + std::to_string(kEndRetries) + "\"", true);
      WriteFile(folder_ + "/templates/" + entry.path().filename().string(), text);
    }
  }

  std::string folder_;
  std::string log_;
  bool keep_ = false;
};

std::vector<std::string> RunArguments(const RandomCase& c, const Rehearsal& at,
                                      const std::vector<std::string>& more) {
  std::vector<std::string> words{"run",         at.folder() + "/protect.yaml",
                                 "--templates", at.folder() + "/templates",
                                 "-j",          std::to_string(c.jobs)};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Result<std::vector<std::string>> Judge(const RandomCase& c, const Rehearsal& at,
                                       const std::string& record, std::int64_t since, bool whole,
                                       bool disturbed, RunTruth& truth) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto bank, OpenFilesystemBank(at.folder() + "/bank"));
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto tenant, BankSection::Open(*bank, "t/" + KeyPart("local"), SectionAccess::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(truth, ReadTruth(c, tenant, record));
  HOLDFAST_ASSIGN_OR_RETURN(auto trace, ReadTrace(c, at.trace()));
  std::erase_if(trace, [&](const TraceEvent& event) { return event.steady_ns < since; });
  return CheckRun({c, truth, trace, whole, disturbed});
}

// For who wants to know that the failures that were meant to be really were.
void NoteFailures(const RunTruth& truth) {
  const char* const file = std::getenv("HOLDFAST_RANDOM_FAILURES");
  if (file == nullptr) return;
  std::ofstream out(file, std::ios::app);
  for (std::size_t a = 0; a < truth.activities.size(); ++a) {
    const auto& outcome = truth.activities[a].outcome;
    if (!outcome || outcome->outcome == runtime::Outcome::kSucceeded) continue;
    const bool omitted = outcome->outcome == runtime::Outcome::kOmitted;
    out << NameOf(static_cast<ActivityKind>(a % kActivityKindCount))
        << (omitted ? " omitted" : " failed") << "\n";
  }
}

// A clean-up that only `end` could make leaves a run in which a step failed for the engine, though
// everything succeeded in the end: the engine's own verdict is red then.
bool MadeUpByEnd(const RunTruth& truth) {
  return std::any_of(truth.activities.begin(), truth.activities.end(),
                     [](const JournaledActivity& a) { return a.Ran() && a.outcome->by != "step"; });
}

// What was wrong with the case, one line each.
Result<std::vector<std::string>> Rehearse(const RandomCase& c, Rehearsal& at) {
  const std::string record = "random-1";
  std::vector<std::string> wrong;
  const Ended compiled = at.Holdfast({"compile", "protect", at.folder() + "/random.yaml", "-o",
                                      at.folder() + "/protect.yaml", "--max-tasks-per-template",
                                      std::to_string(c.max_tasks)});
  if (compiled.exit_code != 0)
    return std::vector<std::string>{"it does not compile: " + compiled.output};

  std::int64_t since = SteadyNow();
  // Another engine than the local one is no process of ours to strike at.
  const bool strikes = std::getenv("HOLDFAST_RANDOM_PROGRAM") == nullptr &&
                       c.course != Course::kUndisturbed && c.course != Course::kRepeat;
  Ended ended = at.Holdfast(RunArguments(c, at, {"--run-id", record}),
                            strikes ? std::optional(c.kill_after) : std::nullopt,
                            c.course == Course::kStop ? SIGINT : SIGKILL);
  bool whole = true;
  const bool disturbed = ended.struck;
  if (ended.struck && c.course == Course::kStop) {
    // It may have come too late to stop anything.
    whole = ended.exit_code != kRunStopped && ended.signal == 0;
    if (ended.signal != 0) wrong.push_back("a stop killed the engine");
  } else if (ended.struck && c.course == Course::kKillAndResume) {
    ended = at.Holdfast(RunArguments(c, at, {"--resume"}));
  } else if (ended.struck) {
    whole = false;
    // A clean-up that kills its process kills gc, too: the next gc goes on.
    for (int i = 0; i <= kEndRetries; ++i) {
      ended = at.Holdfast({"gc", "--run", record});
      if (ended.signal == 0) break;
    }
    // A clean-up that is told to fail fails in gc, too, and gc says so.
    const bool may_fail = ended.exit_code == kRunFailed && c.MayFail();
    if (ended.exit_code != 0 && !may_fail)
      wrong.push_back("gc ended with " + std::to_string(ended.exit_code));
  }
  RunTruth truth;
  const auto judge = [&]() -> Status {
    HOLDFAST_ASSIGN_OR_RETURN(auto found, Judge(c, at, record, since, whole, disturbed, truth));
    wrong.insert(wrong.end(), found.begin(), found.end());
    NoteFailures(truth);
    const bool available = truth.state == runtime::RecordState::kAvailable;
    if (!whole) return Ok();
    if (ended.exit_code != kSuccess && ended.exit_code != kRunFailed) {
      wrong.push_back("holdfast run ended with exit code " + std::to_string(ended.exit_code));
    } else if (available != (ended.exit_code == kSuccess) && !(available && MadeUpByEnd(truth))) {
      wrong.push_back("exit code " + std::to_string(ended.exit_code) + ", but the checkpoint is " +
                      std::string(runtime::NameOf(truth.state)));
    }
    return Ok();
  };
  HOLDFAST_RETURN_IF_ERROR(judge());
  if (c.course != Course::kRepeat) return wrong;

  // Everything that was told to fail fails once: each run gets further.
  std::size_t left = 1;
  for (std::size_t a = 0; a < c.activity_count(); ++a) left += c.At(a).MayFail() ? 1U : 0U;
  for (int n = 2; truth.state != runtime::RecordState::kAvailable && wrong.empty(); ++n) {
    if (left-- == 0) {
      wrong.push_back("run again and again, it does not come to an end");
      break;
    }
    since = SteadyNow();
    ended = at.Holdfast(
        RunArguments(c, at, {"--record", record, "--run-id", "random-" + std::to_string(n)}));
    HOLDFAST_RETURN_IF_ERROR(judge());
  }
  return wrong;
}

std::vector<std::uint64_t> Seeds() {
  if (const char* const seed = std::getenv("HOLDFAST_RANDOM_SEED"); seed != nullptr) {
    return {std::strtoull(seed, nullptr, 10)};
  }
  const char* const runs = std::getenv("HOLDFAST_RANDOM_RUNS");
  std::vector<std::uint64_t> seeds(runs == nullptr ? 12 : std::strtoull(runs, nullptr, 10));
  for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = i + 1;
  return seeds;
}

class RandomRun : public testing::TestWithParam<std::uint64_t> {};

TEST_P(RandomRun, HappensAsDefined) {
  const RandomCase c = MakeRandomCase(GetParam());
  Rehearsal at(c);
  ASSERT_FALSE(at.folder().empty());
  const auto wrong = Rehearse(c, at);
  if (wrong && wrong->empty()) return;
  at.Keep();
  std::string text;
  if (!wrong) text = wrong.error().OneLine() + "\n";
  if (wrong) {
    for (const std::string& line : *wrong) text += line + "\n";
  }
  FAIL() << text << "\nseed " << c.seed << ", files in " << at.folder()
         << "; again: HOLDFAST_RANDOM_SEED=" << c.seed << " random_run_test\n\n--- graph\n"
         << c.GraphFile() << "--- plan\n"
         << c.PlanFile() << "--- provider\n"
         << ReadFile(at.folder() + "/providers.d/random.conf") << "--- commands\n"
         << at.log() << "--- trace\n"
         << ReadFile(at.trace());
}

// What the seeds are there for is in them.
TEST(RandomCases, HaveEverythingInThem) {
  std::set<Course> courses;
  std::set<std::string> fuses;
  std::array<std::set<std::string>, kActivityKindCount> wrong;
  std::size_t diamonds = 0;
  std::size_t shared = 0;
  std::size_t commits = 0;
  std::size_t cut = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const RandomCase c = MakeRandomCase(seed);
    courses.insert(c.course);
    fuses.insert(c.fuse);
    shared += c.aggregates() ? 1U : 0U;
    commits += c.post_acts_on_failure ? 0U : 1U;
    std::size_t activities = 0;
    for (std::size_t a = 0; a < c.activity_count(); ++a) activities += c.At(a).exists ? 1U : 0U;
    cut += c.fuse == "none" && !c.aggregates() && activities >= c.max_tasks ? 1U : 0U;
    for (const CaseResource& resource : c.resources)
      diamonds += resource.parents.size() > 1 ? 1U : 0U;
    for (std::size_t a = 0; a < c.activity_count(); ++a) {
      const Injection& injection = c.At(a);
      std::set<std::string>& seen = wrong[a % kActivityKindCount];
      if (!injection.exists) seen.insert("missing");
      if (injection.fail) seen.insert("fails");
      if (injection.fail_times > 0) seen.insert("fails once");
      if (!injection.die.empty())
        seen.insert(injection.die + (injection.die_times == 0 ? " always" : ""));
      if (injection.exits) seen.insert("exits");
    }
  }
  EXPECT_EQ(courses.size(), 5U);
  EXPECT_EQ(fuses.size(), 2U);
  for (const auto& seen : wrong) EXPECT_EQ(seen.size(), 10U);
  EXPECT_GT(diamonds, 50U);
  EXPECT_GT(shared, 20U);
  EXPECT_GT(commits, 20U);
  EXPECT_GT(cut, 5U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomRun, testing::ValuesIn(Seeds()),
                         [](const auto& tested) { return "Seed" + std::to_string(tested.param); });

}  // namespace
}  // namespace holdfast::testing_engines
