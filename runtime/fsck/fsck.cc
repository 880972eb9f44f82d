#include "runtime/fsck/fsck.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/text.h"
#include "runtime/fsck/record_check.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/rubbish.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr std::array<std::string_view, 8> kFolders{"bundles", "checkpoints",  "deletions",
                                                   "indices", "leases",       "restores",
                                                   "runs",    "verifications"};
constexpr std::array<std::string_view, 5> kIndices{"by-date", "by-plan", "by-provider",
                                                   "half-restored", "unfinished"};
// The lease of who mends. It is no record's: an id begins with a letter or a digit.
constexpr std::string_view kMender = "@fsck";
constexpr auto kMenderExpiry = std::chrono::minutes(10);

class BankCheck {
 public:
  explicit BankCheck(FsckWork& work) : work_(work), tenant_(work.tenant) {}

  Status Run() {
    if (!work_.options.checkpoint.empty()) {
      HOLDFAST_RETURN_IF_ERROR(CheckOne(work_.options.checkpoint));
    } else {
      // The indices before the records: what is being made meanwhile is in neither, or in the second.
      HOLDFAST_ASSIGN_OR_RETURN(const auto indices, ReadIndexKeys(tenant_));
      HOLDFAST_RETURN_IF_ERROR(CheckRecords());
      HOLDFAST_RETURN_IF_ERROR(CheckIndices(indices));
      HOLDFAST_RETURN_IF_ERROR(CheckLeases());
      HOLDFAST_RETURN_IF_ERROR(CheckRuns());
      HOLDFAST_RETURN_IF_ERROR(NameUnknown());
      HOLDFAST_RETURN_IF_ERROR(NameUnnamedBundles());
    }
    HOLDFAST_RETURN_IF_ERROR(CheckBundles());
    return work_.options.dry_run ? Ok() : MendAll();
  }

 private:
  using RecordName = std::pair<RecordKind, std::string>;

  Status CheckOne(const std::string& id) {
    work_.report.done.of = 1;
    HOLDFAST_ASSIGN_OR_RETURN(auto verdict, CheckRecord(work_, RecordKind::kCheckpoint, id));
    work_.report.done.records = 1;
    if (!verdict.exists) {
      return NotFound("there is no checkpoint " + Printable(id)).Hint("holdfast checkpoints list");
    }
    verdicts_.emplace(RecordName(RecordKind::kCheckpoint, id), std::move(verdict));
    return Ok();
  }

  Status CheckRecords() {
    std::vector<RecordName> all;
    for (const RecordKind kind : kAllRecordKinds) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto ids, ListRecordIds(tenant_, kind));
      for (const std::string& id : ids) all.emplace_back(kind, id);
    }
    work_.report.done.of = all.size();
    for (const RecordName& name : all) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      HOLDFAST_ASSIGN_OR_RETURN(auto verdict, CheckRecord(work_, name.first, name.second));
      verdicts_.emplace(name, std::move(verdict));
      ++work_.report.done.records;
      work_.Tell();
    }
    return Ok();
  }

  static Finding New(FindingKind kind, std::string what, std::vector<std::string> keys,
                     std::string text, std::string to_do) {
    Finding finding;
    finding.kind = kind;
    finding.what = std::move(what);
    finding.keys = std::move(keys);
    finding.text = std::move(text);
    finding.to_do = std::move(to_do);
    return finding;
  }

  Status CheckIndices(const std::map<std::string, std::vector<std::string>>& indices) {
    for (const auto& [id, keys] : indices) {
      if (id.empty()) {
        work_.Add(New(FindingKind::kNote, "unknown-object", keys,
                      "no entry of an index is called so", ""));
        continue;
      }
      const auto verdict = verdicts_.find({RecordKind::kCheckpoint, id});
      if (verdict == verdicts_.end()) {
        HOLDFAST_RETURN_IF_ERROR(CheckLost(id, keys));
        continue;
      }
      // Of one that is damaged the index may be what is right.
      if (!verdict->second.at_rest || verdict->second.damaged) continue;
      std::vector<std::string> dangling;
      for (const std::string& key : keys) {
        if (!verdict->second.indices.contains(key)) dangling.push_back(key);
      }
      if (!dangling.empty()) AddDangling(id, std::move(dangling));
    }
    return Ok();
  }

  // An index names it, and there is nothing of it.
  Status CheckLost(const std::string& id, const std::vector<std::string>& keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                              Record::Open(tenant_, RecordKind::kCheckpoint, id));
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
    HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
    // It was made since, or its deletion was brought to its end.
    if (unfinished || !states.empty()) return Ok();
    // What is gone may be listed still.
    std::vector<std::string> there;
    for (const std::string& key : keys) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool is, tenant_.Exists(key));
      if (is) there.push_back(key);
    }
    if (there.empty()) return Ok();
    Finding finding = New(
        FindingKind::kDamage, "checkpoint-lost", std::move(there),
        "an index names it as available, and there is nothing of it",
        "copy it back from where the bank is kept besides; what of no use is any more goes with "
        "holdfast checkpoints delete --without-plugins " +
            Printable(id));
    finding.record_kind = RecordKind::kCheckpoint;
    finding.record = id;
    work_.Add(std::move(finding));
    return Ok();
  }

  void AddDangling(const std::string& id, std::vector<std::string> keys) {
    Finding finding =
        New(FindingKind::kRubbish, "index-dangling", keys,
            "an index names it as available, and it is not, or was made at another time",
            "remove the entry");
    finding.record_kind = RecordKind::kCheckpoint;
    finding.record = id;
    work_.Add(std::move(finding), [this, id, keys = std::move(keys)](WallTime) -> Result<bool> {
      HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                                Record::Open(tenant_, RecordKind::kCheckpoint, id));
      HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
      HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
      if (unfinished || !state || !head || IsWorking(state->state)) return false;
      std::set<std::string> right;
      if (state->state == RecordState::kAvailable) {
        for (const std::string& key : IndexKeys(record, *head)) right.insert(key);
      }
      bool any = false;
      for (const std::string& key : keys) {
        if (right.contains(key)) continue;
        HOLDFAST_RETURN_IF_ERROR(tenant_.DeleteIfPresent(key));
        any = true;
      }
      return any;
    });
  }

  // Objects that are rubbish as long as no record of that id is there, and as old as that.
  void AddRemoval(Finding finding, std::string record) {
    finding.record = record;
    std::vector<std::string> keys = finding.keys;
    work_.Add(std::move(finding),
              [this, keys = std::move(keys),
               record = std::move(record)](WallTime bank_time) -> Result<bool> {
                for (const RecordKind kind : kAllRecordKinds) {
                  HOLDFAST_ASSIGN_OR_RETURN(const Record there,
                                            Record::Open(tenant_, kind, record));
                  HOLDFAST_ASSIGN_OR_RETURN(const auto states, there.ReadableStates());
                  HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, there.IsUnfinished());
                  if (!states.empty() || unfinished) return false;
                }
                for (const std::string& key : keys) {
                  const auto info = tenant_.Stat(key);
                  if (!info && info.error().code() != ErrorCode::kNotFound) return info.error();
                  if (info && info->written + work_.options.min_age > bank_time) return false;
                }
                // The greatest number first: what is left after a crash is found by the next look.
                for (auto key = keys.rbegin(); key != keys.rend(); ++key)
                  HOLDFAST_RETURN_IF_ERROR(tenant_.DeleteIfPresent(*key));
                return true;
              });
  }

  // Those of a record that is not there stay: a token is never given twice, whatever a process that was away believes, and
  // none can be taken away at a moment at which nobody could just take the next one.
  Status CheckLeases() {
    std::vector<std::string> unknown;
    HOLDFAST_RETURN_IF_ERROR(ForEachObject(tenant_, "leases/", [&](ListedObject object) -> Status {
      const std::string folder = LeadingParts(object.key, 2);
      const auto id = TextOfKeyPart(folder.substr(std::min<std::size_t>(folder.size(), 7)));
      if (id.value_or("").empty()) unknown.push_back(std::move(object.key));
      return Ok();
    }));
    if (!unknown.empty()) {
      work_.Add(New(FindingKind::kNote, "unknown-object", std::move(unknown),
                    "no lease is called so", ""));
    }
    return Ok();
  }

  Status CheckRuns() {
    std::vector<std::string> keys;
    HOLDFAST_ASSIGN_OR_RETURN(keys, tenant_.ListAll("runs/"));
    for (const std::string& key : keys) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      const auto run = TextOfKeyPart(key.substr(std::string_view("runs/").size()));
      if (!run || run->empty()) {
        work_.Add(New(FindingKind::kNote, "unknown-object", {key}, "no run is called so", ""));
        continue;
      }
      // There is one for each run that there ever was, and no restore needs it.
      if (work_.options.quick) continue;
      const auto entry = ReadRun(tenant_, *run);
      if (!entry && !IsDamage(entry.error())) return entry.error();
      if (!entry) {
        work_.Add(New(FindingKind::kDamage, "run-damaged", {key}, entry.error().OneLine(),
                      "nothing is restored from it"));
        continue;
      }
      if (!*entry || verdicts_.contains({(*entry)->kind, (*entry)->record})) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const Record record,
                                Record::Open(tenant_, (*entry)->kind, (*entry)->record));
      HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
      if (unfinished) continue;
      AddRemoval(
          New(FindingKind::kRubbish, "run-without-record", {key},
              fmt::format("run {} of a record that is not there", Printable(*run)), "remove it"),
          (*entry)->record);
    }
    return Ok();
  }

  Status NameUnknown() {
    HOLDFAST_ASSIGN_OR_RETURN(const auto parts, FirstParts(tenant_));
    for (const std::string& part : parts) {
      if (std::find(kFolders.begin(), kFolders.end(), part) == kFolders.end())
        work_.Add(New(FindingKind::kNote, "unknown-object", {part},
                      "nothing that this build writes is called so",
                      "whoever put it there knows what it is; a newer build may"));
    }
    HOLDFAST_ASSIGN_OR_RETURN(const BankSection indices,
                              tenant_.Narrow("indices", SectionAccess::kRead));
    HOLDFAST_ASSIGN_OR_RETURN(const auto kinds, FirstParts(indices));
    for (const std::string& kind : kinds) {
      if (std::find(kIndices.begin(), kIndices.end(), kind) == kIndices.end())
        work_.Add(New(FindingKind::kNote, "unknown-object", {"indices/" + kind},
                      "there is no such index", ""));
    }
    return Ok();
  }

  std::map<std::string, std::vector<RecordName>> NamedBundles() const {
    std::map<std::string, std::vector<RecordName>> named;
    for (const auto& [name, verdict] : verdicts_) {
      if (verdict.bundle) named[*verdict.bundle].push_back(name);
    }
    return named;
  }

  // Restore of a whole checkpoint needs none; deletion and resume do.
  Status CheckBundles() {
    for (const auto& [sha256, records] : NamedBundles()) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      const auto bundle = LoadBundleFromBank(tenant_, sha256);
      if (bundle) continue;
      const bool gone = bundle.error().code() == ErrorCode::kNotFound;
      if (!gone && !IsDamage(bundle.error())) return bundle.error();
      // Of a tombstone nobody needs it any more.
      for (const auto& [kind, id] : records) {
        if (verdicts_.at({kind, id}).state == RecordState::kDeleted) continue;
        Finding finding = New(
            FindingKind::kDamage, gone ? "bundle-missing" : "bundle-damaged",
            {BundlePrefix(sha256)}, bundle.error().OneLine(),
            "whoever has the bundle writes it anew: holdfast publish, or a run of the workflow");
        finding.record_kind = kind;
        finding.record = id;
        work_.Add(std::move(finding));
      }
    }
    return Ok();
  }

  Status NameUnnamedBundles() {
    std::set<std::string> named;
    for (const auto& [sha256, records] : NamedBundles()) named.insert(sha256);
    const bool all = std::all_of(verdicts_.begin(), verdicts_.end(), [](const auto& entry) {
      return !entry.second.exists || entry.second.bundle.has_value();
    });
    if (!all) return Ok();  // of one that does not say its bundle any may be it
    HOLDFAST_ASSIGN_OR_RETURN(
        const auto unnamed,
        FindUnnamedBundles(tenant_, named, work_.options.min_age, work_.clock.Now()));
    for (const auto& [sha256, keys] : unnamed) {
      work_.Add(New(FindingKind::kRubbish, "bundle-unnamed", keys, "no record names the bundle",
                    "holdfast gc removes it"));
    }
    return Ok();
  }

  // With a lease of its own, whose object tells what time it is in the bank.
  Status MendAll() {
    if (work_.mends.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto held, CurrentLease(tenant_, kMender));
    const WallTime now = work_.clock.Now();
    if (held && !held->gone(now)) {
      return Error(ErrorCode::kLocked,
                   fmt::format("another fsck mends this bank until {}", FormatTime(held->expires)))
          .Hint("--dry-run only looks");
    }
    LeaseRequest wanted;
    wanted.run = work_.options.run;
    wanted.after = held ? held->token : 0;
    wanted.expiry = kMenderExpiry;
    HOLDFAST_ASSIGN_OR_RETURN(Lease lease, TakeLease(tenant_, kMender, wanted, now));
    Status mended = MendEach(lease);
    Status released = ReleaseLease(tenant_, kMender, lease);
    return mended ? std::move(released) : std::move(mended);
  }

  Status MendEach(Lease& lease) {
    const std::string key = LeaseKey(kMender, lease.token);
    HOLDFAST_ASSIGN_OR_RETURN(ObjectInfo bank, tenant_.Stat(key));
    for (const auto& [number, mend] : work_.mends) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      const WallTime now = work_.clock.Now();
      if (lease.expires < now + kMenderExpiry / 2) {
        HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(tenant_, kMender, lease));
        HOLDFAST_RETURN_IF_ERROR(RenewLease(tenant_, kMender, lease, kMenderExpiry, now));
      }
      Finding& finding = work_.report.findings[number];
      auto done = mend(bank.written);
      // What turns out to be damaged since is left to the next look.
      if (!done && !IsDamage(done.error())) return std::move(done).error();
      if (!done) finding.text += "; not mended: " + done.error().OneLine();
      finding.mended = done && *done;
    }
    return Ok();
  }

  FsckWork& work_;
  const BankSection& tenant_;
  std::map<RecordName, RecordVerdict> verdicts_;
};

}  // namespace

std::string_view NameOf(FindingKind kind) {
  switch (kind) {
    case FindingKind::kDamage:
      return "damage";
    case FindingKind::kUnchecked:
      return "unchecked";
    case FindingKind::kRubbish:
      return "rubbish";
    case FindingKind::kNote:
      return "note";
  }
  return "note";
}

std::size_t FsckReport::Count(FindingKind kind) const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [kind](const Finding& finding) { return finding.kind == kind; }));
}

Result<FsckReport> Fsck(const BankSection& tenant, const Clock& clock, const FsckOptions& options) {
  FsckWork work{tenant, clock, options};
  HOLDFAST_RETURN_IF_ERROR(BankCheck(work).Run());
  return std::move(work.report);
}

}  // namespace holdfast::runtime
