#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "plugins/local/directory/tree_entry.h"

namespace holdfast::plugins::directory {

// Whose the restored entries become.
enum class Owners {
  kNumeric,  // the ids that they had
  kNames,    // the ids that the names have here; where a name is unknown, the old id
  kNone,     // who restores
};

// Finds the ids of entries; each name is looked up once. One thread.
class OwnerIds {
 public:
  explicit OwnerIds(Owners owners) : owners_(owners) {}
  uid_t User(const TreeEntry& entry);
  gid_t Group(const TreeEntry& entry);

 private:
  Owners owners_;
  std::map<std::string, uid_t> users_;
  std::map<std::string, gid_t> groups_;
};

}  // namespace holdfast::plugins::directory
