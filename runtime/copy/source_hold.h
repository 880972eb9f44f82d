#pragma once

#include <optional>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/result.h"
#include "runtime/store/lease.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// Who copies a checkpoint, as the bank that it is copied from knows it.
struct SourceReader {
  std::string checkpoint;
  std::string to;   // where to: the provider's id and its bank; one reader each
  std::string run;  // of the copy
  std::string started_by;
};

// Keeps a checkpoint from being deleted while it is copied, as a verification of it does: a marker, with a
// lease of its own, which a deletion's begin finds. Each side writes its own marker and then looks for the
// other's, so of a copy and a deletion that come at once at least one sees the other. What a copy that was
// killed has left here the next one to the same place takes over, or gc removes once the lease is over. One thread.
class SourceHold {
 public:
  // kLocked where a deletion has begun. The caller is the only one who copies this checkpoint there.
  static Result<SourceHold> Take(const BankSection& tenant, const SourceReader& reader,
                                 const Clock& clock, std::chrono::milliseconds expiry);
  // Removes what a copy that is no more has left of it, if anything.
  static Status RemoveLeft(const BankSection& tenant, const SourceReader& reader,
                           const Clock& clock);
  // Renews the lease when less than half of its time is left.
  Status Keep();
  // Takes everything away again but the lease, which is given back: no token is given twice. Again: success. kLocked where another
  // copy has taken over.
  Status Release();

 private:
  SourceHold(Record record, std::string run, const Clock& clock, std::chrono::milliseconds expiry)
      : record_(std::move(record)), run_(std::move(run)), clock_(&clock), expiry_(expiry) {}
  Status Begin(const SourceReader& reader);

  Record record_;  // of kind verification, which has no objects but these
  std::string run_;
  const Clock* clock_;  // Not owned; outlives this.
  std::chrono::milliseconds expiry_;
  Lease lease_;
  std::string marker_;  // the key of its own
};

}  // namespace holdfast::runtime
