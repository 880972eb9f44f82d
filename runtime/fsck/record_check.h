#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/fsck/fsck.h"
#include "runtime/store/record.h"

namespace holdfast::runtime {

// Looks again at a finding and mends it, if it still is one; false: it is not, or is too young.
using Mend = std::function<Result<bool>(WallTime bank_time)>;

// What one fsck collects.
struct FsckWork {
  const BankSection& tenant;
  const Clock& clock;
  const FsckOptions& options;
  FsckReport report = {};
  std::vector<std::pair<std::size_t, Mend>> mends = {};  // by the number of their finding

  void Add(Finding finding) { report.findings.push_back(std::move(finding)); }
  void Add(Finding finding, Mend mend) {
    finding.can_mend = true;
    mends.emplace_back(report.findings.size(), std::move(mend));
    Add(std::move(finding));
  }
  void Tell() const {
    if (options.progress) options.progress(report.done);
  }
  Status CheckCancelled() const;
};

// What was found out about a record.
struct RecordVerdict {
  bool exists = false;   // there are objects of it
  bool at_rest = false;  // nobody works on it, and its states can be read
  bool damaged = false;
  std::optional<RecordState> state;
  std::optional<std::string> bundle;
  std::set<std::string> indices;  // of an available checkpoint: the keys of its entries
};

Result<RecordVerdict> CheckRecord(FsckWork& work, RecordKind kind, const std::string& id);

// Is it an object that can be read, with its checksum, whatever it holds? The error when it is none.
Status CheckSmallObject(const BankSection& section, const std::string& key);

}  // namespace holdfast::runtime
