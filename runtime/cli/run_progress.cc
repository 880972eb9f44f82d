#include "runtime/cli/run_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "plugins/sdk/text.h"
#include "runtime/cli/step_log.h"

namespace holdfast::cli {

namespace {

// More lines than this would push away what has ended.
constexpr std::size_t kMostLines = 12;
constexpr auto kRedrawEvery = std::chrono::milliseconds(100);
// What has nothing new to say shows all the same that it lives, and for how long it has.
constexpr auto kRedrawAnyway = std::chrono::seconds(1);

// The step as people know it; a second try says that it is one.
std::string Shown(const local::StepInfo& step) {
  return step.attempt == 0 ? step.task : fmt::format("{} (try {})", step.task, step.attempt + 1);
}

std::string ProgressText(const Value& line) {
  const std::string what = line.StringOr("what", "");
  const std::int64_t done = line.IntOr("done", 0);
  const std::int64_t total = line.IntOr("total", 0);
  std::string text = Printable(what);
  if (total > 0) {
    text +=
        fmt::format(" {}% of {}", done * 100 / total, HumanSize(static_cast<std::uint64_t>(total)));
  } else if (done > 0) {
    text += " " + HumanSize(static_cast<std::uint64_t>(done));
  }
  return text;
}

}  // namespace

void RunProgress::Say(const std::string& text) {
  Erase();
  out_.Say(text);
  Draw();
}

void RunProgress::Erase() {
  if (drawn_ == 0) return;
  std::fprintf(stderr, "\x1b[%zuA\x1b[J", drawn_);
  drawn_ = 0;
}

void RunProgress::Draw() {
  if (!out_.terminal() || out_.json() || out_.quiet()) return;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [name, step] : running_) {
    if (drawn_ == kMostLines) {
      std::fprintf(stderr, "  ... and %zu more\n", running_.size() - kMostLines);
      ++drawn_;
      break;
    }
    const double seconds = std::chrono::duration<double>(now - step.since).count();
    // Cut, so that a line never wraps: Erase counts lines.
    std::string text =
        Printable(fmt::format("  {} {} {}", step.shown, HumanDuration(seconds), step.text));
    text.resize(std::min<std::size_t>(text.size(), 78));
    std::fprintf(stderr, "%s\n", text.c_str());
    ++drawn_;
  }
  if (!running_.empty()) {
    std::fprintf(stderr, "  %s\n", Totals(now).c_str());
    ++drawn_;
  }
  std::fflush(stderr);
  last_draw_ = now;
}

std::string RunProgress::Totals(std::chrono::steady_clock::time_point now) const {
  std::uint64_t bytes = ended_bytes_;
  for (const auto& [name, step] : running_) bytes += step.bytes;
  std::string text =
      fmt::format("{} of {} steps, {}", ended_, steps_,
                  HumanDuration(std::chrono::duration<double>(now - start_).count()));
  if (bytes != 0) text += ", " + HumanSize(bytes);
  return text;
}

void RunProgress::StillRunning() {
  if (running_.empty() || std::chrono::steady_clock::now() - last_draw_ < kRedrawAnyway) return;
  Erase();
  Draw();
}

void RunProgress::RunStarted(const local::RunStart& start) {
  Say(fmt::format("{} run {} of {}; logs are in {}", start.resumed ? "resuming" : "starting",
                  start.run_id, Printable(start.workflow_name), start.run_folder));
  out_.Json("run-started", Value()
                               .Set("run", start.run_id)
                               .Set("workflow", start.workflow_name)
                               .Set("folder", start.run_folder)
                               .Set("resumed", start.resumed));
}

void RunProgress::StepStarted(const local::StepInfo& step) {
  Erase();
  running_[step.name] = {Shown(step), "", 0, std::chrono::steady_clock::now()};
  if (!out_.terminal()) out_.Say("started    " + Shown(step));
  out_.Json("step-started", Value()
                                .Set("step", step.task)
                                .Set("node", step.name)
                                .Set("attempt", static_cast<std::int64_t>(step.attempt))
                                .Set("log", step.log_file));
  Draw();
}

void RunProgress::StepProgress(const local::StepInfo& step, const Value& line) {
  out_.Json("progress", Value(line).Set("step", step.task));
  const auto at = running_.find(step.name);
  if (at == running_.end()) return;
  at->second.text = ProgressText(line);
  at->second.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, line.IntOr("done", 0)));
  if (std::chrono::steady_clock::now() - last_draw_ < kRedrawEvery) return;
  Erase();
  Draw();
}

void RunProgress::StepEnded(const local::StepInfo& step, const local::StepEnd& end) {
  Erase();
  if (const auto at = running_.find(step.name); at != running_.end()) {
    // What a try that is made again has done is done again.
    if (!end.retried) ended_bytes_ += at->second.bytes;
    running_.erase(at);
  }
  if (!end.retried) ++ended_;
  const bool failed = end.phase != local::Phase::kSucceeded &&
                      end.exit_code != static_cast<int>(ExitCode::kOmitted);
  // "exit code 11" says little; the step has said why.
  const std::string reason = failed ? ReasonInLog(step.log_file) : "";
  const std::string why = reason.empty()        ? Printable(end.message)
                          : end.message.empty() ? reason
                                                : reason + " (" + Printable(end.message) + ")";
  std::string text;
  if (end.phase == local::Phase::kSucceeded) {
    text = fmt::format("done       {} in {}", Shown(step), HumanDuration(end.seconds));
  } else if (end.retried) {
    text = fmt::format("retrying   {} in {} ({})", Shown(step),
                       HumanDuration(std::chrono::duration<double>(end.retry_after).count()), why);
  } else if (end.exit_code == static_cast<int>(ExitCode::kOmitted)) {
    text = fmt::format("omitted    {}: something before it did not succeed", Shown(step));
  } else {
    text = fmt::format("FAILED     {}: {}; its log is {}", Shown(step), why, step.log_file);
  }
  out_.Say(text);
  Value datum = Value()
                    .Set("step", step.task)
                    .Set("node", step.name)
                    .Set("phase", local::NameOf(end.phase))
                    .Set("seconds", end.seconds)
                    .Set("retried", end.retried);
  if (end.exit_code) datum.Set("exit_code", *end.exit_code);
  if (!end.message.empty()) datum.Set("message", Printable(end.message));
  if (!reason.empty()) datum.Set("reason", reason);
  out_.Json("step-ended", std::move(datum));
  Draw();
}

void RunProgress::TaskLeftOut(const local::NodeInfo& node) {
  ++ended_;
  Say(fmt::format("{:<10} {}{}", local::NameOf(node.phase), node.name,
                  node.message.empty() ? "" : ": " + Printable(node.message)));
  out_.Json("step-left-out",
            Value().Set("step", node.task).Set("phase", local::NameOf(node.phase)));
}

void RunProgress::Stopping(local::Shutdown shutdown) {
  Say(shutdown == local::Shutdown::kStop
          ? "stopping: no further step starts, running ones are ended, then what is owed is "
            "cleaned up (again: terminate)"
          : "terminating: what runs is ended, and nothing is cleaned up (again: kill)");
  out_.Json("stopping", Value().Set("strategy", local::NameOf(shutdown)));
}

void RunProgress::RunEnded(const local::RunOutcome&) {
  Erase();
  running_.clear();
}

}  // namespace holdfast::cli
