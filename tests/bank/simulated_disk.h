#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "plugins/banks/filesystem/file_calls.h"

namespace holdfast::testing {

// What survives of what nobody synced, when the power is cut.
enum class Survivors {
  kNothing,        // names and bytes as of their last sync
  kNamesNotBytes,  // all names, but bytes as of the last sync of their file
  kAnything,       // every name either way, files cut anywhere: by a seed
};

// A disk whose power can be cut: it knows for every folder and file what has been synced, as a
// strict POSIX file system would keep it (a sync of a file does not keep its name; a sync of a folder
// keeps the names in it, not itself). The processes on it work in a real folder, so that reading
// needs no simulation; after the cut, what survived is written to another folder.
// Single-threaded.
class SimulatedDisk {
 public:
  // `base` exists and is durable; everything below it is the disk's. What is there already is
  // durable, too.
  explicit SimulatedDisk(std::filesystem::path base);

  // Writes what survives below `target`, which exists and is empty.
  void WriteSurvivors(const std::filesystem::path& target, Survivors survivors,
                      std::uint64_t seed) const;

 private:
  friend class DiskProcess;
  using NodeId = std::size_t;
  struct Node {
    bool is_folder = false;
    bool marked = false;
    std::string bytes;
    std::string synced_bytes;
    std::map<std::string, NodeId> names;
    std::map<std::string, NodeId> synced_names;
  };
  NodeId Read(const std::filesystem::path& source);
  void Write(const std::filesystem::path& target, NodeId id, Survivors survivors,
             std::mt19937_64& random) const;

  std::filesystem::path base_;
  std::vector<Node> nodes_;  // 0 is base_
};

// One process on such a disk: the bank's system calls, counted, until it is stopped.
class DiskProcess final : public banks::filesystem::FileCalls {
 public:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  // Its first `calls` changing calls work; all later ones fail with EIO and do nothing.
  DiskProcess(SimulatedDisk& disk, std::uint64_t calls) : disk_(&disk), left_(calls) {}
  bool stopped() const { return stopped_; }
  std::uint64_t calls() const { return calls_; }

  int OpenRoot(const char* path) override;
  int OpenFolder(int folder, const char* name) override;
  int CreateFile(int folder, const char* name) override;
  ssize_t Write(int file, std::span<const std::byte> data) override;
  int Sync(int file_or_folder) override;
  int Link(int folder, const char* from, const char* to) override;
  int Rename(int folder, const char* from, const char* to) override;
  int Unlink(int folder, const char* name) override;
  int MakeFolder(int folder, const char* name) override;
  int MarkDurable(int folder) override;
  int RemoveFolder(int folder, const char* name) override;
  void Close(int descriptor) override;

 private:
  bool Step();
  SimulatedDisk::Node& NodeOf(int descriptor) { return disk_->nodes_[open_.at(descriptor)]; }

  SimulatedDisk* disk_;  // Not owned; outlives this.
  std::uint64_t left_;
  std::uint64_t calls_ = 0;
  bool stopped_ = false;
  std::map<int, SimulatedDisk::NodeId> open_;
};

}  // namespace holdfast::testing
