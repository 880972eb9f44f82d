#include "plugins/sdk/bank.h"

namespace holdfast {

Result<Leftovers> Bank::SweepLeftovers(const std::string& /*prefix*/, std::chrono::seconds /*age*/,
                                       bool /*dry_run*/) {
  return Leftovers();
}

Status PutBytes(Bank& bank, const ObjectKey& key, std::string_view value) {
  MemorySource source(value);
  return bank.Put(key, source, value.size());
}

}  // namespace holdfast
