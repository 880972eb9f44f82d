#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "plugins/sdk/operation.h"

namespace holdfast::testing_engines {

// What noop is told to do in one activity of one resource.
struct Injection {
  bool exists = false;
  std::string aggregate;  // the key of the step that it shares; empty: its own
  bool journal = false;
  int sleep_ms = 0;
  int yields = 0;
  std::string die;     // "", "begin", "middle" or "end"
  int die_times = 0;   // 0: each time
  bool exits = false;  // each time
  bool fail = false;
  int fail_times = 0;
  std::string error;
  int data_bytes = 0;

  bool MayFail() const { return fail || fail_times > 0; }
};

struct CaseResource {
  std::string type;
  std::string id;
  std::vector<std::size_t> parents;                      // smaller numbers only
  std::array<Injection, kActivityKindCount> activities;  // by ActivityKind

  std::string key() const { return type + "#" + id; }
};

// What becomes of the first run.
enum class Course {
  kUndisturbed,
  kKillAndResume,   // the engine dies, `run --resume` goes on
  kKillAndCollect,  // the engine dies, only `gc` comes after it
  kStop,            // Ctrl-C: steps are told to end, `end` cleans up
  kRepeat,          // `run --record` until everything has succeeded
};

// One random graph with what goes wrong in it: a pure function of the seed.
struct RandomCase {
  std::uint64_t seed = 0;
  std::vector<CaseResource> resources;
  std::array<bool, kActivityKindCount> defined{};  // by the plugin; what is not is no activity
  bool post_acts_on_failure = true;
  bool quiesces = false;
  std::string fuse;
  unsigned jobs = 1;
  unsigned max_tasks = 200;  // in one template; most graphs are cut where that is 20
  Course course = Course::kUndisturbed;
  std::size_t kill_after = 0;  // lines of the trace

  const Injection& At(std::size_t activity) const {
    return resources[activity / kActivityKindCount].activities[activity % kActivityKindCount];
  }
  std::size_t activity_count() const { return resources.size() * kActivityKindCount; }
  // Is any activity told to fail?
  bool MayFail() const {
    for (std::size_t a = 0; a < activity_count(); ++a) {
      if (At(a).MayFail()) return true;
    }
    return false;
  }
  bool aggregates() const;

  std::string GraphFile() const;
  std::string PlanFile() const;
  std::string Settings(const std::string& graph, const std::string& trace) const;
};

// How often a step is tried after its first try; `end` more often, as it meets several deaths.
inline constexpr int kStepRetries = 6;
inline constexpr int kEndRetries = 30;

RandomCase MakeRandomCase(std::uint64_t seed);

// order[x][y]: activity x comes before activity y. Written down from the definition of the four
// links and pre_finish, with a closure by brute force; nothing of the compiler is in it. Activities
// are numbered resource * 4 + kind; those that do not exist have no order.
using Order = std::vector<std::vector<bool>>;
Order OrderOf(const RandomCase& c);

// The activities that must succeed before `activity` runs.
std::vector<std::size_t> GatesOf(const RandomCase& c, std::size_t activity);

// "parallel of R::A#n3".
std::string NameOfActivity(const RandomCase& c, std::size_t activity);

}  // namespace holdfast::testing_engines
