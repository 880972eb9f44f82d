#include "runtime/cli/cluster_progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/journaled_steps.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

using engines::Phase;
using engines::RunStatus;
using engines::StepStatus;

namespace {

constexpr std::size_t kMostLines = 12;
// The journal of a large record is many small objects: no more than a tenth of the time goes into them.
constexpr std::chrono::steady_clock::duration kReadJournalEvery = std::chrono::seconds(5);
constexpr std::chrono::steady_clock::duration kReadProgressEvery = std::chrono::seconds(10);
constexpr int kShareOfTime = 10;

// "4/10" of "45/100"; what is no such thing stays.
std::string Tenths(const std::string& how_far) {
  const auto slash = how_far.find('/');
  if (slash == std::string::npos) return how_far;
  constexpr double kTenths = 10;
  const double done = std::strtod(how_far.c_str(), nullptr);
  const double total = std::strtod(how_far.c_str() + slash + 1, nullptr);
  return fmt::format("{:.0f}/10", total > 0 ? std::floor(done / total * kTenths) : 0);
}

bool Omitted(const StepStatus& step) {
  return step.phase == Phase::kOmitted || step.phase == Phase::kSkipped ||
         step.exit_code == static_cast<int>(ExitCode::kOmitted);
}

double SecondsOf(const StepStatus& step) {
  const auto began = ParseTime(step.started);
  const auto ended = ParseTime(step.finished);
  return began && ended ? std::chrono::duration<double>(*ended - *began).count() : 0;
}

std::string TryOf(const StepStatus& step) {
  return step.tries.size() < 2 ? "" : fmt::format(" (try {})", step.tries.size());
}

}  // namespace

void ClusterProgress::ReadBundle(const RunStatus& status) {
  // The bundle is that of the whole: of a part the steps are its own, once its controller has listed them.
  const bool is_part = !status.part_of.empty();
  if (is_part && status.steps.empty()) return;
  std::set<std::string_view> own;
  for (const StepStatus& step : status.steps) own.insert(step.task);
  bundle_read_ = true;
  const auto name = status.parameters.find("bundle");
  if (!bank_ || name == status.parameters.end()) return;
  const auto bundle = runtime::LoadBundleFromBank(*bank_, name->second);
  if (!bundle) return;  // begin refuses the run then, and says so
  bundle_steps_ = bundle->bundle.steps;
  std::set<ResourceKey> seen;
  for (const BundleShard& shard : bundle->shards) {
    for (const BundleResource& resource : shard.resources) {
      // It stands in the shard of each of its steps.
      if (!seen.insert(resource.resource.key).second) continue;
      Row row;
      row.name = resource.resource.name.empty()
                     ? resource.resource.key.str()
                     : resource.resource.key.type + " " + resource.resource.name;
      for (const ActivityKind kind : kAllActivityKinds) {
        const std::string& step = resource.StepOf(kind);
        if (step.empty() || (is_part && !own.contains(step))) continue;
        // A step that runs several activities of it is one part.
        if (!row.parts.empty() && row.parts.back().step == step) {
          row.parts.back().what += "+" + std::string(NameOf(kind));
        } else {
          row.parts.push_back({step, std::string(NameOf(kind))});
        }
        in_rows_.insert(step);
      }
      if (!row.parts.empty()) rows_.push_back(std::move(row));
    }
  }
}

void ClusterProgress::AddRows(const RunStatus& status) {
  for (const StepStatus& step : status.steps) {
    if (!in_rows_.insert(step.task).second) continue;
    Row row;
    row.name = step.task;
    row.parts.push_back({step.task, ""});
    rows_.push_back(std::move(row));
  }
}

// Of a try once: its step has said why before its pod ended.
void ClusterProgress::ReadReasons(const RunStatus& status) {
  if (!bank_) return;
  std::vector<std::string> steps;
  for (const StepStatus& step : status.steps) {
    if (step.exit_handler || (!step.failed() && !step.between_tries)) continue;
    if (asked_for_
            .insert(
                fmt::format("{} {} {}", step.path, engines::NameOf(step.phase), step.tries.size()))
            .second) {
      steps.push_back(step.task);
      reasons_.erase(step.task);
    }
  }
  if (!steps.empty()) reasons_.merge(JournaledReasons(*bank_, status.run(), steps));
}

// Not oftener than those who work say it, by half.
void ClusterProgress::ReadProgress(const RunStatus& status) {
  const auto began = std::chrono::steady_clock::now();
  if (!bank_ || status.ended() || began < next_progress_) return;
  const std::vector<std::string> steps = StepsWithoutProgress(status);
  progress_ = JournaledProgress(*bank_, status.run(), steps);
  const auto ended = std::chrono::steady_clock::now();
  next_progress_ =
      ended + (steps.empty() ? kReadJournalEvery
                             : std::max(kReadProgressEvery, (ended - began) * (kShareOfTime - 1)));
}

void ClusterProgress::ReadJournal(const RunStatus& status) {
  const auto began = std::chrono::steady_clock::now();
  if (!status.ended() && began < next_journal_) return;
  const auto report = runtime::ReportOfRun(*bank_, status.run());
  const auto ended = std::chrono::steady_clock::now();
  next_journal_ = ended + std::max(kReadJournalEvery, (ended - began) * (kShareOfTime - 1));
  if (!report) return;  // not begun yet
  journal_.clear();
  for (const runtime::ResourceReport& resource : report->resources) {
    for (const runtime::ActivityReport& activity : resource.activities) {
      if (activity.attempts != 0) AddJournaled(activity);
      if (activity.outcome && !activity.outcome->error.empty())
        reasons_[activity.step] = activity.outcome->error;
    }
  }
}

// A step of several activities runs until each has its outcome, and has failed when one has.
void ClusterProgress::AddJournaled(const runtime::ActivityReport& activity) {
  StepStatus& step = journal_[activity.step];
  step.path = step.task = activity.step;
  Phase phase = Phase::kRunning;
  if (activity.outcome) {
    phase = activity.outcome->outcome == runtime::Outcome::kSucceeded ? Phase::kSucceeded
            : activity.outcome->outcome == runtime::Outcome::kOmitted ? Phase::kOmitted
                                                                      : Phase::kFailed;
    if (step.started.empty()) step.started = FormatTime(activity.outcome->started);
    step.finished = FormatTime(activity.outcome->ended);
  }
  const bool first = step.phase == Phase::kNone;
  const bool worse = phase == Phase::kFailed || step.phase == Phase::kSucceeded;
  if (first || (worse && step.phase != Phase::kFailed)) step.phase = phase;
}

// "exit code 4" says little; the step has said why, in its journal or at least to the engine.
std::string ClusterProgress::Why(const StepStatus& step) const {
  if (const auto found = reasons_.find(step.task); found != reasons_.end()) return found->second;
  if (!step.message.empty()) return step.message;
  return step.exit_code ? fmt::format("exit code {}", *step.exit_code)
                        : std::string(NameOf(step.phase));
}

ClusterProgress::State ClusterProgress::StateOf(
    const Row& row, const std::map<std::string, const StepStatus*>& steps) const {
  State state;
  std::string doing;
  std::string how_far;
  std::string waits_for;
  const Part* failed = nullptr;
  bool omitted = false;
  bool waiting = false;
  bool any = false;
  double seconds = 0;
  for (const Part& part : row.parts) {
    const auto found = steps.find(part.step);
    if (found == steps.end() || found->second->phase == Phase::kNone) {
      waiting = true;
      continue;
    }
    const StepStatus& step = *found->second;
    any = true;
    if (!step.ended()) {
      state.active = true;
      doing = part.what + TryOf(step);
      how_far = HowFar(step, progress_);
      waits_for = step.phase == Phase::kPending && !step.message.empty()
                      ? " pending: " + step.message
                      : std::string();
      state.why = state.key = "";
      if (step.between_tries) {
        waits_for += " waits for its next try";
        state.why = ": " + Why(step);
        state.key = "waits " + part.step;
      }
    } else if (step.failed()) {
      if (failed == nullptr) failed = &part;
    } else if (Omitted(step)) {
      omitted = true;
    }
    seconds += SecondsOf(step);
  }
  const std::string what = failed == nullptr || failed->what.empty() ? "" : ": " + failed->what;
  if (!any) return {};
  if (state.active) {
    const auto text = [&](const std::string& far) {
      const std::string running = doing + (far.empty() ? "" : " " + far) + waits_for;
      return "running    " + row.name + (running.empty() ? "" : ": " + std::string(Trim(running))) +
             (failed == nullptr ? "" : " (" + failed->what + " failed)");
    };
    state.text = text(how_far);
    state.rough = text(Tenths(how_far)) + state.why;
  } else if (failed != nullptr) {
    state.text = "FAILED     " + row.name + what;
    state.why = ": " + Why(*steps.at(failed->step));
    state.key = "failed " + failed->step;
  } else if (waiting) {
    return {};  // between two of its steps
  } else if (omitted) {
    state.text = "omitted    " + row.name + ": something before it did not succeed";
  } else {
    state.done = true;
    // Argo's times are whole seconds.
    state.text = "done       " + row.name + (seconds < 1 ? "" : " in " + HumanDuration(seconds));
  }
  state.text += state.why;
  if (!state.active) state.rough = state.text;
  return state;
}

void ClusterProgress::SayEvents(const RunStatus& status) {
  if (!out_.json()) return;
  for (const StepStatus& step : status.steps) {
    if (step.phase == Phase::kNone) continue;
    const std::string now = fmt::format("{}/{}", engines::NameOf(step.phase), step.tries.size());
    std::string& said = said_[step.path];
    if (said == now) continue;
    said = now;
    Value datum =
        Value()
            .Set("step", step.task)
            .Set("node", step.path)
            .Set("phase", engines::NameOf(step.phase))
            .Set("attempt",
                 static_cast<std::int64_t>(step.tries.empty() ? 0 : step.tries.size() - 1));
    if (!step.ended()) {
      out_.Json("step-started", std::move(datum));
      continue;
    }
    datum.Set("seconds", SecondsOf(step));
    if (step.exit_code) datum.Set("exit_code", *step.exit_code);
    if (!step.message.empty()) datum.Set("message", Printable(step.message));
    if (const auto reason = reasons_.find(step.task); reason != reasons_.end())
      datum.Set("reason", Printable(reason->second));
    out_.Json(Omitted(step) ? "step-left-out" : "step-ended", std::move(datum));
  }
}

void ClusterProgress::Erase() {
  if (drawn_ == 0) return;
  std::fprintf(stderr, "\x1b[%zuA\x1b[J", drawn_);
  drawn_ = 0;
}

void ClusterProgress::Show(const RunStatus& status, bool all_steps) {
  if (!bundle_read_) ReadBundle(status);
  AddRows(status);
  std::map<std::string, const StepStatus*> steps;
  std::size_t ended = 0;
  for (const StepStatus& step : status.steps) {
    steps.emplace(step.task, &step);
    ended += step.ended() ? 1 : 0;
  }
  ReadReasons(status);
  if (!all_steps && bank_ &&
      std::any_of(in_rows_.begin(), in_rows_.end(),
                  [&](const std::string& step) { return !steps.contains(step); })) {
    if (bundle_steps_ <= kMostStepsWithJournal) {
      ReadJournal(status);
    } else if (!std::exchange(too_large_said_, true)) {
      out_.Warn(
          fmt::format("the run has {} steps, too many to look for in its journal again and "
                      "again: those whose Workflow cannot be read have no line here",
                      bundle_steps_));
    }
  }
  ReadProgress(status);
  SayEvents(status);
  for (const auto& [name, step] : journal_)
    steps.emplace(name, &step);  // those that are listed stay
  Erase();
  if (!status.shutdown.empty() && !stopping_said_) {
    stopping_said_ = true;
    out_.Say(status.shutdown == "Stop"
                 ? "stopping: no further step starts, running ones are ended, "
                   "then what is owed is cleaned up"
             : status.shutdown == "Terminate"
                 ? "terminating: what runs is ended, and nothing is cleaned up"
                 : "cancelled: no further step starts");
    out_.Json("stopping", Value().Set("strategy", status.shutdown));
  }
  if (status.paused && !std::exchange(paused_said_, true))
    out_.Say("paused: no further step starts until somebody lets it go on");
  if (!status.paused) paused_said_ = false;
  std::vector<std::string> active_lines;
  for (Row& row : rows_) {
    const State now = StateOf(row, steps);
    const std::string& state = now.text;
    if (now.active) active_lines.push_back(state);
    // Of how long it took the journal knows more than the engine: that is nothing new.
    if (state.empty() || now.rough == row.state || (now.done && row.done)) continue;
    row.state = now.rough;
    row.done = now.done;
    if (!now.active || !out_.terminal()) {
      // Once: the next try mostly fails as the one before, and a resource that has failed still has
      // steps that clean up.
      const bool told = !now.why.empty() && !told_.insert(now.key + now.why).second;
      out_.Say(told ? state.substr(0, state.size() - now.why.size()) : state);
    }
    if (!out_.json()) continue;
    out_.Json("resource-state",
              Value().Set("name", Printable(row.name)).Set("state", Printable(state)));
  }
  if (!out_.terminal() || out_.json() || out_.quiet() || status.ended()) return;
  constexpr std::size_t kWidth = 78;
  for (std::string& line : active_lines) {
    if (drawn_ == kMostLines) {
      std::fprintf(stderr, "  ... and %zu more\n", active_lines.size() - kMostLines);
      ++drawn_;
      break;
    }
    line = Printable(line);
    line.resize(Utf8Prefix(std::string_view(line).substr(0, kWidth)));
    std::fprintf(stderr, "  %s\n", line.c_str());
    ++drawn_;
  }
  // Also those of parts that are yet to be made.
  std::fprintf(stderr, "  %zu of %zu steps\n", ended, in_rows_.size());
  std::fflush(stderr);
  ++drawn_;
}

void ClusterProgress::End() { Erase(); }

}  // namespace holdfast::cli
