#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"

namespace holdfast::runtime {

// How long a lease lasts when nobody renews it: longer than a queue may make steps wait.
inline constexpr auto kLeaseExpiry = std::chrono::hours{12};

// Who works on a record. `token` is the fencing token: it grows with every run and again when an
// `end` starts; the greatest one counts, whoever holds a smaller one stops (design: bank, lease).
struct Lease {
  std::uint64_t token = 0;
  std::string run;
  std::string start;  // which start of it (run_start.h)
  WallTime taken;
  WallTime expires;
  bool ending = false;    // an `end` (or gc) has it: steps of the same run stop, too
  bool released = false;  // given back
  // By a begin that gave way: nothing of it goes on, and the same run may begin anew.
  bool withdrawn = false;
  // Objects of the record are deleted under it one by one (RemovalHold), and it is not known that all of that is over.
  bool removes = false;
  // The name of the run's epoch table below the record (epochs.h); empty: every epoch is 1.
  std::string epochs;
  bool fail_fast = false;  // the run's parameter

  bool gone(WallTime now) const { return released || expires <= now; }
};

// The lease with the greatest token; nullopt when nobody ever worked on the record. Reads tokens
// upwards, never a listing, so that a bank whose listings lag gives the same answer. One that is
// damaged is an error where it is the greatest; else it matters to nobody. None is ever removed, and no token given twice:
// whoever was away is to find that its own is old.
Result<std::optional<Lease>> CurrentLease(const BankSection& tenant, std::string_view record);

struct LeaseRequest {
  std::string run;
  std::string start;
  bool ending = false;
  bool withdrawn = false;
  bool removes = false;
  std::string epochs;
  // A new life of the record begins: what leases before it say of epochs is of another one.
  bool anew = false;
  bool fail_fast = false;
  // The token that the caller saw last (0: none): the new one is the next. Somebody else's new
  // token in between is kLocked.
  std::uint64_t after = 0;
  std::chrono::milliseconds expiry = kLeaseExpiry;
};
// Creates the next token, exclusively. The caller has decided that it may have it. Where leases were lost, so that it had not seen
// the last one, it is the next behind that.
Result<Lease> TakeLease(const BankSection& tenant, std::string_view record,
                        const LeaseRequest& request, WallTime now);
// For the start `start` of `run`, which brings the record to its end: after `before`, the lease of the run that worked on it (nullopt:
// there was none), with its epochs.
LeaseRequest RequestToEnd(std::string_view run, std::string_view start,
                          const std::optional<Lease>& before, std::chrono::milliseconds expiry);
Result<Lease> TakeLeaseToEnd(const BankSection& tenant, std::string_view record,
                             std::string_view run, std::string_view start,
                             const std::optional<Lease>& before, std::chrono::milliseconds expiry,
                             WallTime now);
// Rewrites the caller's own token with a later expiry.
Status RenewLease(const BankSection& tenant, std::string_view record, Lease& lease,
                  std::chrono::milliseconds expiry, WallTime now);
// Gives back the lease of a record where this start of `run` has it. Only for one who knows that nothing of
// that run lives any more: its engine, once all its steps have ended.
Status ReleaseLeaseOf(const BankSection& tenant, std::string_view record, std::string_view run,
                      std::string_view start);
// Gives it back. Releasing again is success.
Status ReleaseLease(const BankSection& tenant, std::string_view record, Lease& lease);
// The greatest token below `before` under which somebody may still delete objects of the record; 0: there is none. What cannot
// be read counts as one.
Result<std::uint64_t> LastRemoval(const BankSection& tenant, std::string_view record,
                                  std::uint64_t before);
// kLocked when a greater token than the caller's exists.
Status CheckStillHeld(const BankSection& tenant, std::string_view record, const Lease& lease);
Status CheckStillHeld(const BankSection& tenant, std::string_view record, std::uint64_t token);

// The error of one who comes while another run has the lease: which one, until when, and what ends
// it when its engine is dead. `started_by`: who started that run, where it is known.
Error LeaseHeldError(std::string_view record, const Lease& lease, std::string_view started_by = "");

}  // namespace holdfast::runtime
