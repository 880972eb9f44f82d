#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plugins/sdk/clock.h"
#include "plugins/sdk/value.h"

namespace holdfast::runtime {

// Which checkpoints of a plan are kept, and which go: a function from data to data. It is what
// `restic forget --keep-*` and `borg prune` do, so that rules which somebody has from there mean the
// same here:
//
//   - Each rule looks at the checkpoints that count, newest first, and keeps some; what no rule keeps
//     goes. Rules do not share: `daily: 7` and `weekly: 4` keep at most 11, fewer where one checkpoint
//     is both a day's and a week's.
//   - `last: N` keeps the newest N.
//   - `hourly` to `yearly: N` keep the newest checkpoint of each of the newest N hours, days, ISO weeks
//     (from Monday on), months, years that have one. Those without one are not counted: after a month
//     in which nothing ran `daily: 7` still keeps seven. They are those of a time zone's clocks; an
//     hour that these show twice is two hours, one that they leave out has no checkpoint.
//   - A rule that finds fewer than N keeps the oldest checkpoint, too, so that a plan's history is as
//     long as its rules want it as early as can be: with `yearly: 5` the first one of all stays until
//     there are five years.
//   - `within` keeps all that are at most so much older than the newest one; not than now: where no
//     checkpoint is made any more none goes, and a clock that is wrong deletes nothing.
//
// Nothing depends on when it is asked. So asking again at once lets nothing more go, and asking every
// night ends with what asking once in the end would have kept.

// How many to keep; 0: the rule is not given.
struct RetentionRules {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  std::chrono::milliseconds within{0};

  bool any() const;
  // "last 3, daily 7, within 48 h", for people.
  std::string str() const;
};

// The rules in a plan's value, as it was read and checked, or as a record kept it; what is missing or
// no such number is not given.
RetentionRules RetentionRulesOf(const Value& plan);

// How far the clocks of a time zone are ahead of UTC at a time.
using AheadOfUtc = std::function<std::chrono::seconds(std::chrono::sys_seconds)>;

// What is known of a checkpoint.
struct RetainedCheckpoint {
  std::string id;
  WallTime created;
  // Why nobody can rely on it, for people ("error"); empty: it is available. One that cannot be relied
  // on is kept and takes nobody's place: what becomes of it is not for rules to say.
  std::string not_available;
  bool failed = false;  // it has ended, and is in error: there is nothing more to wait for
  std::string used_by;  // who works with it just now, for people; empty: nobody. It is kept
  bool pinned = false;  // somebody has said that it is kept
  std::string pin;      // who and why, for people; may be empty
};

struct RetentionVerdict {
  std::string id;
  bool kept = true;
  // Why, each for people: "last 3: 2nd", "weekly 2026-W48", "pinned". Of one that goes, for each rule
  // that is given why it does not keep it. Never empty.
  std::vector<std::string> reasons;
  // Of one that is kept, and in error: every available one that is kept is younger, so that nobody is
  // likely to need what it holds. A person may delete it.
  bool left_over = false;
};

// The verdicts, newest first; of checkpoints of one time the greater id is the newer one, as where
// `latest` is looked for. The newest available one is always kept, so at least one is where there was
// one. Without rules all are.
std::vector<RetentionVerdict> ApplyRetention(std::vector<RetainedCheckpoint> checkpoints,
                                             const RetentionRules& rules, const AheadOfUtc& ahead);

}  // namespace holdfast::runtime
