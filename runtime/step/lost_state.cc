#include "runtime/step/lost_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

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

}  // namespace

Result<bool> HasBegunBefore(const Record& record, std::string_view run) {
  const auto unreadable = [&record](const Error& error) {
    if (!IsUnknown(error)) return Result<bool>(error);
    return Result<bool>(record.kind() == RecordKind::kDeletion);
  };
  const auto name = record.BundleName();
  if (!name) return unreadable(name.error());
  if (!*name) return false;
  auto bundle = StoredBundle::Open(record.tenant(), **name);
  if (!bundle) return unreadable(bundle.error());
  const auto steps = bundle->AllSteps();
  if (!steps) return unreadable(steps.error());
  std::atomic<bool> any = false;
  HOLDFAST_RETURN_IF_ERROR(ForEach(steps->size(), kAskedAtOnce, [&](std::size_t i) -> Status {
    if (any) return Ok();
    const auto claims = ReadClaims(record.section(), (*steps)[i]->name);
    if (!claims && !IsDamage(claims.error())) return claims.error();
    if (!claims || (!claims->empty() && claims->front().run != run)) any = true;
    return Ok();
  }));
  return any.load();
}

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
  return listed ? Result<bool>(true) : HasBegunBefore(record, {});
}

Error FirstStateMissing(const Record& record) {
  return Corrupt(fmt::format("the object {}/{}{} is missing", record.section().prefix(),
                             StatePrefix(), NumberPart(1)));
}

Status MendFirstStates(RunView& run, std::string by, const Clock& clock) {
  const Record& record = run.record();
  HOLDFAST_ASSIGN_OR_RETURN(const auto numbers, record.StateNumbers());
  const std::uint64_t lost = numbers.empty() ? 1 : numbers.front() - 1;
  StateEntry working;
  working.state = WorkingState(run.operation());
  working.run = by.empty() ? run.lease().run : std::move(by);
  working.reason = FirstStateMissing(record).message();
  working.time = clock.Now();
  for (std::uint64_t number = 0; number < lost; ++number)
    HOLDFAST_RETURN_IF_ERROR(record.SetStateAgain(working, run.lease().token, number));
  return Ok();
}

Result<std::string> RunOfLostStates(const RunView& run) {
  const Record& record = run.record();
  std::vector<std::string> candidates = {run.lease().run};
  HOLDFAST_ASSIGN_OR_RETURN(const auto numbers, record.StateNumbers());
  for (auto number = numbers.rbegin(); number != numbers.rend(); ++number) {
    const auto state = record.ReadState(*number);
    if (!state && !IsDamage(state.error())) return state.error();
    if (state && *state) candidates.push_back((*state)->run);
  }
  candidates.push_back(record.id());
  for (std::string& candidate : candidates) {
    const auto entry = ReadRun(record.tenant(), candidate);
    if (!entry && !IsDamage(entry.error())) return entry.error();
    if (entry && *entry && (*entry)->record == record.id() && (*entry)->kind == record.kind())
      return std::move(candidate);
  }
  return std::string();
}

// Whoever begins gives no reason.
bool IsMended(const StateEntry& state) { return IsWorking(state.state) && !state.reason.empty(); }

}  // namespace holdfast::runtime
