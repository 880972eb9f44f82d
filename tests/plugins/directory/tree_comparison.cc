#include "tests/plugins/directory/tree_comparison.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "plugins/sdk/sha256.h"
#include "plugins/sdk/text.h"

namespace holdfast::testing_plugins {
namespace {

struct Facts {
  std::map<std::string, std::string> of;  // what a person would call it -> its value
};

std::string Attributes(const std::string& path) {
  std::string names(64U << 10U, '\0');
  const ssize_t size = ::llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0) return errno == ENOTSUP ? "" : std::strerror(errno);
  std::set<std::string> all;
  for (ssize_t at = 0; at < size;) {
    const std::string name(names.c_str() + at);
    at += static_cast<ssize_t>(name.size()) + 1;
    std::string value(64U << 10U, '\0');
    const ssize_t got = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    all.insert(fmt::format("{}={}", Printable(name), Sha256Hex(value)));
  }
  std::string text;
  for (const std::string& one : all) text += one + " ";
  return text;
}

void Contents(const std::string& path, const struct stat& st, Facts& facts) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOATIME | O_CLOEXEC);
  if (fd < 0) {
    facts.of["contents"] = std::strerror(errno);
    return;
  }
  std::string holes;
  Sha256 hash;
  std::string buffer(1U << 20U, '\0');
  const bool sparse = st.st_blocks * 512 < st.st_size;
  for (off_t at = 0; at < st.st_size;) {
    off_t end = st.st_size;
    if (sparse) {
      const off_t data = ::lseek(fd, at, SEEK_DATA);
      if (data < 0 || data >= st.st_size) break;
      end = std::min<off_t>(::lseek(fd, data, SEEK_HOLE), st.st_size);
      holes += fmt::format("{}-{} ", data, end);
      at = data;
    }
    while (at < end) {
      const auto want = static_cast<std::size_t>(std::min<off_t>(end - at, 1 << 20));
      const ssize_t got = ::pread(fd, buffer.data(), want, at);
      if (got <= 0) break;
      hash.Update(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
      at += got;
    }
  }
  ::close(fd);
  facts.of["contents"] = hash.FinishHex();
  if (sparse) facts.of["data at"] = holes;
}

void Collect(const std::string& root, const std::string& path, std::map<std::string, Facts>& all,
             std::map<std::pair<dev_t, ino_t>, std::string>& first_names) {
  const std::string full = path.empty() ? root : root + "/" + path;
  struct stat st {};
  Facts& facts = all[path];
  if (::lstat(full.c_str(), &st) != 0) {
    facts.of["stat"] = std::strerror(errno);
    return;
  }
  facts.of["type and mode"] = fmt::format("{:o}", st.st_mode);
  facts.of["owner"] = fmt::format("{}:{}", st.st_uid, st.st_gid);
  facts.of["mtime"] = fmt::format("{}.{:09}", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  facts.of["attributes"] = Attributes(full);
  if (S_ISDIR(st.st_mode)) {
    std::set<std::string> names;
    if (DIR* const stream = ::opendir(full.c_str()); stream != nullptr) {
      while (const dirent* const entry = ::readdir(stream)) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.insert(name);
      }
      ::closedir(stream);
    }
    for (const std::string& name : names) {
      Collect(root, path.empty() ? name : path + "/" + name, all, first_names);
    }
    return;
  }
  if (st.st_nlink > 1) {
    const auto at = first_names.try_emplace({st.st_dev, st.st_ino}, path).first;
    facts.of["a name of"] = Printable(at->second);
  }
  if (S_ISREG(st.st_mode)) {
    facts.of["size"] = fmt::format("{}", st.st_size);
    Contents(full, st, facts);
  } else if (S_ISLNK(st.st_mode)) {
    std::string text(4096, '\0');
    const ssize_t got = ::readlink(full.c_str(), text.data(), text.size());
    facts.of["symlink to"] = Printable(text.substr(0, got < 0 ? 0 : static_cast<std::size_t>(got)));
  } else {
    facts.of["device"] = fmt::format("{}", st.st_rdev);
  }
}

std::map<std::string, Facts> FactsOf(const std::string& root) {
  std::map<std::string, Facts> all;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names;
  Collect(root, "", all, first_names);
  return all;
}

}  // namespace

std::string DifferencesOf(const std::string& expected, const std::string& actual) {
  const auto a = FactsOf(expected);
  const auto b = FactsOf(actual);
  std::string text;
  for (const auto& [path, facts] : a) {
    const auto other = b.find(path);
    if (other == b.end()) {
      text += fmt::format("'{}' is missing\n", Printable(path));
      continue;
    }
    std::map<std::string, std::string> names = facts.of;
    names.insert(other->second.of.begin(), other->second.of.end());
    for (const auto& [name, unused] : names) {
      const auto left = facts.of.find(name);
      const auto right = other->second.of.find(name);
      const std::string was = left == facts.of.end() ? "nothing" : left->second;
      const std::string is = right == other->second.of.end() ? "nothing" : right->second;
      if (was != is)
        text += fmt::format("'{}': {} is {}, expected {}\n", Printable(path), name, is, was);
    }
  }
  for (const auto& [path, facts] : b) {
    if (a.find(path) == a.end()) text += fmt::format("'{}' should not be there\n", Printable(path));
  }
  return text;
}

}  // namespace holdfast::testing_plugins
