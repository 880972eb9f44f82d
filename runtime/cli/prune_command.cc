// Retention from the command line: what the rules of a plan let go is deleted as 'checkpoints delete'
// does it, and pins say what no rule takes.
//
// Nothing but that deletion keeps two prunes that run at once apart, and nothing has to:
//   - a deletion takes its checkpoint's lease, so one of two for one checkpoint is refused;
//   - each prune keeps the newest available checkpoint of each origin that it sees, whatever its rules, so
//     the newest that either sees is taken by neither: one is always left;
//   - what is pinned meanwhile, or restored from, is refused by the deletion's begin.
// A prune that is killed leaves at most one deletion to be carried on (gc), and has decided nothing that
// the next one does not decide again.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/plan/plan.h"
#include "compiler/plan/schedule.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/checkpoint_choice.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/compilation.h"
#include "runtime/cli/duration_option.h"
#include "runtime/cli/one_deletion.h"
#include "runtime/cli/origin_names.h"
#include "runtime/cli/own_steps.h"
#include "runtime/cli/record_table.h"
#include "runtime/cli/schedule_times.h"
#include "runtime/retention/plan_retention.h"
#include "runtime/store/pin.h"

namespace holdfast::cli {

using runtime::PlanRetention;
using runtime::RetentionRules;

namespace {

// Whose checkpoints are pruned, and by what.
struct Pruning {
  std::string plan;
  Provider* provider = nullptr;
  RetentionRules rules;
  std::string timezone = "Etc/UTC";
  bool of_file = false;
};

Error UsageError(std::string message) { return {ErrorCode::kUsage, std::move(message)}; }

Result<RetentionRules> RulesOfOptions(const PruneArguments& arguments) {
  RetentionRules rules;
  rules.last = arguments.keep_last;
  rules.hourly = arguments.keep_hourly;
  rules.daily = arguments.keep_daily;
  rules.weekly = arguments.keep_weekly;
  rules.monthly = arguments.keep_monthly;
  rules.yearly = arguments.keep_yearly;
  if (!arguments.keep_within.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto within,
                              DurationOption("--keep-within", arguments.keep_within));
    if (within <= std::chrono::milliseconds(0))
      return UsageError("--keep-within: it has to be more than nothing");
    rules.within = within;
  }
  return rules;
}

Result<Pruning> OfPlanFile(Session& session, const PruneArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(const compiler::Plan plan, LoadPlan(session, arguments.plan));
  Pruning pruning;
  pruning.of_file = true;
  pruning.plan = plan.name;
  HOLDFAST_ASSIGN_OR_RETURN(pruning.provider, OpenProviderOf(session, plan));
  if (!arguments.provider.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const Provider* const named,
                              session.OpenProvider(arguments.provider));
    if (named != pruning.provider) {
      return UsageError(fmt::format("the plan {} is of provider {}, not of {}", arguments.plan,
                                    pruning.provider->config().name, named->config().name))
          .Hint("without --provider it is the plan's; --plan NAME takes a plan's name");
    }
  }
  if (const auto schedule = compiler::ScheduleOf(plan.value)) pruning.timezone = schedule->timezone;
  pruning.rules = runtime::RetentionRulesOf(plan.value);
  return pruning;
}

// A text that may be the name of a plan is one: there a file has another name, or a path before it.
Result<Pruning> PruningOf(Session& session, const PruneArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(const RetentionRules given, RulesOfOptions(arguments));
  Pruning pruning;
  if (!compiler::IsPlanName(arguments.plan)) {
    HOLDFAST_ASSIGN_OR_RETURN(pruning, OfPlanFile(session, arguments));
  } else {
    pruning.plan = arguments.plan;
    HOLDFAST_ASSIGN_OR_RETURN(pruning.provider, session.OpenProvider(arguments.provider));
  }
  // One set of rules or the other: a plan's monthly checkpoints are not kept by accident, nor lost.
  if (given.any()) pruning.rules = given;
  if (!arguments.timezone.empty()) pruning.timezone = arguments.timezone;
  if (!pruning.rules.any()) {
    if (!pruning.of_file) {
      return UsageError("nothing says which checkpoints of plan " + pruning.plan +
                        " are to be kept: nothing is pruned")
          .Hint(
              "--keep-last 3 --keep-daily 7 and the like say it, or --plan FILE with 'retention'");
    }
    return InvalidInput("plan " + arguments.plan + " has no 'retention': nothing is pruned")
        .Hint("such as 'retention: {last: 3, daily: 7, weekly: 4}', or --keep-daily 7");
  }
  return pruning;
}

Result<runtime::AheadOfUtc> ClocksOfZone(const std::string& timezone, WallTime now) {
  if (Status known = CheckTimeZone(timezone); !known) return std::move(known).error();
  // Where a checkpoint is older than that, or so far in the future, some clock was wrong.
  const auto clocks = ClocksOf(timezone, now - std::chrono::years(25));
  if (!clocks) {
    return InvalidInput("the clocks of time zone " + Printable(timezone) +
                        " are not known on this machine")
        .Hint("install its time-zone database (tzdata), or take --timezone Etc/UTC");
  }
  return runtime::AheadOfUtc([clocks = *clocks](std::chrono::sys_seconds time) {
    const auto next = std::find_if(clocks.begin(), clocks.end(),
                                   [time](const auto& setting) { return setting.at > time; });
    return next == clocks.begin() ? clocks.front().ahead : std::prev(next)->ahead;
  });
}

Value EntryToValue(const PlanRetention::Entry& entry) {
  return RecordSummaryToValue(entry.summary)
      .Set("kept", entry.verdict.kept)
      .Set("left_over", entry.verdict.left_over)
      .Set("reasons", Value::List(entry.verdict.reasons.begin(), entry.verdict.reasons.end()));
}

void ShowVerdicts(const Output& out, const PlanRetention& retention, const std::string& own) {
  OriginNames names(own);
  for (const PlanRetention::Series& series : retention.series)
    names.Add(series.origin_id, series.origin_name);
  std::vector<std::vector<std::string>> rows;
  for (const PlanRetention::Series& series : retention.series) {
    for (const PlanRetention::Entry& entry : series.entries) {
      rows.push_back({entry.summary.id, FormatTime(entry.summary.created), StateWord(entry.summary),
                      entry.verdict.kept ? "stays" : "goes", Join(entry.verdict.reasons, "; ")});
      if (names.to_be_shown())
        rows.back().insert(rows.back().begin() + 1, names.Of(series.origin_id, series.origin_name));
    }
  }
  std::vector<std::string> titles{"CHECKPOINT", "CREATED", "STATE", "VERDICT", "WHY"};
  if (names.to_be_shown()) titles.insert(titles.begin() + 1, "ORIGIN");
  out.Table(titles, rows);
}

// What is nobody's to delete but a person's.
void NameLeftOvers(const Output& out, const PlanRetention& retention) {
  std::vector<std::string> left;
  for (const PlanRetention::Series& series : retention.series) {
    for (const PlanRetention::Entry& entry : series.entries) {
      if (entry.verdict.left_over) left.push_back(entry.summary.id);
    }
  }
  if (left.empty()) return;
  out.Say("in error, and older than all that is kept: " + Join(left, ", ") +
          "; prune does not delete these, 'holdfast checkpoints delete ID' does");
}

// What became of the deletions.
struct Deletions {
  std::vector<std::string> deleted;
  std::vector<std::string> failed;
  std::vector<std::string> not_tried;
  int stopped = 0;  // the exit code of one that was stopped: nothing more was begun
};

bool IsStop(int code) {
  return code == static_cast<int>(ExitCode::kRunStopped) ||
         code >= static_cast<int>(ExitCode::kInterrupted);
}

// What goes of one series.
Status DeleteWhatGoes(Session& session, const Pruning& pruning, const BankSection& tenant,
                      const PlanRetention::Series& series, Deletions& done) {
  const Output& out = session.out();
  // Oldest first: where it is cut short, what is left is what one would keep longest.
  for (auto entry = series.entries.rbegin(); entry != series.entries.rend(); ++entry) {
    if (entry->verdict.kept) continue;
    const std::string& id = entry->summary.id;
    if (done.stopped != 0) {
      done.not_tried.push_back(id);
      continue;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const std::string stays,
                              runtime::WhyItStaysNow(tenant, id, series.newest));
    if (!stays.empty()) {
      out.Say("checkpoint " + id + " is left alone: " + stays);
      continue;
    }
    out.Say(fmt::format("deleting {}, made {}: {}", id, FormatTime(entry->summary.created),
                        Join(entry->verdict.reasons, "; ")));
    const int code = DeleteOneOfSeveral(session, pruning.provider->config().id, id);
    if (code == 0) {
      done.deleted.push_back(id);
      out.Line("deleted " + id);
      continue;
    }
    if (IsStop(code)) {
      done.stopped = code;
      done.not_tried.push_back(id);
      continue;
    }
    // Another prune may have come first: then it is gone, or will be.
    const auto now = runtime::WhyItStaysNow(tenant, id, series.newest);
    if (code == static_cast<int>(ExitCode::kLocked) && now && !now->empty()) {
      out.Say("checkpoint " + id + " is left alone: " + *now);
      continue;
    }
    done.failed.push_back(id);
  }
  return Ok();
}

Result<runtime::Record> CheckpointToPin(Session& session, const CheckpointsArguments& arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, session.OpenProvider(arguments.provider));
  // A bank that is not there is not made for that.
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection tenant,
                            provider->tenant_section(SectionAccess::kWrite, BankUse::kRead));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string id,
      ChooseCheckpoint(session.out(), tenant, provider->config().id, OfOthers::kLeave,
                       {arguments.checkpoint, arguments.plan, arguments.origin},
                       session.clock().Now()));
  return runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, id);
}

}  // namespace

int PruneCheckpoints(Session& session, const PruneArguments& arguments) {
  const Output& out = session.out();
  const auto pruning = PruningOf(session, arguments);
  if (!pruning) return out.Fail(pruning.error());
  const WallTime now = session.clock().Now();
  const auto ahead = ClocksOfZone(pruning->timezone, now);
  if (!ahead) return out.Fail(ahead.error());
  const auto tenant = session.TenantSection(*pruning->provider, SectionAccess::kRead);
  if (!tenant) return out.Fail(tenant.error());
  const std::string& own = pruning->provider->config().id;
  const auto origin = ChooseOrigin(*tenant, own, arguments.origin);
  if (!origin) return out.Fail(origin.error());
  const auto retention =
      runtime::DecideRetention(*tenant, {pruning->plan, own, *origin}, pruning->rules, *ahead, now,
                               ParallelOf(*pruning->provider));
  if (!retention) return out.Fail(retention.error());
  if (retention->series.empty()) {
    const std::string none = "there is no checkpoint of plan " + pruning->plan + " of provider " +
                             Printable(pruning->provider->config().name);
    // A file cannot be a typing error, and the first night comes after the first prune.
    if (!pruning->of_file)
      return out.Fail(
          NotFound(none).Hint("'holdfast checkpoints list' shows those that there are"));
    out.Say(none);
  }
  out.Say(fmt::format("plan {}: {}; hours to years are those of {}", pruning->plan,
                      pruning->rules.str(), pruning->timezone));
  for (const PlanRetention::Series& series : retention->series) {
    for (const PlanRetention::Entry& entry : series.entries)
      out.Json("retention", EntryToValue(entry));
  }
  if (arguments.dry_run && !retention->series.empty()) ShowVerdicts(out, *retention, own);
  NameLeftOvers(out, *retention);
  if (retention->of_others != 0) {
    out.Say(fmt::format("{} of other providers, of a plan of that name, {} left alone",
                        Counted(retention->of_others, "checkpoint"),
                        retention->of_others == 1 ? "is" : "are"));
  }
  const std::size_t goes = retention->going();
  const std::size_t kept = retention->kept();
  if (arguments.dry_run) {
    out.Json("pruned", Value()
                           .Set("plan", pruning->plan)
                           .Set("dry_run", true)
                           .Set("kept", static_cast<std::int64_t>(kept))
                           .Set("goes", static_cast<std::int64_t>(goes)));
    out.Line(fmt::format("would delete {}, and keep {}", goes, kept));
    return 0;
  }
  Deletions done;
  for (const PlanRetention::Series& series : retention->series) {
    Status deleted = DeleteWhatGoes(session, *pruning, *tenant, series, done);
    if (!deleted) return out.Fail(deleted.error());
  }
  out.Json("pruned", Value()
                         .Set("plan", pruning->plan)
                         .Set("dry_run", false)
                         .Set("kept", static_cast<std::int64_t>(kept))
                         .Set("deleted", ListOf(done.deleted))
                         .Set("failed", ListOf(done.failed))
                         .Set("not_tried", ListOf(done.not_tried)));
  out.Line(fmt::format("deleted {}, kept {}", done.deleted.size(), kept));
  if (!done.failed.empty()) {
    out.Warn(fmt::format(
        "{} of plan {} could not be deleted, as is said above: {}; 'holdfast gc' carries on what "
        "has begun, and another prune takes the others",
        Counted(done.failed.size(), "checkpoint"), pruning->plan, Join(done.failed, ", ")));
  }
  if (!done.not_tried.empty()) out.Say("stopped; still to go: " + Join(done.not_tried, ", "));
  if (done.stopped != 0) return done.stopped;
  return done.failed.empty() ? 0 : static_cast<int>(ExitCode::kRunFailed);
}

int PinCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  const Output& out = session.out();
  const auto checkpoint = CheckpointToPin(session, arguments);
  if (!checkpoint) return out.Fail(checkpoint.error());
  const Status pinned =
      runtime::PinCheckpoint(*checkpoint, OwnUserAtHost(), arguments.reason, session.clock().Now());
  if (!pinned) return out.Fail(pinned.error());
  out.Json("pinned", Value().Set("checkpoint", checkpoint->id()).Set("reason", arguments.reason));
  out.Say("checkpoint " + checkpoint->id() + " is pinned: no prune and no delete takes it");
  return 0;
}

int UnpinCheckpoint(Session& session, const CheckpointsArguments& arguments) {
  const Output& out = session.out();
  const auto checkpoint = CheckpointToPin(session, arguments);
  if (!checkpoint) return out.Fail(checkpoint.error());
  const auto was = runtime::UnpinCheckpoint(*checkpoint, OwnUserAtHost(), session.clock().Now());
  if (!was) return out.Fail(was.error());
  out.Json("unpinned", Value().Set("checkpoint", checkpoint->id()).Set("was_pinned", *was));
  out.Say("checkpoint " + checkpoint->id() + (*was ? " is pinned no more" : " was not pinned"));
  return 0;
}

}  // namespace holdfast::cli
