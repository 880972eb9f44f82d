#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/clock.h"
#include "runtime/store/listed_objects.h"
#include "runtime/store/record.h"
#include "runtime/store/removal_hold.h"

namespace holdfast::runtime {

// What of a bank nobody needs any more, and that alone: gc and fsck remove nothing else of a record.

// Data of a checkpoint that no manifest names.
struct LostData {
  // By attempt ("data/<type>/<id>/<attempt>"): its objects that nobody names. A manifest may name others of
  // the same attempt (adopted segments).
  std::map<std::string, std::vector<ListedObject>> attempts;
  // Resources of which an attempt has journaled its success, in an epoch of which there is no manifest: that
  // was lost, and what would be taken for data of an attempt that lost is the data. The key that it had.
  std::map<ResourceKey, std::string> without_manifest;

  std::uint64_t objects() const;
};

// Of one on which nobody works. kCorrupt where its graph, a manifest or its journal cannot be read: then
// nobody can say what is named. `every_journal`: looks for manifests that are gone also where no data is lost.
Result<LostData> FindLostData(const Record& checkpoint, bool every_journal = false);

struct Removal {
  std::string run;                  // who removes: the holder of the lease meanwhile
  std::chrono::seconds min_age{0};  // of each object, by the bank's own time
  const Clock& clock;
  const Cancellation* cancellation = nullptr;  // Not owned; may be nullptr.
};
// Looks again and removes what still is lost, with the lease of the checkpoint, so that no resume adopts
// meanwhile what goes. Removes nothing where a manifest is gone (LostData::without_manifest). kLocked when somebody works
// on it. Killed anywhere it leaves a lease that lasts some minutes. Returns what it removed.
Result<LostData> RemoveLostData(const Record& checkpoint, const Removal& removal);

// Is what there is of a record without a first state a rest: of one that was never begun, of a copy that did not come to its
// end, or of one that was deleted? False: states were lost, and what is there may be all that there is of a checkpoint. So
// it is of one that an index names, whatever there is of it.
Result<bool> IsRest(const Record& record);

// How many objects there are of it.
Result<std::size_t> CountRest(const Record& record);
// Looks again and removes them, with the lease of the record. kLocked when somebody works on it: a copy that makes a
// checkpoint of it, say.
Status RemoveRest(const Record& record, const Removal& removal);
// Of a record that has a state and no head: is there nothing but what a begin writes that starts nothing? A process that was
// away may set the state once the head was removed with what else it had left.
Result<bool> IsLeftOfABegin(const Record& record);
// Looks again and removes all of it and its marker, with the lease of the record. kLocked as of RemoveRest.
Status RemoveLeftOfABegin(const Record& record, const Removal& removal);
// Of one that is deleted by its last state: is something of a resource there, and does an index name it? Then a later state,
// of a copy that made it anew, was lost, and none of it is rubbish.
Result<bool> HasLostItsLastState(const Record& deleted);
// The same as an error (kCorrupt), which names the state after `last`, the last one that there is.
Status CheckHasItsLastState(const Record& deleted, const StateEntry& last);
// States behind one that is missing, which nobody reads: they would come after the next one that is set.
Status RemoveStatesBehindAGap(RemovalHold& hold);
// What lies beside the tombstone of a deleted checkpoint: of a copy that was to be made anew and did not come to its end, say.
Result<std::size_t> CountLeftOfDeleted(const Record& record);
Status RemoveLeftOfDeleted(const Record& record, const Removal& removal);
// The same of what stands of a deleted checkpoint. Its leases stay, as those of every record do: a token is never given twice.
Status RemoveTombstone(const Record& record, const Removal& removal);

// Bundles that none of `named` is, that nobody published, and of which every object is older: by their hash,
// the keys of their objects.
Result<std::map<std::string, std::vector<std::string>>> FindUnnamedBundles(
    const BankSection& tenant, const std::set<std::string>& named, std::chrono::seconds min_age,
    WallTime now);

}  // namespace holdfast::runtime
