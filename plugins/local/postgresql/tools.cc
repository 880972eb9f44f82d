#include "plugins/local/postgresql/tools.h"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::postgresql {
namespace {

constexpr std::string_view kDebianFolder = "/usr/lib/postgresql";

int LeadingNumber(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Debian keeps one folder per major version, and puts a wrapper in PATH that chooses among them by
// rules of its own.
std::string NewestInstalled(std::string_view name) {
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Close> folder(::opendir(std::string(kDebianFolder).c_str()));
  if (folder == nullptr) return {};
  int newest = 0;
  std::string found;
  while (const dirent* entry = ::readdir(folder.get())) {
    const int major = LeadingNumber(entry->d_name);
    std::string path = fmt::format("{}/{}/bin/{}", kDebianFolder, entry->d_name, name);
    if (major > newest && ::access(path.c_str(), X_OK) == 0) {
      newest = major;
      found = std::move(path);
    }
  }
  return found;
}

ProcessSpec SpecOf(const Tool& tool, std::vector<std::string> arguments, Context& context) {
  ProcessSpec spec;
  spec.argv = {tool.path, "--no-password"};
  for (std::string& argument : arguments) spec.argv.push_back(std::move(argument));
  spec.deadline = context.TimeLeft(std::chrono::hours(24 * 7));
  spec.cancellation = &context.cancellation();
  spec.on_error_line = [&context](std::string_view line) {
    context.log().Log(LogLevel::kInfo, Printable(line));
  };
  return spec;
}

// How it ended, with its last line; before that what the program says is wrong where that is another line:
// its first "error:", for what follows are details of it and what failed with it.
std::string WhatFailed(const ProcessOutcome& outcome) {
  std::string end = DescribeOutcome(outcome);
  for (const std::string_view line : Split(outcome.error, '\n')) {
    if (line.find(": error: ") == std::string_view::npos) continue;
    const std::string error = Printable(Trim(line).substr(0, 500));
    return end.ends_with(error) ? end : fmt::format("{} ({})", error, end);
  }
  return end;
}

Status Judge(const Tool& tool, const ProcessOutcome& outcome) {
  if (outcome.ok()) return Ok();
  if (outcome.cancelled) return CancelledError();
  const std::string name = tool.path.substr(tool.path.rfind('/') + 1);
  Error error = Internal(fmt::format("{} failed: {}", name, WhatFailed(outcome)));
  if (outcome.error.find("role \"") != std::string::npos &&
      outcome.error.find("does not exist") != std::string::npos) {
    return std::move(error).Hint("create the role first, or restore with 'owners: false'");
  }
  if (outcome.error.find("default_tablespace") != std::string::npos) {
    return std::move(error).Hint("create the tablespace first; any folder will do");
  }
  if (outcome.error.find("invalid snapshot identifier") != std::string::npos) {
    return std::move(error).Hint(
        "the process that held the snapshot has ended; run the record again");
  }
  return error;
}

}  // namespace

Result<Tool> FindTool(std::string_view name, const std::string& bin_dir, int at_least,
                      Context& context) {
  Tool tool;
  if (!bin_dir.empty()) {
    tool.path = fmt::format("{}/{}", bin_dir, name);
  } else if (tool.path = NewestInstalled(name); tool.path.empty()) {
    tool.path = std::string(name);
  }
  ProcessSpec spec;
  spec.argv = {tool.path, "--version"};
  spec.deadline = context.TimeLeft(std::chrono::seconds(30));
  auto outcome = context.processes().Run(spec);
  if (!outcome) {
    return std::move(outcome).error().Hint(
        "install PostgreSQL's client programs, or name their folder with 'bin_dir' in the section "
        "[local_postgresql]");
  }
  // "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"
  const auto words = Split(Trim(outcome->output), ' ');
  if (!outcome->ok() || words.size() < 3) {
    return Internal(fmt::format("'{} --version' gave no version: {}", Printable(tool.path),
                                DescribeOutcome(*outcome)));
  }
  tool.version = Printable(words[2]);
  tool.major = LeadingNumber(words[2]);
  if (tool.major < at_least) {
    return InvalidInput(fmt::format("{} is version {}, {} or newer is needed", Printable(tool.path),
                                    tool.version, at_least))
        .Hint("name the folder of newer ones with 'bin_dir' in the section [local_postgresql]");
  }
  return tool;
}

Status RunDump(const Tool& pg_dump, const ServerAddress& address, const DumpRequest& request,
               ByteSink& sink, Context& context) {
  ProcessSpec spec = SpecOf(pg_dump,
                            {"--format=custom", "--compress=0",
                             fmt::format("--lock-wait-timeout={}", request.lock_timeout.count()),
                             "--dbname=" + DatabaseArgument(request.database)},
                            context);
  if (!request.snapshot.empty()) spec.argv.push_back("--snapshot=" + request.snapshot);
  HOLDFAST_RETURN_IF_ERROR(AddToEnvironment(address, context, spec));
  spec.output = &sink;
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessOutcome outcome, context.processes().Run(spec));
  return Judge(pg_dump, outcome);
}

Status RunRestore(const Tool& pg_restore, const ServerAddress& address,
                  const RestoreRequest& request, ByteSource& source, Context& context) {
  ProcessSpec spec = SpecOf(
      pg_restore,
      {"--format=custom", "--exit-on-error", "--dbname=" + DatabaseArgument(request.database)},
      context);
  if (!request.tablespaces) spec.argv.emplace_back("--no-tablespaces");
  if (!request.owners) {
    spec.argv.emplace_back("--no-owner");
    spec.argv.emplace_back("--no-privileges");
  }
  HOLDFAST_RETURN_IF_ERROR(AddToEnvironment(address, context, spec));
  spec.input = &source;
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessOutcome outcome, context.processes().Run(spec));
  return Judge(pg_restore, outcome);
}

Result<std::size_t> ListDump(const Tool& pg_restore, ByteSource& source, Context& context) {
  ProcessSpec spec = SpecOf(pg_restore, {"--format=custom", "--list"}, context);
  spec.input = &source;
  spec.output_limit = 64U << 20U;
  HOLDFAST_ASSIGN_OR_RETURN(const ProcessOutcome outcome, context.processes().Run(spec));
  HOLDFAST_RETURN_IF_ERROR(Judge(pg_restore, outcome));
  std::size_t entries = 0;
  for (const std::string_view line : Split(outcome.output, '\n')) {
    if (!line.empty() && line.front() != ';') ++entries;  // ';' begins a comment
  }
  return entries;
}

}  // namespace holdfast::plugins::postgresql
