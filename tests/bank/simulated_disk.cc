#include "tests/bank/simulated_disk.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <utility>

#include "plugins/sdk/bytes.h"
#include "plugins/sdk/check.h"

namespace holdfast::testing {
namespace {

banks::filesystem::FileCalls& Real() { return banks::filesystem::SystemFileCalls(); }

}  // namespace

SimulatedDisk::SimulatedDisk(std::filesystem::path base) : base_(std::move(base)) { Read(base_); }

SimulatedDisk::NodeId SimulatedDisk::Read(const std::filesystem::path& source) {
  const NodeId id = nodes_.size();
  nodes_.emplace_back();
  if (!std::filesystem::is_directory(source)) {
    std::ifstream file(source, std::ios::binary);
    nodes_[id].bytes.assign(std::istreambuf_iterator<char>(file), {});
    nodes_[id].synced_bytes = nodes_[id].bytes;
    return id;
  }
  nodes_[id].is_folder = true;
  struct stat info {};
  nodes_[id].marked = ::stat(source.c_str(), &info) == 0 && (info.st_mode & S_ISVTX) != 0;
  for (const auto& entry : std::filesystem::directory_iterator(source)) {
    const NodeId child = Read(entry.path());
    nodes_[id].names[entry.path().filename()] = child;
  }
  nodes_[id].synced_names = nodes_[id].names;
  return id;
}

void SimulatedDisk::WriteSurvivors(const std::filesystem::path& target, Survivors survivors,
                                   std::uint64_t seed) const {
  std::mt19937_64 random(seed);
  Write(target, 0, survivors, random);
}

void SimulatedDisk::Write(const std::filesystem::path& target, NodeId id, Survivors survivors,
                          std::mt19937_64& random) const {
  const Node& node = nodes_[id];
  std::set<std::string> all;
  for (const auto& [name, child] : node.names) all.insert(name);
  for (const auto& [name, child] : node.synced_names) all.insert(name);
  for (const std::string& name : all) {
    const bool as_synced = survivors == Survivors::kNothing ||
                           (survivors == Survivors::kAnything && random() % 2 == 0);
    const auto& names = as_synced ? node.synced_names : node.names;
    const auto found = names.find(name);
    if (found == names.end()) continue;
    const Node& child = nodes_[found->second];
    const std::filesystem::path path = target / name;
    if (child.is_folder) {
      std::filesystem::create_directory(path);
      ::chmod(path.c_str(), child.marked ? 01700 : 0700);
      Write(path, found->second, survivors, random);
      continue;
    }
    std::string bytes = child.synced_bytes;
    if (survivors == Survivors::kAnything && child.bytes.size() > bytes.size()) {
      // Some of what was not synced arrived, some of it as zeros.
      const std::size_t more = random() % (child.bytes.size() - bytes.size() + 1);
      bytes = random() % 2 == 0 ? child.bytes.substr(0, bytes.size() + more)
                                : bytes + std::string(more, '\0');
    }
    std::ofstream(path, std::ios::binary) << bytes;
  }
}

// Whether the next changing call may happen.
bool DiskProcess::Step() {
  if (left_ == 0) stopped_ = true;
  if (stopped_) return false;
  --left_;
  ++calls_;
  return true;
}

int DiskProcess::OpenRoot(const char* path) {
  const int opened = Real().OpenRoot(path);
  if (opened < 0) return opened;
  const std::filesystem::path relative =
      std::filesystem::path(path).lexically_relative(disk_->base_);
  open_[opened] = relative == "." ? 0 : disk_->nodes_[0].names.at(relative.string());
  return opened;
}

int DiskProcess::OpenFolder(int folder, const char* name) {
  const int opened = Real().OpenFolder(folder, name);
  if (opened < 0) return opened;
  open_[opened] = std::string_view(name) == "." ? open_.at(folder) : NodeOf(folder).names.at(name);
  return opened;
}

int DiskProcess::CreateFile(int folder, const char* name) {
  if (!Step()) return -EIO;
  const int created = Real().CreateFile(folder, name);
  if (created < 0) return created;
  const SimulatedDisk::NodeId id = disk_->nodes_.size();
  disk_->nodes_.emplace_back();
  NodeOf(folder).names[name] = id;
  open_[created] = id;
  return created;
}

ssize_t DiskProcess::Write(int file, std::span<const std::byte> data) {
  if (!Step()) return -EIO;
  const ssize_t written = Real().Write(file, data);
  if (written > 0) NodeOf(file).bytes += AsText(data.first(static_cast<std::size_t>(written)));
  return written;
}

int DiskProcess::Sync(int file_or_folder) {
  if (!Step()) return -EIO;
  SimulatedDisk::Node& node = NodeOf(file_or_folder);
  node.synced_bytes = node.bytes;
  node.synced_names = node.names;
  return 0;
}

int DiskProcess::Link(int folder, const char* from, const char* to) {
  if (!Step()) return -EIO;
  const int linked = Real().Link(folder, from, to);
  if (linked == 0) NodeOf(folder).names[to] = NodeOf(folder).names.at(from);
  return linked;
}

int DiskProcess::Rename(int folder, const char* from, const char* to) {
  if (!Step()) return -EIO;
  const int renamed = Real().Rename(folder, from, to);
  if (renamed == 0) {
    auto& names = NodeOf(folder).names;
    names[to] = names.at(from);
    names.erase(from);
  }
  return renamed;
}

int DiskProcess::Unlink(int folder, const char* name) {
  if (!Step()) return -EIO;
  const int gone = Real().Unlink(folder, name);
  if (gone == 0) NodeOf(folder).names.erase(name);
  return gone;
}

int DiskProcess::MakeFolder(int folder, const char* name) {
  if (!Step()) return -EIO;
  const int made = Real().MakeFolder(folder, name);
  if (made < 0) return made;
  const SimulatedDisk::NodeId id = disk_->nodes_.size();
  disk_->nodes_.emplace_back();
  disk_->nodes_.back().is_folder = true;
  disk_->nodes_.back().marked = true;
  NodeOf(folder).names[name] = id;
  return made;
}

int DiskProcess::MarkDurable(int folder) {
  if (!Step()) return -EIO;
  const int marked = Real().MarkDurable(folder);
  // Survives always: the worst case, as a mark that stays only makes others sync once more.
  if (marked == 0) NodeOf(folder).marked = false;
  return marked;
}

int DiskProcess::RemoveFolder(int folder, const char* name) {
  if (!Step()) return -EIO;
  const int gone = Real().RemoveFolder(folder, name);
  if (gone == 0) NodeOf(folder).names.erase(name);
  return gone;
}

void DiskProcess::Close(int descriptor) {
  open_.erase(descriptor);
  Real().Close(descriptor);
}

}  // namespace holdfast::testing
