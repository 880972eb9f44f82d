#include "runtime/retention/plan_retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "plugins/sdk/text.h"
#include "runtime/store/checkpoint_contents.h"
#include "runtime/store/lease.h"
#include "runtime/store/pin.h"
#include "runtime/store/record.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// What works on a checkpoint and is not ended.
using Users = std::multimap<std::string, Unfinished, std::less<>>;

Result<Users> ReadUsers(const BankSection& tenant) {
  HOLDFAST_ASSIGN_OR_RETURN(auto unfinished, ListUnfinished(tenant));
  Users users;
  for (Unfinished& entry : unfinished) {
    std::string checkpoint = entry.checkpoint;
    if (entry.kind != RecordKind::kCheckpoint)
      users.emplace(std::move(checkpoint), std::move(entry));
  }
  return users;
}

// "restore r", and what ends it when it is dead: its begin would keep a deletion out all the same.
Result<std::string> TextOf(const BankSection& tenant, const Unfinished& user, WallTime now) {
  std::string text = fmt::format("{} {}", NameOf(user.kind), Printable(user.record));
  const auto lease = CurrentLease(tenant, user.record);
  if (!lease && !IsDamage(lease.error())) return lease.error();
  if (lease && *lease && (*lease)->gone(now))
    text += ", on which nobody works any more: 'holdfast gc' ends it";
  return text;
}

std::string WhyNotAvailable(const RecordSummary& summary) {
  if (!summary.damage.empty() && !IsWorking(summary.state)) {
    std::string text = "damaged: " + Printable(summary.damage);
    return summary.plan.empty() ? text + "; of which plan it is nobody knows" : text;
  }
  const std::string state(NameOf(summary.state));
  if (summary.state == RecordState::kAvailable) return "";
  if (summary.state == RecordState::kError)
    return state + "; 'holdfast checkpoints delete' deletes it";
  return state + "; 'holdfast gc' ends that when nobody works on it any more";
}

using Series = PlanRetention::Series;

class Decider {
 public:
  Decider(const BankSection& tenant, const RetainedPlan& of, const RetentionRules& rules,
          const AheadOfUtc& ahead, WallTime now, unsigned parallel)
      : tenant_(tenant), of_(of), rules_(rules), ahead_(ahead), now_(now), parallel_(parallel) {}

  Result<PlanRetention> Run() {
    RecordFilter filter;
    filter.plan = of_.plan;
    filter.origin = of_.origin;
    HOLDFAST_ASSIGN_OR_RETURN(auto found, ListCheckpoints(tenant_, filter));
    HOLDFAST_ASSIGN_OR_RETURN(last_, ReadLastVerifications(tenant_, "", now_));
    HOLDFAST_ASSIGN_OR_RETURN(users_, ReadUsers(tenant_));
    PlanRetention out;
    std::map<std::pair<bool, std::string>, std::vector<RecordSummary>> series;
    for (RecordSummary& summary : found) {
      if (summary.state == RecordState::kDeleted) continue;
      // An empty one is of something damaged.
      if (!summary.provider_id.empty() && summary.provider_id != of_.provider_id) {
        ++out.of_others;
        continue;
      }
      const bool is_own = summary.origin_id() == of_.provider_id;
      series[{!is_own, summary.origin_id()}].push_back(std::move(summary));
    }
    for (auto& [origin, checkpoints] : series) {
      HOLDFAST_ASSIGN_OR_RETURN(Series decided, Decide(std::move(checkpoints)));
      out.series.push_back(std::move(decided));
    }
    return out;
  }

 private:
  // Of one origin, oldest first.
  Result<Series> Decide(std::vector<RecordSummary> checkpoints) {
    Series out;
    out.origin_id = checkpoints.back().origin_id();
    out.origin_name = checkpoints.back().origin_name();
    summaries_ = std::move(checkpoints);
    known_.clear();
    for (const RecordSummary& summary : summaries_) {
      HOLDFAST_ASSIGN_OR_RETURN(auto one, WhatIsKnownOf(summary));
      known_.push_back(std::move(one));
    }
    HOLDFAST_ASSIGN_OR_RETURN(auto verdicts, Settle());
    for (RetentionVerdict& verdict : verdicts) {
      const auto at = IndexOf(verdict.id);
      if (out.newest.empty() && known_[at].not_available.empty()) out.newest = verdict.id;
      out.entries.push_back({std::move(summaries_[at]), std::move(verdict)});
    }
    return out;
  }

  Result<RetainedCheckpoint> WhatIsKnownOf(const RecordSummary& summary) const {
    RetainedCheckpoint one;
    one.id = summary.id;
    one.created = summary.created;
    one.not_available = WhyNotAvailable(summary);
    one.failed = summary.state == RecordState::kError && summary.damage.empty();
    if (one.not_available.empty() && IsInFuture(summary.created, now_))
      one.not_available = "made in the future, by a clock that was wrong";
    if (const auto of = last_.find(summary.id);
        one.not_available.empty() && of != last_.end() && of->second.failed) {
      one.not_available = "its last verification failed (" + of->second.summary.id + ")";
    }
    if (summary.pin) {
      one.pinned = true;
      one.pin = summary.pin->str();
    }
    const auto [from, to] = users_.equal_range(summary.id);
    for (auto user = from; user != to; ++user) {
      HOLDFAST_ASSIGN_OR_RETURN(std::string text, TextOf(tenant_, user->second, now_));
      // One that is about to go is none that another may go for.
      if (user->second.kind != RecordKind::kDeletion)
        one.used_by = std::move(text);
      else if (one.not_available.empty())
        one.not_available = "being deleted by " + text;
    }
    return one;
  }

  // What a list does not read is read of those alone for which it matters, and what is found out may
  // change the verdicts of others: until nothing changes.
  Result<std::vector<RetentionVerdict>> Settle() {
    std::set<std::string> asked;
    while (true) {
      auto verdicts = ApplyRetention(known_, rules_, ahead_);
      const bool any_goes = std::any_of(verdicts.begin(), verdicts.end(),
                                        [](const auto& verdict) { return !verdict.kept; });
      bool changed = false;
      for (const RetentionVerdict& verdict : verdicts) {
        const auto at = IndexOf(verdict.id);
        if (!known_[at].not_available.empty()) continue;
        if (verdict.kept) {
          HOLDFAST_RETURN_IF_ERROR(CheckKept(at, any_goes));
          changed = changed || !known_[at].not_available.empty();
        } else if (asked.insert(verdict.id).second) {
          HOLDFAST_RETURN_IF_ERROR(AskForLease(known_[at]));
          changed = changed || !known_[at].used_by.empty();
        }
      }
      if (!changed) return verdicts;
    }
  }

  // None goes for one that is damaged, whose data is not there, or that nobody can read with the keys of the provider.
  Status CheckKept(std::size_t at, bool any_goes) {
    RecordSummary& summary = summaries_[at];
    std::string& not_available = known_[at].not_available;
    if (read_.insert(summary.id).second) {
      HOLDFAST_RETURN_IF_ERROR(CheckCheckpoint(tenant_, summary));
      not_available = WhyNotAvailable(summary);
    }
    if (!not_available.empty() || !any_goes || !looked_at_.insert(summary.id).second) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const std::string missing_key,
                              CheckContents(tenant_, summary, parallel_));
    not_available = WhyNotAvailable(summary);
    if (not_available.empty() && !missing_key.empty())
      not_available = "cannot be read: " + missing_key;
    return Ok();
  }

  // Its deletion would be refused.
  Status AskForLease(RetainedCheckpoint& one) {
    const auto lease = CurrentLease(tenant_, one.id);
    if (!lease && !IsDamage(lease.error())) return lease.error();
    if (!lease) {
      one.used_by = "perhaps; its lease cannot be read: " + lease.error().OneLine();
    } else if (*lease && !(*lease)->gone(now_)) {
      one.used_by = fmt::format("run {} has its lease until {}", Printable((*lease)->run),
                                FormatTime((*lease)->expires));
    }
    return Ok();
  }

  std::size_t IndexOf(const std::string& id) const {
    return static_cast<std::size_t>(
        std::find_if(known_.begin(), known_.end(),
                     [&](const RetainedCheckpoint& one) { return one.id == id; }) -
        known_.begin());
  }

  const BankSection& tenant_;
  const RetainedPlan& of_;
  const RetentionRules& rules_;
  const AheadOfUtc& ahead_;
  WallTime now_;
  unsigned parallel_;
  LastVerifications last_;
  Users users_;
  std::set<std::string> read_;       // their graphs
  std::set<std::string> looked_at_;  // what they hold
  // Of the same checkpoints of one series, in the same order.
  std::vector<RecordSummary> summaries_;
  std::vector<RetainedCheckpoint> known_;
};

Result<std::optional<RecordState>> StateNow(const BankSection& tenant, const std::string& id) {
  HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, RecordKind::kCheckpoint, id));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  if (!state) return std::optional<RecordState>();
  return std::optional<RecordState>(state->state);
}

}  // namespace

std::size_t PlanRetention::kept() const {
  std::size_t all = 0;
  for (const Series& one : series) all += one.entries.size();
  return all - going();
}

std::size_t PlanRetention::going() const {
  std::size_t going = 0;
  for (const Series& one : series) {
    going += static_cast<std::size_t>(
        std::count_if(one.entries.begin(), one.entries.end(),
                      [](const Entry& entry) { return !entry.verdict.kept; }));
  }
  return going;
}

Result<PlanRetention> DecideRetention(const BankSection& tenant, const RetainedPlan& of,
                                      const RetentionRules& rules, const AheadOfUtc& ahead,
                                      WallTime now, unsigned parallel) {
  Decider decider(tenant, of, rules, ahead, now, parallel);
  return decider.Run();
}

Result<std::string> WhyItStaysNow(const BankSection& tenant, const std::string& checkpoint,
                                  const std::string& newest) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto anchor, StateNow(tenant, newest));
  if (anchor != RecordState::kAvailable) {
    return Error(ErrorCode::kConflict,
                 fmt::format("checkpoint {}, the newest that was to be kept, is {} by now: nothing "
                             "more is deleted",
                             Printable(newest), anchor ? NameOf(*anchor) : "gone"))
        .Hint("another prune decides anew");
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, StateNow(tenant, checkpoint));
  if (!state) return std::string("it is gone");
  if (*state != RecordState::kAvailable) return fmt::format("it is {} by now", NameOf(*state));
  HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                            Record::Open(tenant, RecordKind::kCheckpoint, checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(record));
  return pin ? "it was pinned " + pin->str() : std::string();
}

}  // namespace holdfast::runtime
