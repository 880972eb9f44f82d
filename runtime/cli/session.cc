#include "runtime/cli/session.h"

#include <unistd.h>

#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"
#include "runtime/modules/module_loader.h"

namespace holdfast::cli {

namespace {

// What plugins warn of while they list and check, as a command's own warnings.
class WarningsForPeople final : public Logger {
 public:
  explicit WarningsForPeople(const Output& out) : out_(out) {}
  void Log(LogLevel level, std::string_view message, const Value&) override {
    if (level >= LogLevel::kWarning) out_.Warn(Printable(message));
  }

 private:
  const Output& out_;  // Not owned; outlives this.
};

}  // namespace

Session::Session(const GlobalArguments& arguments)
    : out_(arguments.json, arguments.quiet),
      provider_folder_path_(ProviderFolderPath(arguments.provider_config_dir)),
      plugins_(runtime::MakeModuleLoader()),
      processes_(MakeProcessRunner()),
      // Plugins' own log lines are for those who look for them; a command's words are its own.
      log_(std::make_unique<JsonLinesLogger>(STDERR_FILENO, SystemClock(), LogLevel::kError,
                                             Value())),
      warnings_(std::make_unique<WarningsForPeople>(out_)) {
  runtime::RegisterBuiltIns(registry_);
}

Session::~Session() = default;

Status Session::LoadAllPlugins() {
  for (const std::string& name : plugins_->Names()) {
    HOLDFAST_RETURN_IF_ERROR(plugins_->Require(name, registry_));
  }
  return registry_.status();
}

Result<const ProviderFolder*> Session::providers() {
  if (folder_ == nullptr) {
    auto folder = LoadProviderFolder(provider_folder_path_);
    if (!folder) {
      return std::move(folder).error().Hint(
          "--provider-config-dir or HOLDFAST_PROVIDER_CONFIG_DIR names the folder of provider "
          "files");
    }
    folder_ = std::make_unique<ProviderFolder>(std::move(*folder));
    for (const ProviderConfig& config : folder_->providers) files_.Note(config);
    for (const ProviderFolder::Broken& broken : folder_->broken) files_.Note(broken.file);
  }
  return static_cast<const ProviderFolder*>(folder_.get());
}

Result<Provider*> Session::OpenProvider(std::string_view name_or_id, Warnings warnings) {
  HOLDFAST_ASSIGN_OR_RETURN(const ProviderFolder* const folder, providers());
  const ProviderConfig* config = nullptr;
  if (name_or_id.empty()) {
    for (const ProviderConfig& candidate : folder->providers) {
      if (!candidate.enabled) continue;
      if (config != nullptr) {
        return Error(ErrorCode::kUsage, "there are several providers")
            .Hint("name one with --provider");
      }
      config = &candidate;
    }
    if (config == nullptr) {
      return NotFound("there is no provider in " + folder->folder)
          .Hint("'holdfast providers check' says what is wrong with the files that are there");
    }
  } else {
    HOLDFAST_ASSIGN_OR_RETURN(config, folder->Find(name_or_id));
  }
  const std::size_t before = opened_.size();
  HOLDFAST_ASSIGN_OR_RETURN(Provider* const provider, OpenConfig(*config));
  if (opened_.size() > before && warnings == Warnings::kSay) {
    for (const std::string& warning : provider->warnings()) out_.Warn(warning);
  }
  return provider;
}

Result<Provider*> Session::OpenConfig(const ProviderConfig& config) {
  for (const auto& provider : opened_) {
    if (provider->config().id == config.id) return provider.get();
  }
  HOLDFAST_ASSIGN_OR_RETURN(auto provider, Provider::Open(config, registry_, *plugins_));
  provider->GiveToBank({log_.get(), &cancellation_, patience_});
  opened_.push_back(std::move(provider));
  return opened_.back().get();
}

Result<BankSection> Session::TenantSection(Provider& provider, SectionAccess access) {
  return provider.tenant_section(access,
                                 access == SectionAccess::kRead ? BankUse::kRead : BankUse::kWrite);
}

std::unique_ptr<Context> Session::MakeContext(const Provider& provider,
                                              std::chrono::milliseconds deadline) {
  return std::make_unique<Context>(provider.config().tenant, clock(), *warnings_, *processes_,
                                   cancellation_, clock().Steady() + deadline);
}

}  // namespace holdfast::cli
