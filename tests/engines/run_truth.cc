#include "tests/engines/run_truth.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "plugins/sdk/json.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"

namespace holdfast::testing_engines {
namespace {

Result<std::size_t> NumberOf(const RandomCase& c, const std::string& resource, ActivityKind kind) {
  for (std::size_t r = 0; r < c.resources.size(); ++r) {
    if (c.resources[r].key() == resource)
      return r * kActivityKindCount + static_cast<std::size_t>(kind);
  }
  return NotFound("the graph has no resource " + resource);
}

// What every attempt of one step left behind.
Status ReadStep(const RandomCase& c, const BankSection& record, const BundleStep& step,
                RunTruth& truth) {
  HOLDFAST_ASSIGN_OR_RETURN(const runtime::StepJournal journal,
                            runtime::ReadStepJournal(record, step.name));
  std::map<std::pair<std::size_t, std::uint64_t>, int> finals;
  for (const runtime::Attempt& attempt : journal.attempts) {
    for (const runtime::ActivityOutcome& outcome : attempt.outcomes) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t a,
                                NumberOf(c, outcome.resource.str(), outcome.kind));
      if (outcome.final()) ++finals[{a, outcome.epoch}];
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto intents,
                              runtime::ReadIntents(record, step.name, attempt.claim.attempt));
    for (const runtime::Intent& intent : intents) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t a,
                                NumberOf(c, intent.resource.str(), intent.kind));
      if (intent.epoch == truth.activities[a].epoch) truth.activities[a].intent = true;
    }
  }
  for (const auto& [key, count] : finals) {
    truth.activities[key.first].final_outcomes.emplace_back(key.second, count);
  }
  return Ok();
}

}  // namespace

Result<std::vector<TraceEvent>> ReadTrace(const RandomCase& c, const std::string& file) {
  std::vector<TraceEvent> events;
  std::ifstream in(file, std::ios::binary);
  std::string line;
  while (std::getline(in, line)) {
    HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseJson(line, file));
    const std::string name = value.StringOr("activity", "");
    const auto kind = ParseActivityKind(name.substr(name.find('.') + 1));
    if (!kind) return Corrupt("the trace has an activity '" + name + "'");
    TraceEvent event;
    HOLDFAST_ASSIGN_OR_RETURN(event.activity, NumberOf(c, value.StringOr("resource", ""), *kind));
    event.event = value.StringOr("event", "");
    event.epoch = static_cast<std::uint64_t>(value.IntOr("epoch", 0));
    event.steady_ns = value.IntOr("steady_ns", 0);
    if (const Value* const all = value.Find("all_succeeded"); all != nullptr)
      event.all_succeeded = all->AsBool();
    events.push_back(std::move(event));
  }
  return events;
}

Result<RunTruth> ReadTruth(const RandomCase& c, const BankSection& tenant,
                           const std::string& record) {
  RunTruth truth;
  truth.activities.resize(c.activity_count());
  HOLDFAST_ASSIGN_OR_RETURN(const auto report,
                            runtime::ShowRecord(tenant, runtime::RecordKind::kCheckpoint, record));
  truth.state = report.summary.state;
  truth.reason = report.summary.reason;
  for (const runtime::ResourceReport& resource : report.resources) {
    for (const runtime::ActivityReport& activity : resource.activities) {
      HOLDFAST_ASSIGN_OR_RETURN(const std::size_t a,
                                NumberOf(c, resource.resource.key.str(), activity.kind));
      truth.activities[a].there = true;
      truth.activities[a].step = activity.step;
      truth.activities[a].epoch = resource.epoch;
      truth.activities[a].outcome = activity.outcome;
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto opened, runtime::Record::Open(tenant, runtime::RecordKind::kCheckpoint, record));
  HOLDFAST_ASSIGN_OR_RETURN(const LoadedBundle bundle,
                            runtime::LoadBundleFromBank(tenant, report.bundle));
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleStep& step : shard.steps) {
      HOLDFAST_RETURN_IF_ERROR(ReadStep(c, opened.section(), step, truth));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto marked, runtime::ListUnfinished(tenant));
  truth.unfinished = !marked.empty();
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, runtime::CurrentLease(tenant, record));
  truth.lease_held = lease && !lease->released;
  return truth;
}

}  // namespace holdfast::testing_engines
