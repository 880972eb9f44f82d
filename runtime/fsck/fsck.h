#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "runtime/data/data_stream.h"
#include "runtime/store/layout.h"

namespace holdfast::runtime {

enum class FindingKind {
  kDamage,     // something that was written is gone or is not what it was; never touched
  kUnchecked,  // cannot be read here: its key is not there
  kRubbish,    // what nobody needs, or an index that does not agree with its checkpoint
  kNote,       // nothing is wrong with it
};
// "damage", "unchecked", "rubbish", "note".
std::string_view NameOf(FindingKind kind);

// One thing that is not as it was left by runs that ended.
struct Finding {
  FindingKind kind = FindingKind::kNote;
  std::string what;  // its sort, for scripts: "segment-missing"
  std::optional<RecordKind> record_kind = {};
  std::string record = {};
  std::optional<ResourceKey> resource = {};
  std::string name = {};               // of the resource, where it is known
  std::vector<std::string> keys = {};  // of objects, below the tenant's section
  std::string text = {};               // one line
  std::string to_do = {};              // one line; empty: nothing
  bool can_mend = false;               // fsck does it, unless it is a dry run
  bool mended = false;                 // and has
};

struct FsckProgress {
  std::uint64_t records = 0;  // that were looked at
  std::uint64_t of = 0;
  std::uint64_t bytes = 0;  // plain ones that were read
};

struct FsckOptions {
  bool dry_run = false;
  // Presence and sizes of data, and the small objects that restore needs; else every byte of all.
  bool quick = false;
  std::string checkpoint;  // only this one; empty: all that the tenant has
  std::chrono::seconds min_age =
      std::chrono::hours(24);  // of what is removed, by the bank's own time
  std::string run;             // who this is, in leases
  DataOptions data;
  std::function<void(const FsckProgress&)> progress;  // often; may be empty
};

struct FsckReport {
  std::vector<Finding> findings;
  FsckProgress done;
  std::size_t Count(FindingKind kind) const;
};

// Looks at everything of a tenant that no run works on: what is unfinished is gc's, and only counted (a
// note). Finds damage of all that a restore needs, of the journal of what is available ("journal-...": no restore reads it), and
// rubbish: data that no manifest names, indices that disagree with the checkpoints, what is left of records that are gone.
//
// Without `dry_run` it then removes rubbish that is older than min_age, writes indices anew, and marks for gc what
// is unfinished and has lost its mark; each after it has looked again. It never removes a manifest, what a
// manifest names, or anything of a checkpoint that is damaged or pinned. One fsck mends at a time (kLocked);
// killed anywhere, the next one goes on.
//
// kNotFound where there is no options.checkpoint; kUnavailable and the like when the bank cannot be asked.
Result<FsckReport> Fsck(const BankSection& tenant, const Clock& clock, const FsckOptions& options);

}  // namespace holdfast::runtime
