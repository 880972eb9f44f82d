#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "plugins/conformance/built_in_samples.h"
#include "plugins/conformance/plugin_suite.h"
#include "plugins/sdk/counted.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/process_runner.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"
#include "runtime/cli/commands.h"

namespace holdfast::cli {

namespace {

using plugins::conformance::PluginSample;

constexpr std::string_view kExec = "exec:";
constexpr auto kLongestCheck = std::chrono::hours(1);  // of all checks of a plugin

constexpr std::string_view kScratchPrefix = "holdfast-check-";

// Removes what checks left behind whose process is gone. Only folders of our own user: the place is
// open to everybody.
void RemoveStaleScratch(const std::filesystem::path& place) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(place, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kScratchPrefix)) continue;
    // holdfast-check-PID-START-XXXXXX
    const auto parts = Split(std::string_view(name).substr(kScratchPrefix.size()), '-');
    if (parts.size() != 3) continue;
    int pid = 0;
    std::uint64_t start = 0;
    const auto read_pid = std::from_chars(parts[0].data(), parts[0].data() + parts[0].size(), pid);
    const auto read_start =
        std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), start);
    if (read_pid.ec != std::errc() || read_start.ec != std::errc()) continue;
    struct stat info {};
    if (::lstat(entry.path().c_str(), &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_uid != ::geteuid())
      continue;
    const auto owner = FindProcess(pid);
    if (owner && owner->start_time == start) continue;
    std::error_code ignored;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

// A folder of this process only, gone with it; named so that what a killed one leaves is found.
class ScratchFolder {
 public:
  static Result<ScratchFolder> Make() {
    std::error_code error;
    const std::filesystem::path place = std::filesystem::temp_directory_path(error);
    if (error) return SystemError(error.value(), "finding the folder for temporary files");
    RemoveStaleScratch(place);
    const ProcessIdentity self = OwnProcessIdentity();
    std::string path = (place / (std::string(kScratchPrefix) + std::to_string(self.pid) + "-" +
                                 std::to_string(self.start_time) + "-XXXXXX"))
                           .string();
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

// What a plugin can be tried on: what `file` says, else what is built in or, for an executable,
// what the file beside it says.
Result<std::optional<PluginSample>> SampleOf(const std::string& plugin, std::string file) {
  if (file.empty()) {
    if (!plugin.starts_with(kExec)) return plugins::conformance::BuiltInSample(plugin);
    file = plugin.substr(kExec.size()) + ".sample.yaml";
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return std::optional<PluginSample>();
  }
  HOLDFAST_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseYaml(text, file));
  HOLDFAST_ASSIGN_OR_RETURN(PluginSample sample,
                            plugins::conformance::SampleFromValue(value, file));
  return std::optional<PluginSample>(std::move(sample));
}

// How many promises were asked for, and how many are broken.
struct Sum {
  std::uint64_t checked = 0;
  std::uint64_t broken = 0;
};

// What a plugin's process says, line by line. What is none of ours the plugin has printed.
class ChildReport final : public ByteSink {
 public:
  ChildReport(const Output& out, std::string plugin) : out_(out), plugin_(std::move(plugin)) {}

  Status Write(std::span<const std::byte> data) override {
    text_.append(AsText(data));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      Take(std::string_view(text_).substr(begin, end - begin));
    }
    text_.erase(0, begin);
    return Ok();
  }

  // The check that was running when the process ended; empty when none was.
  const std::string& running() const { return running_; }
  std::size_t next() const { return next_; }  // of the checks, the first that has not been begun
  bool ended() const { return ended_; }       // it said everything that it had to say
  const Sum& sum() const { return sum_; }

  void Tell(const std::string& name, const std::string& error) {
    Value datum = Value().Set("plugin", plugin_).Set("name", name).Set("ok", error.empty());
    ++sum_.checked;
    if (error.empty()) {
      out_.Line("  ok      " + name);
    } else {
      ++sum_.broken;
      out_.Line("  FAILED  " + name + ": " + Printable(error));
      datum.Set("error", Printable(error));
    }
    out_.Json("plugin-check", std::move(datum));
  }

 private:
  void Take(std::string_view line) {
    const auto message = ParseJson(line, "what the plugin's process says");
    const std::string type =
        message && message->is_map() ? message->StringOr("message_type", "") : "";
    if (type == "plugin-check-begins") {
      running_ = message->StringOr("name", "");
      next_ = static_cast<std::size_t>(message->IntOr("number", 0)) + 1;
    } else if (type == "plugin-check-ended") {
      Tell(running_, message->StringOr("error", ""));
      running_.clear();
    } else if (type == "plugin-checks-ended") {
      ended_ = true;
    } else if (type == "error") {
      out_.Json(type, *message);
    } else {
      out_.Say(Printable(line));
    }
  }

  const Output& out_;
  const std::string plugin_;
  std::string text_;
  std::string running_;
  std::size_t next_ = 0;
  bool ended_ = false;
  Sum sum_;
};

std::string HowItEnded(const ProcessOutcome& outcome) {
  if (outcome.timed_out) return "the plugin's process took too long and was ended";
  if (outcome.signal != 0) {
    const char* const name = ::sigabbrev_np(outcome.signal);
    return std::string("the plugin's process was ended by ") +
           (name != nullptr ? "SIG" + std::string(name)
                            : "signal " + std::to_string(outcome.signal));
  }
  return "the plugin ended its process, with exit code " + std::to_string(outcome.exit_code);
}

// How many need something to protect, where there is nothing.
void SayLeftOut(const Output& out, const std::string& name, bool has_sample) {
  const auto checks = plugins::conformance::PluginChecks();
  const auto left_out = std::count_if(checks.begin(), checks.end(),
                                      [](const auto& check) { return check.needs_sample; });
  if (has_sample || left_out == 0) return;
  out.Say(std::to_string(left_out) + " checks of '" + Printable(name) +
          "' need something to protect and were left out: describe it in " +
          (name.starts_with(kExec) ? Printable(name.substr(kExec.size())) + ".sample.yaml"
                                   : "a file for --sample"));
}

// One plugin. The exit code of a process that could not try it at all, else 0.
Result<int> CheckOne(Session& session, const std::string& name, const std::string& sample,
                     Sum& all) {
  const Output& out = session.out();
  ChildReport report(out, name);
  out.Line(Printable(name));
  int exit_code = 0;
  while (!report.ended()) {
    const std::size_t before = report.next();
    HOLDFAST_ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make());
    ProcessSpec spec;
    spec.argv = {"/proc/self/exe",      "--json", "plugins", "check-here", name, folder.path(),
                 std::to_string(before)};
    if (!sample.empty()) spec.argv.push_back("--sample=" + sample);
    spec.deadline = kLongestCheck;
    spec.cancellation = &session.cancellation();
    spec.output = &report;
    spec.on_error_line = [](std::string_view line) {
      std::fprintf(stderr, "%s\n", Printable(line).c_str());
    };
    HOLDFAST_ASSIGN_OR_RETURN(const ProcessOutcome outcome, session.processes().Run(spec));
    if (outcome.cancelled) return CancelledError();
    if (report.ended()) break;
    // A check that crashed is a broken promise; those after it get another process.
    if (!report.running().empty()) {
      report.Tell(report.running(), HowItEnded(outcome));
      if (report.next() > before) continue;
    } else if (outcome.exit_code != 0) {
      exit_code = outcome.exit_code;  // it has said why
    } else {
      report.Tell("ThePluginCanBeLoaded", HowItEnded(outcome));
    }
    break;
  }
  all.checked += report.sum().checked;
  all.broken += report.sum().broken;
  return exit_code;
}

}  // namespace

int CheckPluginHere(Session& session, const PluginsArguments& arguments) {
  const Output& out = session.out();
  const std::string& name = arguments.plugin;
  if (auto status = session.plugins().Require(name, session.registry()); !status) {
    if (status.error().code() != ErrorCode::kNotFound || name.starts_with("exec:"))
      return out.Fail(status.error());
    const std::string near = Nearest(name, session.plugins().Names());
    return out.Fail(Error(status.error())
                        .Hint(near.empty() ? "'holdfast plugins list' shows those built in"
                                           : "did you mean '" + near + "'?"));
  }
  plugins::conformance::PluginUnderTest plugin;
  plugin.entry = session.registry().FindProtection(name);
  if (plugin.entry == nullptr)
    return out.Fail(NotFound("'" + Printable(name) + "' is no protection plugin"));
  const auto sample = SampleOf(name, arguments.sample);
  if (!sample) return out.Fail(sample.error());
  if (*sample) {
    plugin.sample = &**sample;
  } else if (auto made =
                 CheckAgainstSchema(plugin.entry->descriptor.settings, Value(), "", "settings");
             !made) {
    return out.Fail(
        std::move(made)
            .error()
            .While("'" + Printable(name) + "' cannot be tried without a sample")
            .Hint("describe what it is tried on, with its settings, in PATH.sample.yaml"));
  }
  plugins::conformance::PluginCheckOptions options;
  options.folder = arguments.folder;
  options.processes = &session.processes();
  const auto checks = plugins::conformance::PluginChecks();
  for (std::size_t i = arguments.first; i < checks.size(); ++i) {
    if (checks[i].needs_sample && plugin.sample == nullptr) continue;
    out.Json("plugin-check-begins",
             Value().Set("name", checks[i].name).Set("number", static_cast<std::uint64_t>(i)));
    const auto result = plugins::conformance::RunPluginCheck(plugin, checks[i], options);
    out.Json("plugin-check-ended", result.outcome
                                       ? Value(Value::Map{})
                                       : Value().Set("error", result.outcome.error().OneLine()));
  }
  SayLeftOut(Output(false, false), name, plugin.sample != nullptr);
  out.Json("plugin-checks-ended", Value(Value::Map{}));
  return 0;
}

int CheckPlugins(Session& session, const PluginsArguments& arguments) {
  const Output& out = session.out();
  if (!arguments.sample.empty() && arguments.plugin.empty()) {
    return out.Fail(Error(ErrorCode::kUsage, "--sample is of one plugin")
                        .Hint("name it: holdfast plugins check PLUGIN --sample FILE"));
  }
  std::vector<std::string> names{arguments.plugin};
  if (arguments.plugin.empty()) names = session.plugins().Names();
  Sum all;
  int exit_code = 0;
  for (const std::string& name : names) {
    const auto code = CheckOne(session, name, arguments.sample, all);
    if (!code) {
      exit_code = out.Fail(code.error());
    } else if (*code != 0) {
      exit_code = *code;
    }
  }
  if (all.broken > 0) {
    return out.Fail(InvalidInput(std::to_string(all.broken) + " of " +
                                 Counted(all.checked, "promise") +
                                 (all.broken == 1 ? " is broken" : " are broken"))
                        .Hint("what a plugin must keep: docs/how-to/write-a-plugin.md"));
  }
  if (exit_code == 0) out.Say(Counted(all.checked, "promise is kept", "promises are kept"));
  return exit_code;
}

}  // namespace holdfast::cli
