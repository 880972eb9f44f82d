#include "plugins/local/inventory/inventory_protectable.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "plugins/sdk/place.h"
#include "plugins/sdk/real_path.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::inventory {
namespace {

class ApplicationList final : public InventoryProtectable {
 public:
  using InventoryProtectable::InventoryProtectable;

 protected:
  Result<std::vector<Found>> Entries(Context&, const Inventory& inventory) override {
    std::vector<Found> found;
    for (const Application& item : inventory.applications) found.push_back({item.Node(), {}});
    return found;
  }
};

class DirectoryList final : public InventoryProtectable {
 public:
  using InventoryProtectable::InventoryProtectable;

 protected:
  Result<std::vector<Found>> Entries(Context&, const Inventory& inventory) override {
    std::vector<Found> found;
    for (const Directory& item : inventory.directories) {
      found.push_back({item.Node(), item.applications, item.path});
    }
    return found;
  }
};

class SqliteList final : public InventoryProtectable {
 public:
  using InventoryProtectable::InventoryProtectable;

 protected:
  Result<std::vector<Found>> Entries(Context&, const Inventory& inventory) override {
    std::vector<Found> found;
    for (const Sqlite& item : inventory.sqlite) {
      ResourceGraph::Node node = item.Node();
      // What links lead to is what is protected; where nothing is left but the graph, the restore needs it.
      const std::string& real_path = RealPathOnce(item.path);
      if (real_path != item.path) node.extra.Set("real_path", real_path);
      // What SQLite itself keeps beside the file.
      found.push_back(
          {std::move(node), item.applications, item.path, {"-wal", "-shm", "-journal"}});
    }
    return found;
  }
};

}  // namespace

Result<const Inventory*> InventoryFile::Get() {
  if (path_.empty()) {
    return InvalidInput("the provider names no inventory of this machine")
        .Hint("set 'inventory = PATH' in its section [local]");
  }
  struct stat st {};
  if (::stat(path_.c_str(), &st) != 0) {
    return SystemError(errno, "inventory file " + Printable(path_));
  }
  if (!S_ISREG(st.st_mode)) {
    return InvalidInput("inventory file " + Printable(path_) + ": this is no regular file");
  }
  std::string state =
      fmt::format("{}:{}:{}:{}.{}:{}.{}", st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec,
                  st.st_mtim.tv_nsec, st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
  if (state != state_) {
    HOLDFAST_ASSIGN_OR_RETURN(inventory_, LoadInventory(path_));
    state_ = std::move(state);
  }
  return &inventory_;
}

InventoryProtectable::InventoryProtectable(ProtectableDescriptor descriptor,
                                           const Settings& settings)
    : descriptor_(std::move(descriptor)), file_(settings.inventory) {}

Status InventoryProtectable::Check() {
  if (!file_.is_named()) return Ok();
  HOLDFAST_RETURN_IF_ERROR(file_.Get());
  return Ok();
}

Result<std::vector<ResourceGraph::Node>> InventoryProtectable::List(Context& context) {
  HOLDFAST_ASSIGN_OR_RETURN(const Inventory* const inventory, file_.Get());
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Found> found, Entries(context, *inventory));
  std::vector<ResourceGraph::Node> nodes;
  nodes.reserve(found.size());
  for (Found& item : found) nodes.push_back(std::move(item.node));
  return nodes;
}

Result<ResourceGraph::Node> InventoryProtectable::Show(Context& context, std::string_view id) {
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<ResourceGraph::Node> nodes, List(context));
  std::vector<std::string> ids;
  for (ResourceGraph::Node& node : nodes) {
    if (node.key.id == id) return std::move(node);
    ids.push_back(node.key.id);
  }
  Error error =
      NotFound(fmt::format("no {} '{}' in the inventory", descriptor_.type, Printable(id)));
  if (const std::string nearest = Nearest(id, ids); !nearest.empty()) {
    return std::move(error).Hint(fmt::format("did you mean '{}'?", Printable(nearest)));
  }
  return error;
}

Result<std::vector<Dependent>> InventoryProtectable::Dependents(Context& context,
                                                                const ResourceGraph::Node& parent) {
  std::vector<Dependent> dependents;
  const auto& parents = descriptor_.parent_types;
  if (std::find(parents.begin(), parents.end(), parent.key.type) == parents.end())
    return dependents;
  HOLDFAST_ASSIGN_OR_RETURN(const Inventory* const inventory, file_.Get());
  HOLDFAST_ASSIGN_OR_RETURN(std::vector<Found> found, Entries(context, *inventory));
  if (parent.key.type == kDirectoryType) {
    return InsideDirectory(*inventory, parent, std::move(found));
  }
  for (Found& item : found) {
    const auto& above = item.applications;
    if (std::find(above.begin(), above.end(), parent.key.id) == above.end()) continue;
    dependents.push_back({std::move(item.node), Value()});
  }
  return dependents;
}

Result<std::vector<Dependent>> InventoryProtectable::InsideDirectory(
    const Inventory& inventory, const ResourceGraph::Node& parent, std::vector<Found> found) {
  std::vector<Dependent> dependents;
  const std::string directory = RealPathOnce(parent.extra.StringOr("path", ""));
  for (Found& item : found) {
    if (item.path.empty()) continue;
    const std::string& path = RealPathOnce(item.path);
    if (path == directory || !IsWithin(path, directory)) continue;
    const bool nearer_one = std::any_of(
        inventory.directories.begin(), inventory.directories.end(), [&](const Directory& other) {
          const std::string& between = RealPathOnce(other.path);
          return between != path && between != directory && IsWithin(path, between) &&
                 IsWithin(between, directory);
        });
    if (nearer_one) continue;
    const std::string below = path.substr(directory == "/" ? 1 : directory.size() + 1);
    Value::List owns{Value(below)};
    for (const std::string& companion : item.companions) owns.emplace_back(below + companion);
    dependents.push_back({std::move(item.node), Value().Set(kOwnsFact, Value(std::move(owns)))});
  }
  return dependents;
}

const std::string& InventoryProtectable::RealPathOnce(const std::string& path) {
  const auto [at, added] = real_paths_.try_emplace(path);
  if (added) at->second = RealPath(path);
  return at->second;
}

ProtectableDescriptor MakeDescriptor(std::string_view type, std::string_view description) {
  ProtectableDescriptor descriptor;
  descriptor.type = std::string(type);
  descriptor.description = std::string(description);
  if (type != kApplicationType) descriptor.parent_types.emplace_back(kApplicationType);
  if (type == kDirectoryType || type == kSqliteType) {
    descriptor.parent_types.emplace_back(kDirectoryType);
  }
  descriptor.settings_section = std::string(kSettingsSection);
  descriptor.settings = SchemaOf<Settings>();
  return descriptor;
}

ProtectableEntry ApplicationProtectable() {
  return EntryOf<ApplicationList>(kApplicationType,
                                  "applications of this machine, from its inventory");
}

ProtectableEntry DirectoryProtectable() {
  return EntryOf<DirectoryList>(kDirectoryType, "directories of this machine, from its inventory");
}

ProtectableEntry SqliteProtectable() {
  return EntryOf<SqliteList>(kSqliteType, "SQLite databases of this machine, from its inventory");
}

}  // namespace holdfast::plugins::inventory
