#include "plugins/sdk/registry.h"

#include <algorithm>

namespace holdfast {

namespace {

template <class Entry>
bool Answers(const Entry& entry, std::string_view name) {
  return entry.name == name ||
         std::find(entry.aliases.begin(), entry.aliases.end(), name) != entry.aliases.end();
}

// The first of an entry's names that is taken already; empty when none is.
template <class Entry, class Find>
std::string TakenName(const Entry& entry, Find find) {
  if (find(entry.name)) return entry.name;
  for (const std::string& alias : entry.aliases) {
    if (find(alias)) return alias;
  }
  return {};
}

}  // namespace

void PluginRegistry::AddProtection(ProtectionEntry entry) {
  const PluginDescriptor& d = entry.descriptor;
  if (const std::string taken =
          TakenName(d, [&](std::string_view n) { return FindProtection(n) != nullptr; });
      !taken.empty()) {
    errors_.push_back(
        Error(ErrorCode::kConflict, "two protection plugins are called '" + taken + "'"));
    return;
  }
  for (const Operation operation : {Operation::kProtect, Operation::kRestore, Operation::kDelete}) {
    if (!d.operation(operation).DefinesAny() && !d.operation(operation).empty_on_purpose) {
      errors_.push_back(InvalidInput("plugin " + d.name + " defines no activity of " +
                                     std::string(NameOf(operation)))
                            .Hint("every plugin implements protect, restore and delete; one with "
                                  "nothing to do says so "
                                  "with kEmptyOnPurpose"));
      return;
    }
  }
  protections_.push_back(std::make_unique<ProtectionEntry>(std::move(entry)));
}

void PluginRegistry::AddProtectable(ProtectableEntry entry) {
  if (FindProtectable(entry.descriptor.type) != nullptr) {
    errors_.push_back(Error(ErrorCode::kConflict,
                            "two protectable plugins know the type " + entry.descriptor.type));
    return;
  }
  protectables_.push_back(std::make_unique<ProtectableEntry>(std::move(entry)));
}

void PluginRegistry::AddBank(BankEntry entry) {
  if (const std::string taken =
          TakenName(entry, [&](std::string_view n) { return FindBank(n) != nullptr; });
      !taken.empty()) {
    errors_.push_back(Error(ErrorCode::kConflict, "two banks are called '" + taken + "'"));
    return;
  }
  banks_.push_back(std::make_unique<BankEntry>(std::move(entry)));
}

void PluginRegistry::AddResolver(std::string prefix, Resolver resolve) {
  resolvers_.insert_or_assign(std::move(prefix), std::move(resolve));
}

Status PluginRegistry::Resolve(std::string_view name) {
  for (const auto& [prefix, resolve] : resolvers_) {
    if (name.starts_with(prefix)) return resolve(name, *this);
  }
  return NotFound("no plugin called '" + std::string(name) + "'");
}

Status PluginRegistry::status() const {
  if (errors_.empty()) return Ok();
  return Error(errors_.front());
}

const ProtectionEntry* PluginRegistry::FindProtection(std::string_view name) const {
  for (const auto& entry : protections_) {
    if (Answers(entry->descriptor, name)) return entry.get();
  }
  return nullptr;
}

const BankEntry* PluginRegistry::FindBank(std::string_view name) const {
  for (const auto& entry : banks_) {
    if (Answers(*entry, name)) return entry.get();
  }
  return nullptr;
}

const ProtectableEntry* PluginRegistry::FindProtectable(std::string_view type) const {
  for (const auto& entry : protectables_) {
    if (entry->descriptor.type == type) return entry.get();
  }
  return nullptr;
}

}  // namespace holdfast
