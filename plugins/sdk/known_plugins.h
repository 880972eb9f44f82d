#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

// A plugin or bank that OpenStack Karbor's provider files know by another name, whether it is built
// in or not. What a plugin is called here, and its sections, only its class says (descriptor.h).
struct KnownPlugin {
  std::string_view name;  // ours
  // Karbor's; each also with "karbor.protections." before it
  std::vector<std::string_view> aliases;
  std::vector<std::string_view> sections;  // of the provider file that belong to it
  bool is_bank = false;
  // Keys of those sections that hold a secret in clear. A plugin that is built in says so in its
  // schema; this is for files whose plugin is not.
  std::vector<std::string_view> secrets = {};
};

std::span<const KnownPlugin> KnownPlugins();

// By name or alias; nullptr when nobody knows it.
const KnownPlugin* FindKnownPlugin(std::string_view name);

}  // namespace holdfast
