#include "runtime/cli/next_command.h"

#include <algorithm>
#include <filesystem>

#include "plugins/sdk/places.h"
#include "plugins/sdk/text.h"

namespace holdfast::cli {

namespace fs = std::filesystem;

std::string ShellWord(std::string_view word) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,@%+").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return std::string(word);
  // What may not be shown as it is: bash's $'...', which reads \xNN.
  if (Printable(word) != word) {
    std::string escaped;
    for (const char c : word) {
      if (c == '\\' || c == '\'') escaped += '\\';
      escaped += c;
    }
    return "$'" + Printable(escaped) + "'";
  }
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string ShellWords(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  quoted.reserve(words.size());
  for (const std::string& word : words) quoted.push_back(ShellWord(word));
  return Join(quoted, " ");
}

std::string ProgramCommand(const Session& session) {
  if (session.provider_folder_path() == ProviderFolderPath("")) return "holdfast";
  return "holdfast --provider-config-dir " + ShellWord(session.provider_folder_path());
}

std::string GcCommand(Session& session, const ProviderConfig& provider, std::string_view run) {
  std::string command = ProgramCommand(session) + " gc";
  std::size_t enabled = 0;
  if (const auto folder = session.providers()) {
    for (const ProviderConfig& other : (*folder)->providers) enabled += other.enabled ? 1 : 0;
  }
  if (enabled != 1) command += " --provider " + ShellWord(provider.id);
  return command + " --run " + ShellWord(run);
}

std::string RunCommand(const Session& session, const RunArguments& arguments,
                       std::string_view record) {
  std::string command = ProgramCommand(session) + " run " + ShellWord(arguments.file);
  const auto add = [&command](std::string_view option, std::string_view value) {
    if (!value.empty()) command += " " + std::string(option) + " " + ShellWord(value);
  };
  add("--bundle", arguments.bundle);
  add("--templates", arguments.templates);
  add("--run-dir", arguments.work_folder);
  for (const std::string& parameter : arguments.parameters) {
    if (!parameter.starts_with("record=")) add("--parameter", parameter);
  }
  if (arguments.fail_fast) command += " --fail-fast";
  add("--record", record);
  return command;
}

std::vector<std::string> CompileAgainCommands(const Session& session, const RunArguments& arguments,
                                              const std::string& plan, bool is_template) {
  const fs::path folder = fs::path(arguments.file).parent_path();
  const std::string file = folder / (plan + ".yaml");
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return {};
  std::string compile = ProgramCommand(session) + " compile protect " + ShellWord(file);
  if (is_template) compile += " --kind template";
  if (arguments.file != plan + "-protect.yaml") compile += " -o " + ShellWord(arguments.file);
  return {ProgramCommand(session) + " plan discover " + ShellWord(file), compile,
          RunCommand(session, arguments, "")};
}

}  // namespace holdfast::cli
