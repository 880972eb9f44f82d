// Runs every recorded case of the real Argo scheduler through ours: workflow.yaml and the script of
// pod outcomes go in, phases and starts must be those of expected.json.
// tests/local_engine/corpus/README.md says what the files hold. HOLDFAST_ARGO_CORPUS names another
// folder of cases.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "plugins/sdk/json.h"
#include "runtime/local/scheduler.h"
#include "runtime/local/workflow_file.h"
#include "tests/local_engine/cases.h"

namespace holdfast::local {
namespace {

const std::string kCorpus = testing_cases::CorpusFolder(HOLDFAST_TEST_CORPUS);

Value ReadJsonFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  auto value = ParseJson(text.str(), path);
  if (!value) ADD_FAILURE() << value.error().Render();
  return value ? std::move(*value) : Value();
}

std::string WithoutTry(const std::string& name) { return name.substr(0, name.find('(')); }
std::string LastPart(const std::string& name) { return name.substr(name.rfind('.') + 1); }

struct StartRecord {
  std::string task;
  std::int64_t attempt = 0;
  std::vector<std::string> args;
  friend auto operator<=>(const StartRecord&, const StartRecord&) = default;
};
std::ostream& operator<<(std::ostream& out, const StartRecord& start) {
  out << start.task << "#" << start.attempt << " [";
  for (const std::string& arg : start.args) out << arg << " ";
  return out << "]";
}

// Plays a script: how the simulated pods of a case end, and in which order.
class Player {
 public:
  Player(const Workflow& workflow, const Value& script, unsigned seed)
      : script_(script), random_(seed), scheduler_(workflow, SettingsOf(workflow)) {}

  void Play() {
    scheduler_.Start();
    Take();
    while (!scheduler_.complete()) {
      for (const NodeId pod : alive_) scheduler_.PodStarted(pod);
      if (ShutdownIsDue()) {
        const Value& shutdown = *script_.Find("shutdown");
        shut_down_ = true;
        scheduler_.Stop(shutdown.StringOr("strategy", "") == "Stop" ? Shutdown::kStop
                                                                    : Shutdown::kTerminate);
        Take();
        continue;
      }
      ASSERT_FALSE(alive_.empty()) << "nothing runs, and the workflow is not complete";
      const std::vector<NodeId> ending =
          script_.StringOr("order", "one") == "all" ? alive_ : std::vector<NodeId>{Choose()};
      for (const NodeId pod : ending) End(pod);
      Take();
    }
  }

  Scheduler& scheduler() { return scheduler_; }
  std::vector<StartRecord> starts;
  // What had ended when the start of the same place was taken.
  std::vector<std::set<std::string>> ended_before;
  std::vector<std::string> started_names;

 private:
  static SchedulerSettings SettingsOf(const Workflow& workflow) {
    SchedulerSettings settings;
    settings.run_id = workflow.uid;
    auto parameters = ResolveParameters(workflow, {});
    if (!parameters) ADD_FAILURE() << parameters.error().Render();
    settings.parameters = *parameters;
    settings.slots = static_cast<std::size_t>(workflow.parallelism.value_or(0));
    return settings;
  }

  void Take() {
    for (const Action& action : scheduler_.TakeActions()) {
      if (action.kind == Action::Kind::kWait) {
        scheduler_.WaitOver(action.node);
        return Take();
      }
      if (action.kind == Action::Kind::kKill) {
        std::erase(alive_, action.node);
        ended_.insert(scheduler_.Info(action.node).name);
        continue;
      }
      const NodeInfo info = scheduler_.Info(action.node);
      starts.push_back({WithoutTry(info.name), info.attempt, action.command.args});
      ended_before.push_back(ended_);
      started_names.push_back(info.name);
      alive_.push_back(action.node);
    }
  }

  bool ShutdownIsDue() const {
    const Value* shutdown = script_.Find("shutdown");
    if (shutdown == nullptr || shut_down_) return false;
    const std::string started = shutdown->StringOr("afterStarted", "");
    const std::string finished = shutdown->StringOr("afterFinished", "");
    return (!started.empty() && std::find(started_names.begin(), started_names.end(), started) !=
                                    started_names.end()) ||
           (!finished.empty() && ended_.contains(finished));
  }

  NodeId Choose() {
    std::vector<std::string> first;
    std::set<std::string> last;
    if (const Value* priority = script_.Find("priority")) {
      for (const Value& name : priority->AsList()) {
        if (name.AsString().starts_with('-')) {
          last.insert(name.AsString().substr(1));
        } else {
          first.push_back(name.AsString());
        }
      }
    }
    for (const std::string& name : first) {
      for (const NodeId pod : alive_) {
        if (scheduler_.Info(pod).name == name) return pod;
      }
    }
    std::vector<NodeId> choice;
    for (const NodeId pod : alive_) {
      if (!last.contains(scheduler_.Info(pod).name)) choice.push_back(pod);
    }
    if (choice.empty()) choice = alive_;
    return choice[random_() % choice.size()];
  }

  std::string OutcomeOf(const NodeInfo& info) const {
    const Value* outcomes = script_.Find("outcomes");
    if (outcomes == nullptr) return "succeed";
    for (const std::string& key : {info.name, WithoutTry(info.name), LastPart(info.name),
                                   WithoutTry(LastPart(info.name)), info.template_name}) {
      const Value* found = outcomes->Find(key);
      if (found == nullptr) continue;
      if (found->is_string()) return found->AsString();
      const auto& list = found->AsList();
      return list[std::min<std::size_t>(info.attempt, list.size() - 1)].AsString();
    }
    return "succeed";
  }

  void End(NodeId pod) {
    const NodeInfo info = scheduler_.Info(pod);
    std::erase(alive_, pod);
    ended_.insert(info.name);
    const std::string outcome = OutcomeOf(info);
    PodResult result;
    if (outcome == "succeed") {
      result.exit_code = 0;
    } else if (outcome == "fail") {
      result.exit_code = 1;
    } else if (outcome.starts_with("exit:")) {
      result.exit_code = std::stoi(outcome.substr(5));
    } else {
      ASSERT_EQ(outcome, "error");
    }
    scheduler_.PodFinished(pod, result);
  }

  const Value& script_;
  std::mt19937 random_;
  Scheduler scheduler_;
  std::vector<NodeId> alive_;
  std::set<std::string> ended_;
  bool shut_down_ = false;
};

// The paths of all tasks that a started pod comes after, at every level of nesting.
// Not so an exit hook after a shutdown: it may start while what it belongs to still dies.
std::vector<std::string> Before(const Workflow& workflow, const std::string& pod, bool shutdown) {
  std::vector<std::string> before;
  std::uint32_t index = workflow.entrypoint.template_index;
  std::string prefix;
  std::string rest = pod;
  if (pod == "onExit" || pod.starts_with("onExit.")) {
    index = workflow.on_exit->template_index;
    prefix = "onExit.";
    rest = pod.size() > 7 ? pod.substr(7) : "";
  }
  while (!rest.empty()) {
    const std::string name = WithoutTry(rest.substr(0, rest.find('.')));
    rest = rest.find('.') == std::string::npos ? "" : rest.substr(rest.find('.') + 1);
    const auto& dag = workflow.templates[index].dag;
    if (!dag) break;
    const auto task = std::find_if(dag->tasks.begin(), dag->tasks.end(),
                                   [&name](const Task& t) { return t.name == name; });
    if (task == dag->tasks.end()) break;
    std::set<std::uint32_t> seen;
    std::vector<std::uint32_t> todo(task->depends.tasks().begin(), task->depends.tasks().end());
    while (!todo.empty()) {
      const std::uint32_t at = todo.back();
      todo.pop_back();
      if (!seen.insert(at).second) continue;
      before.push_back(prefix + dag->tasks[at].name);
      todo.insert(todo.end(), dag->tasks[at].depends.tasks().begin(),
                  dag->tasks[at].depends.tasks().end());
    }
    // An exit hook comes after what it belongs to.
    if (rest == "onExit" && !shutdown) before.push_back(prefix + name);
    prefix += name + ".";
    index = task->call.template_index;
  }
  return before;
}

class ArgoCorpus : public testing::TestWithParam<std::string> {
 protected:
  void Check(const Workflow& workflow, const Value& script, const Value& expected, unsigned seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Player player(workflow, script, seed);
    player.Play();
    if (HasFatalFailure()) return;

    bool failed = false;
    bool error = false;
    std::map<std::string, std::string> want;
    for (const Value& node : expected.Find("nodes")->AsList()) {
      want[node.StringOr("name", "")] =
          node.StringOr("type", "") + " " + node.StringOr("phase", "");
      // Tries and DAGs aside: the steps' own outcomes.
      if (node.StringOr("type", "") == "DAG" ||
          node.StringOr("name", "").find('(') != std::string::npos)
        continue;
      failed = failed || node.StringOr("phase", "") == "Failed";
      error = error || node.StringOr("phase", "") == "Error";
    }
    std::map<std::string, std::string> got;
    for (const NodeInfo& node : player.scheduler().Nodes()) {
      got[node.name] = std::string(NameOf(node.type)) + " " + std::string(NameOf(node.phase));
    }
    const std::string phase(NameOf(player.scheduler().phase()));
    const std::string wanted_phase = expected.Find("workflow")->StringOr("phase", "");
    if (failed && error) {
      // Which of the two becomes the phase of a DAG is left open by Argo.
      EXPECT_THAT(phase, testing::AnyOf("Failed", "Error"));
      EXPECT_NE(wanted_phase, "Succeeded");
      for (auto* phases : {&want, &got}) {
        for (auto& [name, text] : *phases) {
          if (text == "DAG Error") text = "DAG Failed";
        }
      }
    } else {
      EXPECT_EQ(phase, wanted_phase);
    }
    EXPECT_EQ(got, want);

    std::vector<StartRecord> want_starts;
    for (const Value& start : expected.Find("starts")->AsList()) {
      StartRecord record;
      record.task = start.StringOr("task", "");
      record.attempt = start.IntOr("attempt", 0);
      for (const Value& arg : start.Find("args")->AsList()) record.args.push_back(arg.AsString());
      want_starts.push_back(std::move(record));
    }
    std::vector<StartRecord> got_starts = player.starts;
    std::sort(want_starts.begin(), want_starts.end());
    std::sort(got_starts.begin(), got_starts.end());
    EXPECT_EQ(got_starts, want_starts);

    for (std::size_t i = 0; i < player.started_names.size(); ++i) {
      for (const std::string& task :
           Before(workflow, player.started_names[i], script.Find("shutdown") != nullptr)) {
        for (const std::string& other : player.started_names) {
          const bool belongs = WithoutTry(other) == task || other.starts_with(task + ".");
          if (belongs && !(other == player.started_names[i])) {
            EXPECT_TRUE(player.ended_before[i].contains(other))
                << player.started_names[i] << " started before " << other << " had ended";
          }
        }
      }
    }
  }
};

TEST_P(ArgoCorpus, EndsAsTheRealSchedulerDid) {
  const std::string folder = kCorpus + "/" + GetParam();
  const Value script = ReadJsonFile(folder + "/script.json");
  const Value expected = ReadJsonFile(folder + "/expected.json");
  ASSERT_TRUE(expected.Find("nodes") != nullptr && expected.Find("workflow") != nullptr);
  const auto workflow = ReadWorkflowFile(folder + "/workflow.yaml", {});
  if (expected.Find("nodes")->AsList().empty()) {
    // Argo calls it an invalid spec when it is submitted; we refuse the file.
    ASSERT_FALSE(workflow.has_value());
    EXPECT_EQ(workflow.error().code(), ErrorCode::kInvalidInput);
    EXPECT_EQ(expected.Find("workflow")->StringOr("phase", ""), "Failed");
    return;
  }
  ASSERT_TRUE(workflow.has_value()) << workflow.error().Render();
  // With a shutdown it matters what ran when it came: the script's own order only.
  const unsigned seeds = script.Find("shutdown") == nullptr ? 8 : 1;
  for (unsigned seed = 0; seed < seeds; ++seed) Check(*workflow, script, expected, seed);
}

INSTANTIATE_TEST_SUITE_P(Case, ArgoCorpus, testing::ValuesIn(testing_cases::FoldersIn(kCorpus)),
                         testing_cases::TestName);

TEST(ArgoCorpusFolder, HoldsAllRecordedCases) {
  EXPECT_GE(testing_cases::FoldersIn(kCorpus).size(), 97U) << "in " << kCorpus;
}

}  // namespace
}  // namespace holdfast::local
