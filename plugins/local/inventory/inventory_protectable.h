#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/local/inventory/inventory.h"
#include "plugins/sdk/path_setting.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/registry.h"

namespace holdfast::plugins::inventory {

// Settings of every protectable of the family, section [local] of a provider file.
struct Settings {
  std::string inventory;
  template <class Fields>
  static void Describe(Fields& fields) {
    fields(
        "inventory", &Settings::inventory,
        "absolute path of the inventory file (YAML): the applications, directories and databases "
        "of this machine");
  }
};
inline constexpr std::string_view kSettingsSection = "local";

// The inventory file of a provider, read when it is first needed and again when it has changed.
// One thread.
class InventoryFile {
 public:
  explicit InventoryFile(std::string path) : path_(std::move(path)) {}
  bool is_named() const { return !path_.empty(); }
  // kInvalidInput with a hint when the provider names no file; otherwise as LoadInventory. What it
  // points to is valid until the next call.
  Result<const Inventory*> Get();

 private:
  std::string path_;
  std::string state_;  // what stat said of the file that was read
  Inventory inventory_;
};

// A protectable whose resources are entries of the inventory: List, Show and Dependents over what
// Entries() gives. What has a path and lies in a directory of the inventory stands below it (below
// the innermost one), so that the directory leaves it out and is restored first; the edge's facts
// say what is its own there: {"owns": [paths below the directory]}. For types that need more than
// the file (databases that are found on a server) Entries() may ask outside.
class InventoryProtectable : public ProtectablePlugin {
 public:
  InventoryProtectable(ProtectableDescriptor descriptor, const Settings& settings);

  const ProtectableDescriptor& descriptor() const override { return descriptor_; }
  Result<std::vector<ResourceGraph::Node>> List(Context& context) override;
  Result<ResourceGraph::Node> Show(Context& context, std::string_view id) override;
  Result<std::vector<Dependent>> Dependents(Context& context,
                                            const ResourceGraph::Node& parent) override;
  // Of a provider that names an inventory; without one its graphs are written by hand.
  Status Check() override;

 protected:
  // A resource and the ids of the applications that it stands below.
  struct Found {
    ResourceGraph::Node node;
    std::vector<std::string> applications;
    // Where its data is, absolute, and what names are its own there: the path itself and the path
    // with each of these behind it ("-wal"). Empty: nowhere that a directory could hold.
    std::string path = {};
    std::vector<std::string> companions = {};
  };
  virtual Result<std::vector<Found>> Entries(Context& context, const Inventory& inventory) = 0;

  // RealPath, looked up once for each path.
  const std::string& RealPathOnce(const std::string& path);

 private:
  // What of `found` lies in the directory `parent` and in no other of the inventory's inside it.
  Result<std::vector<Dependent>> InsideDirectory(const Inventory& inventory,
                                                 const ResourceGraph::Node& parent,
                                                 std::vector<Found> found);

  ProtectableDescriptor descriptor_;
  InventoryFile file_;
  std::map<std::string, std::string> real_paths_;
};

// A descriptor of the family: settings from [local], parent Local::Application unless the type is
// that one; of what has a path, Local::Directory too.
ProtectableDescriptor MakeDescriptor(std::string_view type, std::string_view description);

// The registry's entry of an InventoryProtectable; a relative inventory is refused when it is made.
template <class P>
ProtectableEntry EntryOf(std::string_view type, std::string_view description) {
  ProtectableDescriptor descriptor = MakeDescriptor(type, description);
  auto make = [descriptor](const Value& settings) -> Result<std::unique_ptr<ProtectablePlugin>> {
    HOLDFAST_RETURN_IF_ERROR(CheckPathSetting(settings, "inventory"));
    return std::unique_ptr<ProtectablePlugin>(
        std::make_unique<P>(descriptor, BindChecked<Settings>(settings)));
  };
  return {std::move(descriptor), std::move(make)};
}

// The protectables of Local::Application, Local::Directory and Local::SQLite::Database, for the
// registry. Each is registered by the folder of the plugin that protects it.
ProtectableEntry ApplicationProtectable();
ProtectableEntry DirectoryProtectable();
ProtectableEntry SqliteProtectable();

}  // namespace holdfast::plugins::inventory
