#include "runtime/agent/options.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>

#include "plugins/sdk/descriptor_owner.h"
#include "plugins/sdk/exit_code.h"
#include "plugins/sdk/file.h"
#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"

// The one file of the agent that sees CLI11.

namespace holdfast::agent {

namespace {

constexpr std::string_view kVersionText = "holdfast-agent " HOLDFAST_VERSION;
constexpr std::string_view kDefaultListen = "127.0.0.1:8779";
constexpr std::size_t kShortestToken = 16;
constexpr std::uint64_t kLongestToken = std::uint64_t{4} << 10U;
constexpr mode_t kOthersThanTheOwner = 077;
constexpr mode_t kEverybody = 007;
constexpr unsigned kMostJobs = 256;  // AllowDescriptorsFor finds out whether they fit
constexpr unsigned kHighestRate = 10'000;
constexpr int kLongestGrace = 3'600;
// What every command of holdfast-step has, and no request says.
constexpr std::array<std::string_view, 3> kStepOptions{"provider-config-dir", "log-dir", "verbose"};

constexpr std::string_view kAbout =
    R"(Runs the steps of workflows that OpenStack Mistral carries out, on this machine.

Mistral's action holdfast.step (templates/mistral/holdfast-step-agent.yaml) sends each
step here; the agent keeps it, runs holdfast-step, and tells Mistral how it ended: so a
long step holds no thread of Mistral, and a restart of either side loses none (what comes
while the agent is away, Mistral tries again as often as the plan says).)";

std::string Footer() {
  std::string out =
      R"(Where Mistral is, and who the agent is there, the environment says, as for `holdfast submit`:
OS_MISTRAL_URL, or OS_AUTH_URL and its like (the openrc file of your cloud). Steps see none
of these variables.

SIGTERM ends the steps at work, which record what they did and run again at the next start;
what is handed in until they have ended is kept for it.

Example:
  holdfast-agent --token-file /etc/holdfast/agent.token \
    --step-option=--provider-config-dir=/etc/holdfast/providers.d

Exit codes:
)";
  for (const ExitCodeEntry& entry : kExitCodes) {
    switch (entry.code) {
      case ExitCode::kOk:
      case ExitCode::kInternal:
      case ExitCode::kUsage:
      case ExitCode::kInvalidInput:
      case ExitCode::kNotFound:
      case ExitCode::kDenied:
      case ExitCode::kTryAgain:
        out += fmt::format("  {:>3}  {:<16} {}\n", static_cast<int>(entry.code), entry.name,
                           entry.meaning);
        break;
      case ExitCode::kLocked:
        out += fmt::format("  {:>3}  {:<16} {}\n", static_cast<int>(entry.code), entry.name,
                           "another agent works in the state folder");
        break;
      default:
        break;
    }
  }
  return out;
}

// What the options write into.
struct Raw {
  AgentOptions options;
  std::string listen{kDefaultListen};
  bool insecure = false;
  int grace = 60;
};

void Declare(CLI::App& app, Raw& raw) {
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", std::string(kVersionText));
  app.footer(Footer());
  app.add_option("--listen", raw.listen,
                 "In digits, [ADDRESS]:PORT for IPv6 (default: 127.0.0.1:8779). One that other "
                 "machines reach needs TLS, or --insecure")
      ->type_name("ADDRESS:PORT");
  app.add_option("--token-file", raw.options.token_file,
                 "The bearer token that clients send: a file that only its owner may read, with at "
                 "least 16 characters (openssl rand -hex 32)")
      ->required()
      ->type_name("FILE");
  app.add_option("--tls-certificate", raw.options.tls_certificate_file,
                 "Serve TLS, with this certificate and its chain in PEM")
      ->type_name("FILE");
  app.add_option("--tls-key", raw.options.tls_key_file, "Its private key in PEM")
      ->type_name("FILE");
  app.add_flag("--insecure", raw.insecure,
               "Listen without TLS where other machines reach it: whoever sees the network then "
               "sees the token, and can have any step run");
  app.add_option("--state-dir", raw.options.state_folder,
                 "Where accepted steps are kept, one agent a folder (default: "
                 "/var/lib/holdfast-agent of root, else $XDG_STATE_HOME/holdfast/agent)")
      ->type_name("DIR");
  app.add_option(
         "--jobs", raw.options.jobs,
         "How many steps run at once (default: 16); those that may take hours leave two to the "
         "others")
      ->check(CLI::Range(1U, kMostJobs))
      ->type_name("N");
  app.add_option("--rate", raw.options.rate,
                 "How many requests a second are answered (default: 100); a tenth of it to those "
                 "without the token")
      ->check(CLI::Range(1U, kHighestRate))
      ->type_name("N");
  app.add_option("--step-program", raw.options.step_program,
                 "The program of a step (default: holdfast-step beside this one)")
      ->type_name("FILE");
  app.add_option("--step-option", raw.options.step_options,
                 "An option for every step, repeated for more: --step-option=--log-dir=DIR; also "
                 "--provider-config-dir, --verbose")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("OPTION");
  app.add_option("--grace", raw.grace, "What steps at work have to end at SIGTERM (default: 60)")
      ->check(CLI::Range(0, kLongestGrace))
      ->type_name("SECONDS");
  app.add_flag("--verbose", raw.options.verbose, "Log debug lines, too");
}

Error Usage(std::string message, std::string hint) {
  return Error(ErrorCode::kUsage, std::move(message)).Hint(std::move(hint));
}

Status CheckStepOption(const std::string& option) {
  const std::string_view text(option);
  const auto equals = text.find('=');
  const std::string_view name =
      text.starts_with("--") ? text.substr(2, equals == text.npos ? equals : equals - 2) : "";
  const bool known =
      std::find(kStepOptions.begin(), kStepOptions.end(), name) != kStepOptions.end();
  const bool has_value = equals != text.npos && equals + 1 < text.size();
  if (known && (has_value || (name == "verbose" && equals == text.npos))) return Ok();
  return Usage("--step-option: '" + Printable(option) + "' is no option for every step",
               "--step-option=--provider-config-dir=DIR, --log-dir=DIR or --verbose");
}

Status Complete(Raw& raw) {
  AgentOptions& options = raw.options;
  auto listen = net::ParseListenAddress(raw.listen);
  if (!listen) return std::move(listen).error().While("--listen");
  options.listen = *listen;
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty())
    return Usage("--tls-certificate and --tls-key belong together", "give both, or neither");
  const bool tls = !options.tls_certificate_file.empty();
  if (tls && raw.insecure) return Usage("--insecure is for an agent without TLS", "leave it out");
  if (!options.listen.loopback && !tls && !raw.insecure) {
    return Usage("other machines reach " + options.listen.Text() +
                     ", and without TLS whoever sees the network sees the token",
                 "give --tls-certificate and --tls-key, or say --insecure");
  }
  for (const std::string& option : options.step_options)
    HOLDFAST_RETURN_IF_ERROR(CheckStepOption(option));
  if (options.step_program.empty()) options.step_program = ProgramFolder() + "/holdfast-step";
  if (options.state_folder.empty()) options.state_folder = DefaultStateFolder();
  options.grace = std::chrono::seconds(raw.grace);
  return Ok();
}

}  // namespace

std::string DefaultStateFolder() {
  if (::geteuid() == 0) return "/var/lib/holdfast-agent";
  return UserStateFolder() + "/holdfast/agent";
}

Result<AgentOptions> ParseAgentOptions(const std::vector<std::string>& arguments) {
  // CLI11 throws what is wrong with a command line, and a declaration of ours that is.
  try {
    Raw raw;
    CLI::App app(std::string(kAbout), "holdfast-agent");
    Declare(app, raw);
    try {
      std::vector<std::string> backwards(arguments.rbegin(), arguments.rend());
      app.parse(std::move(backwards));
    } catch (const CLI::CallForHelp&) {
      raw.options.said = app.help();
      return raw.options;
    } catch (const CLI::CallForVersion&) {
      raw.options.said = std::string(kVersionText) + "\n";
      return raw.options;
    } catch (const CLI::ParseError& problem) {
      std::string message = problem.what();
      std::replace(message.begin(), message.end(), '\n', ' ');
      return Usage(Printable(message), "holdfast-agent --help");
    }
    HOLDFAST_RETURN_IF_ERROR(Complete(raw));
    return std::move(raw.options);
  } catch (const std::exception& problem) {
    return Internal(problem.what());
  }
}

std::string AgentHelp() {
  const auto options = ParseAgentOptions({"--help"});
  return options ? options->said : std::string();
}

Result<Secret> ReadTokenFile(const std::string& path) {
  const std::string named = "the token file '" + Printable(path) + "'";
  const OwnedDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return SystemError(errno, "opening " + named);
  struct stat there {};
  if (::fstat(file.get(), &there) != 0) return SystemError(errno, "looking at " + named);
  if (!S_ISREG(there.st_mode)) return InvalidInput(named + " is no file");
  if ((there.st_mode & kOthersThanTheOwner) != 0) {
    return Error(ErrorCode::kDenied, "others than its owner may read or write " + named)
        .Hint("chmod 600 '" + Printable(path) + "'");
  }
  std::string text(kLongestToken + 1, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return SystemError(errno, "reading " + named);
  text.resize(static_cast<std::size_t>(size));
  if (text.size() > kLongestToken) return InvalidInput(named + " is too large");
  if (text.ends_with('\n')) text.pop_back();
  const bool sendable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (text.size() < kShortestToken || !sendable) {
    return InvalidInput(
               fmt::format("{} has no token: one line of at least {} characters, without blanks",
                           named, kShortestToken))
        .Hint("openssl rand -hex 32 > FILE");
  }
  return Secret(std::move(text));
}

Result<std::string> ReadKeyFile(const std::string& path) {
  struct stat there {};
  if (::stat(path.c_str(), &there) == 0 && (there.st_mode & kEverybody) != 0) {
    return Error(ErrorCode::kDenied,
                 "everybody may read or write the key '" + Printable(path) + "'")
        .Hint("chmod o= '" + Printable(path) + "'");
  }
  return ReadFile(path, std::uint64_t{1} << 20U);
}

}  // namespace holdfast::agent
