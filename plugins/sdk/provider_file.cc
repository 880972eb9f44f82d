// Provider files: one, and a folder of them (provider.h). Nothing is resolved here.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>

#include "plugins/sdk/file.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/text.h"

namespace holdfast {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMaxFile = 1U << 20U;
constexpr std::size_t kLongestTenant = 64;

Error Joined(std::vector<Error> errors) {
  Error first = std::move(errors.front());
  for (std::size_t i = 1; i < errors.size(); ++i)
    first = std::move(first).Because(std::move(errors[i]));
  return first;
}

// Reads the section [provider].
class ProviderSection {
 public:
  ProviderSection(const IniSection& section, std::vector<Error>& errors)
      : section_(section), errors_(errors) {}

  void Read(ProviderConfig& config) {
    bool has_bank = false;
    for (const IniEntry& entry : section_.entries) {
      if (entry.key == "plugin") {
        AddPlugin(entry, config);
        continue;
      }
      if (const auto [at, fresh] = seen_.emplace(entry.key, entry.key_where.line); !fresh) {
        errors_.push_back(InvalidInput("'" + entry.key + "' is given twice")
                              .At(entry.key_where)
                              .Hint("the first one is in line " + std::to_string(at->second) +
                                    "; only 'plugin' may be repeated"));
        continue;
      }
      if (entry.key == "name") {
        config.name = entry.value;
      } else if (entry.key == "id") {
        config.id = CanonicalUuid(entry.value);
        config.id_where = entry.where;
        if (config.id.empty()) {
          errors_.push_back(InvalidInput("'" + Printable(entry.value) + "' is no UUID")
                                .At(entry.where)
                                .Hint("an id looks like 2e0c8826-81d6-44f5-bbe5-8f46a98c5845; "
                                      "'uuidgen' makes one"));
        }
      } else if (entry.key == "description") {
        config.description = entry.value;
      } else if (entry.key == "tenant") {
        ReadTenant(entry, config);
      } else if (entry.key == "key_file") {
        ReadKeyFile(entry, config);
      } else if (entry.key == "enabled") {
        ReadEnabled(entry, config);
      } else if (entry.key == "bank") {
        config.bank = entry;
        has_bank = !entry.value.empty();
      } else {
        UnknownKey(entry);
      }
    }
    Require(!config.name.empty(), "name", "the provider's name, for people");
    Require(seen_.contains("id"), "id", "a UUID of its own; 'uuidgen' makes one");
    Require(has_bank, "bank", "where checkpoints go, such as 'bank = filesystem'");
    Require(!config.plugins.empty(), "plugin",
            "at least one protection plugin; 'holdfast plugins list' shows which there are");
    config.incomplete = !has_bank || config.plugins.empty() || Lost("plugin");
  }

 private:
  void AddPlugin(const IniEntry& entry, ProviderConfig& config) {
    for (const IniEntry& other : config.plugins) {
      if (other.value == entry.value) {
        errors_.push_back(
            InvalidInput("plugin '" + Printable(entry.value) + "' is given twice")
                .At(entry.where)
                .Hint("the first one is in line " + std::to_string(other.where.line)));
        return;
      }
    }
    if (entry.value.empty()) {
      errors_.push_back(InvalidInput("'plugin' names no plugin").At(entry.key_where));
      return;
    }
    config.plugins.push_back(entry);
  }

  void ReadKeyFile(const IniEntry& entry, ProviderConfig& config) {
    if (entry.value.starts_with('/')) {
      config.key_file = entry;
      return;
    }
    errors_.push_back(
        InvalidInput("'key_file' is an absolute path, not '" + Printable(entry.value) + "'")
            .At(entry.where)
            .Hint("a relative one would be another file in each folder that a "
                  "command or an engine starts from"));
  }

  void ReadTenant(const IniEntry& entry, ProviderConfig& config) {
    // What cannot be printed cannot be told from another one in a listing.
    if (!entry.value.empty() && entry.value.size() <= kLongestTenant &&
        Printable(entry.value) == entry.value) {
      config.tenant = entry.value;
      return;
    }
    errors_.push_back(
        InvalidInput(fmt::format("'tenant' is a name of 1 to {} printable bytes, not '{}'",
                                 kLongestTenant, Printable(entry.value)))
            .At(entry.where)
            .Hint("such as the id of a project; without it the tenant is 'local'"));
  }

  void ReadEnabled(const IniEntry& entry, ProviderConfig& config) {
    if (const auto truth = ParseTruth(entry.value)) {
      config.enabled = *truth;
    } else {
      errors_.push_back(
          InvalidInput("'enabled' is true or false, not '" + Printable(entry.value) + "'")
              .At(entry.where));
    }
  }

  void UnknownKey(const IniEntry& entry) {
    std::vector<std::string> known;
    for (const ProviderKey& key : ProviderKeys()) known.emplace_back(key.name);
    std::string near = Nearest(entry.key, known);
    // A key is read from a file only.
    if (entry.key == "key" || entry.key == "key_env") near = "key_file";
    errors_.push_back(InvalidInput("[provider] has no key '" + Printable(entry.key) + "'")
                          .At(WithoutValue(entry.key_where))
                          .Hint(near.empty() ? "there are " + Join(known, ", ")
                                             : "did you mean '" + near + "'?"));
  }

  // It stands in a line that was refused.
  bool Lost(std::string_view key) const {
    return std::find(section_.lost_keys.begin(), section_.lost_keys.end(), key) !=
           section_.lost_keys.end();
  }

  void Require(bool given, std::string_view key, std::string_view what) {
    if (given || Lost(key)) return;
    errors_.push_back(InvalidInput("[provider] has no '" + std::string(key) + "'")
                          .At(section_.where)
                          .Hint(std::string(what)));
  }

  const IniSection& section_;
  std::vector<Error>& errors_;
  std::map<std::string, std::uint32_t> seen_;
};

// What a broken file calls itself, as far as a look at its lines tells: so that whoever asks for
// that provider learns that it is broken, not that it is not there.
std::string ClaimedValue(const std::string& file, std::string_view key) {
  const auto text = ReadFile(file, kMaxFile);
  if (!text) return {};
  for (const std::string_view line : Split(*text, '\n')) {
    const std::size_t equals = line.find_first_of("=:");
    if (equals != std::string_view::npos && Trim(line.substr(0, equals)) == key) {
      return std::string(Trim(line.substr(equals + 1)));
    }
  }
  return {};
}

}  // namespace

std::span<const ProviderKey> ProviderKeys() {
  static constexpr std::array kKeys{
      ProviderKey{"name", "required", "how people, plans and commands call it"},
      ProviderKey{"id", "required",
                  "a UUID that never changes and that no other file of the folder has"},
      ProviderKey{"bank", "required", "where checkpoints go: a bank, or Karbor's name of one"},
      ProviderKey{"plugin", "required, may stand again",
                  "a protection plugin, one for each resource type; exec:/absolute/path runs an "
                  "executable as one"},
      ProviderKey{"key_file", "",
                  "absolute path of a file with keys ('holdfast bank key new' makes one), a "
                  "secret: what is "
                  "written into the bank is encrypted with the first of them"},
      ProviderKey{"tenant", "local",
                  "whose checkpoints: several may share a bank, and none sees those of another; a "
                  "name such as a project's id"},
      ProviderKey{"description", "", "for people"},
      ProviderKey{"enabled", "true",
                  "a provider that is not enabled is refused by whatever would use it"}};
  return kKeys;
}

Result<ProviderConfig> ReadProviderFile(const std::string& file) {
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxFile));
  ProviderConfig config;
  config.file = file;
  IniFile ini = ReadIni(text, file, config.faults);
  // A line that is refused may be the one that begins [provider].
  const bool readable = config.faults.empty();
  bool found = false;
  for (IniSection& section : ini.sections) {
    if (section.name == "provider") {
      found = true;
      ProviderSection(section, config.faults).Read(config);
    } else {
      config.sections.push_back(std::move(section));
    }
  }
  if (!found) config.incomplete = true;
  if (!found && readable) {
    config.faults.push_back(InvalidInput("there is no section [provider]")
                                .At({file, 1, 1, {}, 1})
                                .Hint("a provider file begins with [provider]"));
  }
  std::stable_sort(config.faults.begin(), config.faults.end(), [](const Error& a, const Error& b) {
    return a.where()->line < b.where()->line;
  });
  return config;
}

Result<ProviderConfig> LoadProviderFile(const std::string& file) {
  HOLDFAST_ASSIGN_OR_RETURN(ProviderConfig config, ReadProviderFile(file));
  if (!config.faults.empty()) return Joined(std::move(config.faults));
  return config;
}

Result<ProviderFolder> LoadProviderFolder(const std::string& folder) {
  ProviderFolder out;
  out.folder = folder;
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename());
  }
  if (error.value() == ENOTDIR) {
    return InvalidInput("reading the provider folder " + folder + ": this is a file, not a folder");
  }
  if (error) return SystemError(error.value(), "reading the provider folder " + folder);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string path = (fs::path(folder) / name).string();
    const bool named = name.size() > 5 && name.ends_with(".conf");
    if (fs::is_directory(path, error)) {
      if (named) out.ignored.push_back({path, "it is a folder"});
      continue;
    }
    if (!named) {
      out.ignored.push_back({path, "provider files end in .conf"});
      continue;
    }
    // Opening a pipe would wait for whoever writes to it.
    const bool regular = fs::is_regular_file(path, error) || !fs::exists(path, error);
    if (!regular) {
      out.broken.push_back(
          {path, InvalidInput("it is no regular file").At({path, 0, 0, {}, 1}), {}, {}, {}});
      continue;
    }
    auto config = ReadProviderFile(path);
    if (config && config->faults.empty()) {
      out.providers.push_back(std::move(*config));
      continue;
    }
    const std::string id = ClaimedValue(path, "id");
    const std::string canonical = CanonicalUuid(id);
    const std::string& shown_id = canonical.empty() ? id : canonical;
    if (config) {
      Error faults = Joined(config->faults);
      out.broken.push_back(
          {path, std::move(faults), ClaimedValue(path, "name"), shown_id, std::move(*config)});
    } else {
      out.broken.push_back({path, std::move(config).error(), ClaimedValue(path, "name"), shown_id,
                            ProviderConfig()});
    }
  }
  // Two files with one id: whichever was meant, using the other would be silent damage.
  std::map<std::string, std::vector<std::string>> files_of;
  for (const ProviderConfig& config : out.providers) files_of[config.id].push_back(config.file);
  std::vector<ProviderConfig> unique;
  for (ProviderConfig& config : out.providers) {
    const auto& files = files_of[config.id];
    if (files.size() == 1) {
      unique.push_back(std::move(config));
      continue;
    }
    const std::string& other = files[0] == config.file ? files[1] : files[0];
    config.faults.push_back(InvalidInput("the id " + config.id + " is also that of " + other)
                                .At(config.id_where)
                                .Hint("give each provider an id of its own; 'uuidgen' makes one"));
    out.broken.push_back(
        {config.file, config.faults.front(), config.name, config.id, std::move(config)});
  }
  out.providers = std::move(unique);
  return out;
}

Result<const ProviderConfig*> ProviderFolder::Find(std::string_view name_or_id) const {
  const ProviderConfig* found = nullptr;
  std::vector<std::string> names;
  for (const ProviderConfig& config : providers) {
    names.push_back(config.name);
    if (config.id == name_or_id) {
      found = &config;
      break;
    }
    if (config.name != name_or_id) continue;
    if (found != nullptr) {
      return InvalidInput("two providers are called '" + Printable(name_or_id) + "'")
          .Hint("name it by its id; 'holdfast providers list' shows them");
    }
    found = &config;
  }
  if (found != nullptr) {
    if (!found->enabled) {
      return InvalidInput("provider '" + found->name + "' is disabled")
          .Hint("'enabled = false' stands in " + found->file);
    }
    return found;
  }
  for (const Broken& file : broken) {
    if (file.name != name_or_id && file.id != name_or_id) continue;
    return InvalidInput("provider '" + Printable(name_or_id) +
                        "' cannot be used: its file is broken")
        .Because(Error(file.error));
  }
  Error error = NotFound("there is no provider '" + Printable(name_or_id) + "' in " + folder);
  const std::string near = Nearest(name_or_id, names);
  if (!near.empty()) return std::move(error).Hint("did you mean '" + near + "'?");
  return std::move(error).Hint("'holdfast providers list' shows which there are");
}

}  // namespace holdfast
