#pragma once

#include <fmt/format.h>

#include <latch>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "plugins/banks/conformance/bank_suite.h"

namespace holdfast::banks::conformance {

// What did not hold: the code says "the bank is wrong", not "try again".
Error Violation(std::string message);

// Ok when `status` failed with `code`; else a violation that says what `what` should have done.
Status ExpectCode(const Status& status, ErrorCode code, std::string_view what);
template <class T>
Status ExpectCode(const Result<T>& result, ErrorCode code, std::string_view what) {
  return ExpectCode(result ? Status(Ok()) : Status(Error(result.error())), code, what);
}

Status ExpectBytes(const BankSection& section, std::string_view key, std::string_view expected);

// Bytes that look random, the same ones for the same seed.
std::string Noise(std::size_t size, std::uint64_t seed);

// The keys of one page, without the section's prefix.
Result<std::vector<std::string>> Page(const BankSection& section, ListOptions options);

// Asks until the listing is `expected` or the area's list_lag has passed.
Status ExpectList(const BankCheckArea& area, const ListOptions& options,
                  const std::vector<std::string>& expected);

// Runs `work(0)` to `work(count - 1)` on a thread each, all starting at once; the first failure.
template <class Work>
Status AtOnce(int count, Work work) {
  std::latch start(count);
  std::mutex mutex;
  Status outcome = Ok();
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      Status done = work(i);
      const std::lock_guard lock(mutex);
      if (outcome && !done) outcome = std::move(done);
    });
  }
  threads.clear();
  return outcome;
}

// The checks of each file.
std::span<const BankCheck> ObjectChecks();
std::span<const BankCheck> ListingChecks();
std::span<const BankCheck> RaceChecks();

}  // namespace holdfast::banks::conformance
