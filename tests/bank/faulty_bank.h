#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/bank.h"

namespace holdfast::testing {

// A bank around another one that counts operations and breaks at one of them, for crash tests:
// "for every n: stop at operation n, open again, check what must hold". Thread-safe.
class FaultyBank final : public Bank {
 public:
  enum class Operation { kPut, kCreateExclusive, kReplace, kGet, kList, kStat, kDelete };

  enum class Fault {
    kNone,
    kFailOnce,    // operation n fails and has done nothing; later ones work
    kAnswerLost,  // operation n takes effect and fails; later ones work
    kStopBefore,  // operation n and all later ones fail and do nothing: the process is gone
    kStopAfter,   // operation n takes effect, it and all later ones fail
  };

  // One operation as it arrived, in order.
  struct Call {
    Operation operation;
    std::string key;  // of a list: its prefix
  };

  explicit FaultyBank(Bank& bank) : bank_(&bank) {}

  // Breaks at the `n`-th operation from now (1 = the next one), with this code. Only operations
  // that change the bank count when `changes_only`.
  void Arm(Fault fault, std::uint64_t n, bool changes_only = false,
           ErrorCode code = ErrorCode::kUnavailable) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    code_ = code;
    changes_only_ = changes_only;
    until_fault_ = n;
    stopped_ = false;
    reached_ = false;
  }
  void Disarm() { Arm(Fault::kNone, 0); }

  // How many operations there were, and how many of them changed something.
  std::uint64_t operations() const {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }
  std::uint64_t changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::vector<Call> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  // Whether the armed fault has happened.
  bool reached() const {
    const std::lock_guard lock(mutex_);
    return reached_;
  }

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return Run<Status>(Operation::kPut, key.str(), [&] { return bank_->Put(key, source, size); });
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    return Run<Status>(Operation::kCreateExclusive, key.str(),
                       [&] { return bank_->CreateExclusive(key, value, settling); });
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    return Run<Status>(Operation::kReplace, key.str(), [&] { return bank_->Replace(key, value); });
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    return Run<Status>(Operation::kGet, key.str(),
                       [&] { return bank_->Get(key, sink, offset, length); });
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    return Run<Result<std::vector<ObjectInfo>>>(Operation::kList, options.prefix,
                                                [&] { return bank_->List(options); });
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override {
    return Run<Result<ObjectInfo>>(Operation::kStat, key.str(), [&] { return bank_->Stat(key); });
  }
  Status Delete(const ObjectKey& key) override {
    return Run<Status>(Operation::kDelete, key.str(), [&] { return bank_->Delete(key); });
  }
  Result<Leftovers> SweepLeftovers(const std::string& prefix, std::chrono::seconds age,
                                   bool dry_run) override {
    return bank_->SweepLeftovers(prefix, age, dry_run);
  }
  ExclusiveStrength strength() const override { return bank_->strength(); }
  std::string Describe() const override { return "faulty " + bank_->Describe(); }

 private:
  static bool Changes(Operation operation) {
    return operation != Operation::kGet && operation != Operation::kList &&
           operation != Operation::kStat;
  }

  template <class R, class Work>
  R Run(Operation operation, const std::string& key, Work work) {
    bool effect = true;
    bool fails = false;
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back({operation, key});
      if (Changes(operation)) ++changes_;
      if (stopped_) {
        effect = false;
        fails = true;
      } else if (until_fault_ > 0 && (!changes_only_ || Changes(operation)) &&
                 --until_fault_ == 0 && fault_ != Fault::kNone) {
        reached_ = true;
        fails = true;
        effect = fault_ == Fault::kAnswerLost || fault_ == Fault::kStopAfter;
        stopped_ = fault_ == Fault::kStopBefore || fault_ == Fault::kStopAfter;
      }
    }
    if (!effect) return Error(code_, "the test's bank fails here");
    R result = work();
    if (fails) return Error(code_, "the test's bank lost this answer");
    return result;
  }

  Bank* bank_;  // Not owned; outlives this.
  mutable std::mutex mutex_;
  Fault fault_ = Fault::kNone;
  ErrorCode code_ = ErrorCode::kUnavailable;
  bool changes_only_ = false;
  bool stopped_ = false;
  bool reached_ = false;
  std::uint64_t until_fault_ = 0;
  std::uint64_t changes_ = 0;
  std::vector<Call> calls_;
};

}  // namespace holdfast::testing
