#include "plugins/sdk/known_plugins.h"

#include <algorithm>

namespace holdfast {

std::span<const KnownPlugin> KnownPlugins() {
  static const std::vector<KnownPlugin> known{
      // Banks.
      {"filesystem", {"karbor-fs-bank-plugin"}, {"filesystem", "file_system_bank_plugin"}, true},
      {"swift",
       {"karbor-swift-bank-plugin"},
       {"swift", "swift_client", "swift_bank_plugin"},
       true,
       {"bank_swift_key", "swift_key", "key", "password", "application_credential_secret",
        "token"}},
      {"s3",
       {"karbor-s3-bank-plugin"},
       {"s3", "s3_client", "s3_bank_plugin"},
       true,
       {"s3_access_key", "s3_secret_key", "access_key", "secret_key"}},
      // OpenStack. Every client section may hold the settings of that service's API.
      {"openstack-project",
       {"karbor-project-protection-plugin"},
       {"openstack", "openstack_project"}},
      {"openstack-server",
       {"karbor-server-protection-plugin"},
       {"openstack", "openstack_server", "nova_client", "nova_backup_protection_plugin"}},
      {"openstack-volume",
       {"karbor-volume-protection-plugin"},
       {"openstack", "openstack_volume", "cinder_client", "cinder_backup_protection_plugin"}},
      {"openstack-volume-snapshot",
       {"karbor-volume-snapshot-plugin"},
       {"openstack", "openstack_volume_snapshot", "cinder_client", "volume_snapshot_plugin"}},
      {"openstack-volume-image",
       {"karbor-volume-glance-plugin"},
       {"openstack", "openstack_volume_image", "cinder_client", "glance_client",
        "volume_glance_plugin"}},
      {"openstack-volume-freezer",
       {"karbor-volume-freezer-plugin"},
       {"openstack", "freezer_client", "freezer_protection_plugin"},
       false,
       {"ssh_key", "access_key", "secret_key"}},
      {"openstack-image",
       {"karbor-image-protection-plugin"},
       {"openstack", "openstack_image", "glance_client", "image_backup_plugin"}},
      {"openstack-network",
       {"karbor-network-protection-plugin"},
       {"openstack", "openstack_network", "neutron_client", "neutron_backup_protection_plugin"}},
      {"openstack-share",
       {"karbor-share-protection-plugin"},
       {"openstack", "openstack_share", "manila_client", "manila_snapshot_plugin"}},
      {"openstack-database",
       {"karbor-database-protection-plugin"},
       {"openstack", "openstack_database", "trove_client", "database_backup_plugin"}},
      {"kubernetes-pod",
       {"karbor-pod-protection-plugin"},
       {"kubernetes", "k8s_client", "pod_backup_protection_plugin"}},
      {"noop", {"karbor-noop-protection-plugin"}, {"noop"}},
  };
  return known;
}

const KnownPlugin* FindKnownPlugin(std::string_view name) {
  constexpr std::string_view kNamespace = "karbor.protections.";
  const std::string_view bare =
      name.starts_with(kNamespace) ? name.substr(kNamespace.size()) : name;
  for (const KnownPlugin& plugin : KnownPlugins()) {
    const auto& aliases = plugin.aliases;
    if (plugin.name == name || std::find(aliases.begin(), aliases.end(), bare) != aliases.end())
      return &plugin;
  }
  return nullptr;
}

}  // namespace holdfast
