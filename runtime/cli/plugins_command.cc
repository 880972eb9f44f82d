#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "plugins/conformance/built_in_samples.h"
#include "plugins/conformance/plugin_suite.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

namespace {

using plugins::conformance::PluginSample;

constexpr std::string_view kExec = "exec:";

// A folder of this process only, gone with it.
class ScratchFolder {
 public:
  static Result<ScratchFolder> Make() {
    std::error_code error;
    std::string path = (std::filesystem::temp_directory_path(error) / "holdfast-check-XXXXXX").string();
    if (error) return SystemError(error.value(), "finding the folder for temporary files");
    if (::mkdtemp(path.data()) == nullptr) return SystemError(errno, "making " + path);
    return ScratchFolder(std::move(path));
  }
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The file beside an executable that says on what it can be tried.
Result<std::optional<PluginSample>> SampleOf(const std::string& plugin) {
  if (!plugin.starts_with(kExec)) return plugins::conformance::BuiltInSample(plugin);
  const std::string file = plugin.substr(kExec.size()) + ".sample.yaml";
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return std::optional<PluginSample>();
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseYaml(text, file));
  HOLDFAST_ASSIGN_OR_RETURN(PluginSample sample, plugins::conformance::SampleFromValue(value, file));
  return std::optional<PluginSample>(std::move(sample));
}

// How many promises were asked for, and how many are broken.
struct Sum {
  int checked = 0;
  int broken = 0;
};

Result<Sum> CheckOne(Session& session, const std::string& name) {
  const Output& out = session.out();
  HOLDFAST_RETURN_IF_ERROR(session.plugins().Require(name, session.registry()));
  plugins::conformance::PluginUnderTest plugin;
  plugin.entry = session.registry().FindProtection(name);
  if (plugin.entry == nullptr) return NotFound("'" + Printable(name) + "' is no protection plugin");
  HOLDFAST_ASSIGN_OR_RETURN(const auto sample, SampleOf(name));
  if (sample) plugin.sample = &*sample;
  if (!sample) {
    const auto made = CheckAgainstSchema(plugin.entry->descriptor.settings, Value(), "", "settings");
    if (!made) {
      return Error(made.error())
          .While("'" + Printable(name) + "' cannot be tried without a sample")
          .Hint("describe what it is tried on, with its settings, in PATH.sample.yaml");
    }
  }
  HOLDFAST_ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make());
  plugins::conformance::PluginCheckOptions options;
  options.folder = folder.path();
  options.processes = &session.processes();

  out.Line(Printable(name));
  Sum sum;
  int left_out = 0;
  for (const plugins::conformance::PluginCheck& check : plugins::conformance::PluginChecks()) {
    if (session.cancellation().is_set()) return CancelledError();
    if (check.needs_sample && plugin.sample == nullptr) {
      ++left_out;
      continue;
    }
    const auto result = plugins::conformance::RunPluginCheck(plugin, check, options);
    ++sum.checked;
    Value datum =
        Value().Set("plugin", name).Set("name", result.name).Set("ok", result.outcome.has_value());
    if (result.outcome) {
      out.Line("  ok      " + result.name);
    } else {
      ++sum.broken;
      out.Line("  FAILED  " + result.name + ": " + result.outcome.error().OneLine());
      datum.Set("error", result.outcome.error().OneLine());
    }
    out.Json("plugin-check", std::move(datum));
  }
  if (left_out > 0) {
    std::string words = std::to_string(left_out) + " checks of '" + Printable(name) +
                        "' need something to protect and were left out";
    if (name.starts_with(kExec)) {
      words += ": describe it in " + Printable(name.substr(kExec.size())) + ".sample.yaml";
    }
    out.Say(words);
  }
  return sum;
}

}  // namespace

int CheckPlugins(Session& session, const PluginsArguments& arguments) {
  const Output& out = session.out();
  std::vector<std::string> names{arguments.plugin};
  if (arguments.plugin.empty()) names = session.plugins().Names();
  Sum all;
  int exit_code = 0;
  for (const std::string& name : names) {
    const auto sum = CheckOne(session, name);
    if (!sum) {
      exit_code = out.Fail(sum.error());
      continue;
    }
    all.checked += sum->checked;
    all.broken += sum->broken;
  }
  if (all.broken > 0) {
    return out.Fail(InvalidInput(std::to_string(all.broken) + " of " + std::to_string(all.checked) +
                                 " promises are broken")
                        .Hint("what a plugin must keep: docs/how-to/write-a-plugin.md"));
  }
  if (exit_code == 0) out.Say("all " + std::to_string(all.checked) + " promises are kept");
  return exit_code;
}

}  // namespace holdfast::cli
