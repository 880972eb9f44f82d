#include "runtime/fsck/journal_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "plugins/sdk/object_key.h"
#include "plugins/sdk/text.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/claim.h"
#include "runtime/store/journal.h"
#include "runtime/store/listing.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

class JournalCheck {
 public:
  JournalCheck(const FsckWork& work, const RecordObjects& listed,
               const std::map<ResourceKey, std::uint64_t>& epochs, bool copied)
      : work_(work), listed_(listed), epochs_(epochs), copied_(copied) {}

  Result<std::vector<JournalDamage>> Of(const std::vector<const BundleStep*>& steps) {
    for (const BundleStep* const step : steps) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      if (work_.options.quick && HasListedResult(step->name)) continue;
      const auto journal = ReadStepJournal(listed_.record.section(), step->name);
      if (!journal) {
        if (!IsDamage(journal.error())) return journal.error();
        AddDamaged(*step, journal.error());
        continue;
      }
      HOLDFAST_RETURN_IF_ERROR(CheckWhose(*step, *journal));
      CollectLacking(*step, *journal);
    }
    for (auto& [resource, what] : lacking_) {
      std::sort(what.keys.begin(), what.keys.end());
      what.keys.erase(std::unique(what.keys.begin(), what.keys.end()), what.keys.end());
      damages_.push_back(
          {"journal-missing", resource, std::move(what.keys),
           "its journal does not say any more that " + Join(what.activities, ", ") + " succeeded"});
    }
    return std::move(damages_);
  }

 private:
  // What a resource lacks in the journal.
  struct Lacking {
    std::vector<std::string> activities;
    std::vector<std::string> keys;
  };

  // As the listing has it, with the claim that leads to it.
  bool HasListedResult(const std::string& step) const {
    const std::string prefix = LeadingParts(ClaimPrefix(step), 2) + "/";
    bool claimed = false;
    bool ended = false;
    for (auto at = listed_.objects.lower_bound(prefix);
         at != listed_.objects.end() && at->first.starts_with(prefix); ++at) {
      claimed = claimed || at->first == ClaimPrefix(step) + NumberPart(1);
      ended = ended || at->first.ends_with("/result");
    }
    return claimed && ended;
  }

  void AddDamaged(const BundleStep& step, const Error& error) {
    if (step.activities.empty()) return;
    JournalDamage damage{"journal-damaged", step.activities.front().resource, {}, error.OneLine()};
    const std::string prefix = LeadingParts(ClaimPrefix(step.name), 2) + "/";
    for (auto at = listed_.objects.lower_bound(prefix);
         at != listed_.objects.end() && at->first.starts_with(prefix); ++at) {
      if (damage.text.find(at->first) != std::string::npos) damage.keys.push_back(at->first);
    }
    damages_.push_back(std::move(damage));
  }

  // A run belongs to one record. (What a gc, or the begin of another record, has cleaned up is of theirs.)
  Status CheckWhose(const BundleStep& step, const StepJournal& journal) {
    if (work_.options.quick || copied_) return Ok();
    for (const Attempt& attempt : journal.attempts) {
      const bool of_run = std::any_of(attempt.outcomes.begin(), attempt.outcomes.end(),
                                      [](const ActivityOutcome& outcome) {
                                        return outcome.by == "step" || outcome.by == "end";
                                      });
      if (!attempt.result || !of_run) continue;
      const std::string& run = attempt.result->run;
      HOLDFAST_ASSIGN_OR_RETURN(const std::string of, OtherRecordOf(run));
      if (of.empty()) continue;
      damages_.push_back(
          {"journal-foreign",
           attempt.outcomes.front().resource,
           {AttemptPrefix(step.name, attempt.claim.attempt) + "/result"},
           fmt::format("it is of run {}, which worked on {}: it was copied or moved there",
                       Printable(run), Printable(of))});
    }
    return Ok();
  }

  // The record of a run; empty: it is this one, or is not known.
  Result<std::string> OtherRecordOf(const std::string& run) {
    if (const auto known = foreign_.find(run); known != foreign_.end()) return known->second;
    const Record& record = listed_.record;
    auto entry = ReadRun(work_.tenant, run);
    if (!entry && !IsDamage(entry.error())) return std::move(entry).error();
    const bool foreign =
        entry && *entry && ((*entry)->record != record.id() || (*entry)->kind != record.kind());
    return foreign_.emplace(run, foreign ? (*entry)->record : std::string()).first->second;
  }

  void CollectLacking(const BundleStep& step, const StepJournal& journal) {
    for (const BundleActivity& activity : step.activities) {
      const auto epoch = epochs_.find(activity.resource);
      // Of one without a manifest that is said.
      if (epoch == epochs_.end()) continue;
      const ActivityOutcome* const outcome =
          journal.Find(activity.resource, activity.kind, epoch->second);
      if (outcome != nullptr && outcome->outcome == Outcome::kSucceeded) continue;
      const Claim* const open = journal.OpenClaim();
      Lacking& what = lacking_[activity.resource];
      what.activities.emplace_back(NameOf(activity.kind));
      what.keys.push_back(open != nullptr
                              ? AttemptPrefix(step.name, open->attempt) + "/result"
                              : ClaimPrefix(step.name) + NumberPart(journal.attempts.size() + 1));
    }
  }

  const FsckWork& work_;
  const RecordObjects& listed_;
  const std::map<ResourceKey, std::uint64_t>& epochs_;
  const bool copied_;
  std::vector<JournalDamage> damages_;
  std::map<ResourceKey, Lacking> lacking_;
  std::map<std::string, std::string> foreign_;  // runs: the other record that they are of, or empty
};

}  // namespace

Result<std::vector<JournalDamage>> FindJournalDamage(
    const FsckWork& work, const RecordObjects& listed, const std::string& bundle,
    const std::map<ResourceKey, std::uint64_t>& epochs, bool copied) {
  auto stored = StoredBundle::Open(work.tenant, bundle);
  auto steps = stored ? stored->AllSteps() : Result<std::vector<const BundleStep*>>(stored.error());
  if (!steps) {
    if (IsDamage(steps.error()) || steps.error().code() == ErrorCode::kNotFound)
      return std::vector<JournalDamage>();
    return std::move(steps).error();
  }
  return JournalCheck(work, listed, epochs, copied).Of(*steps);
}

std::vector<LiveClaim> FindLiveClaims(const std::map<std::string, ListedObject>& objects,
                                      WallTime now) {
  std::map<std::string, const ListedObject*> newest;  // by step
  for (auto at = objects.lower_bound("journal/");
       at != objects.end() && at->first.starts_with("journal/"); ++at) {
    const std::string step = LeadingParts(at->first, 2);
    // Who ends a run has no result of its own: the state is.
    if (step == "journal/end") continue;
    if (at->first.find("/claim-", step.size()) == step.size()) newest[step] = &at->second;
  }
  std::vector<LiveClaim> live;
  for (const auto& [step, claim] : newest) {
    if (claim->written + kClaimExpiry <= now) continue;
    const auto first =
        objects.lower_bound(step + "/" + claim->key.substr(claim->key.rfind('-') + 1));
    bool ended = false;
    for (auto at = first; at != objects.end() && at->first.starts_with(step + "/"); ++at)
      ended = ended || at->first.ends_with("/result");
    if (!ended) live.push_back({claim->key, step, claim->written});
  }
  return live;
}

}  // namespace holdfast::runtime
