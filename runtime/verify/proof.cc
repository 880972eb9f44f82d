#include "runtime/verify/proof.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/mistral_words.h"
#include "plugins/sdk/text.h"
#include "runtime/verify/run_settings.h"
#include "runtime/verify/shown_value.h"

namespace holdfast::verify {
namespace {

// One activity of one resource.
using Activity = std::pair<ResourceKey, ActivityKind>;
using Activities = std::set<Activity>;

class Prover {
 public:
  // Borrows the bundle.
  Prover(const LoadedBundle& bundle, SaidRun run) : bundle_(bundle.bundle), run_(std::move(run)) {
    for (const BundleShard& shard : bundle.shards) {
      for (const BundleStep& step : shard.steps) {
        steps_.emplace(step.name, static_cast<std::uint32_t>(bundle_steps_.size()));
        bundle_steps_.push_back(&step);
      }
    }
  }

  Proof Run() {
    for (const std::string& fault : run_.faults) Fault(fault);
    CheckSteps();
    CheckSettings();
    // What is not there once cannot be compared.
    if (proof_.holds()) CheckOrder();
    if (proof_.holds()) CheckConditions();
    return std::move(proof_);
  }

 private:
  void Fault(std::string what) {
    if (proof_.faults.size() < kMostFaults) {
      proof_.faults.push_back(std::move(what));
    } else {
      ++proof_.more_faults;
    }
  }

  void CheckSteps() {
    proof_.steps = bundle_steps_.size();
    std::vector<std::size_t> times(bundle_steps_.size(), 0);
    for (const SaidStep& step : run_.steps) {
      const auto at = steps_.find(step.name);
      if (at == steps_.end()) {
        Fault("the bundle has no step " + Printable(step.name));
      } else if (times[at->second]++ == 1) {
        Fault("step " + step.name + " would run more than once");
      }
    }
    for (std::size_t i = 0; i < times.size(); ++i) {
      if (times[i] == 0) Fault("step " + bundle_steps_[i]->name + " is not there");
    }
  }

  // In the order of their names.
  Value OwnerTags() const {
    namespace words = mistral_words;
    return Value::List{
        fmt::format("{}{}", words::kOperationTag, NameOf(bundle_.operation)),
        fmt::format("{}{}", words::kPlanTag, bundle_.plan.StringOr("name", "")),
        fmt::format("{}{}", words::kProviderTag, bundle_.provider_id),
    };
  }

  // What the file says in the plan's place.
  void CheckSettings() {
    const RunSettings plan = SettingsOf(bundle_);
    for (const SaidSetting& said : run_.settings) {
      Value wanted;
      bool holds = false;
      switch (said.kind) {
        case SaidSetting::Kind::kName:
          wanted = plan.workflow;
          break;
        case SaidSetting::Kind::kOwner:
          wanted = OwnerTags();
          break;
        case SaidSetting::Kind::kFailFast:
          wanted = plan.fail_fast;
          break;
        case SaidSetting::Kind::kPartial:
          wanted = plan.partial;
          break;
        case SaidSetting::Kind::kRetries:
          wanted = plan.retries;
          break;
        case SaidSetting::Kind::kTimeout:
          // A step that is given up while it works would work beside what comes after it.
          wanted =
              std::chrono::seconds(plan.LongestStep() + mistral_words::kBeyondDeadline).count();
          break;
        case SaidSetting::Kind::kTryDeadline:
          wanted = plan.LongestStep().count();
          holds = !plan.step_deadline || said.value.AsInt() >= plan.step_deadline->count();
          break;
      }
      if (holds || said.value == wanted) continue;
      Fault(fmt::format("{}: {} is {}, and {} by its plan", said.place, said.what,
                        TextOf(said.value), TextOf(wanted)));
    }
  }

  // The bundle's order, over its steps' numbers.
  bool MakeWanted(Precedence& wanted) {
    for (std::size_t i = 0; i < bundle_steps_.size(); ++i) wanted.AddNode();
    for (std::uint32_t i = 0; i < bundle_steps_.size(); ++i) {
      const auto link = [&](const std::string& before) {
        const auto at = steps_.find(before);
        if (at == steps_.end()) return Fault("the bundle's step " + before + " is not in it");
        if (at->second != i) wanted.Link(at->second, i);
      };
      for (const std::string& before : bundle_steps_[i]->order) link(before);
      for (const BundleActivity& activity : bundle_steps_[i]->activities) {
        for (const BundleGate& gate : activity.gates) link(gate.step);
      }
    }
    if (wanted.Sort()) return proof_.holds();
    Fault("the steps of the bundle wait for each other in a circle");
    return false;
  }

  void CheckOrder() {
    Precedence wanted;
    if (!MakeWanted(wanted)) return;
    if (!run_.order.Sort()) return Fault("the files wait in a circle");
    CheckFrame();
    const std::size_t count = run_.steps.size();
    // In blocks, so that it stays in the cache.
    constexpr std::size_t kBlock = 4096;
    for (std::size_t begin = 0; begin < count; begin += kBlock) {
      const std::size_t size = std::min(kBlock, count - begin);
      std::vector<std::uint32_t> wanted_nodes(size);
      std::vector<std::uint32_t> said_nodes(size);
      for (std::size_t i = 0; i < size; ++i) {
        wanted_nodes[i] = steps_.at(run_.steps[begin + i].name);
        said_nodes[i] = run_.steps[begin + i].node;
      }
      const auto must = wanted.Close(wanted_nodes);
      const auto does = run_.order.Close(said_nodes);
      CompareBlock(begin, size, must, does);
    }
  }

  // Every step after `begin`, and `end` after every step.
  void CheckFrame() {
    const std::vector<std::uint32_t> begin{run_.begin};
    const auto after_begin = run_.order.Close(begin);
    std::vector<std::uint32_t> nodes;
    for (const SaidStep& step : run_.steps) {
      if (after_begin[step.node] == 0) Fault("step " + step.name + " does not wait for begin");
      nodes.push_back(step.node);
    }
    const auto before_end = run_.order.Close(nodes);
    const std::size_t words = Precedence::Words(nodes.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if ((before_end[run_.end * words + i / 64] >> (i % 64) & 1U) == 0)
        Fault("end does not wait for step " + run_.steps[i].name);
    }
  }

  void CompareBlock(std::size_t begin, std::size_t size, const std::vector<std::uint64_t>& must,
                    const std::vector<std::uint64_t>& does) {
    const std::size_t words = Precedence::Words(size);
    for (const SaidStep& step : run_.steps) {
      const std::uint64_t* const wanted = &must[steps_.at(step.name) * words];
      const std::uint64_t* const said = &does[step.node * words];
      for (std::size_t word = 0; word < words; ++word) {
        proof_.order += static_cast<std::size_t>(std::popcount(wanted[word]));
        proof_.added += static_cast<std::size_t>(std::popcount(said[word] & ~wanted[word]));
        for (std::uint64_t lost = wanted[word] & ~said[word]; lost != 0; lost &= lost - 1) {
          const std::size_t before =
              begin + word * 64 + static_cast<std::size_t>(std::countr_zero(lost));
          Fault(fmt::format("step {} does not wait for {}", step.name, run_.steps[before].name));
        }
      }
    }
  }

  void CheckConditions() {
    std::vector<std::vector<const SaidStep*>> inside(run_.groups.size());
    for (const SaidStep& step : run_.steps) {
      const BundleStep& here = *bundle_steps_[steps_.at(step.name)];
      for (const StartCondition& condition : step.conditions) Check(here, condition);
      for (std::uint32_t group = step.group;; group = run_.groups[group].parent) {
        inside[group].push_back(&step);
        if (run_.groups[group].parent == group) break;
      }
    }
    for (std::size_t group = 0; group < run_.groups.size(); ++group) {
      for (const StartCondition& condition : run_.groups[group].conditions) {
        if (condition.kind == StartCondition::Kind::kAnyCanRun) {
          CheckAnyCanRun(run_.groups[group], inside[group], condition);
          continue;
        }
        for (const SaidStep* const step : inside[group])
          Check(*bundle_steps_[steps_.at(step->name)], condition);
      }
    }
  }

  // Whatever is in `step` requires each of these to have succeeded: then it may wait for that.
  void Check(const BundleStep& step, const StartCondition& condition) {
    ++proof_.conditions;
    for (const std::string& name : condition.steps) {
      const auto at = steps_.find(name);
      if (at == steps_.end()) {
        Fault("step " + step.name + " waits for " + Printable(name) + ", which is no step");
        continue;
      }
      for (const BundleActivity& activity : step.activities) {
        for (const BundleActivity& other : bundle_steps_[at->second]->activities) {
          if (Requires(activity, {other.resource, other.kind})) continue;
          Fault(fmt::format("step {} is not started when {} fails, and {} of {} does not need it",
                            step.name, name, NameOf(activity.kind),
                            Printable(activity.resource.str())));
        }
      }
    }
  }

  // When none of these can run, nothing in the group can.
  void CheckAnyCanRun(const SaidGroup& group, const std::vector<const SaidStep*>& inside,
                      const StartCondition& condition) {
    ++proof_.conditions;
    std::set<std::string_view> in_group;
    for (const SaidStep* const step : inside) in_group.insert(step->name);
    std::vector<const BundleActivity*> asked;
    for (const std::string& name : condition.steps) {
      if (!in_group.contains(name))
        return Fault(fmt::format("the gate of {} asks for {}, which is not in it", group.name,
                                 Printable(name)));
      for (const BundleActivity& activity : bundle_steps_[steps_.at(name)]->activities)
        asked.push_back(&activity);
    }
    for (const SaidStep* const step : inside) {
      for (const BundleActivity& activity : bundle_steps_[steps_.at(step->name)]->activities) {
        const bool enters =
            std::none_of(activity.gates.begin(), activity.gates.end(),
                         [&](const BundleGate& gate) { return in_group.contains(gate.step); });
        if (!enters) continue;
        const bool covered =
            std::any_of(asked.begin(), asked.end(), [&](const BundleActivity* entry) {
              return std::all_of(entry->gates.begin(), entry->gates.end(),
                                 [&](const BundleGate& gate) {
                                   return Requires(activity, {gate.resource, gate.kind});
                                 });
            });
        if (covered) continue;
        Fault(
            fmt::format("{} is not started though step {} could run: its gate does not ask for it",
                        group.name, step->name));
      }
    }
  }

  // Is `gate` among the gates of an activity, or those of its gates?
  bool Requires(const BundleActivity& activity, const Activity& gate) {
    std::vector<const BundleActivity*> open{&activity};
    Activities seen;
    while (!open.empty()) {
      const BundleActivity& here = *open.back();
      open.pop_back();
      for (const BundleGate& other : here.gates) {
        Activity key{other.resource, other.kind};
        if (key == gate) return true;
        if (!seen.insert(key).second) continue;
        for (const BundleActivity& above : bundle_steps_[steps_.at(other.step)]->activities) {
          if (above.resource == other.resource && above.kind == other.kind) open.push_back(&above);
        }
      }
    }
    return false;
  }

  const Bundle& bundle_;
  SaidRun run_;
  std::map<std::string, std::uint32_t, std::less<>> steps_;  // by name
  std::vector<const BundleStep*> bundle_steps_;
  Proof proof_;
};

}  // namespace

Proof Prove(const LoadedBundle& bundle, SaidRun run) {
  return Prover(bundle, std::move(run)).Run();
}

}  // namespace holdfast::verify
