#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/clock.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"
#include "runtime/store/layout.h"
#include "runtime/store/lease.h"

namespace holdfast::runtime {

enum class RecordState {
  kProtecting,
  kRestoring,
  kVerifying,
  kDeleting,
  kAvailable,  // a checkpoint that is whole
  kRestored,
  kVerified,
  kDeleted,
  kError,
};
std::string_view NameOf(RecordState state);
std::optional<RecordState> ParseRecordState(std::string_view name);
// The state in which steps of the operation work, and the one of a record that ended well.
RecordState WorkingState(Operation operation);
RecordState GoodState(Operation operation);
// Being worked on (or left so by a crash).
bool IsWorking(RecordState state);

// One entry of the numbered series state/<n>.
struct StateEntry {
  std::uint64_t number = 0;
  RecordState state = RecordState::kError;
  WallTime time;
  std::string run;     // who set it
  std::string reason;  // one line, for people; may be empty
  // Of the state that ends a run: how many warnings the activities recorded, with those of the
  // graph, and how many resources nobody cleaned up.
  std::uint64_t warnings = 0;
  std::uint64_t uncleaned = 0;
  // Of an error: nothing failed but what was not let read the checkpoint (ActivityOutcome::denied).
  bool denied = false;
  // Of the lease of the record under which it was set; 0: by a build that did not say so.
  std::uint64_t token = 0;
  // Of Record::ReadableStates: why it cannot be read; empty: it was. One that cannot is kError.
  std::string damage;
};

// What SetState adds to the series.
struct StateChange {
  RecordState state = RecordState::kError;
  std::string run;
  std::uint64_t token = 0;  // of the caller's lease of the record
  // The number of the state that the caller found, and from which it concludes; 0: there was none.
  std::uint64_t after = 0;
  WallTime time;
  std::string reason = {};
  std::uint64_t warnings = 0;
  std::uint64_t uncleaned = 0;
  bool denied = false;
};

// May a record of that kind go from one state to the other? `from`: nullopt: it has none. A copy alone makes a checkpoint
// available that was deleted.
bool IsTransition(RecordKind kind, std::optional<RecordState> from, RecordState to);

// Where a checkpoint was copied from (`holdfast checkpoints copy`).
struct CopiedFrom {
  std::string provider_id;
  std::string provider_name;
  std::string bank;  // for people
  std::string by;    // "root@host"
  WallTime time;
  // Whose checkpoint it is at first hand: another provider's where what was copied was a copy. Left empty it is the
  // provider above, and set when it is read.
  std::string origin_id = {};
  std::string origin_name = {};
};

// What a record is about: the object `plan`, written once by the first `begin`, or by who copied it.
struct RecordHead {
  Operation operation = Operation::kProtect;
  std::string checkpoint;  // protect: the record itself
  std::string bundle;      // SHA-256
  std::string provider_id;
  std::string provider_name;
  Value plan;        // as in the bundle
  Value parameters;  // as in the bundle
  std::uint64_t resources = 0;
  WallTime created;  // of a copy: the original
  std::string created_by;
  std::optional<CopiedFrom> copied = {};

  std::string PlanName() const { return plan.StringOr("name", ""); }
};

// What drift the `begin` of a run found (object drift/<run>).
struct DriftNote {
  std::string policy;  // "fail" or "warn"
  std::string text;
  bool fails() const { return policy == "fail"; }
};

// One checkpoint, restore, deletion or verification below a tenant's section. Cheap to make; a
// value type over a borrowed bank. All writes are those of the run that holds the lease.
class Record {
 public:
  // `tenant` is the section t/<tenant>. Nothing is read.
  static Result<Record> Open(const BankSection& tenant, RecordKind kind, std::string id);

  RecordKind kind() const { return kind_; }
  const std::string& id() const { return id_; }
  const BankSection& tenant() const { return tenant_; }
  const BankSection& section() const { return section_; }

  // The newest state; nullopt: there is no such record (yet). Read upwards, never from a listing.
  Result<std::optional<StateEntry>> State() const;
  Result<std::vector<StateEntry>> States() const;
  // The same where one that is damaged keeps nobody from the others: it says so itself.
  Result<std::vector<StateEntry>> ReadableStates() const;
  // The numbers of the states that there are, also where the first of them are gone: by their keys, and those
  // of greater numbers that are listed.
  Result<std::vector<std::uint64_t>> StateNumbers() const;
  // One of the series, whatever there is before it; nullopt: there is no such one.
  Result<std::optional<StateEntry>> ReadState(std::uint64_t number) const;
  // Adds a state; the same one by the same run again is success, and what is damaged before it is
  // left behind. kLocked, with who was faster, where the caller's token is old, or the newest state is another one than it
  // concludes from: whoever wrote that has gone on with the record, and what the caller knows of it counts no more. A number
  // is created once (atomically where the bank can), so that between this look and the write nobody comes
  // unnoticed. kConflict for what IsTransition does not allow.
  Status SetState(const StateChange& change) const;
  // Adds a state that there was once more, with all that it says, behind the newest one, number `after`: whoever was away just as it
  // was about to add one after that is late then. `token`: of the caller's lease. kLocked as of SetState.
  Status SetStateAgain(const StateEntry& entry, std::uint64_t token, std::uint64_t after) const;

  Result<std::optional<RecordHead>> Head() const;
  // The bundle that it was made from: as the head says or, where that is damaged, as its runs do.
  // nullopt: nothing says it.
  Result<std::optional<std::string>> BundleName() const;
  // Writes plan and graph; a head that is there already is kept, if it is of the same bundle
  // (else kInvalidInput).
  Status CreateHead(const RecordHead& head, const ResourceGraph& graph) const;
  // The same where the record was deleted: in place of the head that says of what.
  Status ReplaceHead(const RecordHead& head, const ResourceGraph& graph) const;
  // kCorrupt when it is damaged or missing.
  Result<ResourceGraph> Graph() const;

  Status PutDrift(std::string_view run, const DriftNote& note) const;
  Result<std::optional<DriftNote>> Drift(std::string_view run) const;

  // A marker indices/unfinished/<record>@m<mark>, each time one of its own: whoever removes those that it has seen takes none of
  // who comes later, however late the bank does it. Returns its key.
  Result<std::string> MarkUnfinished(std::string_view checkpoint) const;
  // Keys of those that there are, also of one without a mark, by an older build.
  Result<std::vector<std::string>> Markers() const;
  // Removes those that are there now. `held` is asked once they are listed: its error keeps them. `own`: the key of one, which
  // a listing that lags may not show yet.
  Status RemoveUnfinished(const std::function<Status()>& held, const std::string& own = {}) const;
  Result<bool> IsUnfinished() const;
  // When the youngest marker was written; nullopt: there is none.
  Result<std::optional<WallTime>> MarkedAt() const;

 private:
  Result<std::string> DumpState(const StateChange& change) const;
  Status PutGraph(const ResourceGraph& graph) const;
  Result<std::string> DumpHead(const RecordHead& head) const;
  // The newest of the readable states allows the change: its number is change.after, and no greater token set it.
  Status CheckIsNext(const StateChange& change, const std::vector<StateEntry>& states) const;
  Record(RecordKind kind, std::string id, BankSection tenant, BankSection section)
      : kind_(kind), id_(std::move(id)), tenant_(std::move(tenant)), section_(std::move(section)) {}
  RecordKind kind_;
  std::string id_;
  BankSection tenant_;
  BankSection section_;
};

// What indices/unfinished names: each record once. Where a marker is damaged the record itself says the rest.
struct Unfinished {
  std::string record;
  RecordKind kind = RecordKind::kCheckpoint;
  std::string checkpoint;  // that it works on
};
Result<std::vector<Unfinished>> ListUnfinished(const BankSection& tenant);
// What a deletion has to do with its checkpoint as that is now.
enum class DeletionScope {
  kNotBegun,  // nothing yet: its begin has not come so far
  kDeletes,   // the checkpoint is being deleted, by it (also)
  // Nothing any more: somebody has erased the checkpoint or kept it since, and what there is of it now, made anew, is
  // none of its. That never changes again.
  kOver,
};
Result<DeletionScope> ScopeOf(const Record& deletion, const Record& checkpoint);
// The newest of the checkpoint's states but for `deleting` by the deletion's runs; nullopt: there is none, or one is damaged.
Result<std::optional<StateEntry>> StateWithout(const Record& deletion, const Record& checkpoint);
// The deletion that has begun with a checkpoint, or is about to, and is not over; nullopt: there is none.
Result<std::optional<Unfinished>> DeletionOf(const BankSection& tenant,
                                             std::string_view checkpoint);

// What `begin` writes about a run: runs/<run>.
struct RunEntry {
  std::string run;
  std::string start;  // which start of it (run_start.h)
  std::string record;
  RecordKind kind = RecordKind::kCheckpoint;
  std::string bundle;
  std::uint64_t token = 0;             // of the record's lease
  std::uint64_t checkpoint_token = 0;  // deletion: of the checkpoint's lease
  std::string marker;                  // the key of its first; empty: of an older build
  std::string started_by;
  WallTime started;
};
Result<std::optional<RunEntry>> ReadRun(const BankSection& tenant, std::string_view run);
// The newest of those that worked on the record, which no gc and no begin of another record did; nullopt:
// none can be read.
Result<std::optional<RunEntry>> NewestRunOn(const Record& record);
// The run that has the lease of the record. nullopt: whoever has it works on another record, or is
// a gc, and took it to bring this one to its end.
Result<std::optional<RunEntry>> RunThatHas(const Record& record, const Lease& lease);
// Who has the record of a run after it, so that this one has nothing more to end.
struct TakenOver {
  std::string run;       // a later one, or a gc that has brought the record to its end
  bool goes_on = false;  // it works on the record now
  bool deletes = false;  // the record is a checkpoint, and that run its deletion
};
// nullopt: nobody, so far as anybody knows; also while a gc is at it.
Result<std::optional<TakenOver>> TakenOverFrom(const BankSection& tenant, std::string_view run);
// LeaseHeldError with who started the run that holds the lease, as far as that can be read.
Error RecordHeldError(const BankSection& tenant, std::string_view record, const Lease& lease);
// The same run again with the same token is success; with another one kConflict; another start's kLocked.
Status PutRun(const BankSection& tenant, const RunEntry& entry);
// The error (kLocked) of a start whose run's id another start has taken: `entry`.
Error StartedAlreadyError(const RunEntry& entry);

}  // namespace holdfast::runtime
