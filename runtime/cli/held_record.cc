#include "runtime/cli/held_record.h"

#include <optional>
#include <string>

#include "plugins/engines/mistral/executions.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/cluster.h"
#include "runtime/cli/next_command.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"

namespace holdfast::cli {

namespace {

// What 'holdfast cancel' can end: of others that have ended it says so, and does nothing.
bool CanBeCancelled(const BankSection& bank, const engines::RunStatus& holder) {
  if (holder.shutdown == engines::mistral::kCancelled) return true;
  const auto report = runtime::ReportOfRun(bank, holder.uid, false);
  return report && runtime::IsWorking(report->summary.state);
}

}  // namespace

std::string EndDeletionCommand(Session& session, const BankSection& bank,
                               const engines::RunStatus& run, const std::string& deletion) {
  const auto report = runtime::ReportOfRun(bank, deletion, false);
  // One that has ended, and did not succeed, is not gone on with: another one deletes the rest.
  if (report && !runtime::IsWorking(report->summary.state))
    return ProgramCommand(session) + " checkpoints delete " + ShellWord(run.record());
  engines::RunStatus of_deletion = run;  // of the same provider
  of_deletion.uid = deletion;
  return CleanUpCommand(session, of_deletion);
}

Status CheckRecordIsFree(Session& session, MistralRuns& runs, const engines::RunStatus& status) {
  const std::optional<BankSection> bank = BankOfRun(session, status);
  if (!bank) return Ok();
  const auto lease = runtime::CurrentLease(*bank, status.record());
  if (!lease || !*lease || (*lease)->gone(session.clock().Now())) return Ok();
  const std::string& holder = (*lease)->run;
  if (CanonicalUuid(holder) != holder) return Ok();
  const auto found = runs.Find(holder);
  if (!found && found.error().code() != ErrorCode::kNotFound) return Ok();
  engines::RunStatus of_holder = status;  // of the same provider
  of_holder.uid = holder;
  const std::string clean_up = CleanUpCommand(session, of_holder);
  const std::string command = ProgramCommand(session) + " ";
  const std::string resume = "'" + command + "resume " + status.uid + runs.Options() + "'";
  const std::string held = ", and still holds the record " + Printable(status.record());
  if (!found) {
    return Error(ErrorCode::kLocked, "run " + holder + " is gone from " + runs.Place() + held)
        .Hint("if none of its steps is at work any more, first '" + clean_up + "', then " + resume);
  }
  if (!found->ended()) {
    return Error(ErrorCode::kLocked, "run " + holder + " has not ended" + held)
        .Hint("'" + command + "watch " + holder + runs.Options() + "' follows it, '" + command +
              "cancel " + holder + runs.Options() + "' ends it");
  }
  const bool can_be_cancelled = CanBeCancelled(*bank, *found);
  std::string hint = "first '" +
                     (can_be_cancelled ? command + "cancel " + holder + runs.Options() : clean_up) +
                     "', then " + resume;
  if (can_be_cancelled)
    hint +=
        "; if that does not end it, and none of its steps is at work any more: '" + clean_up + "'";
  return Error(ErrorCode::kLocked,
               "run " + holder + " was ended, and what it owes is not cleaned up" + held)
      .Hint(std::move(hint));
}

}  // namespace holdfast::cli
