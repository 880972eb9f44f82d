#include "plugins/banks/conformance/bank_suite.h"

#include <algorithm>
#include <thread>

#include "plugins/banks/conformance/check_tools.h"
#include "plugins/sdk/text.h"

namespace holdfast {
namespace banks::conformance {

Error Violation(std::string message) { return Corrupt(std::move(message)); }

Status ExpectCode(const Status& status, ErrorCode code, std::string_view what) {
  if (status) {
    return Violation(fmt::format("{} succeeded; {} was expected", what, NameOf(code)));
  }
  if (status.error().code() != code) {
    return Violation(fmt::format("{} failed with {} ({}); {} was expected", what,
                                 NameOf(status.error().code()), status.error().message(),
                                 NameOf(code)));
  }
  return Ok();
}

Status ExpectBytes(const BankSection& section, std::string_view key, std::string_view expected) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes, section.GetBytes(key));
  if (bytes == expected) return Ok();
  return Violation(fmt::format("'{}' has {} bytes that are not the {} bytes that were written", key,
                               bytes.size(), expected.size()));
}

std::string Noise(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (char& byte : bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    byte = static_cast<char>(state >> 32U);
  }
  return bytes;
}

Result<std::vector<std::string>> Page(const BankSection& section, ListOptions options) {
  const std::string own = section.prefix() + "/";
  options.prefix = own + options.prefix;
  if (!options.marker.empty()) options.marker = own + options.marker;
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<ObjectInfo> page, section.bank().List(options));
  std::vector<std::string> keys;
  for (const ObjectInfo& info : page) {
    if (!info.key.str().starts_with(own)) {
      return Violation(fmt::format("a listing of '{}' shows '{}'", own, info.key.str()));
    }
    keys.push_back(info.key.str().substr(own.size()));
  }
  return keys;
}

Status ExpectList(const BankCheckArea& area, const ListOptions& options,
                  const std::vector<std::string>& expected) {
  const auto end = std::chrono::steady_clock::now() + area.options.list_lag;
  while (true) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> keys, Page(area.section, options));
    if (keys == expected) return Ok();
    if (std::chrono::steady_clock::now() >= end) {
      return Violation(fmt::format(
          "a listing ({}, prefix '{}', marker '{}', limit {}) is [{}]; [{}] was expected",
          options.direction == ListDirection::kAscending ? "ascending" : "descending",
          options.prefix, options.marker, options.limit, Join(keys, " "), Join(expected, " ")));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace banks::conformance

std::span<const BankCheck> BankChecks() {
  static const std::vector<BankCheck> checks = [] {
    std::vector<BankCheck> all;
    for (const auto part : {banks::conformance::ObjectChecks(), banks::conformance::ListingChecks(),
                            banks::conformance::RaceChecks()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return checks;
}

BankCheckResult RunBankCheck(Bank& bank, const BankCheck& check, std::string_view prefix,
                             const BankCheckOptions& options) {
  BankCheckResult result{std::string(check.name), Ok()};
  const auto section =
      BankSection::Open(bank, fmt::format("{}/{}", prefix, check.name), SectionAccess::kWrite);
  if (!section) {
    result.outcome = Error(section.error());
    return result;
  }
  result.outcome = check.run({*section, options});
  // A listing that lags shows again what is gone: that is no failure.
  const auto left = section->ListAll();
  Status cleared = left ? Status(Ok()) : Status(Error(left.error()));
  if (left) {
    constexpr int kDeleters = 16;
    cleared = banks::conformance::AtOnce(kDeleters, [&](int deleter) -> Status {
      for (std::size_t i = static_cast<std::size_t>(deleter); i < left->size(); i += kDeleters) {
        HOLDFAST_RETURN_IF_ERROR(section->DeleteIfPresent((*left)[i]));
      }
      return Ok();
    });
  }
  if (result.outcome && !cleared) {
    result.outcome = std::move(cleared).error().While("removing what the check wrote");
  }
  return result;
}

std::vector<BankCheckResult> RunBankChecks(
    Bank& bank, std::string_view prefix, const BankCheckOptions& options,
    const std::function<void(std::string_view name)>& before) {
  std::vector<BankCheckResult> results;
  for (const BankCheck& check : BankChecks()) {
    if (before) before(check.name);
    results.push_back(RunBankCheck(bank, check, prefix, options));
  }
  return results;
}

}  // namespace holdfast
