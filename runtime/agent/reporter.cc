#include "runtime/agent/reporter.h"

#include <fmt/format.h>

#include "plugins/engines/mistral/answers.h"
#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"
#include "runtime/agent/action_calls.h"
#include "runtime/agent/patience.h"

namespace holdfast::agent {

namespace {

constexpr std::chrono::milliseconds kFirstWait{1'000};
constexpr std::chrono::milliseconds kLongestWait{30'000};
constexpr std::chrono::milliseconds kLongestWaitOfOne{600'000};

std::string StateOf(const Value& action) {
  return action.is_map() ? action.StringOr("state", "") : std::string();
}

// What Mistral answers to the report that it has taken; anything may answer with 200.
bool HasTaken(const engines::mistral::Answer& answer, const std::string& id) {
  return answer.body.is_map() && Lowered(answer.body.StringOr("id", "")) == id &&
         engines::mistral::HasEnded(StateOf(answer.body));
}

}  // namespace

Result<std::string> ActionUpdateOf(const Job& job) {
  const bool reported = !job.report.empty();
  // What a program has printed may be no UTF-8, which JSON could not hold.
  const std::string text =
      reported && IsUtf8(job.report) ? job.report : Printable(reported ? job.report : job.failure);
  // As a text of JSON, of an object: Mistral takes nothing else ("JsonType field value must be a dictionary").
  HOLDFAST_ASSIGN_OR_RETURN(const std::string output,
                            DumpJson(Value().Set(reported ? kReportKey : "error", text)));
  return DumpJson(Value().Set("state", reported ? "SUCCESS" : "ERROR").Set("output", output));
}

Reporter::Fate Reporter::Report(const Job& job) {
  Value fields = Value().Set("id", job.id).Set("run", job.request.run);
  if (!job.request.step.empty()) fields.Set("step", job.request.step);
  const auto body = ActionUpdateOf(job);
  if (!body) {
    log_.Log(LogLevel::kError, "a report that is none is dropped: " + body.error().OneLine(),
             fields);
    return Fate::kDropped;
  }
  const std::string target = "/action_executions/" + job.id;
  const auto answer = PutOnce(api_, target, *body);
  if (answer && HasTaken(*answer, job.id)) {
    const auto report = engines::mistral::ParseStepReport(job.report);
    if (report) fields.Set("exit_code", report->exit_code);
    Failpoint("report:after-put");
    log_.Log(LogLevel::kInfo, "reported a step", fields);
    return Fate::kTaken;
  }
  const std::string why =
      answer ? api_.Place() + " answered with something else" : answer.error().OneLine();
  // The error alone does not say what to do: an action that has ended is answered with 500.
  const auto found = GetOnce(api_, target);
  const std::string state = found ? StateOf(found->body) : "";
  if (engines::mistral::HasEnded(state)) {
    log_.Log(LogLevel::kInfo,
             fmt::format("{} has the outcome of this step already ({})", api_.Place(), state),
             fields);
    return Fate::kDropped;
  }
  if (state.empty() && !Answers(api_)) {
    log_.Log(LogLevel::kWarning, "a report waits: " + why, fields);
    return Fate::kUnreachable;
  }
  if (!found && found.error().code() == ErrorCode::kNotFound) {
    log_.Log(
        LogLevel::kError,
        api_.Place() + " does not know this action execution (any more, or not in this project)",
        fields);
    return Fate::kUnknown;
  }
  log_.Log(LogLevel::kWarning, "a report was not taken: " + why, fields);
  return Fate::kRefused;
}

void Reporter::Work() {
  while (const auto job = table_.TakeToReport()) {
    const Fate fate = Report(*job);
    if (fate != Fate::kUnreachable) unreachable_ = 0;
    const auto later = [this, &job](std::string why) {
      table_.ReportLater(job->id, WaitAfter(++tries_[job->id], kFirstWait, kLongestWaitOfOne),
                         std::move(why));
    };
    const auto done = [this, &job] {
      tries_.erase(job->id);
      table_.Done(job->id);
    };
    switch (fate) {
      case Fate::kTaken:
      case Fate::kDropped:
        done();
        break;
      case Fate::kUnknown:
        if (clock_.Now() - job->ended_at < kLongestUnknown) {
          later("Mistral does not know its action");
          break;
        }
        log_.Log(LogLevel::kError, "its report is dropped: that has been so for a day",
                 Value().Set("id", job->id).Set("run", job->request.run));
        done();
        break;
      case Fate::kRefused:
        later("Mistral does not take its report");
        break;
      case Fate::kUnreachable: {
        // Behind the others, of which one may be taken: what keeps us from asking for anything else need not keep us
        // from reporting.
        const auto pause = WaitAfter(++unreachable_, kFirstWait, kLongestWait);
        table_.ReportLater(job->id, pause, "Mistral does not answer");
        if (!table_.Pause(pause)) return;
        break;
      }
    }
  }
}

}  // namespace holdfast::agent
