#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "plugins/sdk/forwarding_bank.h"

namespace holdfast::testing {

// A bank around another one whose listings lag behind, as Swift's do: what is there is not listed yet, and what
// is gone is listed still. Reads, writes and stats of a key are what they are. Thread-safe.
class LaggingBank final : public ForwardingBank {
 public:
  using ForwardingBank::ForwardingBank;

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

  Status Delete(const ObjectKey& key) override {
    const auto info = inner_.Stat(key);
    Status done = inner_.Delete(key);
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
      const auto page = inner_.List(all);
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
  std::string Describe() const override { return "lagging " + inner_.Describe(); }

 private:
  std::mutex mutex_;
  std::function<bool(const std::string&)> hides_;
  bool keeps_ = false;
  std::map<std::string, ObjectInfo> gone_;
};

}  // namespace holdfast::testing
