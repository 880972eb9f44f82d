#include "plugins/banks/filesystem/file_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>

namespace holdfast::banks::filesystem {
namespace {

template <class Call>
auto Repeat(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return static_cast<decltype(result)>(-errno);
  }
}

class SystemCalls final : public FileCalls {
 public:
  int OpenRoot(const char* path) override {
    return Repeat([&] { return ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  }
  int OpenFolder(int folder, const char* name) override {
    return Repeat(
        [&] { return ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
  }
  int CreateFile(int folder, const char* name) override {
    return Repeat([&] {
      return ::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    });
  }
  ssize_t Write(int file, std::span<const std::byte> data) override {
    return Repeat([&] { return ::write(file, data.data(), data.size()); });
  }
  int Sync(int file_or_folder) override {
    return Repeat([&] { return ::fsync(file_or_folder); });
  }
  int Link(int folder, const char* from, const char* to) override {
    return Repeat([&] { return ::linkat(folder, from, folder, to, 0); });
  }
  int Rename(int folder, const char* from, const char* to) override {
    return Repeat([&] { return ::renameat(folder, from, folder, to); });
  }
  int Unlink(int folder, const char* name) override {
    return Repeat([&] { return ::unlinkat(folder, name, 0); });
  }
  int MakeFolder(int folder, const char* name) override {
    return Repeat([&] { return ::mkdirat(folder, name, 01700); });
  }
  int MarkDurable(int folder) override {
    return Repeat([&] { return ::fchmod(folder, 0700); });
  }
  int RemoveFolder(int folder, const char* name) override {
    return Repeat([&] { return ::unlinkat(folder, name, AT_REMOVEDIR); });
  }
  // Not repeated: on Linux the descriptor is closed even when close() says EINTR. What was written
  // has been synced before, so an error here says nothing.
  void Close(int descriptor) override { ::close(descriptor); }
};

}  // namespace

FileCalls& SystemFileCalls() {
  static SystemCalls calls;
  return calls;
}

}  // namespace holdfast::banks::filesystem
