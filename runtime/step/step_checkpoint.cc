#include "runtime/step/step_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "plugins/sdk/failpoint.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"
#include "runtime/step/deletion_hold.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kNewResourceFormat = 1;

Status CheckStreamName(std::string_view name) {
  const bool known =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
      });
  if (known) return Ok();
  return InvalidInput(fmt::format("'{}' cannot name a stream", Printable(name)))
      .Hint("1 to 64 of a-z, 0-9 and '-'");
}

// Notes a stream as read once its last byte, which is handed out only when all are what was written,
// is read.
class NotingSource final : public ByteSource {
 public:
  NotingSource(std::unique_ptr<ByteSource> source, std::uint64_t size,
               std::shared_ptr<ReadStreams> read, ResourceKey resource, std::string stream)
      : source_(std::move(source)),
        left_(size),
        read_(std::move(read)),
        resource_(std::move(resource)),
        stream_(std::move(stream)) {}
  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    HOLDFAST_ASSIGN_OR_RETURN(const std::size_t got, source_->Read(buffer));
    if (got == 0) return got;
    left_ -= std::min<std::uint64_t>(got, left_);
    if (left_ == 0) read_->Add(resource_, stream_);
    return got;
  }

 private:
  const std::unique_ptr<ByteSource> source_;
  std::uint64_t left_;
  const std::shared_ptr<ReadStreams> read_;
  const ResourceKey resource_;
  const std::string stream_;
};

void MergeMaps(Value& into, const Value& from) {
  if (!from.is_map()) return;
  for (const auto& [key, value] : from.AsMap()) into.Set(key, value);
}

}  // namespace

void Merge(Contribution& base, const Contribution& more) {
  for (const StreamManifest& stream : more.streams) {
    std::erase_if(base.streams, [&](const StreamManifest& s) { return s.name == stream.name; });
    base.streams.push_back(stream);
  }
  if (!more.saved.is_null()) base.saved = more.saved;
  if (more.point_in_time) base.point_in_time = more.point_in_time;
}

Result<Contribution> EarlierContributions(RunView& run, const BundleResource& resource,
                                          ActivityKind kind, std::uint64_t epoch) {
  Contribution all;
  for (const ActivityKind earlier : kAllActivityKinds) {
    if (earlier >= kind) break;
    const std::string& step = resource.StepOf(earlier);
    if (step.empty()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
    const ActivityOutcome* const outcome = journal->Find(resource.resource.key, earlier, epoch);
    if (outcome == nullptr || outcome->outcome != Outcome::kSucceeded) continue;
    Contribution one;
    HOLDFAST_ASSIGN_OR_RETURN(one.streams, StreamsFromValue(outcome->streams, step));
    if (outcome->saved_closed) return *outcome->saved_closed;
    one.saved = outcome->saved;
    if (!outcome->point_in_time.empty()) {
      HOLDFAST_ASSIGN_OR_RETURN(one.point_in_time, ParseTime(outcome->point_in_time));
    }
    Merge(all, one);
  }
  return all;
}

Result<Value> ReadJournaled(RunView& run, const BundleResource& resource, std::uint64_t epoch) {
  Value all{Value::Map{}};
  for (const ActivityKind kind : kAllActivityKinds) {
    const std::string& step = resource.StepOf(kind);
    if (step.empty()) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
    for (const Attempt& attempt : journal->attempts) {
      HOLDFAST_ASSIGN_OR_RETURN(const auto intents,
                                ReadIntents(run.record().section(), step, attempt.claim.attempt));
      for (const Intent& intent : intents) {
        if (intent.kind == kind && intent.epoch == epoch &&
            intent.resource == resource.resource.key) {
          if (intent.closed) return *intent.closed;
          MergeMaps(all, intent.entries);
        }
      }
    }
  }
  return all;
}

Result<bool> HasIntent(RunView& run, const BundleResource& resource, ActivityKind kind,
                       std::uint64_t epoch) {
  const std::string& step = resource.StepOf(kind);
  if (step.empty()) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run.JournalOf(step));
  for (const Attempt& attempt : journal->attempts) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto intents,
                              ReadIntents(run.record().section(), step, attempt.claim.attempt));
    for (const Intent& intent : intents) {
      if (intent.kind == kind && intent.epoch == epoch &&
          intent.resource == resource.resource.key) {
        return true;
      }
    }
  }
  return false;
}

Result<std::unique_ptr<StepCheckpoint>> StepCheckpoint::Make(const StepEnvironment& env,
                                                             RunView& run, CheckpointScope scope) {
  HOLDFAST_ASSIGN_OR_RETURN(BankSection checkpoint, run.checkpoint_section());
  return std::unique_ptr<StepCheckpoint>(
      new StepCheckpoint(env, run, std::move(checkpoint), std::move(scope)));
}

Result<const BundleResource*> StepCheckpoint::Given(const Resource& resource) const {
  for (const BundleResource* const given : scope_.resources) {
    if (given->resource.key == resource.key) return given;
  }
  return Error(ErrorCode::kDenied,
               fmt::format("{} is not given to this activity", Printable(resource.key.str())));
}

Status StepCheckpoint::Require(Operation wanted, std::string_view what) const {
  if (operation() == wanted) return Ok();
  return Error(ErrorCode::kDenied, fmt::format("{} belongs to {}, not to {}", what, NameOf(wanted),
                                               NameOf(operation())));
}

Status StepCheckpoint::CheckHeld() {
  Status held = run_.CheckHeld();
  if (!held && held.error().code() == ErrorCode::kLocked) fenced_ = true;
  return held;
}

const Contribution& StepCheckpoint::contribution(const ResourceKey& resource) {
  return contributions_[resource];
}

Result<std::unique_ptr<DataWriter>> StepCheckpoint::CreateData(const Resource& resource,
                                                               std::string_view name) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kProtect, "writing data"));
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckStreamName(name));
  if (scope_.kind > FinalisingKind(*given)) {
    return Error(ErrorCode::kDenied,
                 fmt::format("the data of {} was ended by its {}", Printable(resource.key.str()),
                             NameOf(FinalisingKind(*given))));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckHeld());
  Contribution& mine = contributions_[resource.key];
  for (const StreamManifest& stream : mine.streams) {
    if (stream.name == name) {
      return Error(ErrorCode::kConflict, fmt::format("the stream '{}' was written already", name));
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint_.Narrow(DataPrefix(resource.key), SectionAccess::kWrite));
  HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(scope_.step));
  std::vector<std::string> earlier;
  for (const Attempt& attempt : journal->attempts) {
    if (attempt.claim.attempt == scope_.attempt) continue;
    // Of those from before a removal that may be about to delete one more object nothing is adopted.
    HOLDFAST_ASSIGN_OR_RETURN(const std::uint64_t removal, run_.LastRemovalBefore());
    if (attempt.claim.token > removal) earlier.push_back(attempt.claim.attempt);
  }
  return CreateDataStream(
      data, std::string(name), scope_.attempt, env_.data,
      [&mine](const StreamManifest& stream) {
        mine.streams.push_back(stream);
        return Ok();
      },
      earlier);
}

Status StepCheckpoint::SaveInfo(const Resource& resource, Value info) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kProtect, "saving info"));
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  if (scope_.kind > FinalisingKind(*given)) {
    return Error(ErrorCode::kDenied,
                 fmt::format("the data of {} was ended by its {}", Printable(resource.key.str()),
                             NameOf(FinalisingKind(*given))));
  }
  if (!scope_.descriptor->has_saved_info) {
    return Internal("the plugin " + scope_.descriptor->name +
                    " saves info but declares no schema of it");
  }
  // Kept as the plugin gave it: the checked form is another one (durations, sizes).
  HOLDFAST_RETURN_IF_ERROR(CheckAgainstSchema(scope_.descriptor->saved_info, info, "",
                                              "saved info of " + Printable(resource.key.str())));
  contributions_[resource.key].saved = std::move(info);
  return Ok();
}

Status StepCheckpoint::SetPointInTime(const Resource& resource, WallTime time) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kProtect, "setting the point in time"));
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  contributions_[resource.key].point_in_time = time;
  return Ok();
}

Result<const ResourceManifest*> StepCheckpoint::ManifestOf(const ResourceKey& resource) {
  const auto known = manifests_.find(resource);
  if (known != manifests_.end()) return &known->second;
  if (!newest_) {
    HOLDFAST_ASSIGN_OR_RETURN(
        const Record checkpoint,
        Record::Open(run_.record().tenant(), RecordKind::kCheckpoint, run_.checkpoint_id()));
    HOLDFAST_ASSIGN_OR_RETURN(newest_, NewestManifests::Open(checkpoint));
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto manifest, newest_->Of(resource));
  if (!manifest) {
    return NotFound(
        fmt::format("the checkpoint {} holds nothing of {}", id(), Printable(resource.str())));
  }
  return &manifests_.emplace(resource, std::move(*manifest)).first->second;
}

Status StepCheckpoint::CheckStored(const ResourceKey& resource) {
  const auto manifest = ManifestOf(resource);
  if (!manifest) {
    const Error& error = manifest.error();
    return error.code() == ErrorCode::kNotFound ? Ok() : Status(error);
  }
  for (const std::string& id : (*manifest)->KeyIds()) {
    const auto key = FindKey(checkpoint_.keys(), id);
    if (!key) return Error(key.error()).While("the data of " + Printable(resource.str()));
  }
  HOLDFAST_RETURN_IF_ERROR(CheckRaw(**manifest));
  const auto info = ReadSavedInfo(checkpoint_, **manifest);
  return info ? Ok() : Status(info.error());
}

Status StepCheckpoint::CheckRaw(const ResourceManifest& manifest) {
  // A verify reads them itself, and says which is not what it was.
  if (!manifest.raw || operation() != Operation::kRestore) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(
      const BankSection raw,
      checkpoint_.Narrow(RawPrefix(manifest.resource, manifest.attempt), SectionAccess::kRead));
  for (const RawObject& object : *manifest.raw) {
    if (env_.cancellation.is_set()) return CancelledError();
    HOLDFAST_RETURN_IF_ERROR(CheckRawObject(raw, object, /*read=*/true));
  }
  return Ok();
}

Result<Contribution> StepCheckpoint::SoFar(const BundleResource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(Contribution all,
                            EarlierContributions(run_, resource, scope_.kind, scope_.epoch));
  Merge(all, contributions_[resource.resource.key]);
  return all;
}

Result<std::vector<DataInfo>> StepCheckpoint::ListData(const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint_.Narrow(DataPrefix(resource.key), SectionAccess::kRead));
  std::vector<DataInfo> infos;
  if (operation() == Operation::kProtect) {
    HOLDFAST_ASSIGN_OR_RETURN(const Contribution so_far, SoFar(*given));
    for (const auto& stream : so_far.streams) {
      HOLDFAST_ASSIGN_OR_RETURN(std::string sha256, PlainSha256(data, stream));
      infos.push_back({stream.name, stream.size, std::move(sha256)});
    }
    return infos;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
  for (const auto& stream : manifest->streams) {
    auto sha256 = PlainSha256(data, stream);
    // What is deleted is not read: that needs no key.
    if (!sha256 && operation() == Operation::kDelete) sha256 = std::string();
    if (!sha256) return std::move(sha256).error();
    infos.push_back({stream.name, stream.size, std::move(*sha256)});
  }
  return infos;
}

Result<std::unique_ptr<ByteSource>> StepCheckpoint::OpenData(const Resource& resource,
                                                             std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  std::vector<StreamManifest> streams;
  if (operation() == Operation::kProtect) {
    HOLDFAST_ASSIGN_OR_RETURN(const Contribution so_far, SoFar(*given));
    streams = so_far.streams;
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
    streams = manifest->streams;
  }
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint_.Narrow(DataPrefix(resource.key), SectionAccess::kRead));
  for (const StreamManifest& stream : streams) {
    if (stream.name != name) continue;
    HOLDFAST_ASSIGN_OR_RETURN(auto source, OpenDataStream(data, stream, env_.data));
    if (operation() != Operation::kVerify) return source;
    return std::unique_ptr<ByteSource>(std::make_unique<NotingSource>(
        std::move(source), stream.size, read_, resource.key, stream.name));
  }
  return NotFound(fmt::format("the checkpoint {} holds no stream '{}' of {}", id(), Printable(name),
                              Printable(resource.key.str())));
}

Result<std::unique_ptr<ByteSource>> StepCheckpoint::OpenSample(const Resource& resource,
                                                               std::string_view name,
                                                               Percent share) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kVerify, "reading a sample"));
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection data,
                            checkpoint_.Narrow(DataPrefix(resource.key), SectionAccess::kRead));
  for (const StreamManifest& stream : manifest->streams) {
    if (stream.name != name) continue;
    const std::string seed = fmt::format("{}\n{}\n{}", record_id(), resource.key.str(), name);
    std::vector<std::size_t> chosen = ChooseSegments(stream.segments, share, seed);
    std::uint64_t size = 0;
    for (const std::size_t number : chosen) size += stream.segments[number].plain_size;
    HOLDFAST_ASSIGN_OR_RETURN(auto source,
                              OpenDataSample(data, stream, std::move(chosen), env_.data));
    auto& sample = contributions_[resource.key].sample;
    if (!sample) sample.emplace();
    if (sampled_.emplace(resource.key, stream.name).second) {
      sample->of += stream.size;
      sample->read += size;
    }
    return std::unique_ptr<ByteSource>(
        std::make_unique<NotingSource>(std::move(source), size, read_, resource.key, stream.name));
  }
  return NotFound(fmt::format("the checkpoint {} holds no stream '{}' of {}", id(), Printable(name),
                              Printable(resource.key.str())));
}

Status StepCheckpoint::ReadRest(Context& context, const BundleResource& given) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kVerify, "reading what is stored"));
  const Resource& resource = given.resource;
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
  HOLDFAST_RETURN_IF_ERROR(ReadSavedInfo(checkpoint_, *manifest));
  const auto share = SampleOf(given.parameters);
  std::uint64_t bytes = 0;
  for (const StreamManifest& stream : manifest->streams) {
    if (read_->Has(resource.key, stream.name)) continue;
    HOLDFAST_ASSIGN_OR_RETURN(const auto source, share ? OpenSample(resource, stream.name, *share)
                                                       : OpenData(resource, stream.name));
    HOLDFAST_RETURN_IF_ERROR(ReadThrough(*source, context, "verifying", bytes));
  }
  if (!manifest->raw) return Ok();
  HOLDFAST_ASSIGN_OR_RETURN(
      const BankSection raw,
      checkpoint_.Narrow(RawPrefix(resource.key, manifest->attempt), SectionAccess::kRead));
  for (const RawObject& object : *manifest->raw)
    HOLDFAST_RETURN_IF_ERROR(CheckRawObject(raw, object, /*read=*/!share));
  return Ok();
}

Result<Value> StepCheckpoint::CheckedInfo(const ResourceManifest& manifest,
                                          const PluginDescriptor& descriptor) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value info, ReadSavedInfo(checkpoint_, manifest));
  if (info.is_null()) {
    return NotFound("no info was saved for " + Printable(manifest.resource.str()));
  }
  if (manifest.saved_info_version != descriptor.saved_info.version) {
    return InvalidInput(
               fmt::format("the info saved for {} has version {} of the schema of {}; this "
                           "build reads version {}",
                           Printable(manifest.resource.str()), manifest.saved_info_version,
                           descriptor.name, descriptor.saved_info.version))
        .Hint("use the version of the plugin that wrote the checkpoint");
  }
  return CheckAgainstSchema(descriptor.saved_info, info, "",
                            "saved info of " + Printable(manifest.resource.str()));
}

Result<Value> StepCheckpoint::SavedInfo(const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  if (operation() == Operation::kProtect) {
    HOLDFAST_ASSIGN_OR_RETURN(const Contribution so_far, SoFar(*given));
    if (so_far.saved.is_null()) {
      return NotFound("no info was saved for " + Printable(resource.key.str()) + " yet");
    }
    return CheckAgainstSchema(scope_.descriptor->saved_info, so_far.saved, "",
                              "saved info of " + Printable(resource.key.str()));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
  return CheckedInfo(*manifest, *scope_.descriptor);
}

Result<Value> StepCheckpoint::SavedInfoOfChild(const Resource& resource, const ResourceKey& child) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  const auto& children = given->resource.children;
  if (std::none_of(children.begin(), children.end(),
                   [&](const ResourceLink& link) { return link.key == child; })) {
    return Error(ErrorCode::kDenied, fmt::format("{} is no child of {}", Printable(child.str()),
                                                 Printable(resource.key.str())));
  }
  HOLDFAST_RETURN_IF_ERROR(
      operation() == Operation::kProtect
          ? Status(Error(ErrorCode::kDenied, "a protect reads no saved info of children"))
          : Ok());
  HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(child));
  HOLDFAST_ASSIGN_OR_RETURN(const ProtectionPlugin* const plugin, env_.protection(child.type));
  return CheckedInfo(*manifest, plugin->descriptor());
}

Status StepCheckpoint::DeleteData(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kDelete, "deleting data"));
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckHeld());
  HOLDFAST_ASSIGN_OR_RETURN(RemovalHold hold, HoldOfDeletion(env_, run_));
  const std::string prefix = DataPrefix(resource.key) + "/";
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, checkpoint_.ListAll(prefix));
  for (const std::string& key : keys) {
    Status gone = hold.Delete(key);
    if (!gone && gone.error().code() == ErrorCode::kLocked) fenced_ = true;
    HOLDFAST_RETURN_IF_ERROR(gone);
    Failpoint("checkpoint:deleting");
  }
  return Ok();
}

Status StepCheckpoint::Journal(const Resource& resource, const Value& entries) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  if (!entries.is_map()) return Internal("what is journaled is a map");
  HOLDFAST_RETURN_IF_ERROR(CheckHeld());
  // Read before it is written to: afterwards both say the same.
  HOLDFAST_ASSIGN_OR_RETURN(Value all, Journaled(given->resource));
  const std::uint64_t number = *scope_.intents + 1;
  HOLDFAST_RETURN_IF_ERROR(WriteIntent(run_.record().section(), scope_.step, scope_.attempt, number,
                                       {resource.key, scope_.kind, scope_.epoch, entries}));
  *scope_.intents = number;
  MergeMaps(all, entries);
  journaled_[resource.key] = std::move(all);
  return Ok();
}

Result<Value> StepCheckpoint::Journaled(const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  const auto known = journaled_.find(resource.key);
  if (known != journaled_.end()) return known->second;
  HOLDFAST_ASSIGN_OR_RETURN(Value all, ReadJournaled(run_, *given, scope_.epoch));
  return journaled_.emplace(resource.key, std::move(all)).first->second;
}

Result<bool> StepCheckpoint::AllSucceeded(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  return scope_.all_succeeded(resource.key);
}

Result<bool> StepCheckpoint::AnyBelowBegan(const Resource& resource) {
  HOLDFAST_ASSIGN_OR_RETURN(const BundleResource* const given, Given(resource));
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, run_.bundle().AllResources());
  std::vector<const BundleResource*> open{given};
  std::set<ResourceKey> seen{given->resource.key};
  while (!open.empty()) {
    const BundleResource* const above = open.back();
    open.pop_back();
    for (const ResourceLink& link : above->resource.children) {
      const auto child = resources.find(link.key);
      if (child == resources.end() || !seen.insert(link.key).second) continue;
      open.push_back(child->second);
      for (const std::string& step : child->second->steps) {
        if (step.empty()) continue;
        HOLDFAST_ASSIGN_OR_RETURN(const StepJournal* const journal, run_.JournalOf(step));
        for (const Attempt& attempt : journal->attempts) {
          // One that did nothing has said so.
          const bool omitted = attempt.result && !attempt.outcomes.empty() &&
                               std::all_of(attempt.outcomes.begin(), attempt.outcomes.end(),
                                           [](const ActivityOutcome& outcome) {
                                             return outcome.outcome == Outcome::kOmitted;
                                           });
          if (!omitted) return true;
        }
      }
    }
  }
  return false;
}

Status StepCheckpoint::SetNewResource(const Resource& resource, const ResourceKey& now) {
  HOLDFAST_RETURN_IF_ERROR(Require(Operation::kRestore, "naming a new resource"));
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(now));
  HOLDFAST_RETURN_IF_ERROR(CheckHeld());
  HOLDFAST_ASSIGN_OR_RETURN(const auto before, NewResource(resource.key));
  if (before && *before == now) return Ok();
  const BankSection& record = run_.record().section();
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::string bytes,
      DumpObject(
          Value().Set("old", ResourceKeyToValue(resource.key)).Set("new", ResourceKeyToValue(now)),
          kNewResourceFormat));
  for (std::uint64_t number = 1;; ++number) {
    Status put = record.PutBytes(NewResourcePrefix(resource.key) + NumberPart(number), bytes);
    if (put || put.error().code() != ErrorCode::kConflict) return put;
  }
}

Result<std::optional<ResourceKey>> StepCheckpoint::NewResource(const ResourceKey& old) {
  return ReadNewResource(run_.record().section(), old);
}

Result<BankSection> StepCheckpoint::ForPlugin(const BankSection& section, const std::string& prefix,
                                              SectionAccess access, PlainObjects plain) {
  HOLDFAST_ASSIGN_OR_RETURN(BankSection narrow, section.Narrow(prefix, access));
  Bank* bank = &section.bank();
  if (operation() == Operation::kProtect) {
    if (recorder_ == nullptr) recorder_ = std::make_unique<RecordingBank>(*bank);
    bank = recorder_.get();
  }
  if (section.keys() == nullptr) return BankSection::Open(*bank, narrow.prefix(), access);
  std::unique_ptr<SealedBank>& sealed = sealed_[plain];
  if (sealed == nullptr) sealed = std::make_unique<SealedBank>(*bank, *section.keys(), plain);
  return BankSection::Open(*sealed, narrow.prefix(), access);
}

Result<std::vector<RawObject>> StepCheckpoint::RawOf(const ResourceKey& resource) {
  if (recorder_ == nullptr) return std::vector<RawObject>();
  return recorder_->Recorded(checkpoint_.prefix() + "/" + RawPrefix(resource, scope_.attempt) +
                             "/");
}

Result<BankSection> StepCheckpoint::Section(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  switch (operation()) {
    case Operation::kProtect:
      HOLDFAST_RETURN_IF_ERROR(CheckHeld());
      return ForPlugin(checkpoint_, RawPrefix(resource.key, scope_.attempt), SectionAccess::kWrite,
                       PlainObjects::kRefuse);
    case Operation::kDelete:
      HOLDFAST_RETURN_IF_ERROR(CheckHeld());
      return ForPlugin(checkpoint_, DataPrefix(resource.key), SectionAccess::kDelete,
                       PlainObjects::kRead);
    case Operation::kRestore:
    case Operation::kVerify: {
      HOLDFAST_ASSIGN_OR_RETURN(const ResourceManifest* const manifest, ManifestOf(resource.key));
      return ForPlugin(checkpoint_, RawPrefix(resource.key, manifest->attempt),
                       SectionAccess::kRead, PlainIn(*manifest));
    }
  }
  return Internal("an unknown operation");
}

Result<BankSection> StepCheckpoint::RecordSection(const Resource& resource) {
  HOLDFAST_RETURN_IF_ERROR(Given(resource));
  HOLDFAST_RETURN_IF_ERROR(CheckHeld());
  return ForPlugin(run_.record().section(), WorkPrefix(resource.key), SectionAccess::kWrite,
                   PlainObjects::kRead);
}

}  // namespace holdfast::runtime
