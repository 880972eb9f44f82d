#include "runtime/fsck/record_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "plugins/sdk/context.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/object_key.h"
#include "plugins/sdk/text.h"
#include "runtime/data/segment_names.h"
#include "runtime/fsck/journal_check.h"
#include "runtime/fsck/stream_check.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/indices.h"
#include "runtime/store/lease.h"
#include "runtime/store/listing.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/pin.h"
#include "runtime/store/rubbish.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// Of every format that there is and will be: this build may be older than what wrote it.
constexpr int kAnyFormat = 1000;

// The first part of every key of a record.
constexpr std::array<std::string_view, 12> kParts{"data",  "drift",   "epochs",    "failures",
                                                  "graph", "journal", "pin",       "plan",
                                                  "state", "work",    "resources", "new_resources"};
// What a deletion leaves of a checkpoint.
constexpr std::array<std::string_view, 2> kTombstone{"plan", "state"};

template <class Parts>
bool IsOneOf(const Parts& parts, std::string_view part) {
  return std::find(parts.begin(), parts.end(), part) != parts.end();
}

std::string_view FirstPart(std::string_view key) { return key.substr(0, key.find('/')); }

// "3-17, 20"
std::string Ranges(const std::map<std::size_t, std::string>& numbers) {
  std::string text;
  for (auto at = numbers.begin(); at != numbers.end();) {
    const std::size_t first = at->first;
    std::size_t last = first;
    for (++at; at != numbers.end() && at->first == last + 1; ++at) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (last > first) text += "-" + std::to_string(last);
  }
  return text;
}

class RecordCheck {
 public:
  RecordCheck(FsckWork& work, Record record)
      : work_(work),
        record_(std::move(record)),
        below_(RecordPrefix(record_.kind(), record_.id())) {}

  Result<RecordVerdict> Run() {
    HOLDFAST_ASSIGN_OR_RETURN(const bool at_rest, IsAtRest());
    HOLDFAST_RETURN_IF_ERROR(ForEachObject(record_.section(), "", [this](ListedObject object) {
      const std::string key = object.key;
      objects_.emplace(key, std::move(object));
      return Ok();
    }));
    verdict_.exists = !objects_.empty();
    HOLDFAST_ASSIGN_OR_RETURN(verdict_.bundle, record_.BundleName());
    if (!at_rest) return std::move(verdict_);
    HOLDFAST_RETURN_IF_ERROR(CheckStates());
    if (states_.empty()) {
      HOLDFAST_RETURN_IF_ERROR(CheckWithoutState());
      return std::move(verdict_);
    }
    if (IsTombstone()) {
      HOLDFAST_ASSIGN_OR_RETURN(const bool lost, HasLostItsLastState(record_));
      if (lost) {
        AddLostState(
            states_.size() + 1,
            "it is deleted by its last state, and there is more of it, as an index names it: "
            "the state that came after that is lost");
        return std::move(verdict_);
      }
    } else {
      HOLDFAST_RETURN_IF_ERROR(CheckPin());
      HOLDFAST_RETURN_IF_ERROR(CheckHead());
      if (HoldsData()) HOLDFAST_RETURN_IF_ERROR(CheckResources());
      if (!is_checkpoint()) HOLDFAST_RETURN_IF_ERROR(CheckGraph());
      if (IsAvailable()) HOLDFAST_RETURN_IF_ERROR(CheckJournal());
      if (!work_.options.quick) HOLDFAST_RETURN_IF_ERROR(CheckSmallObjects());
      NameLiveClaims();
    }
    NameUnknown();
    // Only now it is known whether anything of it is damaged.
    if (IsTombstone()) HOLDFAST_RETURN_IF_ERROR(CheckTombstone());
    if (HoldsData()) HOLDFAST_RETURN_IF_ERROR(CheckLostData());
    if (IsAvailable()) HOLDFAST_RETURN_IF_ERROR(CheckIndices());
    verdict_.damaged = damaged_;
    verdict_.at_rest = verdict_.state && !IsWorking(*verdict_.state);
    return std::move(verdict_);
  }

 private:
  bool is_checkpoint() const { return record_.kind() == RecordKind::kCheckpoint; }
  bool IsAvailable() const { return is_checkpoint() && verdict_.state == RecordState::kAvailable; }
  bool HoldsData() const {
    return IsAvailable() || (is_checkpoint() && verdict_.state == RecordState::kError);
  }
  bool IsTombstone() const { return is_checkpoint() && verdict_.state == RecordState::kDeleted; }

  Finding New(FindingKind kind, std::string what, const std::vector<std::string>& keys,
              std::string text) {
    Finding finding;
    finding.kind = kind;
    finding.what = std::move(what);
    finding.record_kind = record_.kind();
    finding.record = record_.id();
    for (const std::string& key : keys) finding.keys.push_back(below_ + "/" + key);
    finding.text = std::move(text);
    return finding;
  }
  Finding Of(const ResourceGraph::Node& node, Finding finding) {
    finding.resource = node.key;
    finding.name = node.name;
    return finding;
  }
  std::string WhatToDo() const {
    if (!is_checkpoint()) return "nothing is restored from it";
    if (verdict_.state == RecordState::kAvailable)
      return "copy the objects back from where the bank is kept besides, or restore what is left "
             "with "
             "--partial; protect again";
    return "what of it is whole can be restored with --partial";
  }
  void AddDamage(Finding finding) {
    damaged_ = true;
    for (const std::string& key : finding.keys) {
      if (key.starts_with(below_ + "/")) reported_.insert(key.substr(below_.size() + 1));
    }
    if (finding.to_do.empty()) finding.to_do = WhatToDo();
    work_.Add(std::move(finding));
  }
  void AddDamage(std::string what, std::string key, std::string text) {
    AddDamage(New(FindingKind::kDamage, std::move(what), {std::move(key)}, std::move(text)));
  }
  // Whatever is said about an object may be about another that it needs: an error that is none of damage ends all.
  Status TakeDamage(std::string what, std::string key, const Error& error) {
    if (!IsDamage(error)) return error;
    AddDamage(std::move(what), std::move(key), error.OneLine());
    return Ok();
  }

  Result<bool> IsAtRest() {
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record_.IsUnfinished());
    if (unfinished) {
      Finding note = New(FindingKind::kNote, "unfinished", {}, "a run works on it, or was killed");
      note.to_do = "holdfast gc";
      work_.Add(std::move(note));
      return false;
    }
    auto lease = CurrentLease(work_.tenant, record_.id());
    if (!lease && IsDamage(lease.error())) {
      Finding damage = New(FindingKind::kDamage, "lease-damaged", {}, lease.error().OneLine());
      damage.to_do =
          "no run can take it; of one that is no good any more: holdfast checkpoints delete "
          "--without-plugins";
      AddDamage(std::move(damage));
      return true;
    }
    if (!lease) return std::move(lease).error();
    if (!*lease || (*lease)->gone(work_.clock.Now())) return true;
    work_.Add(New(FindingKind::kNote, "in-use", {},
                  fmt::format("run {} has its lease until {}", (*lease)->run,
                              FormatTime((*lease)->expires))));
    return false;
  }

  Status CheckStates() {
    HOLDFAST_ASSIGN_OR_RETURN(states_, record_.ReadableStates());
    for (const StateEntry& state : states_) {
      if (!state.damage.empty())
        AddDamage("state-damaged", StatePrefix() + NumberPart(state.number), state.damage);
    }
    HOLDFAST_RETURN_IF_ERROR(CheckSeries(StatePrefix(), states_.size(), "state-missing"));
    if (states_.empty()) return Ok();
    if (states_.back().damage.empty()) verdict_.state = states_.back().state;
    if (!verdict_.state || !IsWorking(*verdict_.state)) return Ok();
    // The mark goes last of all: no crash leaves this.
    Finding finding =
        New(FindingKind::kDamage, "unfinished-without-mark", {},
            fmt::format("it is {} since {}, and nothing says that it is unfinished: its "
                        "last state or its mark was lost",
                        NameOf(*verdict_.state), FormatTime(states_.back().time)));
    finding.to_do = "mark it, so that holdfast gc brings it to its end";
    damaged_ = true;
    work_.Add(std::move(finding), [record = record_, &work = work_](WallTime) -> Result<bool> {
      HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(record.tenant(), record.id()));
      HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
      if (!state || !IsWorking(state->state) || !head) return false;
      if (lease && !lease->gone(work.clock.Now())) return false;
      HOLDFAST_RETURN_IF_ERROR(record.MarkUnfinished(head->checkpoint));
      return true;
    });
    return Ok();
  }

  // Numbers of a series without one of those before them.
  Status CheckSeries(const std::string& prefix, std::uint64_t count, const char* what) {
    std::uint64_t last = 0;
    for (auto at = objects_.lower_bound(prefix);
         at != objects_.end() && at->first.starts_with(prefix); ++at) {
      const std::string_view number = std::string_view(at->first).substr(prefix.size());
      std::from_chars(number.data(), number.data() + number.size(), last);
    }
    if (last <= count || (count == 0 && prefix == StatePrefix())) return Ok();
    AddDamage(what, prefix + NumberPart(count + 1),
              fmt::format("it is missing, and there is a later one, {}", last));
    return Ok();
  }

  Status CheckWithoutState() {
    if (objects_.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const bool rest, IsRest(record_));
    if (!rest) {
      AddLostState(1, "its states are lost, and there is more of it, or an index names it");
      return Ok();
    }
    Finding finding = New(FindingKind::kRubbish, "rest-of-record", {},
                          fmt::format("{} of a record that never was, or that was deleted",
                                      Counted(objects_.size(), "object")));
    if (is_checkpoint()) {
      finding.to_do = "holdfast gc removes it";
      work_.Add(std::move(finding));
      return Ok();
    }
    finding.to_do = "remove it";
    AddRemoval(std::move(finding), KeysOf([](std::string_view) { return true; }),
               [](const Record& record) -> Result<bool> { return IsRest(record); });
    return Ok();
  }

  // None of it is rubbish, whatever of it is left.
  void AddLostState(std::uint64_t number, std::string text) {
    Finding finding = New(FindingKind::kDamage, "state-missing",
                          {StatePrefix() + NumberPart(number)}, std::move(text));
    if (is_checkpoint()) {
      finding.to_do = fmt::format(
          "copy the object back from where the bank is kept besides; a copy is made whole by "
          "copying it once more; what is of no use any more goes with holdfast checkpoints delete "
          "--without-plugins {}",
          Printable(record_.id()));
    }
    AddDamage(std::move(finding));
    verdict_.damaged = true;
  }

  std::vector<std::string> KeysOf(const std::function<bool(std::string_view part)>& takes) const {
    std::vector<std::string> keys;
    for (const auto& [key, object] : objects_) {
      if (takes(FirstPart(key))) keys.push_back(key);
    }
    return keys;
  }

  static Result<bool> RemoveOld(RemovalHold& hold, const std::vector<std::string>& keys,
                                const std::function<Result<bool>(const Record&)>& still,
                                std::chrono::seconds min_age, WallTime bank_time) {
    // It was looked at before the lease was had.
    HOLDFAST_ASSIGN_OR_RETURN(const bool is, still(hold.record()));
    if (!is) return false;
    bool any = false;
    for (const std::string& key : keys) {
      const auto info = hold.record().section().Stat(key);
      if (!info && info.error().code() != ErrorCode::kNotFound) return info.error();
      if (!info || info->written + min_age > bank_time) continue;
      HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
      any = true;
    }
    return any;
  }

  // Removes objects of a record that nobody can take up again.
  void AddRemoval(Finding finding, std::vector<std::string> keys,
                  std::function<Result<bool>(const Record&)> still) {
    for (const std::string& key : keys) finding.keys.push_back(below_ + "/" + key);
    work_.Add(std::move(finding),
              [record = record_, keys = std::move(keys), still = std::move(still),
               &work = work_](WallTime bank_time) -> Result<bool> {
                HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
                HOLDFAST_ASSIGN_OR_RETURN(const auto lease,
                                          CurrentLease(record.tenant(), record.id()));
                if (unfinished || (lease && !lease->gone(work.clock.Now()))) return false;
                HOLDFAST_ASSIGN_OR_RETURN(const bool is, still(record));
                if (!is) return false;
                auto hold = RemovalHold::Take(record, work.options.run, work.clock,
                                              work.options.data.cancellation);
                if (!hold && hold.error().code() == ErrorCode::kLocked) return false;
                if (!hold) return std::move(hold).error();
                auto removed = RemoveOld(*hold, keys, still, work.options.min_age, bank_time);
                Status released = hold->Release();
                if (!removed) return removed;
                HOLDFAST_RETURN_IF_ERROR(std::move(released));
                return removed;
              });
  }

  Status CheckTombstone() {
    std::vector<std::string> keys = KeysOf(
        [](std::string_view part) { return !IsOneOf(kTombstone, part) && IsOneOf(kParts, part); });
    if (keys.empty()) return Ok();
    Finding finding =
        New(FindingKind::kRubbish, "left-of-deleted", {},
            fmt::format("it is deleted, and {} of it are left", Counted(keys.size(), "object")));
    finding.to_do = "remove them";
    AddRemoval(std::move(finding), std::move(keys), [](const Record& record) -> Result<bool> {
      HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
      if (!state || state->state != RecordState::kDeleted) return false;
      HOLDFAST_ASSIGN_OR_RETURN(const bool lost, HasLostItsLastState(record));
      return !lost;
    });
    return Ok();
  }

  Status CheckPin() {
    std::uint64_t count = 0;
    while (objects_.contains(PinPrefix() + NumberPart(count + 1))) ++count;
    HOLDFAST_RETURN_IF_ERROR(CheckSeries(PinPrefix(), count, "pin-missing"));
    HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(record_));
    pinned_ = pin.has_value();
    if (!pin) return Ok();
    if (!pin->damage.empty()) {
      Finding damage =
          New(FindingKind::kDamage, "pin-damaged", {PinPrefix() + NumberPart(count)}, pin->damage);
      damage.to_do = "it counts as pinned; say it again: holdfast checkpoints pin, or unpin";
      AddDamage(std::move(damage));
      return Ok();
    }
    Finding note = New(FindingKind::kNote, "pinned", {}, "it is pinned " + pin->str());
    work_.Add(std::move(note));
    return Ok();
  }

  Status CheckHead() {
    auto head = record_.Head();
    if (!head) return TakeDamage("head-damaged", "plan", head.error());
    if (!*head) {
      AddDamage("head-missing", "plan", "it is missing");
      return Ok();
    }
    head_ = std::move(*head);
    return Ok();
  }

  Status TakeGraphDamage(const Error& error) {
    return TakeDamage(objects_.contains("graph") ? "graph-damaged" : "graph-missing", "graph",
                      error);
  }

  // A begin writes it before its state, whatever the operation is, and nothing takes it away.
  Status CheckGraph() {
    const auto graph = record_.Graph();
    return graph ? Ok() : TakeGraphDamage(graph.error());
  }

  Status CheckResources() {
    auto graph = record_.Graph();
    if (!graph) return TakeGraphDamage(graph.error());
    std::map<ResourceKey, std::string> missing;
    if (IsAvailable() && head_) {
      auto of_bundle = MissingResources(work_.tenant, record_.id());
      // A bundle that is damaged is looked at where all of them are.
      if (of_bundle)
        missing = std::move(*of_bundle);
      else if (!IsDamage(of_bundle.error()) && of_bundle.error().code() != ErrorCode::kNotFound)
        return std::move(of_bundle).error();
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifests, NewestManifests::Open(record_));
    if (IsAvailable() && !manifests.lost_lease().empty()) {
      Finding lost = New(FindingKind::kDamage, "lease-missing", {},
                         "it is missing, or those before it are; a restore does not need it");
      lost.keys.push_back(manifests.lost_lease());
      AddDamage(std::move(lost));
    }
    if (const std::string& key = manifests.lost_epochs(); IsAvailable() && !key.empty()) {
      const bool there = objects_.contains(key);
      AddDamage(there ? "epochs-damaged" : "epochs-missing", key,
                there ? "it cannot be read, or says what cannot be; a restore does not need it"
                      : "it is missing; a restore does not need it");
    }
    for (const ResourceGraph::Node& node : graph->nodes()) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      auto manifest = manifests.Of(node.key, ListedEpoch(node.key));
      if (!manifest) {
        if (!IsDamage(manifest.error())) return std::move(manifest).error();
        HOLDFAST_ASSIGN_OR_RETURN(const std::string key, manifests.KeyOf(node.key));
        const auto* const what = objects_.contains(key) ? "manifest-damaged" : "manifest-missing";
        AddDamage(Of(node, New(FindingKind::kDamage, what, {key}, manifest.error().OneLine())));
        continue;
      }
      if (!*manifest) {
        if (missing.contains(node.key)) {
          without_.emplace(node.key, work_.report.findings.size());
          AddDamage(
              Of(node, New(FindingKind::kDamage, "manifest-missing", {ManifestKey(node.key, 1)},
                           "there is no manifest of it, and so none of its data")));
        }
        continue;
      }
      HOLDFAST_RETURN_IF_ERROR(CheckResource(node, **manifest));
    }
    return Ok();
  }

  // The newest one of which the listing shows a manifest; 0: of none.
  std::uint64_t ListedEpoch(const ResourceKey& resource) const {
    const std::string prefix = ResourcePrefix(resource) + "/";
    std::uint64_t newest = 0;
    for (auto at = objects_.lower_bound(prefix);
         at != objects_.end() && at->first.starts_with(prefix); ++at)
      newest = std::max(newest, EpochOfManifestKey(at->first).value_or(0));
    return newest;
  }

  Status CheckResource(const ResourceGraph::Node& node, const ResourceManifest& manifest) {
    held_.emplace(node.key, Held{manifest.epoch, node.name});
    if (const auto saved = ReadSavedInfo(record_.section(), manifest); !saved) {
      const std::string key = EpochPrefix(node.key, manifest.epoch) + "/" + manifest.saved_object;
      if (saved.error().code() == ErrorCode::kDenied) {
        AddUnchecked(node, {key}, saved.error());
      } else if (!IsDamage(saved.error())) {
        return saved.error();
      } else {
        AddDamage(Of(node, New(FindingKind::kDamage,
                               objects_.contains(key) ? "saved-damaged" : "saved-missing", {key},
                               saved.error().OneLine())));
      }
    }
    const std::string below = DataPrefix(node.key) + "/";
    HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                              record_.section().Narrow(DataPrefix(node.key), SectionAccess::kRead));
    std::map<std::string, std::uint64_t> sizes;
    for (auto at = objects_.lower_bound(below);
         at != objects_.end() && at->first.starts_with(below); ++at)
      sizes.emplace(at->first.substr(below.size()), at->second.size);
    for (const StreamManifest& stream : manifest.streams) {
      const auto on_read = [this](std::uint64_t bytes) {
        work_.report.done.bytes += bytes;
        work_.Tell();
      };
      HOLDFAST_ASSIGN_OR_RETURN(
          const StreamFaults faults,
          CheckStream(data, stream, sizes, !work_.options.quick, work_.options.data, on_read));
      AddSegments(node, stream, faults.missing, "segment-missing");
      AddSegments(node, stream, faults.damaged, "segment-damaged");
      if (!faults.whole.empty()) {
        AddDamage(
            Of(node, New(FindingKind::kDamage, "stream-damaged", {},
                         fmt::format("stream '{}': {}", Printable(stream.name), faults.whole))));
      }
      if (faults.closed) AddUnchecked(node, {}, *faults.closed);
    }
    return manifest.raw ? CheckRaw(node, manifest) : Ok();
  }

  Status CheckRaw(const ResourceGraph::Node& node, const ResourceManifest& manifest) {
    const std::string below = RawPrefix(node.key, manifest.attempt);
    HOLDFAST_ASSIGN_OR_RETURN(const BankSection section,
                              record_.section().Narrow(below, SectionAccess::kRead));
    for (const RawObject& object : *manifest.raw) {
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      const std::string key = below + "/" + object.key;
      const auto listed = objects_.find(key);
      if (work_.options.quick && listed != objects_.end() && listed->second.size == object.size)
        continue;
      Status right = CheckRawObject(section, object, !work_.options.quick);
      if (!right && !IsDamage(right.error())) return right;
      if (!right) {
        AddDamage(Of(node, New(FindingKind::kDamage,
                               listed == objects_.end() ? "raw-missing" : "raw-damaged", {key},
                               right.error().OneLine())));
      }
      work_.report.done.bytes += work_.options.quick ? 0 : object.size;
      work_.Tell();
    }
    return Ok();
  }

  Status CheckJournal() {
    if (!verdict_.bundle) return Ok();
    const RecordObjects listed{record_, objects_};
    const bool copied = !head_ || head_->copied;
    HOLDFAST_ASSIGN_OR_RETURN(const auto damages, FindJournalDamage(work_, listed, *verdict_.bundle,
                                                                    EpochsHeld(), copied));
    for (const JournalDamage& damage : damages) {
      Finding finding = New(FindingKind::kDamage, damage.what, damage.keys, damage.text);
      finding.resource = damage.resource;
      if (const auto held = held_.find(damage.resource); held != held_.end())
        finding.name = held->second.name;
      finding.to_do =
          "a restore does not need it; copy the objects back from where the bank is kept besides, "
          "or protect again: without them nothing of it is removed, and it cannot be told what was "
          "done";
      AddDamage(std::move(finding));
    }
    return Ok();
  }

  std::map<ResourceKey, std::uint64_t> EpochsHeld() const {
    std::map<ResourceKey, std::uint64_t> epochs;
    for (const auto& [resource, held] : held_) epochs.emplace(resource, held.epoch);
    return epochs;
  }

  void AddSegments(const ResourceGraph::Node& node, const StreamManifest& stream,
                   const std::map<std::size_t, std::string>& numbers, const char* what) {
    if (numbers.empty()) return;
    Finding finding = New(FindingKind::kDamage, what, {}, "");
    for (const auto& [number, why] : numbers)
      finding.keys.push_back(below_ + "/" + DataPrefix(node.key) + "/" +
                             SegmentKey(stream, number));
    finding.text = fmt::format(
        "segment{} {} of {} of stream '{}': {}", numbers.size() == 1 ? "" : "s", Ranges(numbers),
        stream.segments.size(), Printable(stream.name), numbers.begin()->second);
    AddDamage(Of(node, std::move(finding)));
  }

  void AddUnchecked(const ResourceGraph::Node& node, const std::vector<std::string>& keys,
                    const Error& error) {
    Finding finding = New(FindingKind::kUnchecked, "key-missing", keys, error.OneLine());
    finding.to_do =
        "add the key to the provider's key_file; until then only stored bytes are checked";
    work_.Add(Of(node, std::move(finding)));
  }

  Status CheckSmallObjects() {
    for (const auto& [key, object] : objects_) {
      const std::string_view part = FirstPart(key);
      // What plugins keep in "work" is theirs, and of "failures" the name says all.
      if (part == "data" || part == "work" || part == "failures" || !IsOneOf(kParts, part) ||
          reported_.contains(key))
        continue;
      HOLDFAST_RETURN_IF_ERROR(work_.CheckCancelled());
      const Status read = CheckSmallObject(record_.section(), key);
      if (read || read.error().code() == ErrorCode::kNotFound) continue;
      HOLDFAST_RETURN_IF_ERROR(TakeDamage("object-damaged", key, read.error()));
    }
    return Ok();
  }

  void NameLiveClaims() {
    for (const LiveClaim& claim : FindLiveClaims(objects_, work_.clock.Now())) {
      work_.Add(New(
          FindingKind::kNote, "process-lives", {claim.key},
          fmt::format("a process has said at {} that it works on {}, although its run has ended; "
                      "what it writes does not count",
                      FormatTime(claim.beat), claim.step)));
    }
  }

  void NameUnknown() {
    std::vector<std::string> keys =
        KeysOf([](std::string_view part) { return !IsOneOf(kParts, part); });
    for (const auto& [key, object] : objects_) {
      if (!key.starts_with("data/")) continue;
      const std::string attempt = LeadingParts(key, 4);
      const std::size_t dot = key.rfind('.');
      // What a plugin puts there it calls as it likes.
      if (!attempt.empty() && key.starts_with(attempt + "/raw/")) continue;
      if (attempt.empty() || dot == std::string::npos || dot < attempt.size() ||
          !SegmentNumber(std::string_view(key).substr(dot + 1)))
        keys.push_back(key);
    }
    if (keys.empty()) return;
    Finding finding = New(FindingKind::kNote, "unknown-object", {},
                          "nothing that this build writes is called so");
    for (const std::string& key : keys) finding.keys.push_back(below_ + "/" + key);
    finding.to_do = "whoever put it there knows what it is; a newer build may";
    work_.Add(std::move(finding));
  }

  Result<bool> HasDamagedBundle() const {
    if (!verdict_.bundle) return false;
    const auto bundle = LoadBundleFromBank(work_.tenant, *verdict_.bundle);
    if (!bundle && !IsDamage(bundle.error()) && bundle.error().code() != ErrorCode::kNotFound)
      return bundle.error();
    return !bundle;
  }

  Status CheckLostData() {
    const bool resumed = objects_.lower_bound("epochs/") != objects_.end() &&
                         objects_.lower_bound("epochs/")->first.starts_with("epochs/");
    auto lost = FindLostData(record_, resumed || !work_.options.quick);
    if (!lost) {
      if (!IsDamage(lost.error())) return std::move(lost).error();
      // What is damaged has been said, unless it is in the journal, which a quick look does not read; a bundle is
      // looked at where all of them are.
      HOLDFAST_ASSIGN_OR_RETURN(const bool of_bundle, HasDamagedBundle());
      if (!damaged_ && !of_bundle)
        AddDamage(New(FindingKind::kDamage, "object-damaged", {}, lost.error().OneLine()));
      return Ok();
    }
    for (const auto& [resource, key] : lost->without_manifest) {
      if (const auto said = without_.find(resource); said != without_.end()) {
        work_.report.findings[said->second].keys = {below_ + "/" + key};
        continue;
      }
      Finding finding =
          New(FindingKind::kDamage, "manifest-missing", {key},
              "the manifest that counts is gone; what an earlier one says is of another time");
      finding.resource = resource;
      AddDamage(std::move(finding));
    }
    if (damaged_ && lost->objects() > 0) {
      Finding note = New(FindingKind::kNote, "data-without-manifest", {},
                         fmt::format("{} that no manifest names; as it is damaged, they stay",
                                     Counted(lost->objects(), "object")));
      work_.Add(std::move(note));
      return Ok();
    }
    for (const auto& [attempt, objects] : lost->attempts) AddLost(attempt, objects);
    return Ok();
  }

  void AddLost(const std::string& attempt, const std::vector<ListedObject>& objects) {
    std::uint64_t bytes = 0;
    Finding finding = New(FindingKind::kRubbish, "data-without-manifest", {}, "");
    for (const ListedObject& object : objects) {
      bytes += object.size;
      finding.keys.push_back(below_ + "/" + object.key);
    }
    // data/<type>/<id>/<attempt>
    const std::string id = LeadingParts(attempt + "/", 3);
    const std::string type = LeadingParts(attempt + "/", 2);
    finding.resource = ResourceKey{TextOfKeyPart(type.substr(5)).value_or(type.substr(5)),
                                   TextOfKeyPart(id.substr(type.size() + 1)).value_or("")};
    finding.text = fmt::format("{}, {}, of attempt {} that no manifest names",
                               Counted(objects.size(), "object"), HumanSize(bytes),
                               attempt.substr(attempt.rfind('/') + 1));
    if (pinned_) {
      finding.to_do = "it stays while the checkpoint is pinned";
      work_.Add(std::move(finding));
      return;
    }
    finding.to_do = "remove it";
    work_.Add(std::move(finding),
              [this_attempt = attempt, record = record_, &work = work_](WallTime) -> Result<bool> {
                HOLDFAST_ASSIGN_OR_RETURN(const auto pin, ReadPin(record));
                if (pin) return false;
                // All that is lost of the checkpoint goes with the first of its attempts.
                auto removed = RemoveLostData(record, {work.options.run, work.options.min_age,
                                                       work.clock, work.options.data.cancellation});
                if (!removed && removed.error().code() == ErrorCode::kLocked) return false;
                if (!removed) return std::move(removed).error();
                HOLDFAST_ASSIGN_OR_RETURN(const LostData left, FindLostData(record));
                return !left.attempts.contains(this_attempt);
              });
  }

  Status CheckIndices() {
    if (!head_) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const auto bad, BadIndices(record_, *head_));
    for (const std::string& key : IndexKeys(record_, *head_)) verdict_.indices.insert(key);
    if (bad.empty()) return Ok();
    HOLDFAST_ASSIGN_OR_RETURN(const bool indexed, IsIndexed(record_, *head_));
    if (!indexed) return CheckLostIndices(bad);
    Finding finding;
    finding.kind = FindingKind::kRubbish;
    finding.what = "index-missing";
    finding.record_kind = record_.kind();
    finding.record = record_.id();
    finding.keys = bad;
    finding.text = "it is available, and an index does not say so";
    finding.to_do = "write the index anew";
    work_.Add(std::move(finding), [record = record_](WallTime) -> Result<bool> {
      HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record.IsUnfinished());
      HOLDFAST_ASSIGN_OR_RETURN(const auto state, record.State());
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, record.Head());
      if (unfinished || !state || state->state != RecordState::kAvailable || !head) return false;
      HOLDFAST_ASSIGN_OR_RETURN(const auto still, BadIndices(record, *head));
      for (const std::string& key : still)
        HOLDFAST_RETURN_IF_ERROR(record.tenant().DeleteIfPresent(key));
      Status written = WriteIndices(record, *head, [&record]() -> Status {
        HOLDFAST_ASSIGN_OR_RETURN(const auto now, record.State());
        if (now && now->state == RecordState::kAvailable) return Ok();
        return Error(ErrorCode::kLocked, "it is being deleted");
      });
      if (!written && written.error().code() == ErrorCode::kLocked) return false;
      HOLDFAST_RETURN_IF_ERROR(std::move(written));
      return !still.empty();
    });
    return Ok();
  }

  // The first that a deletion does is to take them away, and what says so besides may be what was lost: nothing good is made of it.
  Status CheckLostIndices(const std::vector<std::string>& keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, record_.IsUnfinished());
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, record_.State());
    if (unfinished || !state || state->state != RecordState::kAvailable) return Ok();
    // Who is just writing them has it, also where a listing does not show its marker yet.
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(record_.tenant(), record_.id()));
    if (lease && !lease->gone(work_.clock.Now())) return Ok();
    Finding finding = New(FindingKind::kDamage, "indices-lost", {}, kInNoIndex);
    finding.keys = keys;
    AddDamage(std::move(finding));
    return Ok();
  }

  FsckWork& work_;
  const Record record_;
  const std::string below_;  // the tenant's section
  RecordVerdict verdict_;
  std::map<std::string, ListedObject> objects_;
  std::vector<StateEntry> states_;
  std::optional<RecordHead> head_;
  std::set<std::string> reported_;  // keys of which damage was said
  struct Held {
    std::uint64_t epoch = 1;
    std::string name;
  };
  std::map<ResourceKey, Held> held_;  // of which there is a manifest
  // Whose manifest is gone, and the number of the finding that says so.
  std::map<ResourceKey, std::size_t> without_;
  bool damaged_ = false;
  bool pinned_ = false;
};

}  // namespace

Status FsckWork::CheckCancelled() const {
  if (options.data.cancellation != nullptr && options.data.cancellation->is_set())
    return CancelledError();
  return Ok();
}

Status CheckSmallObject(const BankSection& section, const std::string& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto object, ReadObject(section, key, Formats(1, kAnyFormat)));
  if (!object) return NotFound(fmt::format("there is no object {}", key));
  return Ok();
}

Result<RecordVerdict> CheckRecord(FsckWork& work, RecordKind kind, const std::string& id) {
  HOLDFAST_ASSIGN_OR_RETURN(Record record, Record::Open(work.tenant, kind, id));
  return RecordCheck(work, std::move(record)).Run();
}

}  // namespace holdfast::runtime
