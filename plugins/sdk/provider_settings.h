#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/provider.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/value.h"

// How the sections of a provider file give settings to the bank and the plugins that declare them.
namespace holdfast {

// The field that a key of a provider file sets: by name, alias, or a secret's _file and _env; nullptr
// when the schema has none.
const Field* FieldOf(const Schema& schema, std::string_view key);
// Is the key a name or alias of the field itself, not a secret's _file or _env?
bool IsNameOf(const Field& field, std::string_view key);

// The default of a field as a file would say it; empty: it has none, or an empty one.
std::string DefaultText(const Field& field);

// Every section that a bank or plugin reads, its own first: also those that Karbor's files have.
std::vector<std::string> SectionsOf(std::string_view name, const std::string& own,
                                    const std::vector<std::string>& shared = {});

// A setting as it is in effect. A secret itself is never in it, only where it stands.
struct SettingInEffect {
  const Field* field = nullptr;  // Not owned: of the schema.
  std::string section;           // that gives it; else the owner's own
  std::uint32_t line = 0;        // of the provider file; 0 = the file does not give it
  // What the file or the default says; of a secret "file PATH", "variable NAME" or "in clear". Empty:
  // neither gives a value.
  std::string value;
};
// Every field of the schema, in its order. `sections` are those of SectionsOf.
std::vector<SettingInEffect> SettingsInEffect(const ProviderConfig& config, const Schema& schema,
                                              const std::vector<std::string>& sections);
// The same as data, a list of: name, section, value (absent when there is none), source ("default",
// or "file" with file and line; absent without a value).
Value SettingsInEffectToValue(const ProviderConfig& config,
                              const std::vector<SettingInEffect>& settings);

}  // namespace holdfast
