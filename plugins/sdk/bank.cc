#include "plugins/sdk/bank.h"

namespace holdfast {

Status PutBytes(Bank& bank, const ObjectKey& key, std::string_view value) {
  MemorySource source(value);
  return bank.Put(key, source, value.size());
}

}  // namespace holdfast
