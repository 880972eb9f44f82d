#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/result.h"
#include "runtime/store/record.h"
#include "runtime/store/removal_hold.h"

namespace holdfast::runtime {

// Pointers to available checkpoints, so that finding one does not read them all:
//   indices/by-date/<time>-<record>, indices/by-plan/<plan>/<time>-<record>,
//   indices/by-provider/<provider id>/<time>-<record>
// They are made from the record's head alone, so writing and removing them again is safe. `still`, asked before each: may they
// be written (yet)? Of a checkpoint that was deleted meanwhile none is to be there.
Status WriteIndices(const Record& checkpoint, const RecordHead& head,
                    const std::function<Status()>& still);
// nullptr: the head is not known; it looks for them in all indices.
Status RemoveIndices(RemovalHold& hold, const RecordHead* head);

// The keys of a checkpoint's entries, and those of them that are not there or are not what WriteIndices writes.
std::vector<std::string> IndexKeys(const Record& checkpoint, const RecordHead& head);
Result<std::vector<std::string>> BadIndices(const Record& checkpoint, const RecordHead& head);
// By record: the keys of all entries that name it. "": those that name none.
Result<std::map<std::string, std::vector<std::string>>> ReadIndexKeys(const BankSection& tenant);

struct IndexEntry {
  std::string record;
  std::string plan;
  WallTime created;
};
// Of one plan, oldest first; every plan when `plan` is empty. Of an entry that is damaged its key says
// the record, and nothing more is known but the plan that was asked for.
Result<std::vector<IndexEntry>> ReadIndex(const BankSection& tenant, std::string_view plan);

// Restores that did not end well after they had begun to write, and whose places nobody has restored since:
// indices/half-restored/<restore>. What lies there may be half of one point in time and half of another.
Status MarkHalfRestored(const Record& restore);
Status RemoveHalfRestored(const BankSection& tenant, std::string_view restore);
Result<std::vector<std::string>> ListHalfRestored(const BankSection& tenant);

// The records that the index by date names, by its keys alone.
Result<std::set<std::string>> ReadIndexedRecords(const BankSection& tenant);
// Why one that is available, unmarked and in no index is damaged.
inline constexpr const char* kInNoIndex =
    "no index names it: a deletion began and its states are lost, or the indices are";
// Is there an entry of the checkpoint in any of the indices?
Result<bool> IsIndexed(const Record& checkpoint, const RecordHead& head);

}  // namespace holdfast::runtime
