#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/local/engine.h"
#include "runtime/local/stop_signals.h"

namespace holdfast::local {

// A folder of its own for each test, with a workflow file in it.
class EngineTest : public testing::Test, protected RunObserver {
 protected:
  void SetUp() override {
    // A shell starts what it runs in the background with them ignored, which the engine respects.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-engine-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    options_.file = folder_ + "/wf.yaml";
    options_.environment["OUT"] = folder_ + "/out";
    options_.environment["DIR"] = folder_;
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // `tasks` are DAG tasks; `templates` more templates; `spec` more fields of spec. Each task runs
  // the shell script of the template that it calls.
  void Write(const std::string& tasks, const std::string& templates, const std::string& spec = "") {
    WriteFile("wf.yaml",
              "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n  "
              "entrypoint: main\n" +
                  spec +
                  "  templates:\n  - name: main\n    dag:\n      failFast: false\n      tasks:\n" +
                  tasks + templates);
  }
  // A template that runs a script; `more` are fields of the template.
  static std::string Script(const std::string& name, const std::string& script,
                            const std::string& more = "") {
    std::string indented = script;
    for (std::size_t at = 0; (at = indented.find('\n', at)) != std::string::npos; at += 11)
      indented.replace(at, 1, "\n          ");
    return "  - name: " + name + "\n" + more +
           "    container:\n      command: [sh, -c]\n      args:\n      - |\n          " +
           indented + "\n";
  }
  void WriteFile(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ + "/" + name).parent_path());
    std::ofstream(folder_ + "/" + name, std::ios::binary) << text;
  }
  std::string Read(const std::string& name) const {
    std::ifstream in(folder_ + "/" + name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

  RunOutcome Run() {
    auto signals = StopSignals::Catch();
    if (!signals) ADD_FAILURE() << signals.error().Render();
    if (signals) options_.stop_signals = &*signals;
    auto outcome = RunWorkflow(options_, *this);
    options_.stop_signals = nullptr;
    if (!outcome) ADD_FAILURE() << outcome.error().Render();
    return outcome ? std::move(*outcome) : RunOutcome();
  }
  static std::string PhaseOf(const RunOutcome& outcome, const std::string& name) {
    for (const NodeOutcome& node : outcome.nodes) {
      if (node.info.name == name) return std::string(NameOf(node.info.phase));
    }
    return "";
  }
  static const NodeOutcome* Find(const RunOutcome& outcome, const std::string& name) {
    for (const NodeOutcome& node : outcome.nodes) {
      if (node.info.name == name) return &node;
    }
    return nullptr;
  }

  // What was observed: "started a", "ended a Succeeded 0" ...
  std::vector<std::string> events_;
  std::function<void(const StepInfo&)> on_started_;
  std::function<void(const StepInfo&, const Value&)> on_progress_;

  void StepStarted(const StepInfo& step) override {
    events_.push_back("started " + step.name);
    if (on_started_) on_started_(step);
  }
  void StepEnded(const StepInfo& step, const StepEnd& end) override {
    events_.push_back("ended " + step.name + " " + std::string(NameOf(end.phase)) + " " +
                      (end.exit_code ? std::to_string(*end.exit_code) : "-") +
                      (end.retried ? " retried" : ""));
  }
  void StepProgress(const StepInfo& step, const Value& line) override {
    if (on_progress_) on_progress_(step, line);
  }
  void TaskLeftOut(const NodeInfo& node) override {
    events_.push_back("left out " + node.name + " " + std::string(NameOf(node.phase)));
  }
  void Stopping(Shutdown strategy) override {
    events_.push_back("stopping " + std::string(NameOf(strategy)));
  }

  std::string folder_;
  RunOptions options_;
};

}  // namespace holdfast::local
