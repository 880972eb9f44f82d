#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/bank_section.h"
#include "plugins/sdk/ini.h"
#include "plugins/sdk/key_file.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/registry.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// One providers.d/*.conf, read but not resolved: nothing has been opened.
struct ProviderConfig {
  std::string file;
  std::string name;
  std::string id;  // a UUID, lower case
  Where id_where;  // the line that says it
  std::string description;
  // Whose checkpoints: whoever shares a bank with others sees those of one tenant.
  std::string tenant = "local";
  bool enabled = true;
  IniEntry bank;
  // The file with the keys that encrypt what the bank holds; an empty value: there are none.
  IniEntry key_file;
  std::vector<IniEntry> plugins;     // protection plugins, by name; "exec:PATH" is an executable
  std::vector<IniSection> sections;  // all but [provider]
  // What is wrong with the text and with [provider]; then the rest is what could be read.
  std::vector<Error> faults;
  // A fault hides a bank or plugin: sections that nobody seems to read may be theirs.
  bool incomplete = false;
};

// The keys of [provider], for the reference and for "did you mean".
struct ProviderKey {
  std::string_view name;
  std::string_view needed;  // "required", or the default
  std::string_view meaning;
};
std::span<const ProviderKey> ProviderKeys();

// Reads one file as far as it can be read. An error only when there is nothing to read.
Result<ProviderConfig> ReadProviderFile(const std::string& file);
// Reads one file; errors have file, line, caret and hint, all of its faults collected.
Result<ProviderConfig> LoadProviderFile(const std::string& file);

// A folder of providers. One that is broken stops only what uses it.
struct ProviderFolder {
  struct Broken {
    std::string file;
    Error error;
    // What the file says of itself, as far as it can be read; maybe empty.
    std::string name;
    std::string id;
    // With `faults`: Provider::Open tells them with all else that is wrong. Without: there was
    // nothing to read.
    ProviderConfig config;
  };
  std::string folder;
  std::vector<ProviderConfig> providers;  // sorted by file name; a duplicate id makes both broken
  std::vector<Broken> broken;
  // What is no provider file: files that do not end in .conf, and folders that do.
  struct Ignored {
    std::string file;
    std::string why;  // "provider files end in .conf"
  };
  std::vector<Ignored> ignored;
  // By name or id: kNotFound (did you mean), kInvalidInput when it is among the broken, disabled,
  // or the name is not unique.
  Result<const ProviderConfig*> Find(std::string_view name_or_id) const;
};
Result<ProviderFolder> LoadProviderFolder(const std::string& folder);

// Makes the plugins and banks that a provider names known to the registry: loads the module that
// a generated table gives for the name (runtime/modules), or asks an exec plugin to describe
// itself. kNotFound when no module has it.
class PluginSource {
 public:
  virtual ~PluginSource() = default;
  virtual Status Require(std::string_view name, PluginRegistry& registry) = 0;
  // Every name that it could make known, for "did you mean" and `holdfast plugins`.
  virtual std::vector<std::string> Names() const = 0;
};

// A provider with its parts: the bank and the plugins, their settings checked. Borrowed from by
// the runtime; one thread.
class Provider {
 public:
  // Resolves every name and section. Errors (file, line, caret, hint, all collected): an unknown
  // plugin or bank, a key or section that nobody reads, a wrong setting, two plugins for one
  // resource type, and the faults that the config has already. A plugin known by name but not built
  // in is a warning, and so is a secret in clear. The registry and source outlive the provider.
  static Result<std::unique_ptr<Provider>> Open(const ProviderConfig& config,
                                                PluginRegistry& registry, PluginSource& source);

  const ProviderConfig& config() const { return config_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // For the bank, before it is opened.
  void GiveToBank(const BankParts& parts) { bank_parts_ = parts; }
  // Opens the bank at the first call. kInvalidInput when its bank is not built in; kNotFound when it
  // is to be read and is not there yet.
  Result<Bank*> bank(BankUse use = BankUse::kWrite);
  // The tenant's part of it, opened as `access` needs it.
  Result<BankSection> tenant_section(SectionAccess access, BankUse use);
  // The same of another bank, which outlives it.
  Result<BankSection> TenantSectionOf(Bank& bank, SectionAccess access) const;
  // What bank() would open, for `providers show`.
  const BankEntry* bank_entry() const { return bank_entry_; }
  // The bank's checked settings (DataSettings are among them); an empty map when it is not built in.
  const Value& bank_settings() const { return bank_settings_; }

  // The keys that its key_file names, read when they are first needed; nullptr when it names none.
  const KeyRing* keys() const { return keys_.get(); }

  // The folder of this machine that the bank is in, absolute; empty for a bank that is elsewhere.
  std::string bank_folder() const;

  // The plugin of a resource type; kInvalidInput naming the type and the plugins there are.
  Result<ProtectionPlugin*> ProtectionFor(std::string_view type);
  const std::vector<std::unique_ptr<ProtectionPlugin>>& protections() const { return protections_; }
  // The protectables of the types that the provider's plugins protect.
  const std::vector<std::unique_ptr<ProtectablePlugin>>& protectables() const {
    return protectables_;
  }
  Result<ProtectablePlugin*> ProtectableFor(std::string_view type);
  // What the file's settings name on this machine, looked at (keys; ProtectablePlugin::Check). Every fault
  // once, as kInvalidInput, with its place: in what is named, else in the provider file.
  std::vector<Error> CheckWhatSettingsName();

 private:
  explicit Provider(ProviderConfig config);
  bool HasProtectable(std::string_view type) const;
  ProviderConfig config_;
  std::vector<std::string> warnings_;
  const BankEntry* bank_entry_ = nullptr;  // Not owned; the registry outlives this.
  Value bank_settings_{Value::Map{}};
  BankParts bank_parts_;
  std::unique_ptr<KeyRing> keys_;
  std::unique_ptr<Bank> bank_;
  std::vector<std::unique_ptr<ProtectionPlugin>> protections_;
  std::map<std::string, ProtectionPlugin*, std::less<>> by_type_;
  std::vector<std::unique_ptr<ProtectablePlugin>> protectables_;
};

}  // namespace holdfast
