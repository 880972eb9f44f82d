#include "runtime/store/indices.h"

#include <fmt/format.h>

#include <array>

#include "plugins/sdk/object_key.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;

std::string PlanPrefix(std::string_view plan) {
  return fmt::format("indices/by-plan/{}/", KeyPart(plan));
}

std::array<std::string, 3> IndexKeys(const Record& checkpoint, const RecordHead& head) {
  const std::string entry = fmt::format("{}-{}", TimePart(head.created), checkpoint.id());
  return {"indices/by-date/" + KeyPart(entry), PlanPrefix(head.PlanName()) + KeyPart(entry),
          fmt::format("indices/by-provider/{}/{}", KeyPart(head.provider_id), KeyPart(entry))};
}

}  // namespace

Status WriteIndices(const Record& checkpoint, const RecordHead& head) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string bytes,
                            DumpObject(Value()
                                           .Set("record", checkpoint.id())
                                           .Set("plan", head.PlanName())
                                           .Set("provider_id", head.provider_id)
                                           .Set("created", FormatTime(head.created)),
                                       kFormat));
  for (const std::string& key : IndexKeys(checkpoint, head)) {
    HOLDFAST_RETURN_IF_ERROR(checkpoint.tenant().PutSame(key, bytes));
  }
  return Ok();
}

Status RemoveIndices(const Record& checkpoint, const RecordHead& head) {
  for (const std::string& key : IndexKeys(checkpoint, head)) {
    HOLDFAST_RETURN_IF_ERROR(checkpoint.tenant().DeleteIfPresent(key));
  }
  return Ok();
}

Result<std::vector<IndexEntry>> ReadIndex(const BankSection& tenant, std::string_view plan) {
  HOLDFAST_ASSIGN_OR_RETURN(
      const auto keys,
      tenant.ListAll(plan.empty() ? std::string("indices/by-date/") : PlanPrefix(plan)));
  std::vector<IndexEntry> entries;
  for (const std::string& key : keys) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(tenant, key, kFormat));
    if (!value) continue;  // removed since it was listed
    IndexEntry entry;
    HOLDFAST_ASSIGN_OR_RETURN(entry.record, TextMember(*value, "record", key));
    entry.plan = value->StringOr("plan", "");
    HOLDFAST_ASSIGN_OR_RETURN(entry.created, TimeMember(*value, "created", key));
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace holdfast::runtime
