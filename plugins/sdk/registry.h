#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/bank.h"
#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/protectable_plugin.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/result.h"

namespace holdfast {

// What a bank is opened for. One that is only to be read is not made where it is missing.
enum class BankUse { kRead, kWrite };

// What a bank may use of the program that opens it; each may be nullptr, and outlives the bank.
struct BankParts {
  Logger* log = nullptr;  // tells of requests that are sent again
  // Set: nothing is waited for any more. What is being done is done.
  const Cancellation* cancellation = nullptr;
  // Of who only looks on: no operation is tried for longer than that, whatever the settings say.
  std::optional<std::chrono::seconds> patience = std::nullopt;
};

struct BankEntry {
  std::string name;  // what providers write: "filesystem"
  std::string description;
  std::vector<std::string> aliases;
  std::string settings_section;
  Schema settings;
  // Both get settings that have passed the schema. `check` finds fault with what no schema says,
  // touching nothing outside; its error may have the position of a setting without a file. Empty: all
  // is right.
  std::function<Status(const Value& settings)> check;
  // With kRead it makes nothing: kNotFound when the bank is not there yet.
  std::function<Result<std::unique_ptr<Bank>>(const Value& settings, BankUse use,
                                              const BankParts& parts)>
      open;
  // The folder of this machine in which the bank keeps everything, absolute and clean (place.h);
  // null for a bank that is elsewhere.
  std::function<std::string(const Value& settings)> folder = nullptr;
};

struct ProtectionEntry {
  PluginDescriptor descriptor;
  std::function<Result<std::unique_ptr<ProtectionPlugin>>(const Value& settings)> make;
};

struct ProtectableEntry {
  ProtectableDescriptor descriptor;
  std::function<Result<std::unique_ptr<ProtectablePlugin>>(const Value& settings)> make;
};

// The plugins of this process. Filled by generated explicit calls (one Register function per
// plugin folder); read afterwards. Not synchronised.
class PluginRegistry {
 public:
  // Refuses (kConflict) a name or alias given twice, and (kInvalidInput) a protection plugin that
  // lacks protect, restore or delete without saying that the operation is empty on purpose. The
  // first such error is kept and returned by status(): a Register function need not look.
  void AddProtection(ProtectionEntry entry);
  void AddProtectable(ProtectableEntry entry);
  void AddBank(BankEntry entry);

  // Names that begin with `prefix` ("exec:") are made known by `resolve`, which adds the entry of
  // that very name.
  using Resolver = std::function<Status(std::string_view name, PluginRegistry& registry)>;
  void AddResolver(std::string prefix, Resolver resolve);
  // Calls the resolver of `name`; kNotFound when no prefix fits.
  Status Resolve(std::string_view name);

  // A C++ protection plugin class (protection_plugin.h).
  template <class P>
  void AddProtection() {
    AddProtection({plugin_internal::MakeDescriptor<P>(),
                   [](const Value& settings) -> Result<std::unique_ptr<ProtectionPlugin>> {
                     return MakeProtectionPlugin<P>(settings);
                   }});
  }

  Status status() const;
  // By name or alias; nullptr when there is none.
  const ProtectionEntry* FindProtection(std::string_view name) const;
  const BankEntry* FindBank(std::string_view name) const;
  // By resource type.
  const ProtectableEntry* FindProtectable(std::string_view type) const;
  const std::vector<std::unique_ptr<ProtectionEntry>>& protections() const { return protections_; }
  const std::vector<std::unique_ptr<ProtectableEntry>>& protectables() const {
    return protectables_;
  }
  const std::vector<std::unique_ptr<BankEntry>>& banks() const { return banks_; }

 private:
  std::vector<std::unique_ptr<ProtectionEntry>> protections_;
  std::vector<std::unique_ptr<ProtectableEntry>> protectables_;
  std::vector<std::unique_ptr<BankEntry>> banks_;
  std::map<std::string, Resolver, std::less<>> resolvers_;
  std::vector<Error> errors_;
};

}  // namespace holdfast
