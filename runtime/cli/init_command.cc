#include <algorithm>
#include <filesystem>
#include <set>

#include "plugins/local/inventory/inventory.h"
#include "plugins/local/inventory/inventory_protectable.h"
#include "plugins/sdk/cluster_name.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/volume.h"
#include "runtime/cli/argo_site.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/kept_files.h"
#include "runtime/cli/next_command.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMostConfigMap = 1U << 20U;  // what Kubernetes takes in one

void AddOnce(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

// "claim:NAME" or "hostPath:/path", mounted at `path`.
Result<Volume> ReadVolumeOption(const std::string& option, const std::string& text,
                                const std::string& path) {
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (colon == std::string::npos || (kind != "claim" && kind != "hostPath")) {
    return Error(ErrorCode::kUsage, option + ": '" + Printable(text) + "' names no volume")
        .Hint("claim:NAME for a PersistentVolumeClaim, or hostPath:/PATH for a folder of the node");
  }
  auto volume =
      VolumeFromValue(Value().Set(kind, text.substr(colon + 1)).Set("path", CleanPath(path)), "");
  if (!volume) return Error(ErrorCode::kUsage, option + ": " + volume.error().message());
  return volume;
}

Status ReadUser(const std::string& text, ArgoSite& site) {
  const std::size_t colon = text.find(':');
  site.user = text.substr(0, colon);
  site.group = colon == std::string::npos ? site.user : text.substr(colon + 1);
  for (const std::string* number : {&site.user, &site.group}) {
    const bool digits =
        !number->empty() && number->size() <= 9 && number->front() != '0' &&
        std::all_of(number->begin(), number->end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits) continue;
    return Error(ErrorCode::kUsage, "--run-as: '" + Printable(text) + "' is no user")
        .Hint("UID or UID:GID, numbers above 0: pods of Holdfast do not run as root");
  }
  return Ok();
}

// Both stand in the files without more quotes than they need, so they are what Kubernetes takes, and nothing else.
Status CheckNames(const InitArgoArguments& arguments) {
  if (!IsDnsLabel(arguments.name_space)) {
    return Error(ErrorCode::kUsage,
                 "--namespace: '" + Printable(arguments.name_space) + "' is no name of a namespace")
        .Hint("small letters, digits and '-' between them, at most 63");
  }
  if (!arguments.image.empty() && !IsImageName(arguments.image)) {
    return Error(ErrorCode::kUsage,
                 "--image: '" + Printable(arguments.image) + "' is no name of an image")
        .Hint("[HOST[:PORT]/]PATH[:TAG][@sha256:<64 hex digits>], the path in small letters");
  }
  return Ok();
}

// A file becomes a key of a ConfigMap or a Secret, under its own name.
Status CheckKey(const std::string& file, const std::string& object) {
  const std::string name = fs::path(file).filename();
  if (IsConfigKey(name)) return Ok();
  return InvalidInput(Printable(file) + ": '" + Printable(name) + "' cannot be a key of the " +
                      object)
      .Hint(
          "give the file another name: Kubernetes takes letters, digits, '-', '_' and '.', at most "
          "253, and no '..' in front");
}

// The names under which a secret could stand in clear in a provider file.
std::set<std::string> SecretKeysOf(const Provider& provider) {
  std::set<std::string> keys;
  const auto add = [&keys](const Schema& schema) {
    for (const Field& field : schema.fields) {
      if (field.type != FieldType::kSecret) continue;
      keys.insert(field.name);
      keys.insert(field.aliases.begin(), field.aliases.end());
    }
  };
  if (provider.bank_entry() != nullptr) add(provider.bank_entry()->settings);
  for (const auto& plugin : provider.protections()) add(plugin->descriptor().settings);
  return keys;
}

class SiteReader {
 public:
  SiteReader(Session& session, const InitArgoArguments& arguments)
      : session_(session), arguments_(arguments) {}

  Result<ArgoSite> Read() {
    HOLDFAST_RETURN_IF_ERROR(CheckNames(arguments_));
    site_.image = arguments_.image;
    site_.name_space = arguments_.name_space;
    HOLDFAST_RETURN_IF_ERROR(ReadUser(arguments_.run_as, site_));
    HOLDFAST_ASSIGN_OR_RETURN(const ProviderFolder* const folder, session_.providers());
    std::vector<const ProviderConfig*> configs;
    for (const std::string& name : arguments_.providers) {
      HOLDFAST_ASSIGN_OR_RETURN(const ProviderConfig* const config, folder->Find(name));
      configs.push_back(config);
    }
    if (arguments_.providers.empty()) {
      for (const ProviderConfig& config : folder->providers) {
        if (config.enabled) configs.push_back(&config);
      }
    }
    if (configs.empty()) {
      return NotFound("there is no provider in " + Printable(folder->folder))
          .Hint(
              "--provider-config-dir names the folder of the provider files that the cluster is "
              "to have");
    }
    for (const ProviderConfig* const config : configs)
      HOLDFAST_RETURN_IF_ERROR(AddProvider(*config));
    HOLDFAST_RETURN_IF_ERROR(CheckSecrets());
    return std::move(site_);
  }

 private:
  Status CheckSecrets() const {
    for (const std::string& file : site_.secret_files)
      HOLDFAST_RETURN_IF_ERROR(CheckKey(file, "Secret holdfast-secrets"));
    for (const std::string& name : site_.secret_variables) {
      if (IsConfigKey(name)) continue;
      return InvalidInput("the variable '" + Printable(name) +
                          "' cannot be a key of the Secret holdfast-secrets")
          .Hint("give it another name: Kubernetes takes letters, digits, '-', '_' and '.'");
    }
    return Ok();
  }

  Status AddProvider(const ProviderConfig& config) {
    HOLDFAST_RETURN_IF_ERROR(CheckKey(config.file, "ConfigMap holdfast-providers"));
    HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, session_.OpenConfig(config));
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, ReadFile(config.file, kMostConfigMap));
    if (!config.key_file.value.empty())
      AddOnce(site_.secret_files, CleanPath(config.key_file.value));
    const std::set<std::string> secret_keys = SecretKeysOf(*provider);
    for (const IniSection& section : config.sections) {
      for (const IniEntry& entry : section.entries) {
        if (secret_keys.contains(entry.key)) {
          return InvalidInput("the secret '" + entry.key + "' stands here in clear")
              .At(entry.key_where)
              .Hint("everybody who may read ConfigMaps would read it: use " + entry.key +
                    "_file or " + entry.key + "_env, which become the Secret holdfast-secrets");
        }
        HOLDFAST_RETURN_IF_ERROR(AddSecret(secret_keys, entry));
        if (section.name == plugins::inventory::kSettingsSection && entry.key == "inventory")
          HOLDFAST_RETURN_IF_ERROR(AddInventory(entry.value));
      }
    }
    site_.providers.push_back(
        {config.name, config.id, fs::path(config.file).filename(), std::move(text)});
    HOLDFAST_RETURN_IF_ERROR(AddBank(*provider));
    return AddStaging(*provider);
  }

  // Where plugins stage what a later step takes. In pods that needs a volume, as each has a disk of its own.
  Status AddStaging(const Provider& provider) {
    for (const auto& plugin : provider.protections()) {
      for (const Field& field : plugin->descriptor().settings.fields) {
        if (field.name != "staging") continue;
        std::string folder =
            field.default_value.is_string() ? field.default_value.AsString() : std::string();
        for (const IniSection& section : provider.config().sections) {
          if (section.name != plugin->descriptor().settings_section) continue;
          for (const IniEntry& entry : section.entries) {
            if (entry.key == field.name) folder = entry.value;
          }
        }
        if (!folder.empty())
          HOLDFAST_RETURN_IF_ERROR(AddStagingFolder(plugin->descriptor().name, CleanPath(folder)));
      }
    }
    return Ok();
  }

  Status AddStagingFolder(const std::string& plugin, const std::string& folder) {
    for (const auto* volumes : {&site_.banks, &site_.staging}) {
      for (const Volume& volume : *volumes) {
        if (IsWithin(folder, volume.path)) return Ok();
      }
    }
    if (arguments_.staging.empty()) {
      return InvalidInput("what " + plugin + " stages in " + Printable(folder) +
                          " would be gone in the pod of the next step")
          .Hint(
              "--staging claim:NAME mounts a PersistentVolumeClaim there, --staging hostPath:/PATH "
              "a folder of the node");
    }
    HOLDFAST_ASSIGN_OR_RETURN(Volume volume,
                              ReadVolumeOption("--staging", arguments_.staging, folder));
    site_.staging.push_back(std::move(volume));
    return Ok();
  }

  Status AddSecret(const std::set<std::string>& secret_keys, const IniEntry& entry) {
    for (const std::string& key : secret_keys) {
      if (entry.key == key + "_file") AddOnce(site_.secret_files, CleanPath(entry.value));
      if (entry.key == key + "_env") AddOnce(site_.secret_variables, entry.value);
    }
    return Ok();
  }

  Status AddBank(const Provider& provider) {
    const std::string folder = provider.bank_folder();
    if (folder.empty()) return Ok();
    if (arguments_.bank.empty()) {
      return InvalidInput("the bank of provider " + Printable(provider.config().name) +
                          " is the folder " + Printable(folder) + ", which no pod has")
          .Hint(
              "--bank claim:NAME mounts a PersistentVolumeClaim there, --bank hostPath:/PATH a "
              "folder of the node");
    }
    HOLDFAST_ASSIGN_OR_RETURN(Volume volume, ReadVolumeOption("--bank", arguments_.bank, folder));
    if (site_.banks.empty()) site_.banks.push_back(volume);
    if (site_.banks.front() == volume) return Ok();
    return InvalidInput("two providers have banks in two folders: " +
                        Printable(site_.banks.front().path) + " and " + Printable(volume.path))
        .Hint("--provider says which of them this site is for; one volume holds one of them");
  }

  Status AddInventory(const std::string& file) {
    const std::string path = CleanPath(file);
    HOLDFAST_RETURN_IF_ERROR(CheckKey(path, "ConfigMap holdfast-inventory"));
    for (const ArgoSite::File& known : site_.inventories) {
      if (known.path == path) return Ok();
      if (fs::path(known.path).filename() != fs::path(path).filename()) continue;
      return InvalidInput("two inventories are called " +
                          Printable(fs::path(path).filename().string()))
          .Hint("they are keys of one ConfigMap: give them different names");
    }
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, session_.files().Read(path, kMostConfigMap));
    HOLDFAST_ASSIGN_OR_RETURN(const auto inventory, plugins::inventory::ParseInventory(text, path));
    const auto add = [this](const auto& entries) {
      for (const auto& entry : entries) {
        if (!entry.volume) continue;
        if (std::find(site_.volumes.begin(), site_.volumes.end(), *entry.volume) ==
            site_.volumes.end())
          site_.volumes.push_back(*entry.volume);
      }
    };
    add(inventory.applications);
    add(inventory.directories);
    add(inventory.sqlite);
    add(inventory.postgresql);
    for (const auto& entry : inventory.postgresql) {
      if (!entry.password_file.empty()) AddOnce(site_.secret_files, CleanPath(entry.password_file));
      if (!entry.password_env.empty()) AddOnce(site_.secret_variables, entry.password_env);
    }
    site_.inventories.push_back({path, std::move(text)});
    return Ok();
  }

  Session& session_;
  const InitArgoArguments& arguments_;
  ArgoSite site_;
};

// What is not given is what it was the last time.
Status TakeAnswers(const Value& answers, InitArgoArguments& arguments) {
  if (answers.is_map()) {
    for (const auto& [key, value] : {std::pair{"image", &arguments.image},
                                     {"namespace", &arguments.name_space},
                                     {"bank", &arguments.bank},
                                     {"staging", &arguments.staging},
                                     {"run_as", &arguments.run_as}}) {
      if (value->empty()) *value = answers.StringOr(key, "");
    }
    const Value* const providers = answers.Find("providers");
    if (arguments.providers.empty() && providers != nullptr && providers->is_list()) {
      for (const Value& name : providers->AsList()) {
        if (name.is_string()) arguments.providers.push_back(name.AsString());
      }
    }
  }
  if (arguments.name_space.empty()) arguments.name_space = "argo";
  if (arguments.run_as.empty()) arguments.run_as = "10001";
  return Ok();
}

Value AnswersOf(const InitArgoArguments& arguments) {
  return Value()
      .Set("image", arguments.image)
      .Set("namespace", arguments.name_space)
      .Set("bank", arguments.bank)
      .Set("staging", arguments.staging)
      .Set("run_as", arguments.run_as)
      .Set("providers", Value::List(arguments.providers.begin(), arguments.providers.end()));
}

std::string_view NameOf(KeptFile::Outcome outcome, bool dry_run) {
  switch (outcome) {
    case KeptFile::Outcome::kWritten:
      return dry_run ? "would write" : "wrote";
    case KeptFile::Outcome::kSame:
      return "unchanged";
    case KeptFile::Outcome::kUpdated:
      return dry_run ? "would update" : "updated";
    case KeptFile::Outcome::kLeftAlone:
      return "left alone";
  }
  return "";
}

void Show(const Output& out, const std::string& folder, const std::vector<KeptFile>& files,
          bool dry_run) {
  for (const KeptFile& file : files) {
    const std::string path = (fs::path(folder) / file.name).string();
    out.Json("file", Value()
                         .Set("file", path)
                         .Set("outcome", NameOf(file.outcome, dry_run))
                         .Set("diff", file.diff));
    out.Line(std::string(NameOf(file.outcome, dry_run)) + " " + path +
             (file.outcome == KeptFile::Outcome::kLeftAlone ? ": it was edited; what would change:"
                                                            : ""));
    for (const std::string_view line : Split(Trim(file.diff), '\n')) {
      if (!line.empty()) out.Line("  " + std::string(line));
    }
  }
}

void SayNext(const Output& out, const InitArgoArguments& arguments, const ArgoSite& site) {
  if (site.image.empty()) {
    out.Say(
        "note: the image is a placeholder: 'make image' builds one and prints its name, "
        "'holdfast init argo " +
        Printable(arguments.folder) + " --image NAME' puts it in");
  } else if (site.image.find("@sha256:") == std::string::npos) {
    out.Say("note: the image has no digest: what a tag names can change under you");
  }
  if (!site.secret_files.empty() || !site.secret_variables.empty()) {
    std::string command =
        "kubectl -n " + site.name_space + " create secret generic holdfast-secrets";
    for (const std::string& file : site.secret_files)
      command += " " + ShellWord("--from-file=" + file);
    for (const std::string& name : site.secret_variables)
      command += " --from-literal=" + name + "=\"$" + name + "\"";
    out.Say("secrets: " + command);
  }
  out.Say("next: kubectl apply -k " + ShellWord(arguments.folder));
}

Status Init(Session& session, InitArgoArguments arguments) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value before, ReadKeptAnswers(arguments.folder));
  HOLDFAST_RETURN_IF_ERROR(TakeAnswers(before, arguments));
  HOLDFAST_ASSIGN_OR_RETURN(const ArgoSite site, SiteReader(session, arguments).Read());
  if (arguments.templates.empty()) {
    HOLDFAST_ASSIGN_OR_RETURN(arguments.templates, TemplatesFolder());
  }
  std::map<std::string, std::string> templates;
  HOLDFAST_ASSIGN_OR_RETURN(const auto sources, local::ReadTemplateFolder(arguments.templates));
  for (const local::SourceFile& source : sources)
    templates.emplace(fs::path(source.path).filename().string(), source.text);
  HOLDFAST_ASSIGN_OR_RETURN(const auto files, FillArgoSite(templates, site));
  HOLDFAST_ASSIGN_OR_RETURN(
      const std::vector<KeptFile> kept,
      WriteKeptFiles(arguments.folder, files, AnswersOf(arguments), arguments.dry_run));
  Show(session.out(), arguments.folder, kept, arguments.dry_run);
  if (!arguments.dry_run) SayNext(session.out(), arguments, site);
  return Ok();
}

}  // namespace

int InitArgo(Session& session, const InitArgoArguments& arguments) {
  const Status done = Init(session, arguments);
  return done ? 0 : session.out().Fail(done.error());
}

}  // namespace holdfast::cli
