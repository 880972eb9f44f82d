#include "runtime/retention/retention_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"

namespace holdfast::runtime {
namespace {

namespace chrono = std::chrono;

// A time on the clocks of the zone, as what those would show were they UTC's.
struct ZoneTime {
  chrono::sys_seconds shown;
  chrono::seconds ahead{};
};

chrono::year_month_day DateOf(const ZoneTime& time) {
  return chrono::floor<chrono::days>(time.shown);
}

// What is one bucket has one text; these are for people, too.

std::string HourOf(const ZoneTime& time) {
  const auto date = DateOf(time);
  const auto hour =
      chrono::floor<chrono::hours>(time.shown - chrono::floor<chrono::days>(time.shown));
  const auto minutes = chrono::abs(chrono::duration_cast<chrono::minutes>(time.ahead)).count();
  // What the clocks are ahead tells an hour that they show twice from itself.
  return fmt::format("{:04}-{:02}-{:02} {:02}:00{}{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     hour.count(), time.ahead.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string DayOf(const ZoneTime& time) {
  const auto date = DateOf(time);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

// ISO 8601: a week is of the year in which its Thursday lies.
std::string WeekOf(const ZoneTime& time) {
  const auto day = chrono::floor<chrono::days>(time.shown);
  const auto thursday =
      day + chrono::days(4 - static_cast<int>(chrono::weekday(day).iso_encoding()));
  const chrono::year year = chrono::year_month_day(thursday).year();
  const auto first = chrono::sys_days(year / chrono::January / 1);
  return fmt::format("{:04}-W{:02}", static_cast<int>(year), (thursday - first).count() / 7 + 1);
}

std::string MonthOf(const ZoneTime& time) {
  const auto date = DateOf(time);
  return fmt::format("{:04}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()));
}

std::string YearOf(const ZoneTime& time) {
  return fmt::format("{:04}", static_cast<int>(DateOf(time).year()));
}

struct BucketRule {
  std::string_view name;
  std::string_view bucket;
  std::uint32_t RetentionRules::*count;
  std::string (*bucket_of)(const ZoneTime& time);
};

constexpr std::array kBucketRules{
    BucketRule{"hourly", "hour", &RetentionRules::hourly, HourOf},
    BucketRule{"daily", "day", &RetentionRules::daily, DayOf},
    BucketRule{"weekly", "week", &RetentionRules::weekly, WeekOf},
    BucketRule{"monthly", "month", &RetentionRules::monthly, MonthOf},
    BucketRule{"yearly", "year", &RetentionRules::yearly, YearOf},
};

std::string Ordinal(std::size_t number) {
  const bool teen = number % 100 >= 11 && number % 100 <= 13;
  const std::size_t last = teen ? 0 : number % 10;
  return fmt::format("{}{}", number, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

// A checkpoint that counts, and what rules say of it.
struct Ranked {
  const RetainedCheckpoint* checkpoint;
  ZoneTime time;
  std::vector<std::string> kept_by;
  std::vector<std::string> let_go_by;
};

void ApplyLast(std::vector<Ranked>& ranked, std::uint32_t count) {
  if (count == 0) return;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (i < count) {
      ranked[i].kept_by.push_back(fmt::format("last {}: {}", count, Ordinal(i + 1)));
    } else {
      ranked[i].let_go_by.push_back(fmt::format("last {}: it is the {}", count, Ordinal(i + 1)));
    }
  }
}

void ApplyBuckets(std::vector<Ranked>& ranked, const BucketRule& rule, std::uint32_t count) {
  if (count == 0) return;
  std::map<std::string, const Ranked*> newest;  // of each bucket that is kept
  for (Ranked& one : ranked) {
    std::string bucket = rule.bucket_of(one.time);
    const auto known = newest.find(bucket);
    if (known != newest.end()) {
      one.let_go_by.push_back(fmt::format("{} {}: {} is newer", rule.name, bucket,
                                          Printable(known->second->checkpoint->id)));
    } else if (newest.size() < count) {
      one.kept_by.push_back(fmt::format("{} {}", rule.name, bucket));
      newest.emplace(std::move(bucket), &one);
    } else {
      one.let_go_by.push_back(fmt::format(
          "{} {}: {} newer", rule.name, bucket,
          Counted(count, fmt::format("{} is", rule.bucket), fmt::format("{}s are", rule.bucket))));
    }
  }
  if (ranked.empty() || newest.size() >= count) return;
  Ranked& oldest = ranked.back();
  if (newest.at(rule.bucket_of(oldest.time)) == &oldest) return;
  oldest.kept_by.push_back(fmt::format("{} {}: the oldest, with only {}", rule.name, count,
                                       Counted(newest.size(), rule.bucket)));
}

std::string DurationText(chrono::milliseconds duration) {
  return HumanDuration(chrono::duration<double>(duration).count());
}

void ApplyWithin(std::vector<Ranked>& ranked, chrono::milliseconds within) {
  if (within <= chrono::milliseconds(0)) return;
  for (Ranked& one : ranked) {
    // Their difference is one that can be told (ParseTime); a sum might not be.
    const bool young = ranked.front().checkpoint->created - one.checkpoint->created <= within;
    (young ? one.kept_by : one.let_go_by)
        .push_back(
            fmt::format("{}within {} of the newest", young ? "" : "not ", DurationText(within)));
  }
}

RetentionVerdict VerdictOf(const RetainedCheckpoint& checkpoint, Ranked* ranked) {
  RetentionVerdict verdict;
  verdict.id = checkpoint.id;
  if (!checkpoint.not_available.empty())
    verdict.reasons.push_back("not available: " + checkpoint.not_available);
  if (checkpoint.pinned)
    verdict.reasons.push_back(checkpoint.pin.empty() ? "pinned" : "pinned: " + checkpoint.pin);
  if (!checkpoint.used_by.empty()) verdict.reasons.push_back("in use: " + checkpoint.used_by);
  if (ranked == nullptr) return verdict;
  for (std::string& reason : ranked->kept_by) verdict.reasons.push_back(std::move(reason));
  if (!verdict.reasons.empty()) return verdict;
  verdict.kept = false;
  verdict.reasons = std::move(ranked->let_go_by);
  return verdict;
}

}  // namespace

bool RetentionRules::any() const {
  return last != 0 || hourly != 0 || daily != 0 || weekly != 0 || monthly != 0 || yearly != 0 ||
         within > chrono::milliseconds(0);
}

std::string RetentionRules::str() const {
  std::vector<std::string> texts;
  if (last != 0) texts.push_back(fmt::format("last {}", last));
  for (const BucketRule& rule : kBucketRules) {
    if (this->*rule.count != 0) texts.push_back(fmt::format("{} {}", rule.name, this->*rule.count));
  }
  if (within > chrono::milliseconds(0)) texts.push_back("within " + DurationText(within));
  return Join(texts, ", ");
}

RetentionRules RetentionRulesOf(const Value& plan) {
  RetentionRules rules;
  const Value* const retention = plan.Find("retention");
  if (retention == nullptr || !retention->is_map()) return rules;
  const auto count = [retention](std::string_view key) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(
        retention->IntOr(key, 0), 0, std::numeric_limits<std::uint32_t>::max()));
  };
  rules.last = count("last");
  for (const BucketRule& rule : kBucketRules) rules.*rule.count = count(rule.name);
  rules.within = chrono::milliseconds(std::max<std::int64_t>(retention->IntOr("within", 0), 0));
  return rules;
}

std::vector<RetentionVerdict> ApplyRetention(std::vector<RetainedCheckpoint> checkpoints,
                                             const RetentionRules& rules, const AheadOfUtc& ahead) {
  std::sort(checkpoints.begin(), checkpoints.end(), [](const auto& a, const auto& b) {
    return std::pair(a.created, std::string_view(a.id)) >
           std::pair(b.created, std::string_view(b.id));
  });
  std::vector<Ranked> ranked;
  for (const RetainedCheckpoint& one : checkpoints) {
    if (!one.not_available.empty()) continue;
    const auto time = chrono::floor<chrono::seconds>(one.created);
    const chrono::seconds more = ahead(time);
    ranked.push_back({&one, {time + more, more}, {}, {}});
  }
  ApplyLast(ranked, rules.last);
  for (const BucketRule& rule : kBucketRules) ApplyBuckets(ranked, rule, rules.*rule.count);
  ApplyWithin(ranked, rules.within);
  if (!rules.any()) {
    for (Ranked& one : ranked) one.kept_by.emplace_back("there is no rule");
  }
  // Every rule keeps the newest one. This does not depend on that.
  if (!ranked.empty()) {
    auto& reasons = ranked.front().kept_by;
    if (ranked.size() == 1) reasons.emplace_back("the last available one");
    if (reasons.empty()) reasons.emplace_back("the newest available one");
  }

  std::vector<RetentionVerdict> verdicts;
  verdicts.reserve(checkpoints.size());
  WallTime oldest_kept = WallTime::min();
  auto next = ranked.begin();
  for (const RetainedCheckpoint& one : checkpoints) {
    const bool counts = next != ranked.end() && next->checkpoint == &one;
    verdicts.push_back(VerdictOf(one, counts ? &*next++ : nullptr));
    if (counts && verdicts.back().kept) oldest_kept = one.created;
  }
  for (std::size_t i = 0; i < checkpoints.size(); ++i) {
    const RetainedCheckpoint& one = checkpoints[i];
    verdicts[i].left_over = one.failed && !one.not_available.empty() && !one.pinned &&
                            one.used_by.empty() && one.created < oldest_kept;
  }
  return verdicts;
}

}  // namespace holdfast::runtime
