#include "runtime/copy/copied_journal.h"

#include <utility>

#include "runtime/store/journal.h"

namespace holdfast::runtime {
namespace {

// An earlier attempt at the copy has written it: from the same journal, so it says the same.
Status UnlessThere(Status put) {
  if (!put && put.error().code() == ErrorCode::kConflict) return Ok();
  return put;
}

void DropParts(std::vector<ActivityOutcome>& outcomes) {
  for (ActivityOutcome& outcome : outcomes) {
    outcome.streams = Value();
    outcome.raw = Value();
    outcome.saved = Value();
  }
}

}  // namespace

Status CopyStepJournal(const BankSection& from, const BankSection& to, const std::string& step) {
  HOLDFAST_ASSIGN_OR_RETURN(StepJournal journal, ReadStepJournal(from, step));
  for (Attempt& attempt : journal.attempts) {
    HOLDFAST_RETURN_IF_ERROR(UnlessThere(CreateClaim(to, step, attempt.claim)));
    const std::string& id = attempt.claim.attempt;
    if (attempt.result) {
      DropParts(attempt.result->outcomes);
      HOLDFAST_RETURN_IF_ERROR(UnlessThere(WriteResult(to, step, id, *attempt.result)));
    } else if (!attempt.outcomes.empty()) {
      DropParts(attempt.outcomes);
      HOLDFAST_RETURN_IF_ERROR(UnlessThere(WriteOutcomes(to, step, id, 1, attempt.outcomes)));
    }
  }
  return Ok();
}

}  // namespace holdfast::runtime
