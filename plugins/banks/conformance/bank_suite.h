#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/bank_section.h"

namespace holdfast {

// The promises of bank.h as checks that run on any bank: in our tests on every bank that is built,
// and in the field as `holdfast bank check`. Every check writes below a prefix of its own only.

struct BankCheckOptions {
  // How long a listing may lag behind what was written and deleted. Until then it is asked again.
  std::chrono::milliseconds list_lag{0};
  // How many objects the longest listing shows: by default more than S3 lists at once.
  std::size_t listed_objects = 1100;
};

// Where one check works.
struct BankCheckArea {
  BankSection section;  // kWrite, empty
  BankCheckOptions options;
};

// One check: its name states the promise ("AnEmptyObjectIsAnObject").
struct BankCheck {
  std::string_view name;
  // Ok, or an error whose message says what was expected and what happened.
  Status (*run)(const BankCheckArea& area);
};

// All of them, in a fixed order. Static storage.
std::span<const BankCheck> BankChecks();

struct BankCheckResult {
  std::string name;
  Status outcome;
};

// Runs one check below `prefix`/<name>, and removes what it left there.
BankCheckResult RunBankCheck(Bank& bank, const BankCheck& check, std::string_view prefix,
                             const BankCheckOptions& options = {});

// Runs all of them; `prefix` (one or more key parts, at most 100 bytes) must not be in use.
// `before` (may be empty) is called with the name of each check before it runs.
std::vector<BankCheckResult> RunBankChecks(
    Bank& bank, std::string_view prefix, const BankCheckOptions& options = {},
    const std::function<void(std::string_view name)>& before = {});

}  // namespace holdfast
