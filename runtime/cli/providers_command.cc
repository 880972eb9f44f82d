#include <filesystem>

#include "plugins/sdk/provider_settings.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

namespace {

std::string PluginNames(const ProviderConfig& config) {
  std::vector<std::string> names;
  for (const IniEntry& plugin : config.plugins) names.push_back(plugin.value);
  return Join(names, ", ");
}

// What a plugin does for the operations, as "protect: pre, parallel".
std::string Activities(const PluginDescriptor& plugin, Operation operation) {
  const OperationDescriptor& d = plugin.operation(operation);
  if (!d.DefinesAny()) return d.empty_on_purpose ? "nothing to do" : "-";
  std::vector<std::string> kinds;
  for (const ActivityKind kind : kAllActivityKinds) {
    if (d.Defines(kind)) kinds.emplace_back(NameOf(kind));
  }
  return Join(kinds, ", ");
}

Value SchemasOf(const PluginDescriptor& plugin) {
  Value parameters;
  for (const Operation operation : kAllOperations) {
    parameters.Set(NameOf(operation), SchemaToJsonSchema(plugin.operation(operation).parameters));
  }
  Value schemas = Value()
                      .Set("settings", SchemaToJsonSchema(plugin.settings))
                      .Set("settings_section", plugin.settings_section)
                      .Set("parameters", std::move(parameters));
  if (plugin.has_saved_info) schemas.Set("saved_info", SchemaToJsonSchema(plugin.saved_info));
  return schemas;
}

void PrintFields(const Output& out, std::string_view heading, const Schema& schema) {
  if (schema.fields.empty()) return;
  out.Line("    " + std::string(heading));
  for (const Field& field : schema.fields) {
    std::string line = "      " + field.name;
    if (field.required) line += " (required)";
    line += ": " + field.description;
    if (!field.one_of.empty()) line += " [" + Join(field.one_of, " | ") + "]";
    if (const std::string text = DefaultText(field); !text.empty())
      line += " (default: " + text + ")";
    out.Line(line);
  }
}

// The settings of a bank, plugin or protectable as they are in effect, each with where it is from.
void PrintSettings(const Output& out, const ProviderConfig& config,
                   const std::vector<SettingInEffect>& settings) {
  if (settings.empty()) return;
  out.Line("    settings in [" + settings.front().section + "]");
  for (const SettingInEffect& setting : settings) {
    std::string line = "      " + setting.field->name;
    if (setting.line == 0 && setting.value.empty()) {
      line += " is not set";
    } else {
      line += " = " + Printable(setting.value);
      line += setting.line == 0
                  ? " (default)"
                  : " (" + Printable(config.file) + ":" + std::to_string(setting.line) + ")";
    }
    line += ": " + setting.field->description;
    if (!setting.field->one_of.empty()) line += " [" + Join(setting.field->one_of, " | ") + "]";
    out.Line(line);
  }
}

void ShowPlugin(const Output& out, const ProviderConfig& config, const PluginDescriptor& plugin) {
  const std::vector<SettingInEffect> settings =
      SettingsInEffect(config, plugin.settings,
                       SectionsOf(plugin.name, plugin.settings_section, plugin.shared_sections));
  Value activities;
  for (const Operation operation : kAllOperations) {
    Value::List kinds;
    for (const ActivityKind kind : kAllActivityKinds) {
      if (plugin.operation(operation).Defines(kind)) kinds.emplace_back(NameOf(kind));
    }
    activities.Set(NameOf(operation), std::move(kinds));
  }
  Value::List types;
  for (const std::string& type : plugin.types) types.emplace_back(type);
  out.Json("plugin", Value()
                         .Set("name", plugin.name)
                         .Set("description", plugin.description)
                         .Set("types", std::move(types))
                         .Set("activities", std::move(activities))
                         .Set("quiesces", plugin.quiesces)
                         .Set("post_acts_on_failure", plugin.post_acts_on_failure)
                         .Set("settings_in_effect", SettingsInEffectToValue(config, settings))
                         .Set("schemas", SchemasOf(plugin)));
  out.Line("  " + plugin.name + ": " + plugin.description);
  out.Line("    protects " + Join(plugin.types, ", "));
  out.Line("    versions: settings " + std::to_string(plugin.settings.version) +
           (plugin.has_saved_info ? ", saved info " + std::to_string(plugin.saved_info.version)
                                  : std::string()));
  if (plugin.quiesces) out.Line("    brings its resources to rest");
  for (const Operation operation : kAllOperations) {
    out.Line("    " + std::string(NameOf(operation)) + ": " + Activities(plugin, operation));
  }
  PrintSettings(out, config, settings);
  for (const Operation operation : kAllOperations) {
    PrintFields(out, "parameters of " + std::string(NameOf(operation)),
                plugin.operation(operation).parameters);
  }
}

// Reads one file in full and says what is wrong with it; the exit code.
int CheckConfig(Session& session, const ProviderConfig& config) {
  const auto provider = Provider::Open(config, session.registry(), session.plugins());
  if (!provider) return session.out().Fail(provider.error());
  for (const std::string& warning : (*provider)->warnings()) session.out().Warn(warning);
  if (std::vector<Error> faults = (*provider)->CheckWhatSettingsName(); !faults.empty()) {
    Error first = std::move(faults.front());
    for (std::size_t i = 1; i < faults.size(); ++i)
      first = std::move(first).Because(std::move(faults[i]));
    return session.out().Fail(first);
  }
  Value datum = Value().Set("file", config.file).Set("name", config.name).Set("ok", true);
  std::string encrypted;
  if ((*provider)->keys() != nullptr) {
    if (const auto key = (*provider)->keys()->Current(); key) {
      encrypted = ", and encrypts with key " + (*key)->id();
      datum.Set("key", (*key)->id());
    }
  }
  session.out().Line(config.file + ": provider " + config.name + " is right" +
                     (config.enabled ? "" : " (and disabled)") + encrypted);
  session.out().Json("provider", std::move(datum));
  return 0;
}

// A file with faults: they, and what else is wrong with it.
int CheckBroken(Session& session, const ProviderFolder::Broken& broken) {
  if (broken.config.faults.empty()) return session.out().Fail(broken.error);
  return CheckConfig(session, broken.config);
}

// The ids of the keys of a provider, the current one first, or why they cannot be read.
void ShowKeys(const Output& out, const Provider& provider, Value& datum) {
  if (provider.keys() == nullptr) return;
  const ProviderConfig& config = provider.config();
  const auto keys = provider.keys()->All();
  Value shown = Value()
                    .Set("file", Printable(config.key_file.value))
                    .Set("line", std::uint64_t{config.key_file.where.line});
  if (keys) {
    std::vector<std::string> ids;
    for (const KeyEntry& entry : **keys) ids.push_back(entry.key.id());
    shown.Set("ids", Value::List(ids.begin(), ids.end()));
    ids.front() += " (current)";
    out.Line("  keys: " + Join(ids, ", ") + ", of " + Printable(config.key_file.value));
  } else {
    shown.Set("error", ErrorToValue(keys.error()));
    out.Line("  " + keys.error().OneLine());
  }
  datum.Set("keys", std::move(shown));
}

// To be looked at also one that is not enabled may be opened.
Result<Provider*> OpenToShow(Session& session, const std::string& name_or_id) {
  if (!name_or_id.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(const ProviderFolder* const folder, session.providers());
    for (const ProviderConfig& config : folder->providers) {
      if (config.enabled || (config.name != name_or_id && config.id != name_or_id)) continue;
      HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, session.OpenConfig(config));
      for (const std::string& warning : provider->warnings()) session.out().Warn(warning);
      return provider;
    }
  }
  return session.OpenProvider(name_or_id);
}

// What stands in the folder and is no provider file.
void SayIgnored(const Output& out, const ProviderFolder& folder) {
  for (const ProviderFolder::Ignored& ignored : folder.ignored) {
    out.Say(Printable(ignored.file) + " is ignored: " + ignored.why);
    out.Json("ignored-file", Value().Set("file", Printable(ignored.file)).Set("why", ignored.why));
  }
}

}  // namespace

int ListProviders(Session& session) {
  const auto folder = session.providers();
  if (!folder) return session.out().Fail(folder.error());
  std::vector<std::vector<std::string>> rows;
  for (const ProviderConfig& config : (*folder)->providers) {
    rows.push_back({config.name, config.id, config.bank.value, PluginNames(config),
                    config.enabled ? "enabled" : "disabled"});
    Value::List plugins;
    for (const IniEntry& plugin : config.plugins) plugins.emplace_back(plugin.value);
    session.out().Json("provider", Value()
                                       .Set("name", config.name)
                                       .Set("id", config.id)
                                       .Set("description", config.description)
                                       .Set("file", config.file)
                                       .Set("bank", config.bank.value)
                                       .Set("plugins", std::move(plugins))
                                       .Set("enabled", config.enabled));
  }
  if (rows.empty()) {
    session.out().Say("no providers in " + (*folder)->folder);
  } else {
    session.out().Table({"NAME", "ID", "BANK", "PLUGINS", "STATE"}, rows);
  }
  for (const ProviderFolder::Broken& broken : (*folder)->broken) {
    session.out().Warn(broken.file + " is broken: 'holdfast providers check' says why");
  }
  SayIgnored(session.out(), **folder);
  return 0;
}

int ShowProvider(Session& session, const ProvidersArguments& arguments) {
  const Output& out = session.out();
  const auto provider = OpenToShow(session, arguments.provider);
  if (!provider) return out.Fail(provider.error());
  const ProviderConfig& config = (*provider)->config();
  out.Line(Printable(config.name) + " (" + config.id + ")");
  if (!config.description.empty()) out.Line("  " + Printable(config.description));
  out.Line("  file: " + Printable(config.file));
  out.Line(std::string("  enabled: ") + (config.enabled ? "yes" : "no"));
  Value::List warnings;
  for (const std::string& warning : (*provider)->warnings()) {
    warnings.emplace_back(Printable(warning));
  }
  Value datum = Value()
                    .Set("name", config.name)
                    .Set("id", config.id)
                    .Set("file", config.file)
                    .Set("description", config.description)
                    .Set("enabled", config.enabled)
                    .Set("warnings", std::move(warnings));
  if (const BankEntry* const bank = (*provider)->bank_entry(); bank != nullptr) {
    const std::vector<SettingInEffect> settings =
        SettingsInEffect(config, bank->settings, SectionsOf(bank->name, bank->settings_section));
    out.Line("  bank: " + bank->name + ", " + bank->description);
    Value shown = Value()
                      .Set("name", bank->name)
                      .Set("description", bank->description)
                      .Set("settings_section", bank->settings_section)
                      .Set("settings_in_effect", SettingsInEffectToValue(config, settings))
                      .Set("settings", SchemaToJsonSchema(bank->settings));
    // Opened, so that it says itself where it is; one that cannot be opened is no reason to show less.
    if (const auto opened = (*provider)->bank(BankUse::kRead); opened) {
      out.Line("    " + Printable((*opened)->Describe()));
      shown.Set("location", (*opened)->Describe()).Set("there", true);
    } else {
      out.Line("    " + opened.error().OneLine());
      shown.Set("there", false).Set("error", ErrorToValue(opened.error()));
    }
    PrintSettings(out, config, settings);
    datum.Set("bank", std::move(shown));
  } else {
    out.Line("  bank: " + config.bank.value + " (not built in)");
    datum.Set("bank", Value().Set("name", config.bank.value).Set("built_in", false));
  }
  ShowKeys(out, **provider, datum);
  out.Json("provider", std::move(datum));
  for (const auto& plugin : (*provider)->protections())
    ShowPlugin(out, config, plugin->descriptor());
  for (const auto& protectable : (*provider)->protectables()) {
    const ProtectableDescriptor& descriptor = protectable->descriptor();
    const std::vector<SettingInEffect> settings =
        SettingsInEffect(config, descriptor.settings, {descriptor.settings_section});
    out.Line("  resources of " + descriptor.type + ": " + descriptor.description);
    PrintSettings(out, config, settings);
    out.Json("protectable",
             Value()
                 .Set("type", descriptor.type)
                 .Set("description", descriptor.description)
                 .Set("settings_in_effect", SettingsInEffectToValue(config, settings)));
  }
  return 0;
}

int CheckProviders(Session& session, const ProvidersArguments& arguments) {
  if (!arguments.provider.empty()) {
    if (std::filesystem::exists(arguments.provider)) {
      const auto config = ReadProviderFile(arguments.provider);
      if (!config) return session.out().Fail(config.error());
      return CheckConfig(session, *config);
    }
    if (arguments.provider.find('/') != std::string::npos ||
        arguments.provider.ends_with(".conf")) {
      return session.out().Fail(NotFound("there is no file " + Printable(arguments.provider))
                                    .Hint("without a name every file of the folder is checked: " +
                                          session.provider_folder_path()));
    }
    const auto folder = session.providers();
    if (!folder) return session.out().Fail(folder.error());
    const auto config = (*folder)->Find(arguments.provider);
    if (config) return CheckConfig(session, **config);
    for (const ProviderFolder::Broken& broken : (*folder)->broken) {
      if (broken.name == arguments.provider || broken.id == arguments.provider)
        return CheckBroken(session, broken);
    }
    return session.out().Fail(config.error());
  }
  const auto folder = session.providers();
  if (!folder) return session.out().Fail(folder.error());
  int exit_code = 0;
  for (const ProviderFolder::Broken& broken : (*folder)->broken) {
    exit_code = CheckBroken(session, broken);
  }
  for (const ProviderConfig& config : (*folder)->providers) {
    if (const int code = CheckConfig(session, config); code != 0) exit_code = code;
  }
  SayIgnored(session.out(), **folder);
  if ((*folder)->providers.empty() && (*folder)->broken.empty()) {
    session.out().Say("no provider files in " + (*folder)->folder);
  }
  return exit_code;
}

int ListPlugins(Session& session) {
  if (auto status = session.LoadAllPlugins(); !status) return session.out().Fail(status.error());
  const PluginRegistry& registry = session.registry();
  std::vector<std::vector<std::string>> rows;
  for (const auto& bank : registry.banks()) {
    rows.push_back({bank->name, "bank", "", bank->description});
    session.out().Json("bank", Value()
                                   .Set("name", bank->name)
                                   .Set("description", bank->description)
                                   .Set("settings", SchemaToJsonSchema(bank->settings)));
  }
  for (const auto& protection : registry.protections()) {
    const PluginDescriptor& d = protection->descriptor;
    rows.push_back({d.name, "protection", Join(d.types, ", "), d.description});
    session.out().Json(
        "protection",
        Value().Set("name", d.name).Set("description", d.description).Set("schemas", SchemasOf(d)));
  }
  for (const auto& protectable : registry.protectables()) {
    rows.push_back(
        {"", "protectable", protectable->descriptor.type, protectable->descriptor.description});
    session.out().Json("protectable", Value()
                                          .Set("type", protectable->descriptor.type)
                                          .Set("description", protectable->descriptor.description));
  }
  session.out().Table({"NAME", "KIND", "TYPES", "WHAT"}, rows);
  return 0;
}

}  // namespace holdfast::cli
