#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/cancellation.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/log.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/registry.h"
#include "runtime/cli/output.h"
#include "runtime/cli/user_files.h"

namespace holdfast::cli {

// What every command is given.
struct GlobalArguments {
  std::string provider_config_dir;  // empty: HOLDFAST_PROVIDER_CONFIG_DIR, else the default
  bool json = false;
  bool quiet = false;
};

// The parts that a command works with: output, plugins, providers, time, processes. One per
// process; made by main, one thread.
class Session {
 public:
  explicit Session(const GlobalArguments& arguments);
  ~Session();

  const Output& out() const { return out_; }
  // The folder that providers are read from.
  const std::string& provider_folder_path() const { return provider_folder_path_; }
  PluginRegistry& registry() { return registry_; }
  UserFiles& files() { return files_; }
  PluginSource& plugins() { return *plugins_; }
  ProcessRunner& processes() { return *processes_; }
  Cancellation& cancellation() { return cancellation_; }
  const Clock& clock() const { return SystemClock(); }
  Logger& log() { return *log_; }

  // Opens every module that is built in, so that the registry holds all there is.
  Status LoadAllPlugins();
  // Reads the provider folder (once).
  Result<const ProviderFolder*> providers();
  // The provider of that name or id, opened with its parts; its warnings are said once, unless they
  // are left to a step that is started next. An empty name means the only provider that there is.
  enum class Warnings { kSay, kLeave };
  Result<Provider*> OpenProvider(std::string_view name_or_id, Warnings warnings = Warnings::kSay);
  // The same of a file of the folder that was read, without a word of its warnings.
  Result<Provider*> OpenConfig(const ProviderConfig& config);
  // Of the banks of providers that are opened from here on: of who only looks on (BankParts::patience).
  void HavePatience(std::chrono::seconds patience) { patience_ = patience; }
  // The bank section of the tenant, of an opened provider.
  Result<BankSection> TenantSection(Provider& provider, SectionAccess access);
  // A context for discovery and checks, with a deadline from now. What plugins warn of in it is said.
  std::unique_ptr<Context> MakeContext(const Provider& provider,
                                       std::chrono::milliseconds deadline);

 private:
  Output out_;
  std::string provider_folder_path_;
  PluginRegistry registry_;
  UserFiles files_;
  std::unique_ptr<PluginSource> plugins_;
  std::unique_ptr<ProcessRunner> processes_;
  std::unique_ptr<Logger> log_;
  std::unique_ptr<Logger> warnings_;
  Cancellation cancellation_;
  std::unique_ptr<ProviderFolder> folder_;
  std::vector<std::unique_ptr<Provider>> opened_;
  std::optional<std::chrono::seconds> patience_;
};

}  // namespace holdfast::cli
