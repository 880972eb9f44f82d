#include "plugins/sdk/known_plugins.h"

#include <algorithm>

namespace holdfast {

std::span<const KnownPlugin> KnownPlugins() {
  static const std::vector<KnownPlugin> known{
      {"filesystem", {"karbor.protections.karbor-fs-bank-plugin", "karbor-fs-bank-plugin"}, {"filesystem", "file_system_bank_plugin"}, true},
      {"swift", {"karbor.protections.karbor-swift-bank-plugin", "karbor-swift-bank-plugin"}, {"swift", "swift_client", "swift_bank_plugin"}, true},
      {"s3", {"karbor.protections.karbor-s3-bank-plugin", "karbor-s3-bank-plugin"}, {"s3", "s3_client", "s3_bank_plugin"}, true},
      {"openstack-volume", {"karbor.protections.karbor-volume-protection-plugin", "karbor-volume-protection-plugin"}, {"openstack", "openstack_volume", "cinder_client"}, false},
      {"openstack-image", {"karbor.protections.karbor-image-protection-plugin", "karbor-image-protection-plugin"}, {"openstack", "openstack_image", "glance_client", "image_backup_plugin"}, false},
      {"openstack-server", {"karbor.protections.karbor-server-protection-plugin", "karbor-server-protection-plugin"}, {"openstack", "openstack_server", "nova_client"}, false},
      {"openstack-network", {"karbor.protections.karbor-network-protection-plugin", "karbor-network-protection-plugin"}, {"openstack", "openstack_network", "neutron_client"}, false},
      {"openstack-project", {"karbor.protections.karbor-project-protection-plugin", "karbor-project-protection-plugin"}, {"openstack", "openstack_project"}, false},
      {"openstack-share", {"karbor.protections.karbor-share-protection-plugin", "karbor-share-protection-plugin"}, {"openstack", "openstack_share", "manila_client"}, false},
      {"openstack-database", {"karbor.protections.karbor-database-protection-plugin", "karbor-database-protection-plugin"}, {"openstack", "openstack_database", "trove_client"}, false},
      {"kubernetes-pod", {"karbor.protections.karbor-pod-protection-plugin", "karbor-pod-protection-plugin"}, {"k8s_client", "kubernetes"}, false},
  };
  return known;
}

const KnownPlugin* FindKnownPlugin(std::string_view name) {
  for (const KnownPlugin& plugin : KnownPlugins()) {
    if (plugin.name == name || std::find(plugin.aliases.begin(), plugin.aliases.end(), name) != plugin.aliases.end()) {
      return &plugin;
    }
  }
  return nullptr;
}

}  // namespace holdfast
