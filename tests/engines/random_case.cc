#include "tests/engines/random_case.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace holdfast::testing_engines {
namespace {

constexpr std::size_t kKinds = kActivityKindCount;
constexpr auto kPre = static_cast<std::size_t>(ActivityKind::kPre);
constexpr auto kPreFinish = static_cast<std::size_t>(ActivityKind::kPreFinish);
constexpr auto kParallel = static_cast<std::size_t>(ActivityKind::kParallel);
constexpr auto kPost = static_cast<std::size_t>(ActivityKind::kPost);

// The distributions of <random> differ between libraries; a seed must not.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::size_t Below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  bool Percent(std::size_t p) { return Below(100) < p; }

 private:
  std::mt19937_64 engine_;
};

void AddResources(RandomCase& c, Dice& dice) {
  const std::size_t count = 2 + dice.Below(11);
  const std::size_t shape = dice.Below(4);
  for (std::size_t i = 0; i < count; ++i) {
    CaseResource resource;
    resource.type = std::string("R::") + static_cast<char>('A' + dice.Below(4));
    resource.id = "n" + std::to_string(i);
    std::set<std::size_t> parents;
    if (i > 0) {
      switch (shape) {
        case 0:  // a forest
          if (dice.Percent(80)) parents.insert(dice.Below(i));
          break;
        case 1:  // a star
          parents.insert(0);
          break;
        case 2:  // diamonds
          for (std::size_t n = 1 + dice.Below(3); n > 0; --n) parents.insert(dice.Below(i));
          break;
        default:  // a ladder of layers of two
          for (std::size_t p = i >= 2 ? (i / 2) * 2 - 2 : 0; p < (i / 2) * 2; ++p)
            parents.insert(p);
          break;
      }
    }
    resource.parents.assign(parents.begin(), parents.end());
    c.resources.push_back(std::move(resource));
  }
}

void AddActivities(RandomCase& c, Dice& dice) {
  c.defined.fill(true);
  for (bool& defined : c.defined) {
    if (dice.Percent(10)) defined = false;
  }
  if (dice.Percent(40)) c.defined[kPreFinish] = false;
  c.defined[kParallel] = true;
  std::map<std::string, std::array<bool, kKinds>> of_type;
  for (CaseResource& resource : c.resources) {
    const auto [entry, is_new] = of_type.try_emplace(resource.type);
    for (std::size_t k = 0; k < kKinds; ++k) {
      if (is_new) entry->second[k] = !dice.Percent(k == kPreFinish ? 55 : 20);
      const bool other = dice.Percent(10);
      resource.activities[k].exists = c.defined[k] && entry->second[k] != other;
    }
  }
  c.resources.front().activities[kParallel].exists = true;
}

// Merged steps must leave the order without a cycle: a group that does not is taken back.
bool MergedOrderHasCycle(const RandomCase& c) {
  const Order order = OrderOf(c);
  std::map<std::string, std::size_t> steps;
  std::vector<std::size_t> step_of(c.activity_count());
  for (std::size_t a = 0; a < c.activity_count(); ++a) {
    const std::string& key = c.At(a).aggregate;
    const std::string name =
        key.empty() ? std::to_string(a) : key + "/" + std::to_string(a % kKinds);
    step_of[a] = steps.try_emplace(name, steps.size()).first->second;
  }
  Order merged(steps.size(), std::vector<bool>(steps.size(), false));
  for (std::size_t x = 0; x < c.activity_count(); ++x) {
    for (std::size_t y = 0; y < c.activity_count(); ++y) {
      if (order[x][y]) merged[step_of[x]][step_of[y]] = true;
    }
  }
  for (std::size_t k = 0; k < merged.size(); ++k) {
    for (auto& row : merged) {
      if (!row[k]) continue;
      for (std::size_t j = 0; j < merged.size(); ++j) row[j] = row[j] || merged[k][j];
    }
  }
  for (std::size_t i = 0; i < merged.size(); ++i) {
    if (merged[i][i]) return true;
  }
  return false;
}

void AddAggregation(RandomCase& c, Dice& dice) {
  if (!dice.Percent(50)) return;
  for (std::size_t group = 0; group < 1 + dice.Below(3); ++group) {
    const std::size_t kind = dice.Below(kKinds);
    const std::string key = "group" + std::to_string(group);
    RandomCase tried = c;
    for (CaseResource& resource : tried.resources) {
      Injection& injection = resource.activities[kind];
      if (injection.exists && injection.aggregate.empty() && dice.Percent(40))
        injection.aggregate = key;
    }
    if (!MergedOrderHasCycle(tried)) c = std::move(tried);
  }
}

void AddInjections(RandomCase& c, Dice& dice) {
  static constexpr std::array<const char*, 3> kPlaces{"begin", "middle", "end"};
  static constexpr std::array<const char*, 5> kErrors{"internal", "denied", "corrupt", "not-found",
                                                      "unavailable"};
  // Some runs have nothing wrong in them, most have a few things, some many.
  const std::size_t share = std::array<std::size_t, 4>{0, 8, 15, 30}[dice.Below(4)];
  const bool heals = c.course == Course::kRepeat;
  std::set<std::string> groups_that_die;
  int stubborn_posts = 0;
  for (CaseResource& resource : c.resources) {
    for (std::size_t k = 0; k < kKinds; ++k) {
      Injection& injection = resource.activities[k];
      if (!injection.exists) continue;
      injection.journal = dice.Percent(60);
      if (dice.Percent(50)) injection.sleep_ms = static_cast<int>(5 + dice.Below(60));
      if (dice.Percent(20)) injection.yields = static_cast<int>(1 + dice.Below(3));
      if (k != kPost && dice.Percent(40))
        injection.data_bytes = static_cast<int>(dice.Below(20'000));
      const std::size_t what = dice.Below(100);
      const std::size_t place = dice.Below(3);
      const std::size_t error = dice.Below(kErrors.size());
      if (!dice.Percent(heals ? std::min<std::size_t>(share, 12) : share)) continue;
      const bool cleans_up = k == kPost && c.post_acts_on_failure;
      const bool shared = !injection.aggregate.empty();
      if (what < 45) {
        if (what < 15 || heals) {
          injection.fail_times = 1;
        } else {
          injection.fail = true;
        }
        injection.error = kErrors[error];
        continue;
      }
      // Each death of a shared step costs it a try: only one of its resources dies.
      if (shared && !groups_that_die.insert(injection.aggregate + std::to_string(k)).second)
        continue;
      if (what < 70 || heals) {
        injection.die = kPlaces[place];
        injection.die_times = 1;
      } else if (cleans_up) {
        // More often than its step is tried: `end` has to make the clean-up, and dies at it too.
        if (shared || !resource.activities[kPre].exists || stubborn_posts >= 2) continue;
        ++stubborn_posts;
        injection.die = kPlaces[place];
        injection.die_times = kStepRetries + 2;
      } else if (what < 92 || shared) {
        injection.die = kPlaces[place];
      } else {
        injection.exits = true;
      }
    }
  }
}

std::string Quoted(const std::string& text) { return "\"" + text + "\""; }

}  // namespace

bool RandomCase::aggregates() const {
  for (std::size_t a = 0; a < activity_count(); ++a) {
    if (!At(a).aggregate.empty()) return true;
  }
  return false;
}

RandomCase MakeRandomCase(std::uint64_t seed) {
  Dice dice(seed);
  RandomCase c;
  c.seed = seed;
  c.post_acts_on_failure = dice.Percent(75);
  c.quiesces = dice.Percent(30);
  c.fuse = dice.Percent(50) ? "leaf" : "none";
  c.jobs = static_cast<unsigned>(1 + dice.Below(4));
  const std::size_t course = dice.Below(100);
  c.course = course < 45   ? Course::kUndisturbed
             : course < 70 ? Course::kKillAndResume
             : course < 79 ? Course::kKillAndCollect
             : course < 87 ? Course::kStop
                           : Course::kRepeat;
  AddResources(c, dice);
  AddActivities(c, dice);
  AddAggregation(c, dice);
  AddInjections(c, dice);
  std::size_t there = 0;
  for (std::size_t a = 0; a < c.activity_count(); ++a) there += c.At(a).exists ? 1U : 0U;
  c.kill_after = 1 + dice.Below(2 * there);
  if (seed % 2 == 0) c.max_tasks = 20;
  return c;
}

Order OrderOf(const RandomCase& c) {
  const std::size_t n = c.activity_count();
  const std::size_t size = c.resources.size();
  // below[a][d]: d is a proper descendant of a.
  Order below(size, std::vector<bool>(size, false));
  for (std::size_t d = 0; d < size; ++d) {
    for (const std::size_t p : c.resources[d].parents) {
      below[p][d] = true;
      for (std::size_t a = 0; a < size; ++a) below[a][d] = below[a][d] || below[a][p];
    }
  }
  Order order(n, std::vector<bool>(n, false));
  const auto link = [&](std::size_t a, std::size_t a_kind, std::size_t b, std::size_t b_kind) {
    order[a * kKinds + a_kind][b * kKinds + b_kind] = true;
  };
  const auto prepares = [&](std::size_t r) { return c.resources[r].activities[kPreFinish].exists; };
  for (std::size_t r = 0; r < size; ++r) {
    for (const std::size_t p : c.resources[r].parents) {
      link(p, kPre, r, kPre);
      link(r, kPost, p, kPost);
    }
    link(r, kPre, r, kParallel);
    link(r, kParallel, r, kPost);
    if (!prepares(r)) continue;
    link(r, kPre, r, kPreFinish);
    link(r, kPreFinish, r, kParallel);
    for (std::size_t d = 0; d < size; ++d) {
      if (!below[r][d]) continue;
      link(d, kPre, r, kPreFinish);
      if (prepares(d)) link(d, kPreFinish, r, kPreFinish);
    }
  }
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!order[i][k]) continue;
      for (std::size_t j = 0; j < n; ++j) order[i][j] = order[i][j] || order[k][j];
    }
  }
  for (std::size_t a = 0; a < n; ++a) {
    if (c.At(a).exists) continue;
    for (std::size_t b = 0; b < n; ++b) order[a][b] = order[b][a] = false;
  }
  return order;
}

namespace {

void AddGatesOfPre(const RandomCase& c, std::size_t resource, std::set<std::size_t>& gates) {
  for (const std::size_t p : c.resources[resource].parents) {
    if (c.resources[p].activities[kPre].exists) {
      gates.insert(p * kKinds + kPre);
    } else {
      AddGatesOfPre(c, p, gates);
    }
  }
}

}  // namespace

std::vector<std::size_t> GatesOf(const RandomCase& c, std::size_t activity) {
  const std::size_t r = activity / kKinds;
  const std::size_t kind = activity % kKinds;
  std::set<std::size_t> gates;
  if (kind == kPre || !c.resources[r].activities[kPre].exists) {
    AddGatesOfPre(c, r, gates);
  } else {
    gates.insert(r * kKinds + kPre);
  }
  if (kind == kParallel && c.resources[r].activities[kPreFinish].exists) {
    gates.insert(r * kKinds + kPreFinish);
  }
  return {gates.begin(), gates.end()};
}

std::string NameOfActivity(const RandomCase& c, std::size_t activity) {
  return std::string(NameOf(static_cast<ActivityKind>(activity % kKinds))) + " of " +
         c.resources[activity / kKinds].key();
}

std::string RandomCase::GraphFile() const {
  std::string text = "format: 1\nresources:\n";
  for (std::size_t r = 0; r < resources.size(); ++r) {
    text += "- type: " + resources[r].type + "\n  id: " + Quoted(resources[r].id) +
            "\n  name: " + Quoted(resources[r].id) + "\n";
    std::string children;
    for (const CaseResource& child : resources) {
      if (std::find(child.parents.begin(), child.parents.end(), r) == child.parents.end()) continue;
      children += "  - {type: '" + child.type + "', id: " + Quoted(child.id) + "}\n";
    }
    if (!children.empty()) text += "  children:\n" + children;
  }
  return text;
}

std::string RandomCase::PlanFile() const {
  std::string text = "name: random\nprovider: random\nresources:\n";
  for (const CaseResource& resource : resources) {
    if (resource.parents.empty()) text += "- '" + resource.key() + "'\n";
  }
  text += "parameters:\n";
  // What all resources of a type lack is said of the type; where one has it after all, of that one.
  std::map<std::string, std::array<bool, kKinds>> of_type;
  for (const CaseResource& resource : resources) {
    const auto entry = of_type.try_emplace(resource.type);
    if (!entry.second) continue;
    for (std::size_t k = 0; k < kKinds; ++k) entry.first->second[k] = resource.activities[k].exists;
    text += "  " + resource.type + ": {parallel_yields: 0";
    for (std::size_t k = 0; k < kKinds; ++k) {
      if (!resource.activities[k].exists && defined[k]) {
        text += ", " + std::string(NameOf(static_cast<ActivityKind>(k))) + "_none: true";
      }
    }
    text += "}\n";
  }
  for (const CaseResource& resource : resources) {
    text += "  '" + resource.key() +
            "':\n    parallel_yields: " + std::to_string(resource.activities[kParallel].yields) +
            "\n";
    for (std::size_t k = 0; k < kKinds; ++k) {
      const Injection& i = resource.activities[k];
      const auto add = [&](const std::string& name, const std::string& value) {
        text += "    " + std::string(NameOf(static_cast<ActivityKind>(k))) + "_" + name + ": " +
                value + "\n";
      };
      if (defined[k] && i.exists != of_type[resource.type][k])
        add("none", i.exists ? "false" : "true");
      if (!i.exists) continue;
      if (!i.aggregate.empty()) add("aggregate", Quoted(i.aggregate));
      if (i.journal) add("journal", "true");
      if (i.sleep_ms > 0) add("sleep", std::to_string(i.sleep_ms) + "ms");
      if (i.yields > 0 && k != kParallel) add("yields", std::to_string(i.yields));
      if (!i.die.empty()) add("die", Quoted(i.die));
      if (!i.die.empty() || i.exits) add("die_times", std::to_string(i.die_times));
      if (i.exits) add("exit", "3");
      if (i.fail) add("fail", "true");
      if (i.fail_times > 0) add("fail_times", std::to_string(i.fail_times));
      if (!i.error.empty()) add("error", Quoted(i.error));
      if (i.data_bytes > 0) add("data", std::to_string(i.data_bytes));
    }
  }
  return text + "policy: {fuse: " + fuse + ", retries: " + std::to_string(kStepRetries) + "}\n";
}

std::string RandomCase::Settings(const std::string& graph, const std::string& trace) const {
  std::set<std::string> types;
  for (const CaseResource& resource : resources) types.insert(resource.type);
  const auto join = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
  };
  std::vector<std::string> activities;
  for (std::size_t k = 0; k < kKinds; ++k) {
    if (defined[k])
      activities.push_back("protect." + std::string(NameOf(static_cast<ActivityKind>(k))));
  }
  return "[noop]\ntypes = " + join({types.begin(), types.end()}) +
         "\nactivities = " + join(activities) + "\nquiesces = " + (quiesces ? "true" : "false") +
         "\npost_acts_on_failure = " + (post_acts_on_failure ? "true" : "false") +
         "\npoll_interval = 5ms\ngraph = " + graph + "\ntrace = " + trace + "\n";
}

}  // namespace holdfast::testing_engines
