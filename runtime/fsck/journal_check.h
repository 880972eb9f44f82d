#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/fsck/record_check.h"
#include "runtime/store/listed_objects.h"

namespace holdfast::runtime {

// A record, and a listing of what there is of it, by key within its section.
struct RecordObjects {
  const Record& record;
  const std::map<std::string, ListedObject>& objects;
};

// What the journal of an available checkpoint does not say any more, or says of another one.
struct JournalDamage {
  const char* what = "";  // the name of the finding
  ResourceKey resource;
  std::vector<std::string> keys;  // within the record's section
  std::string text;
};

// `end` says "available" only of what has journaled the success of every activity in its bundle: what does not say so any
// more was lost. No restore reads it, but gc does, before it takes data for rubbish, and a copy. `epochs`: of each resource of
// which there is a manifest. A copy has the runs of its source, of which its own bank need not know. A bundle that cannot be
// read has no damage here; it is looked at where all of them are. Of a quick fsck only what the listing tells.
Result<std::vector<JournalDamage>> FindJournalDamage(
    const FsckWork& work, const RecordObjects& listed, const std::string& bundle,
    const std::map<ResourceKey, std::uint64_t>& epochs, bool copied);

// The newest claim of a step, without a result, whose heart beats: a process that its run does not know of.
struct LiveClaim {
  std::string key;
  std::string step;  // journal/<step>
  WallTime beat;
};
std::vector<LiveClaim> FindLiveClaims(const std::map<std::string, ListedObject>& objects,
                                      WallTime now);

}  // namespace holdfast::runtime
