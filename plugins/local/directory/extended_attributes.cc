#include "plugins/local/directory/extended_attributes.h"

#include <fmt/format.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::directory {
namespace {

// The two ways to name an inode; both sets of calls do the same.
class Inode {
 public:
  explicit Inode(int fd) : fd_(fd) {}
  explicit Inode(const std::string& path) : path_(&path) {}
  ssize_t List(char* names, std::size_t size) const {
    return path_ == nullptr ? ::flistxattr(fd_, names, size)
                            : ::listxattr(path_->c_str(), names, size);
  }
  ssize_t Get(const char* name, char* value, std::size_t size) const {
    return path_ == nullptr ? ::fgetxattr(fd_, name, value, size)
                            : ::getxattr(path_->c_str(), name, value, size);
  }

 private:
  int fd_ = -1;
  const std::string* path_ = nullptr;  // Not owned; outlives this.
};

bool Kept(std::string_view name) {
  return name.substr(0, 7) != "system." || name.substr(0, 17) == "system.posix_acl_";
}

Result<std::vector<std::string>> ListNames(const Inode& inode) {
  std::vector<std::string> kept;
  // 64 KiB is the kernel's limit of a list; most files have none, so the first try is small.
  char small[256];
  std::string large;
  const char* names = small;
  ssize_t size = inode.List(small, sizeof small);
  if (size < 0 && errno == ERANGE) {
    large.resize(64U << 10U);
    size = inode.List(large.data(), large.size());
    names = large.data();
  }
  if (size < 0) {
    if (errno == ENOTSUP || errno == ENODATA) return kept;
    return SystemError(errno, "listing extended attributes");
  }
  for (ssize_t at = 0; at < size;) {
    const std::string_view name(names + at);
    if (Kept(name)) kept.emplace_back(name);
    at += static_cast<ssize_t>(name.size()) + 1;
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

Result<std::vector<Attribute>> Read(const Inode& inode) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListNames(inode));
  std::vector<Attribute> attributes;
  std::size_t total = 0;
  for (const std::string& name : names) {
    Attribute attribute;
    attribute.name = name;
    attribute.value.resize(512);
    ssize_t got = inode.Get(name.c_str(), attribute.value.data(), attribute.value.size());
    if (got < 0 && errno == ERANGE) {
      attribute.value.resize(64U << 10U);  // the kernel's limit of a value
      got = inode.Get(name.c_str(), attribute.value.data(), attribute.value.size());
    }
    if (got < 0) {
      if (errno == ENODATA) continue;  // removed since the listing
      return SystemError(errno, fmt::format("reading the extended attribute {}", Printable(name)));
    }
    attribute.value.resize(static_cast<std::size_t>(got));
    total += name.size() + attribute.value.size();
    attributes.push_back(std::move(attribute));
  }
  if (total > kAttributeLimit) {
    return InvalidInput(fmt::format("has {} of extended attributes, more than {}", HumanSize(total),
                                    HumanSize(kAttributeLimit)));
  }
  return attributes;
}

bool CannotHave(int error_number) {
  return error_number == ENOTSUP || error_number == EPERM || error_number == EACCES;
}

}  // namespace

std::string PathOfDescriptor(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

Result<std::vector<Attribute>> ReadAttributes(int fd) { return Read(Inode(fd)); }
Result<std::vector<Attribute>> ReadAttributesAt(const std::string& path) {
  return Read(Inode(path));
}

Result<std::vector<std::string>> WriteAttributes(const std::string& path,
                                                 const std::vector<Attribute>& wanted, bool exact) {
  std::vector<std::string> refused;
  if (exact) {
    HOLDFAST_ASSIGN_OR_RETURN(const std::vector<std::string> present, ListNames(Inode(path)));
    for (const std::string& name : present) {
      const bool keep = std::any_of(wanted.begin(), wanted.end(),
                                    [&name](const Attribute& a) { return a.name == name; });
      // A security module labels files itself; what it gave a new file is not ours to take away.
      if (keep || name == "security.selinux") continue;
      if (::removexattr(path.c_str(), name.c_str()) != 0 && errno != ENODATA) {
        if (!CannotHave(errno)) {
          return SystemError(errno, "removing the extended attribute " + Printable(name));
        }
        refused.push_back(name);
      }
    }
  }
  for (const Attribute& attribute : wanted) {
    if (::setxattr(path.c_str(), attribute.name.c_str(), attribute.value.data(),
                   attribute.value.size(), 0) == 0) {
      continue;
    }
    if (!CannotHave(errno)) {
      return SystemError(errno, "setting the extended attribute " + Printable(attribute.name));
    }
    refused.push_back(attribute.name);
  }
  return refused;
}

}  // namespace holdfast::plugins::directory
