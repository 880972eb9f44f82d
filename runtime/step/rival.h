#pragma once

#include <optional>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// Another protect or restore that is not ended and brings a resource to rest which this one is to bring
// to rest, too (a protect quiesces it, a restore stops it). Of two such, one would let the resource go on
// inside the other's window, or read what the other is writing, and a checkpoint that mixes two points
// in time would be green: so there is never more than one.
struct Rival {
  RecordKind kind = RecordKind::kCheckpoint;
  std::string record;
  // That works on it, or did when it died: the one by which gc finds it. Empty: not known.
  std::string run;
  std::optional<Lease> lease;  // nullopt: it cannot be read. Of whoever was ending it, it may be
  std::optional<RunEntry> entry;
  std::optional<RecordHead> head;  // nullopt: it has only begun to begin
  ResourceKey resource;            // the first that both bring to rest

  // Nobody works on it any more, so that it can be ended.
  bool gone(WallTime now) const { return lease && lease->gone(now); }
};

// The first one of `bundle`'s, the bundle of a run on `record`. One whose begin has not written
// its run yet is none: it looks for rivals itself after it has, and finds whoever has written his
// before this look. Where nothing of the bundle comes to rest the bank is not asked.
Result<std::optional<Rival>> FindRival(const BankSection& tenant, const std::string& record,
                                       StoredBundle& bundle);

// Who keeps a run from beginning (kLocked), and what ends that.
Error RivalError(const Rival& rival, WallTime now);

}  // namespace holdfast::runtime
