#include <algorithm>

#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/run_engine.h"

namespace holdfast::cli {

namespace {

// Prints line by line, each made safe. A line without end is cut where it is longer than a screen of text.
class LogLines final : public ByteSink {
 public:
  LogLines(const Output& out, const std::string& step, std::string_view what, const std::string& id)
      : out_(out), step_(step), what_(what), id_(id) {}
  ~LogLines() override { Flush(); }
  LogLines(const LogLines&) = delete;
  LogLines& operator=(const LogLines&) = delete;

  Status Write(std::span<const std::byte> data) override {
    for (const char c : AsText(data)) {
      if (c == '\n' || line_.size() >= kLongest) Flush();
      if (c != '\n') line_ += c;
    }
    return Ok();
  }

 private:
  static constexpr std::size_t kLongest = 65536;
  void Flush() {
    if (line_.empty()) return;
    out_.Line(line_);
    out_.Json("log-line", Value().Set("step", step_).Set(what_, id_).Set("line", Printable(line_)));
    line_.clear();
  }
  const Output& out_;
  const std::string& step_;
  const std::string_view what_;
  const std::string& id_;
  std::string line_;
};

}  // namespace

int ShowRunLogs(Session& session, const ClusterRunArguments& arguments) {
  const Output& out = session.out();
  const auto engine = OpenRunEngine(session, arguments.cluster);
  if (!engine) return out.Fail(engine.error());
  const auto found = (*engine)->Find(arguments.run);
  if (!found) return out.Fail(found.error());
  const engines::RunStatus& status = *found;
  if (!status.nodes_unreadable.empty()) {
    return out.Fail(
        Corrupt(status.name + ": " + status.nodes_unreadable)
            .Hint("which pods it has is in its nodes; 'kubectl logs' knows a pod by its "
                  "name"));
  }
  const std::string what((*engine)->TryWord());
  std::vector<const engines::StepStatus*> steps;
  if (arguments.step.empty()) {
    for (const engines::StepStatus& step : status.steps) steps.push_back(&step);
  } else {
    const engines::StepStatus* const step = status.Find(arguments.step);
    if (step == nullptr) {
      std::vector<std::string> names;
      for (const engines::StepStatus& each : status.steps) names.push_back(each.task);
      const std::string near = Nearest(arguments.step, names);
      return out.Fail(NotFound("the run has no step '" + Printable(arguments.step) + "'")
                          .Hint(near.empty() ? "'holdfast status " + status.handle +
                                                   (*engine)->Options() + "' lists them"
                                             : "did you mean '" + near + "'?"));
    }
    if (step->tries.empty()) {
      return out.Fail(NotFound("step " + step->path + " has no " + what + ": it " +
                               (step->ended() ? "was left out" : "has not begun")));
    }
    steps.push_back(step);
  }
  std::stable_sort(steps.begin(), steps.end(),
                   [](const auto* a, const auto* b) { return a->started < b->started; });
  std::size_t shown = 0;
  std::optional<Error> missing;
  for (const engines::StepStatus* const step : steps) {
    for (const engines::StepTry& attempt : step->tries) {
      const std::string& id = attempt.pod.empty() ? attempt.node : attempt.pod;
      if (steps.size() > 1 || step->tries.size() > 1)
        out.Say("--- " + step->path + (id.empty() ? "" : ", " + what + " " + id));
      LogLines lines(out, step->task, what, id);
      const bool follow = arguments.follow && &attempt == &step->tries.back() && !step->ended();
      const Status read = (*engine)->ReadLog(status, *step, attempt, follow, lines);
      if (read) {
        ++shown;
        continue;
      }
      // They go, one by one; what is there is shown.
      if (read.error().code() != ErrorCode::kNotFound) return out.Fail(read.error());
      missing = read.error();
      if (steps.size() > 1 || step->tries.size() > 1) out.Say(read.error().message());
    }
  }
  if (shown == 0 && missing) return out.Fail(*missing);
  return 0;
}

}  // namespace holdfast::cli
