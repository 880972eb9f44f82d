#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/descriptor.h"
#include "runtime/step/recording_bank.h"
#include "runtime/step/run_view.h"
#include "runtime/step/sealed_bank.h"
#include "runtime/store/journal.h"
#include "runtime/store/newest_manifest.h"

namespace holdfast::runtime {

// What one activity adds to what its resource's manifest will say.
struct Contribution {
  std::vector<StreamManifest> streams;
  Value saved;
  std::optional<WallTime> point_in_time;
  std::optional<SampleRead> sample;  // of a verify that opened samples
};

// What an activity is called for.
struct CheckpointScope {
  std::string step;
  std::string attempt;
  ActivityKind kind = ActivityKind::kPre;
  const PluginDescriptor* descriptor = nullptr;  // Not owned; outlives the checkpoint.
  std::vector<const BundleResource*> resources;  // all that the call is given; not owned
  std::uint64_t epoch = 1;                       // of all of them
  std::uint64_t* intents = nullptr;              // Not owned: how many the attempt has written.
  // What the activity's predecessors did, for this resource.
  std::function<Result<bool>(const ResourceKey&)> all_succeeded;
};

// Which streams were read to their end, and so are what was written. Any thread.
class ReadStreams {
 public:
  void Add(const ResourceKey& resource, const std::string& stream) {
    const std::lock_guard lock(mutex_);
    streams_.emplace(resource, stream);
  }
  bool Has(const ResourceKey& resource, const std::string& stream) const {
    const std::lock_guard lock(mutex_);
    return streams_.contains({resource, stream});
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::pair<ResourceKey, std::string>> streams_;
};

// The Checkpoint that a plugin gets for one call of an activity: the sections of the resources it
// is called for, and nothing else. Sections live as long as this. Everything it writes lies under the attempt and is refused
// (kLocked) once the run has lost its lease. One thread; streams may be used on others.
class StepCheckpoint final : public Checkpoint {
 public:
  static Result<std::unique_ptr<StepCheckpoint>> Make(const StepEnvironment& env, RunView& run,
                                                      CheckpointScope scope);

  const std::string& id() const override { return run_.checkpoint_id(); }
  const std::string& record_id() const override { return run_.record().id(); }
  Operation operation() const override { return run_.operation(); }
  std::uint64_t epoch() const override { return scope_.epoch; }

  Result<std::unique_ptr<DataWriter>> CreateData(const Resource& resource,
                                                 std::string_view name) override;
  Status SaveInfo(const Resource& resource, Value info) override;
  Status SetPointInTime(const Resource& resource, WallTime time) override;
  Result<std::vector<DataInfo>> ListData(const Resource& resource) override;
  Result<std::unique_ptr<ByteSource>> OpenData(const Resource& resource,
                                               std::string_view name) override;
  Result<std::unique_ptr<ByteSource>> OpenSample(const Resource& resource, std::string_view name,
                                                 Percent share) override;
  Result<Value> SavedInfo(const Resource& resource) override;
  Result<Value> SavedInfoOfChild(const Resource& resource, const ResourceKey& child) override;
  Status DeleteData(const Resource& resource) override;
  Status Journal(const Resource& resource, const Value& entries) override;
  Result<Value> Journaled(const Resource& resource) override;
  Result<bool> AllSucceeded(const Resource& resource) override;
  Result<bool> AnyBelowBegan(const Resource& resource) override;
  Status SetNewResource(const Resource& resource, const ResourceKey& now) override;
  Result<std::optional<ResourceKey>> NewResource(const ResourceKey& old) override;
  Result<BankSection> Section(const Resource& resource) override;
  Result<BankSection> RecordSection(const Resource& resource) override;

  // Of a restore or verify: an error when what the checkpoint holds of a resource, the manifest,
  // the saved info and, for a restore, the raw objects, is not what was written there, or the key of anything of it is
  // not there. Nothing there is none.
  Status CheckStored(const ResourceKey& resource);
  // verify: reads what the plugin did not of what the checkpoint holds of the resource, as the
  // manifest has it: every byte, or the sample that is asked for. kNotFound where it holds nothing.
  Status ReadRest(Context& context, const BundleResource& resource);

  // protect: the raw objects that this call put there for a resource.
  Result<std::vector<RawObject>> RawOf(const ResourceKey& resource);
  // What this call contributed so far for a resource.
  const Contribution& contribution(const ResourceKey& resource);
  // True once the run was found to have lost its lease: what the activity returned does not count.
  bool fenced() const { return fenced_; }

 private:
  StepCheckpoint(const StepEnvironment& env, RunView& run, BankSection checkpoint,
                 CheckpointScope scope)
      : env_(env), run_(run), checkpoint_(std::move(checkpoint)), scope_(std::move(scope)) {}

  Result<const BundleResource*> Given(const Resource& resource) const;
  Status Require(Operation operation, std::string_view what) const;
  Status CheckHeld();
  // The manifest that counts for a resource of the checkpoint that is read; kNotFound without one.
  Result<const ResourceManifest*> ManifestOf(const ResourceKey& resource);
  // protect: what this and earlier activities of this epoch have so far.
  Result<Contribution> SoFar(const BundleResource& resource);
  // A section as a plugin may have it: what it puts there is encrypted where the provider has keys.
  Result<BankSection> ForPlugin(const BankSection& section, const std::string& prefix,
                                SectionAccess access, PlainObjects plain);
  // restore: the raw objects of a resource are those that were put there.
  Status CheckRaw(const ResourceManifest& manifest);
  Result<Value> CheckedInfo(const ResourceManifest& manifest, const PluginDescriptor& descriptor);

  const StepEnvironment& env_;
  RunView& run_;
  BankSection checkpoint_;
  CheckpointScope scope_;
  std::map<ResourceKey, Contribution> contributions_;
  std::optional<NewestManifests> newest_;
  std::map<ResourceKey, ResourceManifest> manifests_;
  std::map<ResourceKey, Value> journaled_;
  std::shared_ptr<ReadStreams> read_ = std::make_shared<ReadStreams>();
  std::set<std::pair<ResourceKey, std::string>> sampled_;  // streams that a sample was opened of
  std::unique_ptr<RecordingBank> recorder_;                // protect
  std::map<PlainObjects, std::unique_ptr<SealedBank>> sealed_;  // where there are keys
  bool fenced_ = false;
};

// What the earlier activities of a resource (before `kind`) contributed in this epoch, in their
// order; read from the journal.
Result<Contribution> EarlierContributions(RunView& run, const BundleResource& resource,
                                          ActivityKind kind, std::uint64_t epoch);
// Adds `more` over `base`: streams of both, the later saved info and time.
void Merge(Contribution& base, const Contribution& more);

// Everything that plugins journaled for a resource in one epoch, later over earlier.
Result<Value> ReadJournaled(RunView& run, const BundleResource& resource, std::uint64_t epoch);
// Has `kind` journaled an intent for the resource in this epoch?
Result<bool> HasIntent(RunView& run, const BundleResource& resource, ActivityKind kind,
                       std::uint64_t epoch);

}  // namespace holdfast::runtime
