#include "tests/plugins/directory/sample_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

#include "plugins/sdk/check.h"

namespace holdfast::testing_plugins {
namespace {

void Must(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
  HOLDFAST_CHECK(condition);
}

void Put16(std::string& out, unsigned v) {
  out += static_cast<char>(v & 0xFFU);
  out += static_cast<char>(v >> 8U & 0xFFU);
}
void Put32(std::string& out, unsigned v) {
  Put16(out, v & 0xFFFFU);
  Put16(out, v >> 16U);
}

}  // namespace

void WriteFile(const std::string& path, std::string_view contents) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  Must(fd >= 0, path);
  Must(::write(fd, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()),
       path);
  ::close(fd);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

bool Exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

void MakeFolder(const std::string& path, unsigned mode) {
  Must(::mkdir(path.c_str(), 0755) == 0 && ::chmod(path.c_str(), mode) == 0, path);
}

void SetTimes(const std::string& path, std::int64_t seconds, long nanoseconds) {
  const std::array<timespec, 2> times{timespec{seconds, nanoseconds},
                                      timespec{seconds, nanoseconds}};
  Must(::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0, path);
}

void WriteSparse(const std::string& path, std::int64_t size, std::int64_t data_at) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  Must(fd >= 0 && ::ftruncate(fd, size) == 0, path);
  const std::string block(4096, 's');
  if (data_at >= 0) Must(::pwrite(fd, block.data(), block.size(), data_at) == 4096, path);
  ::close(fd);
}

bool SetAcl(const std::string& path, unsigned uid, bool is_default) {
  constexpr unsigned kAny = 0xFFFFFFFFU;
  std::string acl;
  Put32(acl, 2);
  const auto add = [&acl](unsigned tag, unsigned permissions, unsigned id) {
    Put16(acl, tag);
    Put16(acl, permissions);
    Put32(acl, id);
  };
  add(0x01, 6, kAny);  // owner
  add(0x02, 7, uid);   // a user
  add(0x04, 4, kAny);  // group
  add(0x10, 7, kAny);  // mask
  add(0x20, 0, kAny);  // others
  const char* const name = is_default ? "system.posix_acl_default" : "system.posix_acl_access";
  if (::setxattr(path.c_str(), name, acl.data(), acl.size(), 0) == 0) return true;
  Must(errno == ENOTSUP, path);
  return false;
}

bool HasHoles(const std::string& folder) {
  const std::string path = folder + "/.probe-holes";
  WriteSparse(path, 1 << 20, -1);
  struct stat st {};
  ::stat(path.c_str(), &st);
  ::unlink(path.c_str());
  return st.st_blocks == 0;
}

bool HasAttributes(const std::string& folder) {
  const bool has = ::setxattr(folder.c_str(), "user.probe", "x", 1, 0) == 0;
  if (has) ::removexattr(folder.c_str(), "user.probe");
  return has;
}

bool HasDevices(const std::string& folder) {
  const std::string path = folder + "/.probe-device";
  const bool has = ::mknod(path.c_str(), S_IFCHR | 0600, ::makedev(1, 3)) == 0;
  ::unlink(path.c_str());
  return has;
}

void MakeSampleTree(const std::string& root) {
  const bool is_root = ::geteuid() == 0;
  MakeFolder(root);
  const bool attributes = HasAttributes(root);
  MakeFolder(root + "/docs", 02775);
  MakeFolder(root + "/docs/empty folder", 01777);
  MakeFolder(root + "/docs/deep");
  WriteFile(root + "/docs/readme.txt", "read me\n");
  WriteFile(root + "/docs/empty", "");
  WriteFile(root + "/docs/deep/--option", std::string(100'000, 'o'));
  WriteFile(root + "/docs/deep/._apple", "no resource fork");
  WriteFile(root + "/a line\nand 'another' \"one\"", "n");
  WriteFile(root + "/latin-\xe4\xf6\xfc", "not UTF-8");
  WriteFile(root + "/\xff\xfe", "nor this");
  WriteFile(root + "/gr\xc3\xbc\xc3\x9f", "UTF-8");
  WriteFile(root + "/" + std::string(255, 'L'), "long name");
  MakeFolder(root + "/dir-\xff");
  WriteFile(root + "/dir-\xff/inside", "x");
  WriteFile(root + "/large", std::string((5U << 20U) + 17, 'l'));
  WriteFile(root + "/read only", "r");
  Must(::chmod((root + "/read only").c_str(), 0400) == 0, "chmod");
  WriteFile(root + "/nobody may", "s");
  Must(::chmod((root + "/nobody may").c_str(), 0000) == 0, "chmod");
  WriteFile(root + "/setuid", "s");
  Must(::symlink("docs/readme.txt", (root + "/link").c_str()) == 0, "symlink");
  Must(::symlink("/nowhere/\xff\n", (root + "/dangling").c_str()) == 0, "symlink");
  Must(::symlink("..", (root + "/docs/up").c_str()) == 0, "symlink");
  Must(::symlink(std::string(3000, 't').c_str(), (root + "/long link").c_str()) == 0, "symlink");
  Must(::link((root + "/docs/readme.txt").c_str(), (root + "/docs/deep/second name").c_str()) == 0,
       "link");
  Must(::link((root + "/docs/readme.txt").c_str(), (root + "/third name").c_str()) == 0, "link");
  Must(::link((root + "/link").c_str(), (root + "/link again").c_str()) == 0, "link");
  Must(::mkfifo((root + "/fifo").c_str(), 0640) == 0, "mkfifo");
  WriteSparse(root + "/sparse", 64 << 20, 16 << 20);
  WriteSparse(root + "/hole at the end", 8 << 20, 0);
  WriteSparse(root + "/one hole", 8 << 20, -1);
  if (HasDevices(root)) {
    Must(::mknod((root + "/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0, "mknod");
    Must(::mknod((root + "/disk").c_str(), S_IFBLK | 0600, ::makedev(259, 70000)) == 0, "mknod");
  } else {
    std::printf("no device nodes in the sample tree: %s\n", std::strerror(errno));
  }
  if (is_root) {
    Must(::lchown((root + "/docs/empty").c_str(), 12345, 54321) == 0, "chown");
    Must(::lchown((root + "/setuid").c_str(), 1, 1) == 0, "chown");
    Must(::lchown((root + "/dangling").c_str(), 65534, 100) == 0, "chown");
    Must(::lchown((root + "/fifo").c_str(), 4'000'000'000U, 4'000'000'000U) == 0, "chown");
    Must(::lchown((root + "/docs").c_str(), 33, 33) == 0, "chown");
    Must(::chmod((root + "/docs").c_str(), 02775) == 0, "chmod");
  } else {
    std::printf("no foreign owners in the sample tree: not root\n");
  }
  Must(::chmod((root + "/setuid").c_str(), 06755) == 0, "chmod");
  if (attributes) {
    const auto set = [&](const char* name, const char* attribute, std::string_view value) {
      Must(::lsetxattr((root + name).c_str(), attribute, value.data(), value.size(), 0) == 0,
           attribute);
    };
    using std::string_view_literals::operator""sv;
    set("/large", "user.plain", "value");
    set("/large", "user.\xff=% odd", "a\0b\n\xff"sv);
    set("/large", "user.empty", "");
    set("/docs", "user.of a folder", std::string(2000, 'x'));
    set("/read only", ("user." + std::string(200, 'n')).c_str(), "long name");
    if (is_root) {
      set("/link", "trusted.of a link", "l");
      set("/fifo", "trusted.of a fifo", "f");
      // cap_net_raw=ep, as setcap writes it.
      set("/docs/deep/--option", "security.capability",
          "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv);
    }
  } else {
    std::printf("no extended attributes in the sample tree: %s\n", std::strerror(errno));
  }
  if (!SetAcl(root + "/docs/deep", 1234, true) || !SetAcl(root + "/docs/deep", 1234, false) ||
      !SetAcl(root + "/docs/empty", 77, false)) {
    std::printf("no ACLs in the sample tree: %s\n", std::strerror(errno));
  }
  SetTimes(root + "/docs/readme.txt", 1'000'000'000, 123'456'789);
  SetTimes(root + "/docs/empty", -86400, 999'999'999);
  SetTimes(root + "/link", 4'000'000'000, 1);
  SetTimes(root + "/fifo", 0, 0);
  SetTimes(root + "/docs/deep", 1'500'000'000, 5);
  SetTimes(root + "/docs", 1'400'000'000, 7);
  SetTimes(root, 1'300'000'000, 9);
}

void MakeRandomTree(const std::string& root, std::uint64_t seed, int entries) {
  std::mt19937_64 random(seed);
  const auto below = [&random](std::uint64_t n) { return random() % n; };
  const auto name = [&](int number) {
    std::string text;
    for (std::uint64_t i = below(below(8) == 0 ? 200 : 12); i > 0; --i) {
      const char c = static_cast<char>(1 + below(255));
      text += c == '/' ? '-' : c;
    }
    return fmt::format("{}{}", text, number);
  };
  MakeFolder(root);
  const bool attributes = HasAttributes(root);
  std::vector<std::string> folders{root};
  std::vector<std::string> linkable;
  std::vector<std::string> all;
  for (int i = 0; i < entries; ++i) {
    const std::string path = folders[below(folders.size())] + "/" + name(i);
    if (path.size() - root.size() > 2500) continue;
    switch (below(12)) {
      case 0:
      case 1:
        MakeFolder(path);
        folders.push_back(path);
        break;
      case 2:
        Must(::symlink(name(i).c_str(), path.c_str()) == 0, path);
        break;
      case 3:
        if (linkable.empty()) continue;
        Must(::link(linkable[below(linkable.size())].c_str(), path.c_str()) == 0, path);
        break;
      case 4:
        Must(::mkfifo(path.c_str(), 0600) == 0, path);
        break;
      case 5: {
        const auto size = static_cast<std::int64_t>(below(4U << 20U));
        const auto at = static_cast<std::int64_t>(below(4U << 20U)) / 4096 * 4096;
        WriteSparse(path, size, at + 4096 <= size ? at : -1);
        linkable.push_back(path);
        break;
      }
      default: {
        std::string contents(below(4) == 0 ? below(3U << 20U) : below(5000), '\0');
        for (std::size_t k = 0; k < contents.size(); k += 1 + below(64)) {
          contents[k] = static_cast<char>(below(256));
        }
        WriteFile(path, contents);
        linkable.push_back(path);
        break;
      }
    }
    all.push_back(path);
  }
  for (const std::string& path : all) {
    struct stat st {};
    Must(::lstat(path.c_str(), &st) == 0, path);
    if (::geteuid() == 0 && below(3) == 0) {
      Must(::lchown(path.c_str(), static_cast<uid_t>(below(70000)),
                    static_cast<gid_t>(below(70000))) == 0,
           path);
    }
    if (!S_ISLNK(st.st_mode) && below(2) == 0) {
      const auto mode = static_cast<mode_t>(below(010000));
      Must(::chmod(path.c_str(), S_ISDIR(st.st_mode) ? mode | 0700U : mode) == 0, path);
    }
    if (attributes && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) && below(4) == 0) {
      const std::string value(below(300), 'v');
      Must(::setxattr(path.c_str(), fmt::format("user.x{}", below(5)).c_str(), value.data(),
                      value.size(), 0) == 0,
           path);
    }
    if (!S_ISLNK(st.st_mode) && S_ISDIR(st.st_mode) && below(5) == 0) SetAcl(path, 1000, true);
  }
  // From the deepest up: what is made below a folder changes its time.
  for (auto at = all.rbegin(); at != all.rend(); ++at) {
    SetTimes(*at, static_cast<std::int64_t>(below(4'000'000'000U)) - 1'000'000'000,
             static_cast<long>(below(1'000'000'000)));
  }
}

}  // namespace holdfast::testing_plugins
