#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/result.h"

// The bank's own folder, where it is on this machine, is no place for a plugin: a restore into it,
// or over a folder that holds it, could remove the very checkpoint that it reads, and a backup of it
// would hold itself.
namespace holdfast::runtime {

class BankFolder {
 public:
  // `path` as Provider::bank_folder has it; empty: the bank is elsewhere, and no place meets it.
  explicit BankFolder(std::string path);

  // kInvalidInput, with a hint, when `place` is the folder, lies in it, or holds it and does not leave
  // it out: by the paths as they are written, and, as far as both are there, by what they really are
  // (symlinks and bind mounts are seen through).
  std::optional<Error> MetBy(Operation operation, const Place& place) const;

 private:
  std::string path_;
  std::string real_path_;
};

// The saved info of the checkpoint that is restored, checked; asked only where it matters.
using SavedInfoSource = std::function<Result<Value>()>;

// The places of a resource, of protect or restore. What was saved with the checkpoint is asked for,
// and counts, only where a restore would meet the bank's folder without it: what the checkpoint was
// protected without, its restore leaves alone. An error is that of `saved`; what the checkpoint does
// not hold is none.
Result<std::vector<Place>> PlacesOf(const ProtectionPlugin& plugin, Operation operation,
                                    const Resource& resource, const Value& parameters,
                                    const BankFolder& bank, const SavedInfoSource& saved);

// BankFolder::MetBy of all places of a resource, and `folder` as BankFolder takes it; the first place
// that meets it. Ok for operations that have none.
Status RefuseBankFolder(const ProtectionPlugin& plugin, Operation operation,
                        const Resource& resource, const Value& parameters,
                        const std::string& folder, const SavedInfoSource& saved);

}  // namespace holdfast::runtime
