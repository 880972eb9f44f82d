#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugins/sdk/exit_code.h"
#include "runtime/step/heartbeat.h"
#include "runtime/step/step_environment.h"
#include "runtime/store/claim.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"
#include "runtime/store/removal_hold.h"

namespace holdfast::runtime {

// What who copies a checkpoint has in the bank that it is copied to, in the order in which it is written: the
// marker, the claim of the step `copy`, which names the attempt that all data lies under, and the lease of the
// record with its fencing token. A heartbeat keeps both. Of two that come at once one gets the claim or, where a
// bank cannot say so at once, the lease. One whose holder is gone is taken over at once, under a new attempt
// and a new token: what the dead one may still write counts no more. Not movable; one thread.
class TargetHold {
 public:
  struct Request {
    std::string bundle;
    std::string started_by;
    bool epochs = false;  // the record needs an epoch table; its name is then table()
    // The record is whole: the table of its last lease is there, and stays the one that counts.
    bool keeps_epochs = false;
  };
  // kLocked, with who has it, while another one works on the record.
  static Result<std::unique_ptr<TargetHold>> Take(const StepEnvironment& env, const Record& record,
                                                  const Request& request);
  TargetHold(const TargetHold&) = delete;
  TargetHold& operator=(const TargetHold&) = delete;

  const std::string& run() const { return lease_.run; }
  const std::string& attempt() const { return claim_.attempt; }
  const std::string& table() const { return lease_.epochs; }
  // Of copies that came to nothing, the oldest first.
  const std::vector<std::string>& earlier() const { return earlier_; }
  // Those of them whose objects may be used again: nobody may still delete any of them (LastRemoval).
  const std::vector<std::string>& usable() const { return usable_; }

  // kLocked as soon as a greater token exists: asked before everything that decides.
  Status CheckHeld() const;
  // That the copy is unfinished, which it is no more.
  Status RemoveMarkers();
  std::uint64_t token() const { return lease_.token; }
  // With which what is in the way is removed.
  RemovalHold ForRemoval() const;
  // The copy came to nothing, or is to be gone on with: the claim is over and the lease stays, so that
  // whoever comes next takes over at once, wherever it runs, and gc waits for it.
  Status GiveUp(std::string_view why);
  // The same where nothing was written yet: nobody has to go on with it.
  Status Withdraw();
  // Everything is done: the claim is over, and the lease given back.
  Status End();

 private:
  TargetHold(const StepEnvironment& env, const Record& record) : env_(env), record_(record) {}
  Status Acquire(const Request& request);
  Status EndClaim(ExitCode code, std::string_view how, std::string_view why);

  const StepEnvironment& env_;
  const Record record_;
  Claim claim_;
  std::string marker_;  // the key of its own
  Lease lease_;
  std::vector<std::string> earlier_;
  std::vector<std::string> usable_;
  WallTime started_;
  std::unique_ptr<Heartbeat> heartbeat_;
};

}  // namespace holdfast::runtime
