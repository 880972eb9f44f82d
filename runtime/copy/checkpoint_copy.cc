#include "runtime/copy/checkpoint_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "plugins/sdk/context.h"
#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/text.h"
#include "runtime/copy/copied_journal.h"
#include "runtime/copy/resource_copy.h"
#include "runtime/copy/source_hold.h"
#include "runtime/copy/target_hold.h"
#include "runtime/data/each.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/epoch_table.h"
#include "runtime/store/indices.h"
#include "runtime/store/listed_objects.h"
#include "runtime/store/listing.h"
#include "runtime/store/manifest.h"
#include "runtime/store/newest_manifest.h"
#include "runtime/store/pin.h"
#include "runtime/store/rubbish.h"
#include "runtime/store/stat_manifest.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

// What is read of a checkpoint before anything of it is copied. Not movable: the epochs are read through the bundle.
struct Original {
  explicit Original(StoredBundle stored) : bundle(std::move(stored)) {}

  StoredBundle bundle;
  RecordSummary summary;
  RecordHead head;
  StateEntry state;  // available
  ResourceGraph graph;
  std::optional<DriftNote> drift;
  std::map<ResourceKey, std::uint64_t> epochs;  // of each that has a manifest, or activities
  std::vector<ResourceKey> large;               // of more than a segment, so worth several threads
  std::vector<ResourceKey> small;
  std::uint64_t bytes = 0;
  std::set<std::string> keys;                  // ids
  std::map<std::string, std::string> plugins;  // that protected each type

  bool several_epochs() const {
    return std::any_of(epochs.begin(), epochs.end(),
                       [](const auto& entry) { return entry.second != 1; });
  }
  std::size_t resources() const { return large.size() + small.size(); }
};

Error NotAvailable(const RecordSummary& summary) {
  return InvalidInput(fmt::format("the checkpoint {} is {}: only one that is available is copied",
                                  Printable(summary.id), NameOf(summary.state)));
}

// What the bank has under the id that the copy is to have.
enum class Present { kNothing, kSame, kDeleted };

class Copier {
 public:
  Copier(const StepEnvironment& env, const CopyRequest& request, Record source, Record target)
      : env_(env), request_(request), source_(std::move(source)), target_(std::move(target)) {}

  Result<CopyReport> Run() {
    HOLDFAST_RETURN_IF_ERROR(ReadOriginal());
    HOLDFAST_RETURN_IF_ERROR(CheckKeys());
    HOLDFAST_ASSIGN_OR_RETURN(const Present present, CheckTarget());
    if (present == Present::kSame) {
      HOLDFAST_RETURN_IF_ERROR(CheckPresent());
      HOLDFAST_RETURN_IF_ERROR(FinishPresent());
      return Report(CopyEnd::kIsThere);
    }
    if (present == Present::kDeleted && !request_.over_deleted)
      return Report(CopyEnd::kDeletedThere);
    if (request_.dry_run) return Report(CopyEnd::kWouldCopy);
    HOLDFAST_RETURN_IF_ERROR(TakeTarget(false));
    Status done = CopyHeld(present);
    if (!done) {
      Error error = std::move(done).error();
      // Who was taken over was also told to stop: that is why.
      if (Status held = hold_->CheckHeld(); !held && held.error().code() == ErrorCode::kLocked)
        return std::move(held).error();
      // Best effort: without it the next copy waits until the claim is known to be nobody's.
      const bool nothing_sent = bytes_ == 0 && resources_ == 0 && hold_->earlier().empty();
      std::ignore = nothing_sent ? hold_->Withdraw() : hold_->GiveUp(error.OneLine());
      return error;
    }
    return Report(end_);
  }

 private:
  Status ReadOriginal() {
    auto shown =
        ShowRecord(request_.from.tenant, RecordKind::kCheckpoint, request_.checkpoint, false);
    if (!shown) return std::move(shown).error();
    const RecordSummary& summary = shown->summary;
    if (summary.state == RecordState::kDeleted)
      return NotFound("the checkpoint " + Printable(summary.id) + " was deleted");
    if (!summary.damage.empty()) {
      return Corrupt(
          fmt::format("the checkpoint {} is damaged: {}", Printable(summary.id), summary.damage));
    }
    if (summary.state != RecordState::kAvailable) return NotAvailable(summary);
    HOLDFAST_ASSIGN_OR_RETURN(auto head, source_.Head());
    if (!head) return Corrupt(fmt::format("{}/plan is missing", source_.section().prefix()));
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, source_.IsUnfinished());
    HOLDFAST_ASSIGN_OR_RETURN(const bool indexed, IsIndexed(source_, *head));
    if (!unfinished && !indexed) {
      return Corrupt(
          fmt::format("no index names the checkpoint {}: a deletion of it has begun, or "
                      "the indices are lost",
                      Printable(summary.id)));
    }
    auto bundle = StoredBundle::Open(request_.from.tenant, head->bundle);
    if (!bundle) return std::move(bundle).error().While("what it was compiled from");
    original_ = std::make_unique<Original>(std::move(*bundle));
    original_->summary = summary;
    original_->head = std::move(*head);
    original_->state = shown->states.back();
    original_->drift = shown->drift;
    HOLDFAST_ASSIGN_OR_RETURN(original_->graph, source_.Graph());
    return ReadManifests();
  }

  // Which resources it holds, in which epoch, by the bundle and never by a listing; how much there is to copy,
  // and what opens it. The manifests themselves may be many: each is read again when its turn comes.
  Status ReadManifests() {
    Original& original = *original_;
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease,
                              CurrentLease(request_.from.tenant, request_.checkpoint));
    EpochTable epochs(source_.section(), original.bundle, lease ? lease->epochs : "");
    HOLDFAST_ASSIGN_OR_RETURN(const auto newest, NewestManifests::Open(source_));
    HOLDFAST_ASSIGN_OR_RETURN(const auto resources, original.bundle.AllResources());
    std::vector<ResourceKey> keys;
    for (const auto& [key, resource] : resources) {
      for (const ActivityKind kind : kAllActivityKinds) {
        const std::string& step = resource->StepOf(kind);
        if (step.empty()) continue;
        HOLDFAST_ASSIGN_OR_RETURN(original.epochs[key], epochs.Of(step, key));
      }
      if (resource->StepOf(FinalisingKind(*resource)).empty()) continue;
      keys.push_back(key);
      // The newest lease that there is may not be the one that counts: then those are copied that every reader takes.
      if (newest.lost_lease().empty()) continue;
      HOLDFAST_ASSIGN_OR_RETURN(const auto counts, newest.Of(key));
      if (counts) original.epochs[key] = counts->epoch;
    }
    std::mutex mutex;
    HOLDFAST_RETURN_IF_ERROR(
        ForEach(keys.size(), request_.from.data.parallel, [&](std::size_t i) -> Status {
          if (env_.cancellation.is_set()) return CancelledError();
          HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest manifest, ManifestOf(keys[i]));
          const std::lock_guard lock(mutex);
          original.bytes += manifest.bytes();
          original.keys.merge(manifest.KeyIds());
          original.plugins.emplace(keys[i].type, manifest.plugin);
          const bool is_large = manifest.bytes() > request_.from.data.segment_size;
          (is_large ? original.large : original.small).push_back(keys[i]);
          return Ok();
        }));
    std::sort(original.small.begin(), original.small.end());
    std::sort(original.large.begin(), original.large.end());
    return Ok();
  }

  Result<ResourceManifest> ManifestOf(const ResourceKey& key) const {
    HOLDFAST_ASSIGN_OR_RETURN(auto manifest,
                              ReadManifest(source_.section(), key, original_->epochs.at(key)));
    if (manifest) return std::move(*manifest);
    return Corrupt(fmt::format("the object {}/{}/manifest is missing", source_.section().prefix(),
                               EpochPrefix(key, original_->epochs.at(key))));
  }

  // Before anything is written: what is missing would be missed by the last resource, too.
  Status CheckKeys() {
    for (const std::string& id : original_->keys)
      HOLDFAST_RETURN_IF_ERROR(FindKey(request_.from.tenant.keys(), id));
    if (env_.tenant.keys() != nullptr) return ErrorOf(env_.tenant.keys()->Current());
    if (original_->keys.empty()) return Ok();
    if (request_.decrypt) {
      warnings_.push_back(fmt::format(
          "what is encrypted in the bank of provider {} is stored in plain in that of {}, which "
          "has no key_file",
          request_.from.provider_name, request_.provider_name));
      return Ok();
    }
    return Error(ErrorCode::kDenied,
                 fmt::format("the checkpoint {} is encrypted, and provider {} has no key_file: its "
                             "copy would be plain",
                             Printable(request_.checkpoint), request_.provider_name))
        .Hint("give that provider a key_file; --decrypt copies it in plain");
  }

  template <class T>
  static Status ErrorOf(const Result<T>& result) {
    if (!result) return result.error();
    return Ok();
  }

  Result<Present> CheckTarget() {
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, target_.State());
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, target_.Head());
    if (head) {
      HOLDFAST_RETURN_IF_ERROR(CheckHead(*head));
    }
    if (!state) return Present::kNothing;
    if (!head && state->state == RecordState::kDeleted) return Present::kDeleted;
    if (!head) return Corrupt(fmt::format("{}/plan is missing", target_.section().prefix()));
    switch (state->state) {
      case RecordState::kAvailable:
        return Present::kSame;
      case RecordState::kDeleted:
        return Present::kDeleted;
      case RecordState::kDeleting:
        return Error(ErrorCode::kLocked,
                     fmt::format("the bank of provider {} is just deleting its checkpoint {}",
                                 request_.provider_name, Printable(request_.checkpoint)));
      default:
        return Error(ErrorCode::kConflict,
                     fmt::format("the bank of provider {} has a checkpoint {} of its own, which is "
                                 "{}",
                                 request_.provider_name, Printable(request_.checkpoint),
                                 NameOf(state->state)));
    }
  }

  // That a record which is there is a copy of this checkpoint, for this provider.
  Status CheckHead(const RecordHead& head) {
    const RecordHead& wanted = original_->head;
    const bool is_same = head.bundle == wanted.bundle && head.created == wanted.created &&
                         head.operation == wanted.operation;
    if (is_same && head.provider_id == env_.provider_id) return Ok();
    if (is_same && head.provider_id == wanted.provider_id) {
      return Error(ErrorCode::kConflict,
                   fmt::format("the bank of provider {} has the checkpoint {} already as one of "
                               "provider {} ({})",
                               request_.provider_name, Printable(request_.checkpoint),
                               Printable(head.provider_name), Printable(head.provider_id)))
          .Hint("are both the same bank, or was it brought there by other means?");
    }
    return Error(ErrorCode::kConflict,
                 fmt::format("the bank of provider {} has another checkpoint of the id {}: made on "
                             "{}, of provider {} ({})",
                             request_.provider_name, Printable(request_.checkpoint),
                             FormatTime(head.created), Printable(head.provider_name),
                             Printable(head.provider_id)))
        .Hint("nothing of it was touched");
  }

  // "There already" is a promise: it is looked at as an end, or a quick fsck, does it, and what somebody has read of
  // it counts. Nothing is mended: what else is damaged of it nobody knows.
  Status CheckPresent() {
    if (Status whole = StatPresent(); !whole) {
      Error error = std::move(whole).error();
      if (source_error_) return std::move(*source_error_);
      if (!IsDamage(error) && error.code() != ErrorCode::kNotFound) return error;
      // A deletion that has just begun takes it away.
      HOLDFAST_ASSIGN_OR_RETURN(const Present now, CheckTarget());
      if (now != Present::kSame)
        return Error(ErrorCode::kLocked, "somebody else has just changed it");
      return Corrupt(fmt::format("the copy of the checkpoint {} in the bank of provider {} is "
                                 "damaged: {}",
                                 Printable(request_.checkpoint), request_.provider_name,
                                 error.message()))
          .Hint(CopyAnew());
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto last, LastVerificationThere());
    if (!last || !last->failed) return Ok();
    const RecordSummary& failed = last->summary;
    return Corrupt(fmt::format("the last verification of the copy of the checkpoint {} in the bank "
                               "of provider {} failed ({}): {}",
                               Printable(request_.checkpoint), request_.provider_name,
                               Printable(failed.id), Printable(failed.reason)))
        .Hint("verify it again where that was mended; or " + CopyAnew());
  }

  std::string CopyAnew() const {
    return fmt::format(
        "to have it anew: holdfast checkpoints delete {0} --provider {1}, then copy {0} again",
        Printable(request_.checkpoint), request_.provider_name);
  }

  Result<std::optional<LastVerification>> LastVerificationThere() const {
    const std::string& id = request_.checkpoint;
    if (request_.last_verification) return request_.last_verification(id);
    HOLDFAST_ASSIGN_OR_RETURN(const auto last,
                              ReadLastVerifications(env_.tenant, id, env_.clock.Now()));
    const auto found = last.find(id);
    return found == last.end() ? std::nullopt : std::optional(found->second);
  }

  Status StatPresent() {
    HOLDFAST_ASSIGN_OR_RETURN(const auto shown, ShowRecord(env_.tenant, RecordKind::kCheckpoint,
                                                           request_.checkpoint, false));
    if (!shown.summary.damage.empty()) return Corrupt(shown.summary.damage);
    HOLDFAST_ASSIGN_OR_RETURN(StoredBundle bundle,
                              StoredBundle::Open(env_.tenant, original_->head.bundle));
    return StatAll(bundle, [this](const ResourceManifest& there) -> Status {
      const auto raw = RawOfOriginal(there.resource);
      if (raw) return StatCopy(target_.section(), there, *raw);
      const std::lock_guard lock(mutex_);
      source_error_ = raw.error();
      return raw.error();
    });
  }

  Result<std::map<std::string, std::uint64_t>> RawOfOriginal(const ResourceKey& key) const {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest manifest, ManifestOf(key));
    return RawObjects(source_.section(), manifest);
  }

  // It is available; a copy that was killed after that may have left the marker, and its lease.
  Status FinishPresent() {
    HOLDFAST_ASSIGN_OR_RETURN(const bool unfinished, target_.IsUnfinished());
    HOLDFAST_ASSIGN_OR_RETURN(const auto lease, CurrentLease(env_.tenant, target_.id()));
    const bool held = lease && !lease->gone(env_.clock.Now());
    if (request_.dry_run) return Ok();
    if (!unfinished && !held) {
      RemoveLeftHold();
      return Ok();
    }
    if (Status taken = TakeTarget(true); !taken) {
      // A deletion's, or a copy's that is just ending: nothing to be done here.
      if (!unfinished && taken.error().code() == ErrorCode::kLocked) return Ok();
      return taken;
    }
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, target_.Head());
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, target_.State());
    if (!head || !state || state->state != RecordState::kAvailable)
      return Error(ErrorCode::kLocked, "somebody else has just changed it");
    RemoveLeftHold();
    return Finish(*head);
  }

  Status TakeTarget(bool whole) {
    TargetHold::Request wanted;
    wanted.bundle = original_->head.bundle;
    wanted.started_by = request_.by;
    wanted.epochs = original_->several_epochs();
    wanted.keeps_epochs = whole;
    HOLDFAST_ASSIGN_OR_RETURN(hold_, TargetHold::Take(env_, target_, wanted));
    Failpoint("copy:after-lease");
    return Ok();
  }

  Status CopyHeld(Present present) {
    // What was looked at before the record was held may be another's work by now.
    HOLDFAST_ASSIGN_OR_RETURN(const Present now, CheckTarget());
    if (now == Present::kSame) {
      end_ = CopyEnd::kIsThere;
      // This lease names a table of its own.
      HOLDFAST_RETURN_IF_ERROR(WriteEpochs());
      HOLDFAST_ASSIGN_OR_RETURN(const auto head, target_.Head());
      if (head) return Finish(*head);
    }
    if (now != present) return Error(ErrorCode::kLocked, "somebody else has just worked on it");
    HOLDFAST_RETURN_IF_ERROR(HoldSource());
    HOLDFAST_ASSIGN_OR_RETURN(const auto deleted, target_.State());
    Status done = RemoveLeft(deleted.has_value());
    if (done) done = CopyResources();
    if (done) done = CopyRecord(deleted ? deleted->number : 0);
    if (source_hold_) {
      Status released = source_hold_->Release();
      if (!released && done) WarnOfHold(released.error());
    }
    HOLDFAST_RETURN_IF_ERROR(done);
    HOLDFAST_ASSIGN_OR_RETURN(const auto head, target_.Head());
    if (!head) return Corrupt(fmt::format("{}/plan is gone", target_.section().prefix()));
    return Finish(*head);
  }

  SourceReader Reader() const {
    SourceReader reader;
    reader.checkpoint = request_.checkpoint;
    reader.to = env_.provider_id + "\n" + request_.bank;
    if (hold_) reader.run = hold_->run();
    reader.started_by = request_.by + ", copying it to provider " + request_.provider_name;
    return reader;
  }

  // What a copy that was killed at its very end has left in the source. Nobody copies it there now.
  void RemoveLeftHold() {
    Status removed = SourceHold::RemoveLeft(request_.from.tenant, Reader(), env_.clock);
    if (!removed) WarnOfHold(removed.error());
  }

  void WarnOfHold(const Error& error) {
    warnings_.push_back("what kept the original from being deleted could not be removed: " +
                        error.OneLine());
  }

  Status HoldSource() {
    auto held = SourceHold::Take(request_.from.tenant, Reader(), env_.clock, env_.lease_expiry);
    if (!held && held.error().code() == ErrorCode::kDenied) {
      warnings_.push_back("nothing keeps the original from being deleted while it is copied: " +
                          held.error().OneLine());
      return Ok();
    }
    if (!held) return std::move(held).error();
    source_hold_.emplace(std::move(*held));
    // A deletion that was faster has changed it before its marker was removed.
    HOLDFAST_ASSIGN_OR_RETURN(const auto state, source_.State());
    if (state && state->state == RecordState::kAvailable) return Ok();
    std::ignore = source_hold_->Release();
    source_hold_.reset();
    return NotFound("the checkpoint " + Printable(request_.checkpoint) + " was just deleted");
  }

  // What an earlier life of the checkpoint has left. Its states stay, and that of the copy is the next of them: no number
  // is given twice, so that whoever was away since adds none.
  Status RemoveLeft(bool deleted) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto states, target_.StateNumbers());
    HOLDFAST_ASSIGN_OR_RETURN(const auto readable, target_.ReadableStates());
    // An older build removed the states, upwards, and may have been killed.
    const bool gap = states.size() > readable.size();
    const bool all_usable = hold_->usable().size() == hold_->earlier().size();
    bool clears = !all_usable;
    if (all_usable) {
      HOLDFAST_ASSIGN_OR_RETURN(clears, HasLateManifest());
    }
    if (!deleted && !gap && !clears) return Ok();
    RemovalHold hold = hold_->ForRemoval();
    HOLDFAST_RETURN_IF_ERROR(RemoveStatesBehindAGap(hold));
    HOLDFAST_ASSIGN_OR_RETURN(const auto kept, OfEarlierCopies());
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, target_.section().ListAll());
    for (const std::string& key : keys) {
      const bool stays = key.starts_with(StatePrefix()) || (deleted && key == "plan") ||
                         kept.contains(LeadingParts(key, 4)) || key.starts_with(OwnJournal());
      if (!stays) HOLDFAST_RETURN_IF_ERROR(hold.Delete(key));
    }
    if (!clears) return Ok();
    // Also where a listing lags: no manifest that names what may be gone soon is taken for a good one.
    for (const auto& [key, epoch] : original_->epochs) {
      if (!kept.contains(EpochPrefix(key, epoch)))
        HOLDFAST_RETURN_IF_ERROR(hold.Delete(ManifestKey(key, epoch)));
    }
    return Ok();
  }

  // Written by a copy that was away, after gc had removed all of it and its journal, too.
  Result<bool> HasLateManifest() {
    if (hold_->token() == 1) return false;  // nobody was here before
    const std::set<std::string> usable(hold_->usable().begin(), hold_->usable().end());
    const std::vector<std::pair<ResourceKey, std::uint64_t>> all(original_->epochs.begin(),
                                                                 original_->epochs.end());
    std::atomic<bool> late = false;
    HOLDFAST_RETURN_IF_ERROR(ForEach(all.size(), env_.data.parallel, [&](std::size_t i) -> Status {
      if (env_.cancellation.is_set()) return CancelledError();
      const auto there = ReadManifest(target_.section(), all[i].first, all[i].second);
      if (!there && !IsDamage(there.error())) return there.error();
      if (!there || (*there && !usable.contains((*there)->attempt))) late = true;
      return Ok();
    }));
    return late.load();
  }

  static std::string OwnJournal() { return fmt::format("journal/{}/", kCopyStep); }

  // Prefixes of four parts of what copies have made that did not come to their end: their data, and those of their manifests of
  // which all is there, and nobody may still delete anything. (Data that nothing names then is left to gc.)
  Result<std::set<std::string>> OfEarlierCopies() const {
    std::set<std::string> kept;
    if (hold_->earlier().empty()) return kept;
    const std::set<std::string> usable(hold_->usable().begin(), hold_->usable().end());
    for (const auto& [key, epoch] : original_->epochs) {
      for (const std::string& attempt : hold_->earlier())
        kept.insert(fmt::format("{}/{}", DataPrefix(key), attempt));
      const auto manifest = ReadManifest(target_.section(), key, epoch);
      if (!manifest && !IsDamage(manifest.error())) return manifest.error();
      if (!manifest || !*manifest || !usable.contains((*manifest)->attempt)) continue;
      const Status whole = StatManifest(target_.section(), **manifest);
      if (!whole && !IsDamage(whole.error()) && whole.error().code() != ErrorCode::kNotFound)
        return whole.error();
      if (whole) kept.insert(EpochPrefix(key, epoch));
    }
    return kept;
  }

  Status CopyResources() {
    const Original& original = *original_;
    CopyEnds ends{source_.section(),
                  target_.section(),
                  request_.from.data,
                  env_.data,
                  hold_->attempt(),
                  hold_->usable(),
                  [this] { return hold_->CheckHeld(); },
                  [this](std::uint64_t bytes) { return Advance(bytes); }};
    // Small ones side by side, each on one thread; large ones one after the other, each on several.
    const std::vector<ResourceKey>& small = original.small;
    HOLDFAST_RETURN_IF_ERROR(ForEach(small.size(), env_.data.parallel,
                                     [&](std::size_t i) { return CopyOne(ends, small[i]); }));
    for (const ResourceKey& key : original.large) HOLDFAST_RETURN_IF_ERROR(CopyOne(ends, key));
    return Ok();
  }

  Status CopyOne(const CopyEnds& ends, const ResourceKey& key) {
    HOLDFAST_RETURN_IF_ERROR(Advance(0));
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest manifest, ManifestOf(key));
    auto copied = CopyResource(ends, manifest);
    if (!copied) return std::move(copied).error().While("copying " + Printable(key.str()));
    {
      const std::lock_guard lock(mutex_);
      stored_ += copied->stored;
      reused_ += copied->reused;
      ++resources_;
    }
    Failpoint("copy:after-manifest");
    return Advance(0);
  }

  // Any thread: says how far it is, and whether to go on.
  Status Advance(std::uint64_t bytes) {
    if (env_.cancellation.is_set()) return CancelledError();
    if (request_.deadline && env_.clock.Steady() >= *request_.deadline) {
      return Unavailable("the deadline is over before it was done")
          .Hint("the same command again goes on with what is there");
    }
    const std::lock_guard lock(mutex_);
    bytes_ += bytes;
    if (source_hold_) HOLDFAST_RETURN_IF_ERROR(source_hold_->Keep());
    if (request_.progress)
      request_.progress({bytes_, original_->bytes, resources_, original_->resources()});
    return Ok();
  }

  // All that makes a checkpoint of the manifests, up to the state that says so, which follows on number `after`.
  Status CopyRecord(std::uint64_t after) {
    Original& original = *original_;
    RecordHead head = original.head;
    head.provider_id = env_.provider_id;
    head.provider_name = request_.provider_name;
    head.copied = CopiedFrom{request_.from.provider_id, request_.from.provider_name,
                             request_.from.bank, request_.by, env_.clock.Now()};
    // The bundle stays that of the first one, however often it is copied on.
    head.copied->origin_id = original.bundle.bundle().provider_id;
    head.copied->origin_name = original.bundle.bundle().provider_name;
    HOLDFAST_RETURN_IF_ERROR(hold_->CheckHeld());
    HOLDFAST_RETURN_IF_ERROR(after == 0 ? target_.CreateHead(head, original.graph)
                                        : target_.ReplaceHead(head, original.graph));
    // After the head, which names it: gc removes no bundle that is named.
    HOLDFAST_RETURN_IF_ERROR(CopyBundle(request_.from.tenant, env_.tenant, original.head.bundle));
    HOLDFAST_ASSIGN_OR_RETURN(const auto steps, original.bundle.AllSteps());
    HOLDFAST_RETURN_IF_ERROR(ForEach(steps.size(), env_.data.parallel, [&](std::size_t i) {
      if (env_.cancellation.is_set()) return Status(CancelledError());
      return CopyStepJournal(source_.section(), target_.section(), steps[i]->name);
    }));
    if (original.drift) HOLDFAST_RETURN_IF_ERROR(target_.PutDrift(hold_->run(), *original.drift));
    HOLDFAST_RETURN_IF_ERROR(WriteEpochs());
    HOLDFAST_ASSIGN_OR_RETURN(StoredBundle copied,
                              StoredBundle::Open(env_.tenant, original.head.bundle));
    HOLDFAST_RETURN_IF_ERROR(ReadBack(copied));
    Failpoint("copy:before-state");
    StateChange available;
    available.state = RecordState::kAvailable;
    available.run = hold_->run();
    available.token = hold_->token();
    available.after = after;
    available.time = env_.clock.Now();
    available.reason = original.state.reason;
    available.warnings = original.state.warnings;
    available.uncleaned = original.state.uncleaned;
    HOLDFAST_RETURN_IF_ERROR(target_.SetState(available));
    Failpoint("copy:after-state");
    return Ok();
  }

  // The table that the lease names, if it names one.
  Status WriteEpochs() {
    if (hold_->table().empty()) return Ok();
    return WriteEpochTable(target_.section(), original_->bundle, hold_->table(), original_->epochs);
  }

  // As an end does before a checkpoint becomes available: every object is there.
  Status ReadBack(StoredBundle& copied) {
    return StatAll(copied, [this](const ResourceManifest& manifest) {
      return StatManifest(target_.section(), manifest);
    });
  }

  // What the target has of the checkpoint: bundle, graph, and each resource's manifest, of which `stat` says whether
  // its objects are there.
  Status StatAll(StoredBundle& copied, const std::function<Status(const ResourceManifest&)>& stat) {
    HOLDFAST_RETURN_IF_ERROR(ErrorOf(copied.AllSteps()));
    HOLDFAST_RETURN_IF_ERROR(ErrorOf(target_.Graph()));
    std::vector<ResourceKey> keys = original_->small;
    keys.insert(keys.end(), original_->large.begin(), original_->large.end());
    return ForEach(keys.size(), env_.data.parallel, [&](std::size_t i) -> Status {
      if (env_.cancellation.is_set()) return CancelledError();
      Status there = StatOne(keys[i], stat);
      if (there) return there;
      return std::move(there).error().While(Printable(keys[i].str()));
    });
  }

  Status StatOne(const ResourceKey& key,
                 const std::function<Status(const ResourceManifest&)>& stat) {
    const std::uint64_t epoch = original_->epochs.at(key);
    HOLDFAST_ASSIGN_OR_RETURN(const auto manifest, ReadManifest(target_.section(), key, epoch));
    if (manifest) return stat(*manifest);
    return Corrupt(fmt::format("the object {}/{}/manifest is missing", target_.section().prefix(),
                               EpochPrefix(key, epoch)));
  }

  // It is available. Whoever comes later may do this, too.
  Status Finish(const RecordHead& head) {
    const auto held = [this] { return hold_->CheckHeld(); };
    HOLDFAST_RETURN_IF_ERROR(WriteIndices(target_, head, held));
    Failpoint("copy:after-indices");
    HOLDFAST_RETURN_IF_ERROR(hold_->RemoveMarkers());
    return hold_->End();
  }

  CopyReport Report(CopyEnd end) {
    CopyReport report;
    report.end = end;
    report.plan = original_->summary.plan;
    report.created = original_->head.created;
    report.resources = original_->resources();
    report.bytes = original_->bytes;
    report.stored = stored_;
    report.reused = reused_;
    report.is_encrypted = env_.tenant.keys() != nullptr;
    report.pinned = original_->summary.pin.has_value();
    if (hold_) {
      report.run = hold_->run();
      report.resumed = !hold_->earlier().empty();
    }
    // A restore of the copy asks the target's plugins.
    for (const auto& [type, plugin] : original_->plugins) {
      const auto found = env_.protection(type);
      if (found && (*found)->descriptor().name == plugin) continue;
      warnings_.push_back(fmt::format(
          "provider {} has no plugin {} for {}: a restore, verification or deletion of the copy "
          "needs it",
          request_.provider_name, Printable(plugin), Printable(type)));
    }
    report.warnings = std::move(warnings_);
    return report;
  }

  const StepEnvironment& env_;
  const CopyRequest& request_;
  const Record source_;
  const Record target_;
  std::unique_ptr<Original> original_;
  std::unique_ptr<TargetHold> hold_;
  std::vector<std::string> warnings_;
  CopyEnd end_ = CopyEnd::kCopied;

  std::mutex mutex_;
  // Guarded by mutex_ while resources are copied, or looked at.
  std::optional<Error> source_error_;  // no fault of the copy
  std::optional<SourceHold> source_hold_;
  std::uint64_t bytes_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t reused_ = 0;
  std::size_t resources_ = 0;
};

}  // namespace

Status CheckIsNoSelfCopy(const StepEnvironment& target, const CopyRequest& request) {
  if (request.from.provider_id == target.provider_id) {
    return Error(ErrorCode::kUsage, fmt::format("provider {} has the checkpoint already: a copy "
                                                "is for another provider",
                                                request.provider_name));
  }
  const std::string from = request.from.tenant.bank().Place();
  const std::string to = target.tenant.bank().Place();
  const bool told = !from.empty() && !to.empty();
  if (told ? from == to : request.from.bank == request.bank) {
    return Error(ErrorCode::kUsage,
                 fmt::format("the providers {} and {} have the same bank, the {}",
                             request.from.provider_name, request.provider_name, request.bank))
        .Hint("a copy is for another bank, better still on another machine");
  }
  return Ok();
}

Result<CopyReport> CopyCheckpoint(const StepEnvironment& target, const CopyRequest& request) {
  HOLDFAST_RETURN_IF_ERROR(CheckIsNoSelfCopy(target, request));
  HOLDFAST_ASSIGN_OR_RETURN(
      Record from, Record::Open(request.from.tenant, RecordKind::kCheckpoint, request.checkpoint));
  HOLDFAST_ASSIGN_OR_RETURN(
      Record to, Record::Open(target.tenant, RecordKind::kCheckpoint, request.checkpoint));
  Copier copier(target, request, std::move(from), std::move(to));
  return copier.Run();
}

}  // namespace holdfast::runtime
