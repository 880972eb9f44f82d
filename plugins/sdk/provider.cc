#include "plugins/sdk/provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "plugins/sdk/known_plugins.h"
#include "plugins/sdk/provider_settings.h"
#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

void AddKeysOf(const Schema& schema, std::vector<std::string>& out) {
  for (const Field& field : schema.fields) {
    if (field.type == FieldType::kSecret) {
      out.push_back(field.name + "_file");
      out.push_back(field.name + "_env");
    } else {
      out.push_back(field.name);
    }
  }
}

// A text of a provider file as the field wants it; what does not convert stays a text, and the
// schema then says what is wrong with it.
Value FromIniText(const Field& field, const std::string& text) {
  switch (field.type) {
    case FieldType::kBoolean: {
      const auto truth = ParseTruth(text);
      return truth ? Value(*truth) : Value(text);
    }
    case FieldType::kInteger: {
      std::int64_t number = 0;
      const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc() && at == text.data() + text.size() ? Value(number) : Value(text);
    }
    case FieldType::kNumber: {
      double number = 0;
      const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      const bool whole = error == std::errc() && at == text.data() + text.size();
      return whole && std::isfinite(number) ? Value(number) : Value(text);
    }
    case FieldType::kStringList: {
      Value::List list;
      for (const std::string_view item : Split(text, ',')) {
        if (!Trim(item).empty()) list.emplace_back(Trim(item));
      }
      return list;
    }
    default:
      return text;
  }
}

// By the usual names: "local_sqlite" is the section of local-sqlite, and "local" one that all
// local-* share.
bool IsOwnSection(std::string_view section, std::string_view plugin) {
  return std::equal(section.begin(), section.end(), plugin.begin(), plugin.end(),
                    [](char a, char b) { return a == (b == '-' ? '_' : b); });
}
bool IsFamilySection(std::string_view section, std::string_view plugin) {
  return plugin.size() > section.size() && plugin[section.size()] == '-' &&
         IsOwnSection(section, plugin.substr(0, section.size()));
}

// The settings of one provider file, handed out to whoever declares the section.
class Settings {
 public:
  // `names`: of all plugins that there are, for hints.
  Settings(const ProviderConfig& config, std::vector<std::string> names, std::vector<Error>& errors,
           std::vector<std::string>& warnings)
      : config_(config), names_(std::move(names)), errors_(errors), warnings_(warnings) {}

  // The checked settings of `owner`, which declares `schema` in `section`. Keys that this schema
  // does not have may be another owner's of the same section: CheckUnread looks at them.
  // What is missing where there is no such section is told at `named`, the line that names the owner.
  Value Take(const Schema& schema, const std::vector<std::string>& section_names,
             std::string_view owner, const Where& named) {
    Value map{Value::Map{}};
    std::string shown = section_names.front();
    std::map<std::string, std::uint32_t> seen;  // key -> line, over all of the owner's sections
    for (const IniSection& section : config_.sections) {
      if (std::find(section_names.begin(), section_names.end(), section.name) ==
          section_names.end())
        continue;
      read_sections_.insert(section.name);
      shown = section.name;
      map.set_position({section.where.line, section.where.column});
      for (const IniEntry& entry : section.entries) {
        known_keys_[section.name].push_back(entry.key);
        const Field* const field = FieldOf(schema, entry.key);
        if (field == nullptr) {
          known_keys_[section.name].pop_back();
          continue;
        }
        const bool clear = field->type == FieldType::kSecret && IsNameOf(*field, entry.key);
        if (clear) secret_lines_.insert(entry.where.line);
        if (const auto [at, fresh] = seen.emplace(entry.key, entry.key_where.line); !fresh) {
          Report(InvalidInput("'" + entry.key + "' is given twice")
                     .At(clear ? WithoutValue(entry.key_where) : entry.key_where)
                     .Hint("the first one is in line " + std::to_string(at->second)));
          continue;
        }
        if (clear) WarnOfSecret(entry);
        Value value = FromIniText(*field, entry.value);
        value.set_position({entry.where.line, entry.where.column});
        value.set_key_position({entry.key_where.line, entry.key_where.column});
        map.Set(entry.key, std::move(value));
      }
      AddKeysOf(schema, candidates_[section.name]);
      for (const Field& field : schema.fields) {
        auto& names = (field.type == FieldType::kSecret ? secret_names_ : aliases_)[section.name];
        if (field.type == FieldType::kSecret) names.push_back(field.name);
        names.insert(names.end(), field.aliases.begin(), field.aliases.end());
      }
    }
    if (map.position().line == 0) {
      map.set_position({named.line, named.column});
    }
    // What stands in a line that was refused is not missing.
    Schema wanted = schema;
    for (const IniSection& section : config_.sections) {
      // Below a line that is no section may be all of it.
      if (section.name.empty() && read_sections_.find(shown) == read_sections_.end()) {
        for (Field& field : wanted.fields) field.required = false;
      }
      for (const std::string& key : section.lost_keys) {
        if (const Field* const field = FieldOf(schema, key); field != nullptr)
          wanted.fields[static_cast<std::size_t>(field - schema.fields.data())].required = false;
      }
    }
    auto checked = CheckAgainstSchema(wanted, map, config_.file,
                                      "settings of " + std::string(owner) + " in [" + shown + "]");
    if (checked) return std::move(*checked);
    Report(WithLine(checked.error(), named));
    for (const Error& cause : checked.error().causes()) Report(WithLine(cause, named));
    return Value(Value::Map{});
  }

  // A first wait that is longer than the longest one is not what anybody meant, whichever of the
  // two the file gives. Looks at the file itself: what else is wrong with the settings may hide it.
  void CheckPolls(const std::vector<std::string>& section_names, const Where& named) {
    PollSettings polls;
    Where where = named;
    for (const IniSection& section : config_.sections) {
      if (std::find(section_names.begin(), section_names.end(), section.name) ==
          section_names.end())
        continue;
      for (const IniEntry& entry : section.entries) {
        if (entry.key != "poll_interval" && entry.key != "poll_interval_max") continue;
        const auto duration = ParseDuration(entry.value);
        if (!duration) return;
        (entry.key == "poll_interval" ? polls.poll_interval : polls.poll_interval_max) = *duration;
        where = entry.where;
      }
    }
    if (polls.poll_interval <= polls.poll_interval_max) return;
    const PollSettings defaults;
    Report(InvalidInput("'poll_interval' is " + FormatDuration(polls.poll_interval) +
                        ", more than 'poll_interval_max', " +
                        FormatDuration(polls.poll_interval_max))
               .At(std::move(where))
               .Hint("the wait grows from the one to the other; unless given they are " +
                     FormatDuration(defaults.poll_interval) + " and " +
                     FormatDuration(defaults.poll_interval_max)));
  }

  // An error of an owner that was given its settings. It may have a place in another file, or the
  // position of a setting without a file; without a place it is told at `named`.
  void Refused(const Error& error, const Where& named) {
    if (error.where() && !error.where()->file.empty()) {
      Report(Error(error));
      return;
    }
    Error placed = WithLine(error, named);
    for (const Error& cause : error.causes()) placed = std::move(placed).Because(Error(cause));
    Report(std::move(placed));
  }

  // The sections of a plugin that is known by name but not built in: nobody can say what they may
  // hold, but a secret in clear is told.
  void Accept(const KnownPlugin& known) {
    for (const std::string_view name : known.sections) {
      accepted_.emplace(name);
      for (const IniSection& section : config_.sections) {
        if (section.name != name) continue;
        for (const IniEntry& entry : section.entries) {
          const auto& secrets = known.secrets;
          if (std::find(secrets.begin(), secrets.end(), entry.key) != secrets.end())
            WarnOfSecret(entry);
        }
      }
    }
  }

  // The sections of a plugin that has failed already: that nobody reads them is not told as well.
  void Excuse(std::string_view plugin) {
    excused_plugins_.emplace_back(plugin);
    const KnownPlugin* const known = FindKnownPlugin(plugin);
    if (known == nullptr) return;
    for (const std::string_view name : known->sections) excused_.emplace(name);
  }

  // Errors for what nobody has read.
  void CheckUnread() {
    std::vector<std::string> sections;
    for (const auto& [name, unused] : candidates_) sections.push_back(name);
    sections.insert(sections.end(), declared_.begin(), declared_.end());
    for (const IniSection& section : config_.sections) {
      if (section.name.empty() || accepted_.contains(section.name)) continue;
      if (!read_sections_.contains(section.name)) {
        if (config_.incomplete || excused_.contains(section.name) ||
            std::any_of(excused_plugins_.begin(), excused_plugins_.end(), [&](const auto& plugin) {
              return IsOwnSection(section.name, plugin) || IsFamilySection(section.name, plugin);
            })) {
          continue;
        }
        const std::string near = Nearest(section.name, sections);
        std::string hint =
            "a section holds the settings of the provider's bank or of one of its plugins";
        if (const std::string owner = OwnerOf(section.name); !owner.empty()) {
          hint = "it belongs to '" + owner + "', which this provider does not name";
        } else if (!near.empty()) {
          hint = "did you mean [" + near + "]?";
        }
        Report(InvalidInput("nobody reads the section [" + Printable(section.name) + "]")
                   .At(section.where)
                   .Hint(std::move(hint)));
        continue;
      }
      const auto& known = known_keys_[section.name];
      for (const IniEntry& entry : section.entries) {
        if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
        std::vector<std::string> near_names = candidates_[section.name];
        const auto& aliases = aliases_[section.name];
        const auto& secrets = secret_names_[section.name];
        near_names.insert(near_names.end(), aliases.begin(), aliases.end());
        near_names.insert(near_names.end(), secrets.begin(), secrets.end());
        std::string near = Nearest(entry.key, near_names);
        // A secret is better not written in clear.
        if (std::find(secrets.begin(), secrets.end(), near) != secrets.end()) near += "_file";
        Error error =
            InvalidInput("[" + section.name + "] has no key '" + Printable(entry.key) + "'")
                .At(WithoutValue(entry.key_where));
        Report(near.empty()
                   ? std::move(error).Hint("there are " + Join(candidates_[section.name], ", "))
                   : std::move(error).Hint("did you mean '" + near + "'?"));
      }
    }
  }
  void Declare(const std::string& section) { declared_.push_back(section); }

 private:
  // The plugin or bank, known by name, that a section is of.
  std::string OwnerOf(const std::string& section) const {
    for (const KnownPlugin& known : KnownPlugins()) {
      const auto& sections = known.sections;
      if (std::find(sections.begin(), sections.end(), section) != sections.end())
        return std::string(known.name);
    }
    const auto own = std::find_if(names_.begin(), names_.end(), [&](const std::string& name) {
      return IsOwnSection(section, name);
    });
    if (own != names_.end()) return *own;
    const auto family = std::find_if(names_.begin(), names_.end(), [&](const std::string& name) {
      return IsFamilySection(section, name);
    });
    return family == names_.end() ? std::string() : *family;
  }

  // One section may be read for several owners: the same fault is told once.
  void Report(Error error) {
    if (told_.insert(error.OneLine()).second) errors_.push_back(std::move(error));
  }
  void WarnOfSecret(const IniEntry& entry) {
    std::string text = config_.file + ":" + std::to_string(entry.where.line) + ": '" + entry.key +
                       "' is a secret in clear; put it into a file and write '" + entry.key +
                       "_file = PATH'";
    if (told_.insert(text).second) warnings_.push_back(std::move(text));
  }

  // The schema knows lines and columns; the text for the caret is the file's.
  Error WithLine(const Error& error, const Where& named) const {
    Error out(error.code(), error.message());
    if (!error.hint().empty()) out = std::move(out).Hint(error.hint());
    if (!error.where() || error.where()->line == named.line) return std::move(out).At(named);
    Where where = *error.where();
    for (const IniSection& section : config_.sections) {
      if (section.where.line == where.line) where = section.where;
      for (const IniEntry& entry : section.entries) {
        if (entry.where.line != where.line) continue;
        where = where.column == entry.where.column ? entry.where : entry.key_where;
      }
    }
    if (secret_lines_.contains(where.line)) where = WithoutValue(std::move(where));
    return std::move(out).At(std::move(where));
  }

  const ProviderConfig& config_;
  std::vector<std::string> names_;
  std::vector<Error>& errors_;
  std::vector<std::string>& warnings_;
  std::set<std::string> read_sections_;
  std::set<std::string> accepted_;
  std::set<std::string> excused_;
  std::vector<std::string> excused_plugins_;
  std::vector<std::string> declared_;
  std::map<std::string, std::vector<std::string>> known_keys_;
  std::map<std::string, std::vector<std::string>> candidates_;
  std::map<std::string, std::vector<std::string>> aliases_;
  std::map<std::string, std::vector<std::string>> secret_names_;  // and their aliases
  std::set<std::uint32_t> secret_lines_;                          // that hold a secret in clear
  std::set<std::string> told_;
};

// The name under which the build knows what a file calls by an alias of Karbor's.
std::string OwnName(const std::string& name) {
  const KnownPlugin* const known = FindKnownPlugin(name);
  return known == nullptr ? name : std::string(known->name);
}

Error UnknownName(const IniEntry& entry, std::string_view what,
                  const std::vector<std::string>& names) {
  const std::string near = Nearest(entry.value, names);
  const std::string hint =
      near.empty() ? "'holdfast plugins list' shows those built in"
                   : "did you mean '" + near + "'? 'holdfast plugins list' shows those built in";
  return InvalidInput("no " + std::string(what) + " called '" + Printable(entry.value) + "'")
      .At(entry.where)
      .Hint(hint);
}

}  // namespace

Provider::Provider(ProviderConfig config) : config_(std::move(config)) {
  if (config_.key_file.value.empty()) return;
  keys_ = std::make_unique<KeyRing>(
      config_.key_file.value,
      fmt::format("line {} of {}", config_.key_file.where.line, Printable(config_.file)));
}

Result<std::unique_ptr<Provider>> Provider::Open(const ProviderConfig& config,
                                                 PluginRegistry& registry, PluginSource& source) {
  std::unique_ptr<Provider> out(new Provider(config));  // NOLINT: the constructor is private
  std::vector<Error> errors = config.faults;
  std::vector<std::string> names = source.Names();
  for (const KnownPlugin& known : KnownPlugins()) names.emplace_back(known.name);
  for (const auto& entry : registry.banks()) names.push_back(entry->name);
  Settings settings(out->config_, names, errors, out->warnings_);

  const auto not_there = [&](const IniEntry& entry, std::string_view what, bool is_bank) {
    const KnownPlugin* const known = FindKnownPlugin(entry.value);
    const bool is_the_other = is_bank ? registry.FindProtection(entry.value) != nullptr
                                      : registry.FindBank(entry.value) != nullptr;
    if (is_the_other || (known != nullptr && known->is_bank != is_bank)) {
      errors.push_back(InvalidInput("'" + Printable(entry.value) + "' is " +
                                    (is_bank ? "a plugin, no bank" : "a bank, no plugin"))
                           .At(entry.where)
                           .Hint("'holdfast plugins list' shows both"));
      settings.Excuse(entry.value);
      return;
    }
    if (known == nullptr) {
      errors.push_back(UnknownName(entry, what, names));
      // What follows from the typing error need not be told as well.
      if (const std::string meant = Nearest(entry.value, names); !meant.empty())
        settings.Excuse(meant);
      return;
    }
    out->warnings_.push_back(config.file + ":" + std::to_string(entry.where.line) + ": " +
                             std::string(what) + " '" + entry.value +
                             "' is known, but not built in");
    settings.Accept(*known);
  };

  // The bank.
  const std::string bank_name = OwnName(config.bank.value);
  std::optional<Error> unloadable;
  if (!bank_name.empty() && registry.FindBank(bank_name) == nullptr) {
    auto required = source.Require(bank_name, registry);
    if (!required && required.error().code() != ErrorCode::kNotFound)
      unloadable = std::move(required).error();
  }
  out->bank_entry_ = registry.FindBank(bank_name);
  if (bank_name.empty()) {
    // That it is missing is among the config's faults.
  } else if (unloadable) {
    errors.push_back(std::move(*unloadable).At(config.bank.where));
    settings.Excuse(bank_name);
  } else if (out->bank_entry_ != nullptr) {
    settings.Declare(out->bank_entry_->settings_section);
    out->bank_settings_ = settings.Take(out->bank_entry_->settings,
                                        SectionsOf(bank_name, out->bank_entry_->settings_section),
                                        "the bank", config.bank.where);
    // Without a setting's value there was another fault already.
    if (out->bank_entry_->check && !out->bank_settings_.AsMap().empty()) {
      if (const Status right = out->bank_entry_->check(out->bank_settings_); !right)
        settings.Refused(right.error(), config.bank.where);
    }
  } else {
    not_there(config.bank, "bank", true);
  }

  // Protection plugins.
  std::map<std::string, std::string> plugin_of_type;
  std::map<const ProtectionPlugin*, const IniEntry*> named_by;
  for (const IniEntry& entry : config.plugins) {
    const std::string name = OwnName(entry.value);
    if (registry.FindProtection(name) == nullptr) {
      auto required = source.Require(name, registry);
      // Of an executable that is not there its own error says more than "no such plugin".
      if (!required &&
          (required.error().code() != ErrorCode::kNotFound || name.starts_with("exec:"))) {
        errors.push_back(Error(std::move(required).error()).At(entry.where));
        // Its settings are not at fault as well.
        settings.Excuse(name);
        // What the sections of an executable are called only it could say.
        if (name.starts_with("exec:")) out->config_.incomplete = true;
        continue;
      }
    }
    const ProtectionEntry* const protection = registry.FindProtection(name);
    if (protection == nullptr) {
      not_there(entry, "plugin", false);
      continue;
    }
    const PluginDescriptor& descriptor = protection->descriptor;
    settings.Declare(descriptor.settings_section);
    const std::size_t faults = errors.size();
    const std::vector<std::string> sections =
        SectionsOf(name, descriptor.settings_section, descriptor.shared_sections);
    const Value checked =
        settings.Take(descriptor.settings, sections, "plugin " + descriptor.name, entry.where);
    settings.CheckPolls(sections, entry.where);
    auto plugin = errors.size() > faults ? Result<std::unique_ptr<ProtectionPlugin>>(nullptr)
                                         : protection->make(checked);
    if (!plugin) settings.Refused(plugin.error(), entry.where);
    if (!plugin || errors.size() > faults) {
      // What finds its resources has settings that may be at fault as well.
      for (const std::string& type : descriptor.types) {
        const ProtectableEntry* const found_by = registry.FindProtectable(type);
        if (found_by == nullptr) continue;
        settings.Declare(found_by->descriptor.settings_section);
        std::ignore =
            settings.Take(found_by->descriptor.settings, {found_by->descriptor.settings_section},
                          "resources of " + type, entry.where);
      }
      continue;
    }
    for (const std::string& type : (*plugin)->descriptor().types) {
      const auto [at, fresh] = plugin_of_type.emplace(type, entry.value);
      if (!fresh) {
        errors.push_back(
            InvalidInput("plugins '" + at->second + "' and '" + entry.value + "' both protect " +
                         type)
                .At(entry.where)
                .Hint("name one of them: a resource type has one plugin in a provider"));
        continue;
      }
      out->by_type_[type] = plugin->get();
    }
    for (auto& brought : (*plugin)->TakeProtectables()) {
      const auto protects = out->by_type_.find(brought->descriptor().type);
      if (protects != out->by_type_.end() && protects->second == plugin->get()) {
        out->protectables_.push_back(std::move(brought));
      }
    }
    named_by[plugin->get()] = &entry;
    out->protections_.push_back(std::move(*plugin));
  }

  // The protectable plugins of the types that are protected.
  for (const auto& [type, plugin] : out->by_type_) {
    const ProtectableEntry* const entry = registry.FindProtectable(type);
    if (entry == nullptr || out->HasProtectable(type)) continue;
    const Where& named = named_by[plugin]->where;
    settings.Declare(entry->descriptor.settings_section);
    const std::size_t faults = errors.size();
    const Value checked =
        settings.Take(entry->descriptor.settings, {entry->descriptor.settings_section},
                      "resources of " + type, named);
    if (errors.size() > faults) continue;
    auto protectable = entry->make(checked);
    if (!protectable) {
      settings.Refused(protectable.error(), named);
      continue;
    }
    out->protectables_.push_back(std::move(*protectable));
  }
  settings.CheckUnread();
  if (auto status = registry.status(); !status) errors.push_back(std::move(status).error());

  if (!errors.empty()) {
    std::stable_sort(errors.begin(), errors.end(), [](const Error& a, const Error& b) {
      return (a.where() ? a.where()->line : 0) < (b.where() ? b.where()->line : 0);
    });
    Error first = std::move(errors.front());
    for (std::size_t i = 1; i < errors.size(); ++i)
      first = std::move(first).Because(std::move(errors[i]));
    return first;
  }
  return out;
}

std::string Provider::bank_folder() const {
  if (bank_entry_ == nullptr || bank_entry_->folder == nullptr) return "";
  return bank_entry_->folder(bank_settings_);
}

Result<BankSection> Provider::tenant_section(SectionAccess access, BankUse use) {
  HOLDFAST_ASSIGN_OR_RETURN(Bank* const opened, bank(use));
  return TenantSectionOf(*opened, access);
}

Result<BankSection> Provider::TenantSectionOf(Bank& bank, SectionAccess access) const {
  return BankSection::Open(bank, "t/" + KeyPart(config_.tenant), access, keys());
}

Result<Bank*> Provider::bank(BankUse use) {
  if (bank_ != nullptr) return bank_.get();
  if (bank_entry_ == nullptr) {
    return InvalidInput("bank '" + Printable(config_.bank.value) + "' of provider " +
                        Printable(config_.name) + " is not built in")
        .At(config_.bank.where)
        .Hint("'holdfast plugins list' shows the banks that are");
  }
  auto opened = bank_entry_->open(bank_settings_, use, bank_parts_);
  if (!opened)
    return Error(std::move(opened).error())
        .While("opening the bank of provider " + Printable(config_.name));
  bank_ = std::move(*opened);
  return bank_.get();
}

Result<ProtectionPlugin*> Provider::ProtectionFor(std::string_view type) {
  if (const auto at = by_type_.find(type); at != by_type_.end()) return at->second;
  std::vector<std::string> types;
  for (const auto& [known, plugin] : by_type_) types.push_back(known);
  return InvalidInput("provider " + Printable(config_.name) +
                      " has no plugin for resources of type " + Printable(type))
      .Hint(types.empty() ? "add one to " + config_.file : "it protects " + Join(types, ", "));
}

std::vector<Error> Provider::CheckWhatSettingsName() {
  std::vector<Error> found;
  std::set<std::string> told;
  if (keys_ != nullptr) {
    if (const auto keys = keys_->All(); !keys) {
      Error error = InvalidInput(keys.error().message()).Hint(keys.error().hint());
      const bool has_place = keys.error().where() && !keys.error().where()->file.empty();
      found.push_back(
          std::move(error).At(has_place ? *keys.error().where() : config_.key_file.where));
    }
  }
  for (const auto& protectable : protectables_) {
    const Status right = protectable->Check();
    if (right || !told.insert(right.error().OneLine()).second) continue;
    const Error& error = right.error();
    Error placed = InvalidInput(error.message()).Hint(error.hint());
    for (const Error& cause : error.causes()) placed = std::move(placed).Because(Error(cause));
    if (error.where() && !error.where()->file.empty()) {
      found.push_back(std::move(placed).At(*error.where()));
      continue;
    }
    // At the setting that names it; at the section where nobody can tell which one that is.
    const ProtectableDescriptor& descriptor = protectable->descriptor();
    Where where{config_.file, 0, 0, {}, 1};
    for (const IniSection& section : config_.sections) {
      if (section.name != descriptor.settings_section) continue;
      where = section.where;
      std::size_t own = 0;
      for (const IniEntry& entry : section.entries) {
        if (FieldOf(descriptor.settings, entry.key) == nullptr) continue;
        where = ++own == 1 ? entry.where : section.where;
      }
    }
    found.push_back(std::move(placed).At(std::move(where)));
  }
  return found;
}

bool Provider::HasProtectable(std::string_view type) const {
  return std::any_of(protectables_.begin(), protectables_.end(), [&](const auto& protectable) {
    return protectable->descriptor().type == type;
  });
}

Result<ProtectablePlugin*> Provider::ProtectableFor(std::string_view type) {
  for (const auto& protectable : protectables_) {
    if (protectable->descriptor().type == type) return protectable.get();
  }
  HOLDFAST_RETURN_IF_ERROR(ProtectionFor(type));
  return InvalidInput("resources of type " + Printable(type) +
                      " cannot be listed: no plugin knows how")
      .Hint("write their graph by hand, or use a plugin that finds them");
}

}  // namespace holdfast
