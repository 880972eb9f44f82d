#include "runtime/lint/argo_lint.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "runtime/lint/argo_fields.h"
#include "runtime/lint/argo_traps.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

using local::ParsedFile;

void Move(Findings from, Findings& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

std::uint32_t LineOf(const Error& error) { return error.where() ? error.where()->line : 0; }

// Is there something in it that can be started, and so read as a whole?
bool CanStart(const Value& document) {
  const std::string kind = document.StringOr("kind", "");
  if (kind == "Workflow") return true;
  const Value* const spec = document.Find("spec");
  return kind == "WorkflowTemplate" && spec != nullptr && spec->Find("entrypoint") != nullptr;
}

// Held against the table of fields alone.
bool IsPassedOver(const Value& document) {
  const std::string kind = document.StringOr("kind", "");
  return kind != "Workflow" && kind != "WorkflowTemplate";
}

// `file` is one of `files`.
Findings LintFile(const ParsedFile& file, const std::vector<ParsedFile>& files,
                  const std::vector<ParsedFile>& templates) {
  Findings found;
  if (!file.documents) {
    found.push_back({"unreadable", Error(file.documents.error())});
    return found;
  }
  for (const Value& document : *file.documents) {
    Move(CheckArgoFields(file.source, document), found);
    Move(FindDocumentTraps(file.source, document), found);
  }
  if (std::any_of(file.documents->begin(), file.documents->end(), CanStart)) {
    ParsedFile rest{file.source, {}};
    const bool some = std::any_of(file.documents->begin(), file.documents->end(), IsPassedOver);
    if (some) {
      std::copy_if(file.documents->begin(), file.documents->end(),
                   std::back_inserter(*rest.documents), std::not_fn(IsPassedOver));
    }
    std::vector<const ParsedFile*> all{some ? &rest : &file};
    for (const ParsedFile& other : files) {
      if (&other != &file) all.push_back(&other);
    }
    for (const ParsedFile& other : templates) all.push_back(&other);
    const auto workflow = local::ReadParsedWorkflow(all);
    if (workflow) {
      Findings traps = FindWorkflowTraps(*workflow);
      // Those of other files are said where these are checked.
      std::erase_if(traps, [&](const Finding& finding) {
        return finding.error.where() && finding.error.where()->file != file.source.path;
      });
      Move(std::move(traps), found);
    } else if (std::none_of(found.begin(), found.end(), [&](const Finding& finding) {
                 return LineOf(finding.error) == LineOf(workflow.error());
               })) {
      found.push_back({"unreadable", Error(workflow.error())});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Finding& a, const Finding& b) {
    return LineOf(a.error) < LineOf(b.error);
  });
  return found;
}

std::vector<ParsedFile> ParseAll(const std::vector<local::SourceFile>& files) {
  std::vector<ParsedFile> parsed;
  parsed.reserve(files.size());
  for (const local::SourceFile& file : files) parsed.push_back(local::ParseFile(file));
  return parsed;
}

// What the files bring themselves stands for what the templates would.
void DropReplaced(const std::vector<ParsedFile>& files, std::vector<ParsedFile>& templates) {
  const auto name_of = [](const Value& document) {
    const Value* const metadata = document.Find("metadata");
    return metadata == nullptr ? std::string() : metadata->StringOr("name", "");
  };
  std::set<std::string> own;
  for (const ParsedFile& file : files) {
    if (!file.documents) continue;
    for (const Value& document : *file.documents) own.insert(name_of(document));
  }
  for (ParsedFile& file : templates) {
    if (!file.documents) continue;
    std::erase_if(*file.documents,
                  [&](const Value& document) { return own.contains(name_of(document)); });
  }
}

}  // namespace

Findings LintArgo(const std::vector<local::SourceFile>& files,
                  const std::vector<local::SourceFile>& templates) {
  const std::vector<ParsedFile> parsed = ParseAll(files);
  std::vector<ParsedFile> others = ParseAll(templates);
  DropReplaced(parsed, others);
  Findings found;
  for (const ParsedFile& file : parsed) Move(LintFile(file, parsed, others), found);
  return found;
}

}  // namespace holdfast::lint
