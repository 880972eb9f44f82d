#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "plugins/sdk/counted.h"
#include "plugins/sdk/text.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/opened_workflow.h"
#include "runtime/cli/schedule_times.h"
#include "runtime/lint/argo_lint.h"
#include "runtime/lint/mistral_lint.h"
#include "runtime/local/workflow_file.h"
#include "runtime/mistral/definition_file.h"

namespace holdfast::cli {

namespace {

// A finding as an error for people: the trap's name is what the reference is looked up by.
Error WithTrap(const lint::Finding& finding) {
  Error error(finding.error.code(), fmt::format("{} [{}]", finding.error.message(), finding.trap));
  if (finding.error.where()) error = std::move(error).At(*finding.error.where());
  for (const Error& cause : finding.error.causes()) error = std::move(error).Because(Error(cause));
  return std::move(error).Hint(finding.error.hint());
}

}  // namespace

int LintFiles(Session& session, const LintArguments& arguments) {
  const Output& out = session.out();
  const bool argo = arguments.engine == "argo";
  if (!argo && !arguments.templates.empty())
    return out.Fail(Error(ErrorCode::kUsage, "--templates is for --engine argo"));
  std::vector<local::SourceFile> templates;
  if (argo) {
    std::string folder = arguments.templates;
    if (folder.empty()) {
      const auto installed = TemplatesFolder();
      if (!installed) return out.Fail(installed.error());
      folder = *installed;
    }
    auto read = local::ReadTemplateFolder(folder);
    if (!read) return out.Fail(read.error());
    templates = std::move(*read);
  }
  std::vector<local::SourceFile> files;
  std::set<std::filesystem::path> seen;
  const auto add = [&](local::SourceFile file) {
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(file.path, error);
    if (seen.insert(error ? std::filesystem::path(file.path) : path).second)
      files.push_back(std::move(file));
  };
  for (const std::string& path : arguments.files) {
    // What a large one starts is a part of it.
    auto own = argo ? OwnFilesOf(path) : MistralFilesOf(path);
    if (!own) return out.Fail(own.error());
    const std::string& text = own->front().text;
    const bool is_trigger = mistral::IsTriggerFile(text);
    if (argo && (is_trigger || mistral::IsMistralFile(text))) {
      return out.Fail(InvalidInput(path + " is a " + (is_trigger ? "cron trigger" : "workflow") +
                                   " for Mistral")
                          .Hint("holdfast lint --engine mistral"));
    }
    // The children may be named, too: all files of a repository are.
    for (local::SourceFile& file : *own) add(std::move(file));
  }
  int exit_code = 0;
  std::size_t warnings = 0;
  const lint::Findings findings =
      argo ? lint::LintArgo(files, templates, CheckTimeZone) : lint::LintMistral(files);
  for (const lint::Finding& finding : findings) {
    const bool warning = finding.severity == lint::Severity::kWarning;
    if (out.json()) {
      out.Json("finding", ErrorToValue(finding.error)
                              .Set("trap", finding.trap)
                              .Set("severity", warning ? "warning" : "error"));
    } else if (warning) {
      out.Warn(WithTrap(finding));
    } else {
      out.Fail(WithTrap(finding));
    }
    if (warning) {
      ++warnings;
    } else {
      exit_code = static_cast<int>(ExitCodeOf(finding.error.code()));
    }
  }
  if (exit_code == 0) {
    out.Say(fmt::format("{}: nothing to refuse{}", Counted(files.size(), "file"),
                        warnings == 0 ? "" : ", " + Counted(warnings, "warning")));
  }
  return exit_code;
}

}  // namespace holdfast::cli
