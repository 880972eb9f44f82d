#include "runtime/store/indices.h"

#include <fmt/format.h>

#include "plugins/sdk/object_key.h"
#include "runtime/store/stored_object.h"

namespace holdfast::runtime {
namespace {

constexpr int kFormat = 1;

constexpr std::string_view kByDate = "indices/by-date/";
constexpr std::string_view kByPlan = "indices/by-plan/";
constexpr std::string_view kByProvider = "indices/by-provider/";
constexpr std::string_view kHalfRestored = "indices/half-restored/";

std::string HalfRestoredKey(std::string_view restore) {
  return std::string(kHalfRestored) + KeyPart(restore);
}

std::string PlanPrefix(std::string_view plan) {
  return fmt::format("{}{}/", kByPlan, KeyPart(plan));
}

// The record that the key of an entry names, behind the time; empty when it names none.
std::string RecordOfKey(std::string_view key) {
  const auto entry = TextOfKeyPart(key.substr(key.rfind('/') + 1));
  const std::size_t time = TimePart({}).size();
  return entry && entry->size() > time ? entry->substr(time + 1) : std::string();
}

Result<std::optional<IndexEntry>> ReadEntry(const BankSection& tenant, const std::string& key) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto value, ReadObject(tenant, key, kFormat));
  if (!value) return std::optional<IndexEntry>();  // removed since it was listed
  IndexEntry entry;
  HOLDFAST_ASSIGN_OR_RETURN(entry.record, TextMember(*value, "record", key));
  entry.plan = value->StringOr("plan", "");
  HOLDFAST_ASSIGN_OR_RETURN(entry.created, TimeMember(*value, "created", key));
  return std::optional<IndexEntry>(std::move(entry));
}

Value EntryOf(const Record& checkpoint, const RecordHead& head) {
  return Value()
      .Set("record", checkpoint.id())
      .Set("plan", head.PlanName())
      .Set("provider_id", head.provider_id)
      .Set("created", FormatTime(head.created));
}

}  // namespace

std::vector<std::string> IndexKeys(const Record& checkpoint, const RecordHead& head) {
  const std::string entry = KeyPart(fmt::format("{}-{}", TimePart(head.created), checkpoint.id()));
  return {std::string(kByDate) + entry, PlanPrefix(head.PlanName()) + entry,
          fmt::format("{}{}/{}", kByProvider, KeyPart(head.provider_id), entry)};
}

Status WriteIndices(const Record& checkpoint, const RecordHead& head,
                    const std::function<Status()>& still) {
  const Value entry = EntryOf(checkpoint, head);
  for (const std::string& key : IndexKeys(checkpoint, head)) {
    HOLDFAST_RETURN_IF_ERROR(still());
    HOLDFAST_RETURN_IF_ERROR(PutSameObject(checkpoint.tenant(), key, entry, kFormat));
  }
  return Ok();
}

Result<std::vector<std::string>> BadIndices(const Record& checkpoint, const RecordHead& head) {
  const Value entry = EntryOf(checkpoint, head);
  std::vector<std::string> bad;
  for (const std::string& key : IndexKeys(checkpoint, head)) {
    const auto there = ReadObject(checkpoint.tenant(), key, kFormat);
    if (!there && !IsDamage(there.error())) return there.error();
    bool good = there && *there;
    for (const char* const member : {"record", "plan", "provider_id", "created"})
      good = good && (*there)->StringOr(member, "") == entry.StringOr(member, "");
    if (!good) bad.push_back(key);
  }
  return bad;
}

Result<std::map<std::string, std::vector<std::string>>> ReadIndexKeys(const BankSection& tenant) {
  std::map<std::string, std::vector<std::string>> found;
  for (const std::string_view index : {kByDate, kByPlan, kByProvider}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, tenant.ListAll(std::string(index)));
    for (const std::string& key : keys) found[RecordOfKey(key)].push_back(key);
  }
  return found;
}

Status RemoveIndices(RemovalHold& hold, const RecordHead* head) {
  const Record& checkpoint = hold.record();
  // Whoever makes the checkpoint available again waits for no claim of a begin: before each of the few the hold looks anew.
  const auto remove = [&hold](const std::string& key) -> Status {
    HOLDFAST_RETURN_IF_ERROR(hold.Check());
    return hold.DeleteOfTenant(key);
  };
  if (head != nullptr) {
    for (const std::string& key : IndexKeys(checkpoint, *head))
      HOLDFAST_RETURN_IF_ERROR(remove(key));
    return Ok();
  }
  for (const std::string_view index : {kByDate, kByPlan, kByProvider}) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto keys, checkpoint.tenant().ListAll(std::string(index)));
    for (const std::string& key : keys) {
      if (RecordOfKey(key) == checkpoint.id()) HOLDFAST_RETURN_IF_ERROR(remove(key));
    }
  }
  return Ok();
}

Result<std::vector<IndexEntry>> ReadIndex(const BankSection& tenant, std::string_view plan) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys,
                            tenant.ListAll(plan.empty() ? std::string(kByDate) : PlanPrefix(plan)));
  std::vector<IndexEntry> entries;
  for (const std::string& key : keys) {
    auto entry = ReadEntry(tenant, key);
    if (!entry && IsDamage(entry.error()))
      entry = IndexEntry{RecordOfKey(key), std::string(plan), WallTime{}};
    if (!entry) return std::move(entry).error();
    if (*entry && !(*entry)->record.empty()) entries.push_back(std::move(**entry));
  }
  return entries;
}

Status MarkHalfRestored(const Record& restore) {
  // The key says all: one that is damaged is as good.
  HOLDFAST_ASSIGN_OR_RETURN(const bool there,
                            restore.tenant().Exists(HalfRestoredKey(restore.id())));
  if (there) return Ok();
  return PutSameObject(restore.tenant(), HalfRestoredKey(restore.id()),
                       Value().Set("record", restore.id()), kFormat);
}

Status RemoveHalfRestored(const BankSection& tenant, std::string_view restore) {
  return tenant.DeleteIfPresent(HalfRestoredKey(restore));
}

Result<std::vector<std::string>> ListHalfRestored(const BankSection& tenant) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, tenant.ListAll(std::string(kHalfRestored)));
  std::vector<std::string> restores;
  for (const std::string& key : keys) {
    const auto id = TextOfKeyPart(std::string_view(key).substr(kHalfRestored.size()));
    if (id && !id->empty()) restores.push_back(*id);
  }
  return restores;
}

Result<std::set<std::string>> ReadIndexedRecords(const BankSection& tenant) {
  HOLDFAST_ASSIGN_OR_RETURN(const auto keys, tenant.ListAll(std::string(kByDate)));
  std::set<std::string> records;
  for (const std::string& key : keys) records.insert(RecordOfKey(key));
  records.erase("");
  return records;
}

Result<bool> IsIndexed(const Record& checkpoint, const RecordHead& head) {
  for (const std::string& key : IndexKeys(checkpoint, head)) {
    HOLDFAST_ASSIGN_OR_RETURN(const bool there, checkpoint.tenant().Exists(key));
    if (there) return true;
  }
  return false;
}

}  // namespace holdfast::runtime
