#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/step/step_environment.h"
#include "runtime/store/bundle_store.h"
#include "runtime/store/epoch_table.h"
#include "runtime/store/journal.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// One run as a process sees it that works on its record: the record, the lease with the fencing
// token, the bundle, the epochs, and the journal as far as it was read. Not movable; one thread.
class RunView {
 public:
  // What a step joins: the record of `bundle`'s operation with the id `record` (empty: `run`).
  // kLocked when the lease is another run's, or another start's of this one (run_start.h), or when this run's
  // `end` has started (its step is too late). Where `begin` has not succeeded, begun() is false.
  static Result<std::unique_ptr<RunView>> Join(const StepEnvironment& env, std::string_view run,
                                               std::string_view start, std::string_view record,
                                               std::string_view bundle);
  // For begin, end and gc, which have taken the lease themselves.
  static Result<std::unique_ptr<RunView>> Hold(const StepEnvironment& env, Record record,
                                               Lease lease, std::string_view bundle);
  RunView(const RunView&) = delete;
  RunView& operator=(const RunView&) = delete;

  const Record& record() const { return record_; }
  const Lease& lease() const { return lease_; }
  Lease& lease() { return lease_; }
  StoredBundle& bundle() { return bundle_; }
  Operation operation() const { return bundle_.bundle().operation; }
  bool begun() const { return begun_; }
  // The checkpoint that is written (protect) or read.
  const std::string& checkpoint_id() const;
  Result<BankSection> checkpoint_section() const;

  // kLocked as soon as a greater token exists: asked before everything that is written.
  Status CheckHeld() const { return CheckStillHeld(record_.tenant(), record_.id(), lease_); }
  // Renews the lease when less than half of its time is left.
  Status KeepLease(const StepEnvironment& env);
  // The greatest token before this run's under which somebody may still delete objects of the record; asked for once.
  Result<std::uint64_t> LastRemovalBefore();
  // After the lease's epoch table has changed.
  void UseEpochs(std::string table);

  Result<std::uint64_t> EpochOf(std::string_view step, const ResourceKey& resource) {
    return epochs_.Of(step, resource);
  }
  // The journal of a step, read once and kept until Forget.
  Result<const StepJournal*> JournalOf(std::string_view step);
  void Forget(std::string_view step);
  void ForgetAll() { journals_.clear(); }

  // Has this activity succeeded, in the resource's present epoch?
  Result<bool> Succeeded(std::string_view step, const ResourceKey& resource, ActivityKind kind);
  // Every activity of the step succeeded.
  Result<bool> StepSucceeded(std::string_view step);
  // Everything that the step comes after succeeded, directly or not.
  Result<bool> AllBeforeSucceeded(const BundleStep& step);

 private:
  RunView(Record record, Lease lease, StoredBundle bundle)
      : record_(std::move(record)),
        lease_(std::move(lease)),
        bundle_(std::move(bundle)),
        epochs_(record_.section(), bundle_, lease_.epochs) {}

  Record record_;
  Lease lease_;
  StoredBundle bundle_;
  EpochTable epochs_;
  bool begun_ = true;
  std::optional<std::uint64_t> last_removal_;
  std::map<std::string, StepJournal, std::less<>> journals_;
};

}  // namespace holdfast::runtime
