#include "runtime/lint/argo_lint.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "runtime/lint/argo_fields.h"
#include "runtime/lint/argo_traps.h"
#include "runtime/lint/argo_variables.h"
#include "runtime/local/workflow_file.h"

namespace holdfast::lint {
namespace {

using local::ParsedFile;

void Move(Findings from, Findings& to) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

// They say more than that a pattern does not match.
void MoveInstead(Findings from, Findings& to) {
  std::erase_if(to, [&from](const Finding& finding) {
    return finding.trap == "field" &&
           std::any_of(from.begin(), from.end(), [&finding](const Finding& other) {
             return finding.error.where() && other.error.where() &&
                    finding.error.where()->line == other.error.where()->line &&
                    finding.error.where()->column == other.error.where()->column;
           });
  });
  Move(std::move(from), to);
}

std::uint32_t LineOf(const Error& error) { return error.where() ? error.where()->line : 0; }

// Those of lines of which nothing says yet that they cannot be read: an engine that reads them knows
// better what they lack.
void MoveUnsaid(Findings from, Findings& to) {
  std::set<std::uint32_t> said;
  for (const Finding& finding : to) {
    if (finding.trap == "unreadable") said.insert(LineOf(finding.error));
  }
  std::erase_if(from,
                [&said](const Finding& finding) { return said.contains(LineOf(finding.error)); });
  Move(std::move(from), to);
}

// Is there something in it that can be started, and so read as a whole?
bool CanStart(const Value& document) {
  const std::string kind = document.StringOr("kind", "");
  if (kind == "Workflow") return true;
  const Value* const spec = document.Find("spec");
  return kind == "WorkflowTemplate" && spec != nullptr && spec->Find("entrypoint") != nullptr;
}

bool IsTemplate(const Value& document) {
  return document.StringOr("kind", "") == "WorkflowTemplate";
}

// Of other kinds, and not read with what starts.
bool IsPassedOver(const Value& document) {
  return document.StringOr("kind", "") != "Workflow" && !IsTemplate(document);
}

// The Workflow that a CronWorkflow starts, at the places where its parts stand; nothing where it has
// none.
std::optional<Value> StartedBy(const Value& document) {
  if (document.StringOr("kind", "") != "CronWorkflow") return std::nullopt;
  const Value* const spec = document.Find("spec");
  const Value* const started = spec == nullptr ? nullptr : spec->Find("workflowSpec");
  if (started == nullptr || !started->is_map()) return std::nullopt;
  Value workflow = document;
  Value kind("Workflow");
  kind.set_position(document.Find("kind")->position());
  workflow.Set("spec", Value(*started)).Set("kind", std::move(kind));
  return workflow;
}

// The file with those of its documents alone that `wanted` takes.
template <typename Wanted>
ParsedFile PartOf(const ParsedFile& file, Wanted wanted) {
  ParsedFile part{file.source, {}};
  std::copy_if(file.documents->begin(), file.documents->end(), std::back_inserter(*part.documents),
               wanted);
  return part;
}

// What has been said of a file: two that start may call one template.
using Said = std::set<std::tuple<std::uint32_t, std::uint32_t, std::string, std::string>>;

// `main` is a part of `file`, which is one of `files`.
void LintStarted(const ParsedFile& main, const ParsedFile& file,
                 const std::vector<ParsedFile>& files, const std::vector<ParsedFile>& templates,
                 Said& said, Findings& found) {
  std::vector<const ParsedFile*> all{&main};
  for (const ParsedFile& other : files) {
    if (&other != &file) all.push_back(&other);
  }
  for (const ParsedFile& other : templates) all.push_back(&other);
  const auto workflow = local::ReadParsedWorkflow(all);
  if (workflow) {
    Findings traps = FindWorkflowTraps(*workflow);
    std::erase_if(traps, [&](const Finding& finding) {
      const auto& where = finding.error.where();
      if (!where) return false;
      // Those of other files are said where these are checked.
      return where->file != file.source.path ||
             !said.emplace(where->line, where->column, finding.trap, finding.error.message())
                  .second;
    });
    Move(std::move(traps), found);
  } else if (std::none_of(found.begin(), found.end(), [&](const Finding& finding) {
               return LineOf(finding.error) == LineOf(workflow.error());
             })) {
    found.push_back({"unreadable", Error(workflow.error())});
  }
}

// `file` is one of `files`.
Findings LintFile(const ParsedFile& file, const std::vector<ParsedFile>& files,
                  const std::vector<ParsedFile>& templates, const ZoneCheck& check_zone) {
  Findings found;
  if (!file.documents) {
    found.push_back({"unreadable", Error(file.documents.error())});
    return found;
  }
  if (file.documents->empty()) {
    found.push_back({"unreadable", local::EmptyFile(file.source.path)});
    return found;
  }
  for (const Value& document : *file.documents) {
    Move(CheckArgoFields(file.source, document), found);
    Move(FindDocumentTraps(file.source, document), found);
    if (document.StringOr("kind", "") == "CronWorkflow")
      MoveInstead(FindScheduleFaults(file.source, document, check_zone), found);
  }
  const std::vector<Value>& documents = *file.documents;
  Said said;
  if (std::any_of(documents.begin(), documents.end(), CanStart)) {
    const bool all = std::none_of(documents.begin(), documents.end(), IsPassedOver);
    if (all) {
      LintStarted(file, file, files, templates, said, found);
    } else {
      LintStarted(PartOf(file, std::not_fn(IsPassedOver)), file, files, templates, said, found);
    }
  }
  for (const Value& document : documents) {
    std::optional<Value> workflow = StartedBy(document);
    if (!workflow) continue;
    ParsedFile main = PartOf(file, IsTemplate);
    main.documents->push_back(*std::move(workflow));
    LintStarted(main, file, files, templates, said, found);
  }
  for (const Value& document : documents)
    MoveUnsaid(FindVariableFaults(file.source, document), found);
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
                  const std::vector<local::SourceFile>& templates, const ZoneCheck& check_zone) {
  const std::vector<ParsedFile> parsed = ParseAll(files);
  std::vector<ParsedFile> others = ParseAll(templates);
  DropReplaced(parsed, others);
  Findings found;
  for (const ParsedFile& file : parsed) Move(LintFile(file, parsed, others, check_zone), found);
  return found;
}

}  // namespace holdfast::lint
