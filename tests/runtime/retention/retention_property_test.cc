// Years of nights, with gaps, failures, several runs a night, pins and changed rules, pruned at random
// times, against a brute-force oracle.

#include <gtest/gtest.h>
// After gtest.
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/retention/retention_policy.h"
#include "tests/runtime/retention/zone_clocks.h"
#include "tests/sdk/property_cases.h"

namespace holdfast::testing_retention {
namespace {

using runtime::ApplyRetention;
using runtime::RetainedCheckpoint;
using runtime::RetentionRules;
using runtime::RetentionVerdict;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Years of nights are worth ten cases of other properties.
const bool kConfigured = testing::TryPropertiesOn(testing::PropertyCases(30, 10, 30));

using Zone = seconds (*)(std::chrono::sys_seconds);
constexpr std::array<Zone, 4> kZones{Utc, Berlin, StJohns, LordHowe};

// --- The oracle: what the header says, word by word, with the C library's calendar ----------------

bool IsNewer(const RetainedCheckpoint& a, const RetainedCheckpoint& b) {
  if (a.created != b.created) return a.created > b.created;
  return a.id > b.id;
}

std::string BucketOf(const RetainedCheckpoint& one, const char* format, Zone zone) {
  const auto time = std::chrono::floor<seconds>(one.created);
  const seconds ahead = zone(time);
  const std::time_t shown = (time + ahead).time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&shown, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), format, &parts);
  std::string bucket = text.data();
  if (std::string(format).find("%H") != std::string::npos) bucket += std::to_string(ahead.count());
  return bucket;
}

// Of those that are available: the ids that a rule of buckets keeps.
void KeptByBuckets(const std::vector<RetainedCheckpoint>& all, const char* format, Zone zone,
                   std::size_t count, std::set<std::string>& kept) {
  if (count == 0) return;
  std::vector<std::string> buckets;
  for (const RetainedCheckpoint& one : all) buckets.push_back(BucketOf(one, format, zone));
  std::vector<bool> newest(all.size(), true);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size() && newest[i]; ++j) {
      if (buckets[i] == buckets[j] && IsNewer(all[j], all[i])) newest[i] = false;
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::size_t newer = 0;
    bool oldest = true;
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (newest[j] && IsNewer(all[j], all[i])) ++newer;
      if (IsNewer(all[i], all[j])) oldest = false;
    }
    if (newest[i] && newer < count) kept.insert(all[i].id);
    const std::set<std::string> different(buckets.begin(), buckets.end());
    if (oldest && different.size() < count) kept.insert(all[i].id);
  }
}

std::set<std::string> Oracle(const std::vector<RetainedCheckpoint>& all,
                             const RetentionRules& rules, Zone zone) {
  std::set<std::string> kept;
  std::vector<RetainedCheckpoint> available;
  for (const RetainedCheckpoint& one : all) {
    if (one.not_available.empty()) available.push_back(one);
    if (!one.not_available.empty() || one.pinned || !one.used_by.empty()) kept.insert(one.id);
  }
  for (const RetainedCheckpoint& one : available) {
    std::size_t newer = 0;
    bool within = true;
    for (const RetainedCheckpoint& other : available) {
      if (IsNewer(other, one)) ++newer;
      if (other.created - one.created > rules.within) within = false;
    }
    if (newer < rules.last || newer == 0) kept.insert(one.id);
    if (rules.within > seconds(0) && within) kept.insert(one.id);
  }
  KeptByBuckets(available, "%Y-%m-%d %H", zone, rules.hourly, kept);
  KeptByBuckets(available, "%Y-%m-%d", zone, rules.daily, kept);
  KeptByBuckets(available, "%G-%V", zone, rules.weekly, kept);
  KeptByBuckets(available, "%Y-%m", zone, rules.monthly, kept);
  KeptByBuckets(available, "%Y", zone, rules.yearly, kept);
  return kept;
}

// --- The nights -------------------------------------------------------------------------------------

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool OneIn(std::uint64_t bound) { return Below(bound) == 0; }

 private:
  std::mt19937_64 random_;
};

RetentionRules SomeRules(Chance& chance) {
  RetentionRules rules;
  const auto some = [&chance](std::uint32_t most) {
    return chance.OneIn(2) ? 0U : static_cast<std::uint32_t>(chance.Below(most) + 1);
  };
  while (!rules.any()) {
    rules.last = some(5);
    rules.hourly = some(12);
    rules.daily = some(10);
    rules.weekly = some(6);
    rules.monthly = some(14);
    rules.yearly = some(4);
    if (chance.OneIn(4)) rules.within = hours(chance.Below(24 * 30));
  }
  return rules;
}

// A bank over some years, as far as retention sees it.
class Nights {
 public:
  Nights(std::uint64_t seed, bool steady)
      : chance_(seed), zone_(kZones[chance_.Below(kZones.size())]), steady_(steady) {
    rules_ = SomeRules(chance_);
    night_ =
        At("2019-11-20T00:00:00Z") + hours(24 * chance_.Below(400)) + minutes(chance_.Below(1440));
  }

  // One night's runs, and what people do by day.
  void Pass() {
    night_ += hours(24);
    if (chance_.OneIn(60)) night_ += hours(24 * chance_.Below(45));  // the machine was off
    const std::uint64_t runs = chance_.OneIn(12) ? 0 : chance_.OneIn(8) ? 1 + chance_.Below(5) : 1;
    WallTime time = night_;
    for (std::uint64_t run = 0; run < runs; ++run) {
      RetainedCheckpoint one;
      // Ids that do not sort as the times do.
      one.id = std::to_string(1'000'000 + (++made_ * 7919) % 1'000'003);
      one.created = time;
      if (!steady_ && chance_.OneIn(8)) {
        one.not_available = "error";
        one.failed = true;
      }
      bank_.push_back(std::move(one));
      if (!chance_.OneIn(10)) time += minutes(chance_.Below(150));  // else two of one time
    }
    if (!steady_) ByDay();
  }

  const std::vector<RetainedCheckpoint>& bank() const { return bank_; }
  std::vector<RetainedCheckpoint>& bank() { return bank_; }
  const RetentionRules& rules() const { return rules_; }
  Zone zone() const { return zone_; }
  Chance& chance() { return chance_; }

  std::vector<RetentionVerdict> Verdicts() { return ApplyRetention(bank_, rules_, zone_); }

  // Deletes what goes; an end that comes too early leaves some of it.
  void Delete(const std::vector<RetentionVerdict>& verdicts, bool in_full) {
    for (const RetentionVerdict& verdict : verdicts) {
      if (verdict.kept || (!in_full && chance_.OneIn(2))) continue;
      std::erase_if(bank_, [&](const auto& one) { return one.id == verdict.id; });
    }
  }

 private:
  void ByDay() {
    if (bank_.empty()) return;
    RetainedCheckpoint& one = bank_[chance_.Below(bank_.size())];
    if (chance_.OneIn(40)) one.pinned = !one.pinned;
    if (chance_.OneIn(30)) one.used_by = one.used_by.empty() ? "restore r" : "";
    if (chance_.OneIn(150)) one.not_available = "damaged";
    if (one.failed && chance_.OneIn(20)) {  // it was gone on with
      one.failed = false;
      one.not_available.clear();
    }
    if (chance_.OneIn(90)) rules_ = SomeRules(chance_);
    if (chance_.OneIn(30)) {
      for (const RetentionVerdict& verdict : Verdicts()) {
        if (!verdict.left_over) continue;
        std::erase_if(bank_, [&](const auto& other) { return other.id == verdict.id; });
      }
    }
  }

  Chance chance_;
  Zone zone_;
  bool steady_;
  RetentionRules rules_;
  WallTime night_;
  std::uint64_t made_ = 0;
  std::vector<RetainedCheckpoint> bank_;
};

std::set<std::string> KeptOf(const std::vector<RetentionVerdict>& verdicts) {
  std::set<std::string> kept;
  for (const RetentionVerdict& verdict : verdicts) {
    if (verdict.kept) kept.insert(verdict.id);
  }
  return kept;
}

std::set<std::string> IdsOf(const std::vector<RetainedCheckpoint>& all) {
  std::set<std::string> ids;
  for (const RetainedCheckpoint& one : all) ids.insert(one.id);
  return ids;
}

std::size_t AvailableIn(const std::vector<RetainedCheckpoint>& all) {
  return static_cast<std::size_t>(std::count_if(
      all.begin(), all.end(), [](const auto& one) { return one.not_available.empty(); }));
}

// What holds of every prune, whatever was before.
void CheckPrune(Nights& nights) {
  const std::vector<RetainedCheckpoint> before = nights.bank();
  const auto verdicts = nights.Verdicts();
  RC_ASSERT(KeptOf(verdicts) == Oracle(before, nights.rules(), nights.zone()));
  RC_ASSERT(verdicts.size() == before.size());
  for (const RetentionVerdict& verdict : verdicts) RC_ASSERT(!verdict.reasons.empty());

  nights.Delete(verdicts, true);
  const std::vector<RetainedCheckpoint>& after = nights.bank();
  const std::set<std::string> ids = IdsOf(after);
  for (const RetainedCheckpoint& one : before) {
    if (one.pinned || !one.used_by.empty() || !one.not_available.empty())
      RC_ASSERT(ids.contains(one.id));
  }
  RC_ASSERT((AvailableIn(after) == 0) == (AvailableIn(before) == 0));
  if (nights.rules().within == seconds(0)) {
    const auto held = static_cast<std::size_t>(
        std::count_if(after.begin(), after.end(), [](const RetainedCheckpoint& one) {
          return one.not_available.empty() && (one.pinned || !one.used_by.empty());
        }));
    const RetentionRules& rules = nights.rules();
    RC_ASSERT(AvailableIn(after) <= held + rules.last + rules.hourly + rules.daily + rules.weekly +
                                        rules.monthly + rules.yearly);
  }
  for (const RetentionVerdict& verdict : nights.Verdicts()) RC_ASSERT(verdict.kept);
}

RC_GTEST_PROP(RetentionProperty, YearsOfNightsArePrunedAsTheOracleSays, (std::uint64_t seed)) {
  Nights nights(seed, false);
  const std::uint64_t count = 200 + nights.chance().Below(1300);
  // About as many prunes, however many nights.
  const std::uint64_t every = std::max<std::uint64_t>(1, count / (20 + nights.chance().Below(130)));
  for (std::uint64_t night = 0; night < count; ++night) {
    nights.Pass();
    if (nights.chance().OneIn(every)) CheckPrune(nights);
  }
}

RC_GTEST_PROP(RetentionProperty, PruningEveryNightEndsWithWhatPruningOnceKeeps,
              (std::uint64_t seed)) {
  Nights nightly(seed, true);
  std::vector<RetainedCheckpoint> all;
  Nights once(seed, true);
  const std::uint64_t count = 1 + Chance(seed).Below(700);
  for (std::uint64_t night = 0; night < count; ++night) {
    nightly.Pass();
    once.Pass();
    nightly.Delete(nightly.Verdicts(), true);
  }
  RC_ASSERT(IdsOf(nightly.bank()) == KeptOf(once.Verdicts()));
}

// A prune that is killed has deleted some of what goes: the next one's verdicts are the same.
RC_GTEST_PROP(RetentionProperty, WhatAKilledPruneLeftGoesWithTheNext, (std::uint64_t seed)) {
  Nights nights(seed, false);
  const std::uint64_t count = 30 + nights.chance().Below(300);
  for (std::uint64_t night = 0; night < count; ++night) nights.Pass();
  const auto verdicts = nights.Verdicts();
  nights.Delete(verdicts, false);
  RC_ASSERT(KeptOf(nights.Verdicts()) == KeptOf(verdicts));
}

// Two that prune at once by other rules delete each what it sees to go: what is newest stays.
RC_GTEST_PROP(RetentionProperty, TwoPrunesByOtherRulesLeaveTheNewest, (std::uint64_t seed)) {
  Nights nights(seed, false);
  const std::uint64_t count = 30 + nights.chance().Below(300);
  for (std::uint64_t night = 0; night < count; ++night) nights.Pass();
  const std::size_t available = AvailableIn(nights.bank());
  const auto one = nights.Verdicts();
  const auto other = ApplyRetention(nights.bank(), SomeRules(nights.chance()), nights.zone());
  nights.Delete(one, true);
  nights.Delete(other, true);
  RC_ASSERT((AvailableIn(nights.bank()) == 0) == (available == 0));
}

RC_GTEST_PROP(RetentionProperty, TheOrderOfTheInputSaysNothing, (std::uint64_t seed)) {
  Nights nights(seed, false);
  for (int night = 0; night < 60; ++night) nights.Pass();
  const auto verdicts = nights.Verdicts();
  std::shuffle(nights.bank().begin(), nights.bank().end(), std::mt19937_64(seed));
  const auto again = nights.Verdicts();
  RC_ASSERT(again.size() == verdicts.size());
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    RC_ASSERT(again[i].id == verdicts[i].id);
    RC_ASSERT(again[i].kept == verdicts[i].kept);
    RC_ASSERT(again[i].reasons == verdicts[i].reasons);
  }
}

}  // namespace
}  // namespace holdfast::testing_retention
