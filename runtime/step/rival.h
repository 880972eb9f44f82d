#pragma once

#include <optional>
#include <string>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "runtime/step/step_environment.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// Another protect or restore that is not ended and gets into this one's way:
//   both bring one resource to rest (a protect quiesces it, a restore stops it): one of the two would let
//   it go on inside the other's window;
//   one of the two restores to where the other reads, or restores, too (Place, of one provider).
// Either way a checkpoint that mixes two points in time, or a restored mixture, would be green: so
// there is never more than one.
struct Rival {
  RecordKind kind = RecordKind::kCheckpoint;
  std::string record;
  // That works on it, or did when it died: the one by which gc finds it. Empty: not known.
  std::string run;
  std::optional<Lease> lease;  // perhaps of whoever was ending it; nullopt: it cannot be read
  std::optional<RunEntry> entry;
  std::optional<RecordHead> head;  // nullopt: it has only begun to begin
  std::string bundle;              // SHA-256
  std::string provider_id;         // of that bundle
  ResourceKey resource;            // the first of this one's that is in the way
  std::string place;               // where both go; empty: both bring the resource to rest

  // Nobody works on it any more, so that it can be ended.
  bool gone(WallTime now) const { return lease && lease->gone(now); }
};

// The first one of `bundle`'s, the bundle of a run on `record`. One whose begin has not written
// its run yet is none: it looks for rivals itself after it has, and finds whoever has written his
// before this look. `protection`: the plugins of the bundle's provider, which say where a run goes.
Result<std::optional<Rival>> FindRival(const BankSection& tenant, const PluginLookup& protection,
                                       const std::string& record, StoredBundle& bundle);

// Who keeps a run from beginning (kLocked), and what ends that.
Error RivalError(const Rival& rival, WallTime now);

}  // namespace holdfast::runtime
