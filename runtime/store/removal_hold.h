#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// A lease that somebody has, and of what.
struct HeldLease {
  std::string record;
  Lease lease;
  std::chrono::milliseconds expiry = kLeaseExpiry;  // with which it is renewed
};

// Of a lease that is taken to remove something, and given back. Much longer than it takes between two renewals, and short for who is
// kept out by one that was killed.
inline constexpr auto kRemovalExpiry = std::chrono::minutes(10);

// The leases with which objects of a record are deleted. Whoever deletes more than one object, and is no bank check, does it
// through this: a process that was stopped or suspended while another one took over deletes nothing more once it is
// woken up, for by then the keys may be those of a checkpoint that was made anew.
//
// Before a deletion it looks whether its tokens still are the greatest, unless it has just looked: a look counts for kLookCounts, by
// the steady clock and by the wall clock, since the first may stand still while a machine is suspended, and the second may be set.
// Leases of which less than half is left are renewed then.
//
// What remains: no bank deletes on a condition, so between the look and the deletion there is time. In a process that
// runs it is kLookCounts and what the bank takes for one request (on Swift and S3 with what it tries again, at most
// `retry_window`). As long as that is less than what another has to wait for before it takes over from one whose heart
// beats no more (kClaimExpiry, or the lease's own expiry), it matters to nobody. One that is stopped between the look and
// the deletion for longer deletes the one object that it was about to whenever it goes on, then no more, and says which
// (kLocked). Nor is it noticed where both clocks stood still, until the wall clock is set.
// What that one object can be: no data that counts. A deletion takes all of it before anybody makes the checkpoint anew, under
// attempts' ids that are never used again, and what a copy clears away is of none that a later one uses again. Only what Take is
// for, the data of attempts that came to nothing, a resume or a copy may adopt. So a lease of Take says that it `removes`, until
// it is given back with every deletion answered; and who works under token n adopts nothing of attempts whose token is not greater
// than the last such one before n (LastRemoval). What is to be deleted is listed under that lease, after every attempt
// of which one may have been listed: each of those has a smaller token.
// Nor a marker that counts: who comes later has written one of its own.
// And a copy gives no state a number twice, so that of a checkpoint made anew it is a manifest, saved info, the graph, an object
// of the journal or an index, the lack of which fsck names. (Where a gc was just removing the tombstone itself: a state or the head.)
// One thread.
class RemovalHold {
 public:
  static constexpr std::chrono::seconds kLookCounts{10};

  // With leases that the caller has, and gives back itself. `clock` and `cancellation` (may be nullptr) are not owned.
  RemovalHold(const Record& record, std::vector<HeldLease> held, const Clock& clock,
              const Cancellation* cancellation = nullptr);
  // Takes that of a record on which nobody works, for `run`; it lasts some minutes. kLocked where somebody does.
  static Result<RemovalHold> Take(const Record& record, const std::string& run, const Clock& clock,
                                  const Cancellation* cancellation);

  const Record& record() const { return record_; }
  // Of the record itself: what its states carry.
  const Lease& lease() const { return held_.front().lease; }

  // Looks now. kLocked: another one has taken over.
  Status Check();
  // An object of the record; one that is not there is success. kLocked: another one has taken over.
  Status Delete(std::string_view key);
  // The same of a key of the tenant: an entry of an index.
  Status DeleteOfTenant(std::string_view key);
  // The markers of `of` that are there now, and none that comes later.
  Status DeleteMarkers(const Record& of);
  // Gives back what Take took. Where the bank has not answered a deletion, its lease goes on saying that it removes.
  Status Release();

 private:
  bool JustLooked() const;
  Status DeleteFrom(const BankSection& section, std::string_view key);

  Record record_;
  std::vector<HeldLease> held_;  // the first one is the record's
  const Clock& clock_;
  const Cancellation* cancellation_;
  bool unanswered_ = false;
  struct Look {
    SteadyTime steady;
    WallTime wall;
  };
  std::optional<Look> looked_;
};

}  // namespace holdfast::runtime
