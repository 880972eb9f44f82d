#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/bank.h"

namespace holdfast::testing {

// A bank around another one whose listings lag behind, as Swift's do: what is there is not listed yet, and what
// is gone is listed still. Reads, writes and stats of a key are what they are. Thread-safe.
class LaggingBank final : public Bank {
 public:
  explicit LaggingBank(Bank& bank) : bank_(&bank) {}

  // Not listed yet, whatever of it is there; nullptr: everything is.
  void Hide(std::function<bool(const std::string& key)> hides) {
    const std::lock_guard lock(mutex_);
    hides_ = std::move(hides);
  }
  // What is deleted from now on is listed still; false: nothing of that is any more.
  void KeepDeleted(bool keeps) {
    const std::lock_guard lock(mutex_);
    keeps_ = keeps;
    if (!keeps) gone_.clear();
  }

  Status Put(const ObjectKey& key, ByteSource& source, std::uint64_t size) override {
    return bank_->Put(key, source, size);
  }
  Status CreateExclusive(const ObjectKey& key, std::string_view value, Settling settling) override {
    return bank_->CreateExclusive(key, value, settling);
  }
  Status Replace(const ObjectKey& key, std::string_view value) override {
    return bank_->Replace(key, value);
  }
  Status Get(const ObjectKey& key, ByteSink& sink, std::uint64_t offset,
             std::uint64_t length) override {
    return bank_->Get(key, sink, offset, length);
  }
  Result<ObjectInfo> Stat(const ObjectKey& key) override { return bank_->Stat(key); }
  Status Delete(const ObjectKey& key) override {
    const auto info = bank_->Stat(key);
    Status done = bank_->Delete(key);
    const std::lock_guard lock(mutex_);
    if (done && info && keeps_) gone_.insert_or_assign(key.str(), *info);
    return done;
  }
  Result<std::vector<ObjectInfo>> List(const ListOptions& options) override {
    ListOptions all;
    all.prefix = options.prefix;
    all.limit = 10'000;
    std::map<std::string, ObjectInfo> found;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [key, info] : gone_) {
        if (key.starts_with(options.prefix)) found.emplace(key, info);
      }
    }
    for (bool more = true; more;) {
      const auto page = bank_->List(all);
      if (!page) return page;
      for (const ObjectInfo& info : *page) found.insert_or_assign(info.key.str(), info);
      more = page->size() == all.limit;
      if (more) all.marker = page->back().key.str();
    }
    std::vector<ObjectInfo> listed;
    const std::lock_guard lock(mutex_);
    for (auto& [key, info] : found) {
      if (!hides_ || !hides_(key)) listed.push_back(std::move(info));
    }
    const bool descends = options.direction == ListDirection::kDescending;
    if (descends) std::reverse(listed.begin(), listed.end());
    std::erase_if(listed, [&](const ObjectInfo& info) {
      if (options.marker.empty()) return false;
      return descends ? info.key.str() >= options.marker : info.key.str() <= options.marker;
    });
    if (listed.size() > options.limit) listed.resize(options.limit, listed.front());
    return listed;
  }
  ExclusiveStrength strength() const override { return bank_->strength(); }
  std::string Describe() const override { return "lagging " + bank_->Describe(); }

 private:
  Bank* bank_;  // Not owned.
  std::mutex mutex_;
  std::function<bool(const std::string&)> hides_;
  bool keeps_ = false;
  std::map<std::string, ObjectInfo> gone_;
};

}  // namespace holdfast::testing
