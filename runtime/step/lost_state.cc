#include "runtime/step/lost_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "runtime/data/each.h"
#include "runtime/step/end.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/claim.h"
#include "runtime/store/layout.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr unsigned kAskedAtOnce = 8;

bool IsUnknown(const Error& error) {
  return IsDamage(error) || error.code() == ErrorCode::kNotFound;
}

// Has any of its steps a claim?
Result<bool> HasClaims(const Record& record) {
  const auto name = record.BundleName();
  if (!name) return IsUnknown(name.error()) ? Result<bool>(true) : name.error();
  if (!*name) return false;
  auto bundle = StoredBundle::Open(record.tenant(), **name);
  if (!bundle) return IsUnknown(bundle.error()) ? Result<bool>(true) : std::move(bundle).error();
  const auto steps = bundle->AllSteps();
  if (!steps) return IsUnknown(steps.error()) ? Result<bool>(true) : steps.error();
  std::atomic<bool> any = false;
  HOLDFAST_RETURN_IF_ERROR(ForEach(steps->size(), kAskedAtOnce, [&](std::size_t i) -> Status {
    if (any) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(
        const bool there, record.section().Exists(ClaimPrefix((*steps)[i]->name) + NumberPart(1)));
    if (there) any = true;
    return Ok();
  }));
  return any.load();
}

}  // namespace

Result<bool> HasBegun(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.States());
  for (const StateEntry& state : states) {
    if (state.state != RecordState::kError) return true;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto numbers, record.StateNumbers());
  if (numbers.size() != states.size()) return true;
  // What a copy brings with it was done elsewhere.
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal copies, ReadStepJournal(record.section(), kCopyStep));
  if (!copies.attempts.empty()) return false;
  // More than ends. Mostly this says it, and costs one call.
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, record.section().ListAll("journal/"));
  const std::string ends = fmt::format("journal/{}/", kEndStep);
  const bool listed = std::any_of(
      keys.begin(), keys.end(), [&ends](const std::string& key) { return !key.starts_with(ends); });
  return listed ? Result<bool>(true) : HasClaims(record);
}

Error FirstStateMissing(const Record& record) {
  return Corrupt(fmt::format("the object {}/{}{} is missing", record.section().prefix(),
                             StatePrefix(), NumberPart(1)));
}

Result<std::optional<StateEntry>> MendFirstStates(RunView& run, std::string by,
                                                  const Clock& clock) {
  const Record& record = run.record();
  HOLDFAST_ASSIGN_OR_RETURN(const auto numbers, record.StateNumbers());
  const std::uint64_t lost = numbers.empty() ? 1 : numbers.front() - 1;
  StateEntry working;
  working.state = WorkingState(run.operation());
  working.run = std::move(by);
  working.time = clock.Now();
  for (std::uint64_t number = 0; number < lost; ++number)
    HOLDFAST_RETURN_IF_ERROR(record.SetStateAgain(working, run.lease().token, number));
  return record.State();
}

}  // namespace holdfast::runtime
