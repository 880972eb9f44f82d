#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/log.h"
#include "tests/net/fault_proxy.h"

namespace holdfast::testing {

// The deadlines of a bank behind the proxy.
inline constexpr std::chrono::seconds kRetryWindow{8};
inline constexpr std::chrono::seconds kStallTimeout{2};
inline constexpr std::chrono::milliseconds kSettleTime{1500};

// Keeps what a bank logs.
class KeptLog final : public Logger {
 public:
  void Log(LogLevel, std::string_view message, const Value&) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// "swift" or "s3", opened as a provider would, on the real server that HOLDFAST_TEST_SWIFT_URL names: once through a proxy
// with faults and with short deadlines, once straight. The faults begin when both are open.
struct FaultedBank {
  FaultedBank(const std::string& name, std::uint64_t seed, double share);

  const std::string container;  // or bucket
  std::unique_ptr<FaultProxy> proxy;
  KeptLog log;
  std::unique_ptr<Bank> faulted;
  std::unique_ptr<Bank> straight;
};

// Environment variables as numbers.
std::uint64_t NumberOr(const char* variable, std::uint64_t otherwise);

}  // namespace holdfast::testing
