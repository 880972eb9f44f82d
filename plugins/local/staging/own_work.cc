#include "plugins/local/staging/own_work.h"

#include <string>

#include "plugins/sdk/sha256.h"

namespace holdfast::plugins::staging {
namespace {

std::string KeyOf(std::string_view identity) {
  return "restored-" + Sha256Hex(identity).substr(0, 32);
}

}  // namespace

Status NoteOwnWork(Checkpoint& checkpoint, const Resource& resource, std::string_view identity) {
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section, checkpoint.RecordSection(resource));
  return section.PutSame(KeyOf(identity), identity);
}

Result<bool> IsOwnWork(Checkpoint& checkpoint, const Resource& resource,
                       std::string_view identity) {
  if (identity.empty()) return false;
  HOLDFAST_ASSIGN_OR_RETURN(const BankSection section, checkpoint.RecordSection(resource));
  return section.Exists(KeyOf(identity));
}

}  // namespace holdfast::plugins::staging
