#include "plugins/local/directory/entry_owner.h"

#include <grp.h>
#include <pwd.h>

#include <array>

namespace holdfast::plugins::directory {

// -1 leaves an owner as it is (chown).
uid_t OwnerIds::User(const TreeEntry& entry) {
  if (owners_ == Owners::kNone) return static_cast<uid_t>(-1);
  if (owners_ == Owners::kNumeric || entry.user.empty()) return entry.uid;
  const auto [at, added] = users_.try_emplace(entry.user, static_cast<uid_t>(entry.uid));
  if (added) {
    std::array<char, 16384> buffer{};
    passwd record{};
    passwd* found = nullptr;
    if (::getpwnam_r(entry.user.c_str(), &record, buffer.data(), buffer.size(), &found) == 0 &&
        found != nullptr) {
      at->second = found->pw_uid;
    }
  }
  return at->second;
}

gid_t OwnerIds::Group(const TreeEntry& entry) {
  if (owners_ == Owners::kNone) return static_cast<gid_t>(-1);
  if (owners_ == Owners::kNumeric || entry.group.empty()) return entry.gid;
  const auto [at, added] = groups_.try_emplace(entry.group, static_cast<gid_t>(entry.gid));
  if (added) {
    std::array<char, 16384> buffer{};
    group record{};
    group* found = nullptr;
    if (::getgrnam_r(entry.group.c_str(), &record, buffer.data(), buffer.size(), &found) == 0 &&
        found != nullptr) {
      at->second = found->gr_gid;
    }
  }
  return at->second;
}

}  // namespace holdfast::plugins::directory
