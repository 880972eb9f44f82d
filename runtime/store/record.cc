#include "runtime/store/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "plugins/sdk/object_key.h"
#include "plugins/sdk/run_start.h"
#include "plugins/sdk/text.h"
#include "runtime/store/claim.h"
#include "runtime/store/sealed_member.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kStateFormat = 1;
constexpr int kHeadFormat = 1;
constexpr int kGraphFormat = 1;  // GraphToValue's own
constexpr int kRunFormat = 1;
constexpr int kUnfinishedFormat = 1;
constexpr std::string_view kMarkers = "indices/unfinished/";
constexpr int kDriftFormat = 1;

constexpr std::array<std::string_view, 9> kStateNames{"protecting", "restoring", "verifying",
                                                      "deleting",   "available", "restored",
                                                      "verified",   "deleted",   "error"};

std::string DriftKey(std::string_view run) { return "drift/" + KeyPart(run); }

}  // namespace

std::string_view NameOf(RecordState state) { return kStateNames[static_cast<std::size_t>(state)]; }

std::optional<RecordState> ParseRecordState(std::string_view name) {
  const auto at = std::find(kStateNames.begin(), kStateNames.end(), name);
  if (at == kStateNames.end()) return std::nullopt;
  return static_cast<RecordState>(at - kStateNames.begin());
}

RecordState WorkingState(Operation operation) {
  switch (operation) {
    case Operation::kProtect:
      return RecordState::kProtecting;
    case Operation::kRestore:
      return RecordState::kRestoring;
    case Operation::kDelete:
      return RecordState::kDeleting;
    case Operation::kVerify:
      return RecordState::kVerifying;
  }
  return RecordState::kProtecting;
}

RecordState GoodState(Operation operation) {
  switch (operation) {
    case Operation::kProtect:
      return RecordState::kAvailable;
    case Operation::kRestore:
      return RecordState::kRestored;
    case Operation::kDelete:
      return RecordState::kDeleted;
    case Operation::kVerify:
      return RecordState::kVerified;
  }
  return RecordState::kAvailable;
}

bool IsWorking(RecordState state) {
  return state == RecordState::kProtecting || state == RecordState::kRestoring ||
         state == RecordState::kVerifying || state == RecordState::kDeleting;
}

namespace {

Operation OperationOf(RecordKind kind) {
  switch (kind) {
    case RecordKind::kCheckpoint:
      return Operation::kProtect;
    case RecordKind::kRestore:
      return Operation::kRestore;
    case RecordKind::kDeletion:
      return Operation::kDelete;
    case RecordKind::kVerification:
      return Operation::kVerify;
  }
  return Operation::kProtect;
}

}  // namespace

bool IsTransition(RecordKind kind, std::optional<RecordState> from, RecordState to) {
  const RecordState working = WorkingState(OperationOf(kind));
  const RecordState good = GoodState(OperationOf(kind));
  const bool of_checkpoint = kind == RecordKind::kCheckpoint;
  if (of_checkpoint && to == RecordState::kDeleting) return from != RecordState::kDeleted;
  if (of_checkpoint && to == RecordState::kDeleted) return from == RecordState::kDeleting;
  if (of_checkpoint && from == RecordState::kDeleted) return to == good;
  if (to != working && to != good && to != RecordState::kError) return false;
  // A copy has no working state, and of a begin that failed an error is the only one.
  if (!from) return to != good || of_checkpoint;
  // A resume, an end, or an end that says more than the one before.
  if (from == working) return true;
  return from == RecordState::kError && to != good;
}

Result<Record> Record::Open(const BankSection& tenant, RecordKind kind, std::string id) {
  if (id.empty()) return InvalidInput("a record needs an id");
  HOLDFAST_ASSIGN_OR_RETURN(BankSection section,
                            tenant.Narrow(RecordPrefix(kind, id), tenant.access()));
  return Record(kind, std::move(id), tenant, std::move(section));
}

Result<std::optional<StateEntry>> Record::ReadState(std::uint64_t number) const {
  const std::string below = StatePrefix() + NumberPart(number);
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadRecordObject(section_, below, kStateFormat));
  if (!value) return std::optional<StateEntry>();
  const std::string key = section_.prefix() + "/" + below;
  StateEntry entry;
  entry.number = number;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string name, TextMember(*value, "state", key));
  const auto state = ParseRecordState(name);
  if (!state) return Corrupt(fmt::format("the object {} has an unknown state '{}'", key, name));
  entry.state = *state;
  HOLDFAST_ASSIGN_OR_RETURN(entry.time, TimeMember(*value, "time", key));
  HOLDFAST_ASSIGN_OR_RETURN(entry.run, TextMember(*value, "run", key));
  HOLDFAST_ASSIGN_OR_RETURN(entry.reason,
                            ReadSealedText(*value, "reason", section_, StatePrefix()));
  entry.denied = value->BoolOr("denied", false);
  for (const auto& [member, number_of] :
       {std::pair{"warnings", &entry.warnings}, std::pair{"uncleaned", &entry.uncleaned},
        std::pair{"token", &entry.token}}) {
    if (value->Find(member) == nullptr) continue;
    HOLDFAST_ASSIGN_OR_RETURN(*number_of, NumberMember(*value, member, key));
  }
  return std::optional<StateEntry>(std::move(entry));
}

Result<std::vector<StateEntry>> Record::States() const {
  std::vector<StateEntry> states;
  for (std::uint64_t number = 1;; ++number) {
    HOLDFAST_ASSIGN_OR_RETURN(auto entry, ReadState(number));
    if (!entry) return states;
    states.push_back(std::move(*entry));
  }
}

Result<std::vector<StateEntry>> Record::ReadableStates() const {
  std::vector<StateEntry> states;
  DamagedInARow damaged_ones;
  for (std::uint64_t number = 1;; ++number) {
    auto entry = ReadState(number);
    if (entry && !*entry) return states;
    if (entry) {
      damaged_ones.Reset();
      states.push_back(std::move(**entry));
      continue;
    }
    if (!IsDamage(entry.error())) return std::move(entry).error();
    HOLDFAST_RETURN_IF_ERROR(damaged_ones.Add(entry.error()));
    StateEntry damaged;
    damaged.number = number;
    damaged.damage = entry.error().OneLine();
    states.push_back(std::move(damaged));
  }
}

Result<std::vector<std::uint64_t>> Record::StateNumbers() const {
  // What a removal leaves when it is killed: more of them than runs add to a record as a rule.
  constexpr std::uint64_t kAsked = 16;
  std::set<std::uint64_t> numbers;
  for (std::uint64_t number = 1; number <= kAsked; ++number) numbers.insert(number);
  HOLDFAST_ASSIGN_OR_RETURN(const auto listed, section_.ListAll(StatePrefix()));
  for (const std::string& key : listed) {
    const auto number = NumberOfPart(std::string_view(key).substr(StatePrefix().size()));
    if (number) numbers.insert(*number);
  }
  std::vector<std::uint64_t> there;
  for (const std::uint64_t number : numbers) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool is, section_.Exists(StatePrefix() + NumberPart(number)));
    if (is) there.push_back(number);
  }
  return there;
}

Result<std::optional<StateEntry>> Record::State() const {
  HOLDFAST_ASSIGN_OR_RETURN(auto states, States());
  if (states.empty()) return std::optional<StateEntry>();
  return std::optional<StateEntry>(std::move(states.back()));
}

Result<std::string> Record::DumpState(const StateChange& change) const {
  Value value = Value()
                    .Set("state", NameOf(change.state))
                    .Set("time", FormatTime(change.time))
                    .Set("run", change.run)
                    .Set("token", change.token);
  // What it is bound to is the states of the record, as all of them are.
  if (!change.reason.empty()) {
    HOLDFAST_RETURN_IF_ERROR(SetSealed(value, "reason", change.reason, section_, StatePrefix()));
  }
  if (change.warnings != 0) value.Set("warnings", change.warnings);
  if (change.uncleaned != 0) value.Set("uncleaned", change.uncleaned);
  if (change.denied) value.Set("denied", true);
  return DumpRecordObject(section_, std::move(value), kStateFormat);
}

Status Record::SetState(const StateChange& change) const {
  HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(tenant_, id_, change.token));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpState(change));
  const auto is_there = [&change](const std::vector<StateEntry>& states) {
    return !states.empty() && states.back().damage.empty() && states.back().state == change.state &&
           states.back().run == change.run && states.back().token <= change.token;
  };
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, ReadableStates());
  if (is_there(states)) return Ok();
  HOLDFAST_RETURN_IF_ERROR(CheckIsNext(change, states));
  Status created = section_.CreateExclusive(StatePrefix() + NumberPart(change.after + 1), bytes,
                                            Settling::kAtOnce);
  if (created || created.error().code() != ErrorCode::kConflict) return created;
  // Another one was faster, or the answer to an earlier try of ours was lost.
  HOLDFAST_ASSIGN_OR_RETURN(const auto now, ReadableStates());
  if (is_there(now)) return Ok();
  HOLDFAST_RETURN_IF_ERROR(CheckIsNext(change, now));
  return created;
}

Status Record::SetStateAgain(const StateEntry& entry, std::uint64_t token,
                             std::uint64_t after) const {
  StateChange change;
  change.state = entry.state;
  change.run = entry.run;
  change.token = token;
  change.after = after;
  change.time = entry.time;
  change.reason = entry.reason;
  change.warnings = entry.warnings;
  change.uncleaned = entry.uncleaned;
  change.denied = entry.denied;
  HOLDFAST_RETURN_IF_ERROR(CheckStillHeld(tenant_, id_, token));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpState(change));
  Status created =
      section_.CreateExclusive(StatePrefix() + NumberPart(after + 1), bytes, Settling::kAtOnce);
  if (created || created.error().code() != ErrorCode::kConflict) return created;
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, ReadableStates());
  // The answer to an earlier try may have been lost.
  if (states.size() == after + 1 && states.back().damage.empty() &&
      states.back().state == entry.state && states.back().token == token) {
    return Ok();
  }
  return Error(ErrorCode::kLocked, fmt::format("another one has just gone on with the {} {}",
                                               NameOf(kind_), Printable(id_)));
}

Status Record::CheckIsNext(const StateChange& change, const std::vector<StateEntry>& states) const {
  const std::uint64_t newest = states.empty() ? 0 : states.back().number;
  const auto described = [](const StateEntry& state) {
    return fmt::format("{} by run {} since {}", NameOf(state.state), Printable(state.run),
                       FormatTime(state.time));
  };
  if (newest != change.after) {
    Error error(ErrorCode::kLocked,
                newest == 0
                    ? fmt::format("the states of {} {} are gone", NameOf(kind_), Printable(id_))
                    : fmt::format("the {} {} is {}: run {}, which was to make it {}, is "
                                  "late, and nothing of it counts",
                                  NameOf(kind_), Printable(id_), described(states.back()),
                                  Printable(change.run), NameOf(change.state)));
    return error;
  }
  if (states.empty()) {
    if (IsTransition(kind_, std::nullopt, change.state)) return Ok();
    return Error(ErrorCode::kConflict,
                 fmt::format("the {} {}, which has no state yet, cannot become {}", NameOf(kind_),
                             Printable(id_), NameOf(change.state)));
  }
  const StateEntry& last = states.back();
  if (last.token > change.token) {
    // Where all leases were lost the tokens have begun anew.
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, tenant_.Exists(LeaseKey(id_, last.token)));
    if (there) {
      return Error(ErrorCode::kLocked,
                   fmt::format("token {} of {} is old: it is {}, under token {}", change.token,
                               Printable(id_), described(last), last.token));
    }
  }
  if (!last.damage.empty() || IsTransition(kind_, last.state, change.state)) return Ok();
  return Error(ErrorCode::kConflict,
               fmt::format("the {} {} is {}, and cannot become {}", NameOf(kind_), Printable(id_),
                           described(last), NameOf(change.state)));
}

namespace {

Value CopiedToValue(const CopiedFrom& copied) {
  Value value = Value()
                    .Set("provider_id", copied.provider_id)
                    .Set("provider_name", copied.provider_name)
                    .Set("bank", copied.bank)
                    .Set("by", copied.by)
                    .Set("time", FormatTime(copied.time));
  if (!copied.origin_id.empty() && copied.origin_id != copied.provider_id)
    value.Set("origin_id", copied.origin_id).Set("origin_name", copied.origin_name);
  return value;
}

Result<CopiedFrom> CopiedFromValue(const Value& value, const std::string& key) {
  CopiedFrom copied;
  HOLDFAST_ASSIGN_OR_RETURN(copied.provider_id, TextMember(value, "provider_id", key));
  copied.provider_name = value.StringOr("provider_name", "");
  copied.bank = value.StringOr("bank", "");
  copied.by = value.StringOr("by", "");
  HOLDFAST_ASSIGN_OR_RETURN(copied.time, TimeMember(value, "time", key));
  copied.origin_id = value.StringOr("origin_id", copied.provider_id);
  copied.origin_name = value.StringOr("origin_name", copied.provider_name);
  return copied;
}

}  // namespace

Result<std::optional<RecordHead>> Record::Head() const {
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadRecordObject(section_, "plan", kHeadFormat));
  if (!value) return std::optional<RecordHead>();
  const std::string key = section_.prefix() + "/plan";
  RecordHead head;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string operation, TextMember(*value, "operation", key));
  const auto parsed = ParseOperation(operation);
  if (!parsed) return Corrupt(fmt::format("the object {} has an unknown operation", key));
  head.operation = *parsed;
  HOLDFAST_ASSIGN_OR_RETURN(head.checkpoint, TextMember(*value, "checkpoint", key));
  HOLDFAST_ASSIGN_OR_RETURN(head.bundle, TextMember(*value, "bundle", key));
  HOLDFAST_ASSIGN_OR_RETURN(head.provider_id, TextMember(*value, "provider_id", key));
  head.provider_name = value->StringOr("provider_name", "");
  if (const Value* plan = value->Find("plan"); plan != nullptr) head.plan = *plan;
  if (const Value* parameters = value->Find("parameters"); parameters != nullptr) {
    head.parameters = *parameters;
  }
  head.resources = static_cast<std::uint64_t>(value->IntOr("resources", 0));
  HOLDFAST_ASSIGN_OR_RETURN(head.created, TimeMember(*value, "created", key));
  head.created_by = value->StringOr("created_by", "");
  if (const Value* copied = value->Find("copied"); copied != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(head.copied, CopiedFromValue(*copied, key));
  }
  return std::optional<RecordHead>(std::move(head));
}

Result<std::optional<std::string>> Record::BundleName() const {
  auto head = Head();
  if (head && *head) return std::optional<std::string>(std::move((*head)->bundle));
  if (!head && !IsDamage(head.error())) return std::move(head).error();
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, ReadableStates());
  std::set<std::string> runs{id_};  // the first run's id, unless it was given another record
  for (const StateEntry& state : states) {
    if (!state.run.empty()) runs.insert(state.run);
  }
  for (const std::string& run : runs) {
    auto entry = ReadRun(tenant_, run);
    if (!entry && !IsDamage(entry.error())) return std::move(entry).error();
    // A deletion sets states of its checkpoint, too: its run is not this record's.
    if (!entry || !*entry || (*entry)->record != id_ || (*entry)->kind != kind_) continue;
    return std::optional<std::string>(std::move((*entry)->bundle));
  }
  return std::optional<std::string>();
}

Status Record::CreateHead(const RecordHead& head, const ResourceGraph& graph) const {
  HOLDFAST_ASSIGN_OR_RETURN(const auto present, Head());
  if (present && present->bundle != head.bundle) {
    return InvalidInput(fmt::format("{} {} was made from bundle {}, not from {}", NameOf(kind_),
                                    id_, present->bundle.substr(0, 12), head.bundle.substr(0, 12)))
        .Hint("resume it with the workflow that began it, or start a new record");
  }
  HOLDFAST_RETURN_IF_ERROR(PutGraph(graph));
  if (present) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpHead(head));
  return section_.PutSame("plan", bytes);
}

Status Record::ReplaceHead(const RecordHead& head, const ResourceGraph& graph) const {
  HOLDFAST_RETURN_IF_ERROR(PutGraph(graph));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpHead(head));
  return section_.Replace("plan", bytes);
}

Result<std::string> Record::DumpHead(const RecordHead& head) const {
  Value value = Value()
                    .Set("operation", NameOf(head.operation))
                    .Set("checkpoint", head.checkpoint)
                    .Set("bundle", head.bundle)
                    .Set("provider_id", head.provider_id)
                    .Set("provider_name", head.provider_name)
                    .Set("plan", head.plan)
                    .Set("parameters", head.parameters)
                    .Set("resources", head.resources)
                    .Set("created", FormatTime(head.created))
                    .Set("created_by", head.created_by);
  if (head.copied) value.Set("copied", CopiedToValue(*head.copied));
  return DumpRecordObject(section_, std::move(value), kHeadFormat);
}

Status Record::PutGraph(const ResourceGraph& graph) const {
  const Value value = GraphToValue(graph);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpRecordObject(section_, value, kGraphFormat));
  Status put = section_.PutSame("graph", bytes);
  if (put || put.error().code() != ErrorCode::kConflict) return put;
  // An older build wrote the same graph in other bytes.
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceGraph present, Graph());
  if (GraphToValue(present) == value) return Ok();
  return put;
}

Result<ResourceGraph> Record::Graph() const {
  HOLDFAST_ASSIGN_OR_RETURN(
      auto value, ReadRecordObject(section_, "graph", kGraphFormat, std::uint64_t{1} << 30U));
  const std::string name = section_.prefix() + "/graph";
  if (!value) return Corrupt(fmt::format("the object {} is missing", name));
  // What an object has besides is no part of a graph.
  for (const std::string_view member : {"record", "sha256"}) {
    value->MutableMap().erase(std::string(member));
  }
  auto graph = GraphFromValue(*value, name);
  if (graph) return graph;
  return Corrupt(fmt::format("the object {} cannot be read", name))
      .Because(std::move(graph).error());
}

Status Record::PutDrift(std::string_view run, const DriftNote& note) const {
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string bytes,
      DumpObject(Value().Set("policy", note.policy).Set("text", note.text), kDriftFormat));
  Status put = section_.PutBytes(DriftKey(run), bytes);
  // A begin that runs again may find the live graph changed once more: what was said first stays.
  if (!put && put.error().code() == ErrorCode::kConflict) return Ok();
  return put;
}

Result<std::optional<DriftNote>> Record::Drift(std::string_view run) const {
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(section_, DriftKey(run), kDriftFormat));
  if (!value) return std::optional<DriftNote>();
  return std::optional<DriftNote>(
      DriftNote{value->StringOr("policy", ""), value->StringOr("text", "")});
}

Result<std::string> Record::MarkUnfinished(std::string_view checkpoint) const {
  std::string key = MarkerKey(id_, NewAttemptId(1));
  HOLDFAST_RETURN_IF_ERROR(PutSameObject(
      tenant_, key,
      Value().Set("record", id_).Set("kind", NameOf(kind_)).Set("checkpoint", checkpoint),
      kUnfinishedFormat));
  return key;
}

Result<std::vector<std::string>> Record::Markers() const {
  HOLDFAST_ASSIGN_OR_RETURN(auto keys, tenant_.ListAll(UnfinishedKey(id_)));
  std::erase_if(keys, [this](const std::string& key) { return !IsMarkerOf(key, id_); });
  return keys;
}

Status Record::RemoveUnfinished(const std::function<Status()>& held, const std::string& own) const {
  HOLDFAST_ASSIGN_OR_RETURN(auto keys, Markers());
  if (!own.empty() && std::find(keys.begin(), keys.end(), own) == keys.end()) keys.push_back(own);
  HOLDFAST_RETURN_IF_ERROR(held());
  for (const std::string& key : keys) HOLDFAST_RETURN_IF_ERROR(tenant_.DeleteIfPresent(key));
  return Ok();
}

Result<bool> Record::IsUnfinished() const {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, Markers());
  // What is gone may be listed still, for a while.
  for (const std::string& key : keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, tenant_.Exists(key));
    if (there) return true;
  }
  return false;
}

Result<std::optional<WallTime>> Record::MarkedAt() const {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, Markers());
  std::optional<WallTime> youngest;
  for (const std::string& key : keys) {
    const auto marker = tenant_.Stat(key);
    if (!marker && marker.error().code() == ErrorCode::kNotFound) continue;
    if (!marker) return marker.error();
    if (!youngest || *youngest < marker->written) youngest = marker->written;
  }
  return youngest;
}

namespace {

// nullopt: it was removed since it was listed.
Result<std::optional<Unfinished>> ReadUnfinished(const BankSection& tenant,
                                                 const std::string& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(tenant, key, kUnfinishedFormat));
  if (!value) return std::optional<Unfinished>();
  Unfinished entry;
  HOLDFAST_ASSIGN_OR_RETURN(entry.record, TextMember(*value, "record", key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string kind, TextMember(*value, "kind", key));
  const auto parsed = ParseRecordKind(kind);
  if (!parsed) return Corrupt(fmt::format("the object {} has an unknown kind '{}'", key, kind));
  entry.kind = *parsed;
  entry.checkpoint = value->StringOr("checkpoint", "");
  return std::optional<Unfinished>(std::move(entry));
}

// What a damaged marker was about: the record of the id in its key.
Result<std::optional<Unfinished>> GuessUnfinished(const BankSection& tenant,
                                                  const std::string& key) {
  const auto id = TextOfKeyPart(RecordPartOfMarker(key));
  if (!id || id->empty()) return std::optional<Unfinished>();
  for (const RecordKind kind : kAllRecordKinds) {
    HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, kind, *id));
    auto head = record.Head();
    if (!head && !IsDamage(head.error())) return std::move(head).error();
    if (head && !*head) continue;
    return std::optional<Unfinished>(Unfinished{*id, kind, head ? (*head)->checkpoint : ""});
  }
  return std::optional<Unfinished>(Unfinished{*id, RecordKind::kCheckpoint, ""});
}

}  // namespace

Result<std::vector<Unfinished>> ListUnfinished(const BankSection& tenant) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, tenant.ListAll(kMarkers));
  std::vector<Unfinished> found;
  std::set<std::string> seen;
  std::vector<std::string> damaged;
  for (const std::string& key : keys) {
    auto entry = ReadUnfinished(tenant, key);
    if (!entry && !IsDamage(entry.error())) return std::move(entry).error();
    if (!entry)
      damaged.push_back(key);
    else if (*entry && seen.insert((*entry)->record).second)
      found.push_back(std::move(**entry));
  }
  // Where another one of the record can be read that says more.
  for (const std::string& key : damaged) {
    HOLDFAST_ASSIGN_OR_RETURN(auto entry, GuessUnfinished(tenant, key));
    if (entry && seen.insert(entry->record).second) found.push_back(std::move(*entry));
  }
  return found;
}

namespace {

// Did a run of the record set the state? What its begin sets first is a state of its checkpoint.
Result<bool> IsSetByRunOf(const Record& record, const std::vector<StateEntry>& own,
                          const StateEntry& state) {
  for (const StateEntry& one : own) {
    if (one.damage.empty() && one.run == state.run) return true;
  }
  if (state.run.empty()) return false;
  if (state.run == record.id()) return true;
  const auto entry = ReadRun(record.tenant(), state.run);
  if (!entry && !IsDamage(entry.error())) return entry.error();
  return entry && *entry && (*entry)->record == record.id() && (*entry)->kind == record.kind();
}

}  // namespace

Result<DeletionScope> ScopeOf(const Record& deletion, const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto own, deletion.ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, checkpoint.ReadableStates());
  const bool begun = std::any_of(own.begin(), own.end(), [](const StateEntry& state) {
    return !state.damage.empty() || state.state != RecordState::kError;
  });
  bool marked = false;  // by it, ever
  bool deletes = false;
  bool deleted = false;
  for (const StateEntry& state : states) {
    if (!state.damage.empty()) {
      // The last one may be what it has set itself.
      deletes = deletes || (&state == &states.back() && begun && !marked && !deleted);
      continue;
    }
    deleted = state.state == RecordState::kDeleted;
    if (state.state != RecordState::kDeleting) {
      deletes = false;
      continue;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const bool its, IsSetByRunOf(deletion, own, state));
    marked = marked || its;
    deletes = deletes || its;
  }
  if (deletes) return DeletionScope::kDeletes;
  return begun || marked ? DeletionScope::kOver : DeletionScope::kNotBegun;
}

Result<std::optional<StateEntry>> StateWithout(const Record& deletion, const Record& checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto own, deletion.ReadableStates());
  HOLDFAST_ASSIGN_OR_RETURN(auto states, checkpoint.ReadableStates());
  while (!states.empty() && states.back().damage.empty()) {
    bool its = states.back().state == RecordState::kDeleting;
    if (its) {
      HOLDFAST_ASSIGN_OR_RETURN(its, IsSetByRunOf(deletion, own, states.back()));
    }
    if (!its) return std::optional<StateEntry>(std::move(states.back()));
    states.pop_back();
  }
  return std::optional<StateEntry>();
}

Result<std::optional<Unfinished>> DeletionOf(const BankSection& tenant,
                                             std::string_view checkpoint) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto unfinished, ListUnfinished(tenant));
  for (const Unfinished& entry : unfinished) {
    if (entry.kind != RecordKind::kDeletion || entry.checkpoint != checkpoint) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const Record deletion,
                              Record::Open(tenant, entry.kind, entry.record));
    HOLDFAST_ASSIGN_OR_RETURN(const Record of,
                              Record::Open(tenant, RecordKind::kCheckpoint, entry.checkpoint));
    HOLDFAST_ASSIGN_OR_RETURN(const DeletionScope scope, ScopeOf(deletion, of));
    if (scope != DeletionScope::kOver) return entry;
  }
  return std::nullopt;
}

Result<std::optional<RunEntry>> ReadRun(const BankSection& tenant, std::string_view run) {
  if (run.empty()) return InvalidInput("a run needs an id");
  const std::string key = RunKey(run);
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(tenant, key, kRunFormat));
  if (!value) return std::optional<RunEntry>();
  RunEntry entry;
  entry.run = std::string(run);
  entry.start = value->StringOr("start", "");
  HOLDFAST_ASSIGN_OR_RETURN(entry.record, TextMember(*value, "record", key));
  HOLDFAST_ASSIGN_OR_RETURN(const std::string kind, TextMember(*value, "kind", key));
  const auto parsed = ParseRecordKind(kind);
  if (!parsed) return Corrupt(fmt::format("the object {} has an unknown kind '{}'", key, kind));
  entry.kind = *parsed;
  HOLDFAST_ASSIGN_OR_RETURN(entry.bundle, TextMember(*value, "bundle", key));
  HOLDFAST_ASSIGN_OR_RETURN(entry.token, NumberMember(*value, "token", key));
  entry.checkpoint_token = static_cast<std::uint64_t>(value->IntOr("checkpoint_token", 0));
  // The key is deleted: only one of the record itself.
  entry.marker = value->StringOr("marker", "");
  if (!entry.marker.starts_with(kMarkers) || !IsMarkerOf(entry.marker, entry.record))
    entry.marker.clear();
  entry.started_by = value->StringOr("started_by", "");
  HOLDFAST_ASSIGN_OR_RETURN(entry.started, TimeMember(*value, "started", key));
  return std::optional<RunEntry>(std::move(entry));
}

namespace {

Status IsTheSameRun(const RunEntry& present, const RunEntry& entry) {
  if (!IsOfStart(present.start, entry.start)) return StartedAlreadyError(present);
  if (present.record == entry.record && present.token == entry.token) return Ok();
  return Error(ErrorCode::kConflict, fmt::format("run {} has begun already, on {} {}", entry.run,
                                                 NameOf(present.kind), present.record));
}

}  // namespace

Status PutRun(const BankSection& tenant, const RunEntry& entry) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto present, ReadRun(tenant, entry.run));
  if (present) return IsTheSameRun(*present, entry);
  Value value = Value()
                    .Set("run", entry.run)
                    .Set("record", entry.record)
                    .Set("kind", NameOf(entry.kind))
                    .Set("bundle", entry.bundle)
                    .Set("token", entry.token)
                    .Set("started_by", entry.started_by)
                    .Set("started", FormatTime(entry.started));
  if (!entry.start.empty()) value.Set("start", entry.start);
  if (entry.checkpoint_token != 0) value.Set("checkpoint_token", entry.checkpoint_token);
  if (!entry.marker.empty()) value.Set("marker", entry.marker);
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, DumpObject(std::move(value), kRunFormat));
  Status created = tenant.CreateExclusive(RunKey(entry.run), bytes, Settling::kAtOnce);
  if (created || created.error().code() != ErrorCode::kConflict) return created;
  // Two starts of one id may work on two records, so that no lease keeps them apart.
  HOLDFAST_ASSIGN_OR_RETURN(const auto other, ReadRun(tenant, entry.run));
  return other ? IsTheSameRun(*other, entry) : created;
}

Error StartedAlreadyError(const RunEntry& entry) {
  return Error(
             ErrorCode::kLocked,
             fmt::format("run {} was started already, by {}, at {}, and worked on {} {}", entry.run,
                         entry.started_by.empty() ? "somebody" : Printable(entry.started_by),
                         FormatTime(entry.started), NameOf(entry.kind), entry.record))
      .Hint(
          "give this start another run id, or none; to go on with that one: --resume where it was "
          "started, or, once "
          "it has ended, --record " +
          entry.record);
}

Result<std::optional<RunEntry>> NewestRunOn(const Record& record) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto states, record.ReadableStates());
  for (auto state = states.rbegin(); state != states.rend(); ++state) {
    if (state->run.empty()) continue;
    auto entry = ReadRun(record.tenant(), state->run);
    if (entry && *entry && (*entry)->record == record.id() && (*entry)->kind == record.kind())
      return entry;
  }
  return std::optional<RunEntry>();
}

Result<std::optional<RunEntry>> RunThatHas(const Record& record, const Lease& lease) {
  auto entry = ReadRun(record.tenant(), lease.run);
  if (!entry || !*entry) return entry;
  const bool of_record = (*entry)->record == record.id() && (*entry)->kind == record.kind();
  return of_record ? std::move(entry) : std::optional<RunEntry>();
}

Result<std::optional<TakenOver>> TakenOverFrom(const BankSection& tenant, std::string_view run) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto entry, ReadRun(tenant, run));
  if (!entry) return std::optional<TakenOver>();
  HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(tenant, entry->record));
  if (!lease || lease->run == run || lease->token <= entry->token)
    return std::optional<TakenOver>();
  HOLDFAST_ASSIGN_OR_RETURN(const Record record, Record::Open(tenant, entry->kind, entry->record));
  HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
  // What becomes of a checkpoint that is being deleted is its deletion's, also while a gc brings that to its end.
  if (state && state->state == RecordState::kDeleting && entry->kind == RecordKind::kCheckpoint)
    return std::optional<TakenOver>(TakenOver{state->run, true, true});
  const bool working = state && IsWorking(state->state);
  if (working) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto later, RunThatHas(record, *lease));
    if (!later) return std::optional<TakenOver>();
  }
  return std::optional<TakenOver>(TakenOver{lease->run, working, false});
}

Error RecordHeldError(const BankSection& tenant, std::string_view record, const Lease& lease) {
  const auto run = ReadRun(tenant, lease.run);
  return LeaseHeldError(record, lease,
                        run && *run ? std::string_view((*run)->started_by) : std::string_view());
}

}  // namespace holdfast::runtime
