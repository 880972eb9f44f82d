#pragma once

#include <sys/types.h>
#include <cstddef>
#include <span>

namespace holdfast::banks::filesystem {

// The system calls by which the filesystem bank changes what it stores: the one seam at which tests
// fail them, count them and cut the power. Reading is not in it.
//
// Every call returns what the system call returns, or -errno; it is repeated by itself on EINTR.
// Names are single parts below an open folder; none follows a symbolic link. Implementations are
// thread-safe.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int OpenRoot(const char* path) = 0;
  virtual int OpenFolder(int folder, const char* name) = 0;
  // A new file for writing, mode 0600; -EEXIST when the name is taken.
  virtual int CreateFile(int folder, const char* name) = 0;
  virtual ssize_t Write(int file, std::span<const std::byte> data) = 0;
  virtual int Sync(int file_or_folder) = 0;
  // A second name of a file in the same folder; -EEXIST when it is taken.
  virtual int Link(int folder, const char* from, const char* to) = 0;
  virtual int Rename(int folder, const char* from, const char* to) = 0;
  virtual int Unlink(int folder, const char* name) = 0;
  // A new folder with the mark "its name may not be durable yet": mode 01700.
  virtual int MakeFolder(int folder, const char* name) = 0;
  // Takes the mark away: mode 0700.
  virtual int MarkDurable(int folder) = 0;
  virtual int RemoveFolder(int folder, const char* name) = 0;
  virtual void Close(int descriptor) = 0;
};

// The real ones. Lives as long as the process.
FileCalls& SystemFileCalls();

// An open file or folder that is closed when this goes.
class Descriptor {
 public:
  Descriptor() = default;
  Descriptor(FileCalls& calls, int number) : calls_(&calls), number_(number) {}
  Descriptor(Descriptor&& other) noexcept : calls_(other.calls_), number_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Reset();
      calls_ = other.calls_;
      number_ = other.Release();
    }
    return *this;
  }
  ~Descriptor() { Reset(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  int Release() {
    const int number = number_;
    number_ = -1;
    return number;
  }
  void Reset() {
    if (number_ >= 0) calls_->Close(Release());
  }

 private:
  FileCalls* calls_ = nullptr;  // Not owned; outlives this.
  int number_ = -1;
};

}  // namespace holdfast::banks::filesystem
