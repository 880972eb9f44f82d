#include "runtime/agent/reporter.h"

#include <fmt/format.h>

#include <algorithm>

#include "plugins/engines/mistral/answers.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/text.h"

namespace holdfast::agent {

namespace {

using engines::mistral::Api;
using engines::mistral::Call;

constexpr std::chrono::milliseconds kFirstWait{1'000};
constexpr std::chrono::milliseconds kLongestWait{30'000};
constexpr std::chrono::milliseconds kLongestWaitOfOne{600'000};

std::chrono::milliseconds WaitAfter(int failures, std::chrono::milliseconds longest) {
  constexpr int kMostDoublings = 16;
  return std::min(kFirstWait * (1 << std::clamp(failures - 1, 0, kMostDoublings)), longest);
}

Result<engines::mistral::Answer> Get(Api& api, std::string target) {
  Call call;
  call.target = std::move(target);
  return api.Send(call);
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
  const Value fields = Value().Set("id", job.id).Set("run", job.request.run);
  const auto body = ActionUpdateOf(job);
  if (!body) {
    log_.Log(LogLevel::kError, "a report that is none is dropped: " + body.error().OneLine(),
             fields);
    return Fate::kDropped;
  }
  Call call;
  call.method = net::HttpMethod::kPut;
  call.target = "/action_executions/" + job.id;
  call.body = *body;
  call.repeatable = true;
  const auto answer = api_.Send(call);
  if (answer) return Fate::kTaken;
  // The error alone does not say what to do: an action that has ended is answered with 500, and a proxy in front of a
  // Mistral that is away, or another address, may well say 404.
  const auto found = Get(api_, call.target);
  if (found) {
    const std::string state = found->body.is_map() ? found->body.StringOr("state", "") : "";
    if (engines::mistral::HasEnded(state)) {
      log_.Log(LogLevel::kInfo,
               fmt::format("{} has the outcome of this step already ({})", api_.Place(), state),
               fields);
      return Fate::kDropped;
    }
    log_.Log(LogLevel::kWarning, "a report was not taken: " + answer.error().OneLine(), fields);
    return Fate::kRefused;
  }
  if (found.error().code() == ErrorCode::kNotFound) {
    const auto there = Get(api_, "/action_executions?limit=1&fields=id");
    if (there && there->body.is_map() && there->body.Find("action_executions") != nullptr) {
      log_.Log(LogLevel::kWarning,
               fmt::format("{} does not know this action execution (any more, or not in this "
                           "project): its report is dropped",
                           api_.Place()),
               fields);
      return Fate::kDropped;
    }
  }
  log_.Log(LogLevel::kWarning, "a report waits: " + answer.error().OneLine(), fields);
  return Fate::kUnreachable;
}

void Reporter::Work() {
  while (const auto job = table_.TakeToReport()) {
    const Fate fate = Report(*job);
    if (fate != Fate::kUnreachable) unreachable_ = 0;
    switch (fate) {
      case Fate::kTaken:
      case Fate::kDropped:
        refused_.erase(job->id);
        table_.Done(job->id);
        break;
      case Fate::kRefused:
        table_.ReportLater(job->id, WaitAfter(++refused_[job->id], kLongestWaitOfOne));
        break;
      case Fate::kUnreachable:
        // At once, when Mistral is there: none waits for another one.
        table_.ReportLater(job->id, {});
        if (!table_.Pause(WaitAfter(++unreachable_, kLongestWait))) return;
        break;
    }
  }
}

}  // namespace holdfast::agent
