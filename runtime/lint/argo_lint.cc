#include "runtime/lint/argo_lint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

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

bool AreOfOneLine(const Error& a, const Error& b) {
  return LineOf(a) == LineOf(b) && (!a.where() || a.where()->file == b.where()->file);
}

// Those of lines of which nothing says yet that they cannot be read: an engine that reads them knows
// better what they lack.
void MoveUnsaid(Findings from, Findings& to) {
  std::set<std::pair<std::string, std::uint32_t>> said;
  const auto line_of = [](const Error& error) {
    return std::pair(error.where() ? error.where()->file : std::string(), LineOf(error));
  };
  for (const Finding& finding : to) {
    if (finding.trap == "unreadable") said.insert(line_of(finding.error));
  }
  std::erase_if(from,
                [&](const Finding& finding) { return said.contains(line_of(finding.error)); });
  Move(std::move(from), to);
}

bool IsTemplate(const Value& document) {
  return document.StringOr("kind", "") == "WorkflowTemplate";
}

// Is it something that can be started, and so read as a whole?
bool CanStart(const Value& document) {
  const Value* const spec = document.Find("spec");
  return document.StringOr("kind", "") == "Workflow" ||
         (IsTemplate(document) && spec != nullptr && spec->Find("entrypoint") != nullptr);
}

std::string NameOf(const Value& document) {
  const Value* const metadata = document.Find("metadata");
  return metadata == nullptr ? std::string() : metadata->StringOr("name", "");
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

// Where a template stands.
using Place = std::tuple<std::string, std::uint32_t, std::uint32_t>;

Place PlaceOf(const local::Workflow& workflow, std::uint32_t index) {
  const local::Template& made = workflow.templates[index];
  return {workflow.sources[made.source].path, made.position.line, made.position.column};
}

class Linter {
 public:
  Linter(const std::vector<ParsedFile>& files, const std::vector<ParsedFile>& templates,
         const ZoneCheck& check_zone)
      : files_(files), templates_(templates), check_zone_(check_zone), found_(files.size()) {
    for (std::size_t i = 0; i < files.size(); ++i) file_of_.emplace(files[i].source.path, i);
  }

  Findings Lint() {
    ForEachDocument([this](std::size_t file, const Value& document) { Check(file, document); });
    // What is started goes first: it knows how a template is called.
    ForEachDocument([this](std::size_t file, const Value& document) {
      if (CanStart(document) && !WalkStarted(file, document)) unread_.insert(&document);
      if (const auto workflow = StartedBy(document)) WalkStarted(file, *workflow);
    });
    ForEachDocument([this](std::size_t file, const Value& document) {
      if (IsTemplate(document) && !unread_.contains(&document)) WalkUncalled(file, document);
    });
    ForEachDocument([this](std::size_t file, const Value& document) {
      MoveUnsaid(FindVariableFaults(files_[file].source, document), found_[file]);
    });
    Findings all;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!files_[i].documents) {
        all.push_back({"unreadable", Error(files_[i].documents.error())});
      } else if (files_[i].documents->empty()) {
        all.push_back({"unreadable", local::EmptyFile(files_[i].source.path)});
      }
      std::stable_sort(found_[i].begin(), found_[i].end(), [](const Finding& a, const Finding& b) {
        return LineOf(a.error) < LineOf(b.error);
      });
      Move(std::move(found_[i]), all);
    }
    return all;
  }

 private:
  template <typename Do>
  void ForEachDocument(Do what) {
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (!files_[i].documents) continue;
      for (const Value& document : *files_[i].documents) what(i, document);
    }
  }

  // What it shows by itself.
  void Check(std::size_t file, const Value& document) {
    const local::SourceFile& source = files_[file].source;
    Move(CheckArgoFields(source, document), found_[file]);
    Move(FindDocumentTraps(source, document), found_[file]);
    if (document.StringOr("kind", "") != "CronWorkflow") return;
    const auto find = [&](std::string_view name) { return FindTemplate(file, name); };
    MoveInstead(FindScheduleFaults(source, document, check_zone_, find), found_[file]);
  }

  const Value* FindTemplate(std::size_t file, std::string_view name) const {
    for (const ParsedFile* const other : AllFrom(file)) {
      if (!other->documents) continue;
      for (const Value& document : *other->documents) {
        if (IsTemplate(document) && NameOf(document) == name) return &document;
      }
    }
    return nullptr;
  }

  // False where it cannot be read. `document` is one of the file's, or made of one.
  bool WalkStarted(std::size_t file, const Value& document) {
    const auto workflow = local::ReadParsedWorkflow(AllFrom(file), document);
    if (workflow) {
      Add(*workflow, FindWorkflowTraps(*workflow), file);
    } else {
      AddUnreadable(workflow.error(), file);
    }
    return workflow.has_value();
  }

  // Those templates of a WorkflowTemplate to which no walk has come: others may call them.
  void WalkUncalled(std::size_t file, const Value& document) {
    const Value* const spec = document.Find("spec");
    const Value* const made = spec == nullptr ? nullptr : spec->Find("templates");
    if (made == nullptr || !made->is_list()) return;
    const bool all_walked =
        std::all_of(made->AsList().begin(), made->AsList().end(), [&](const Value& one) {
          const Position at = one.position();
          return walked_.contains({files_[file].source.path, at.line, at.column});
        });
    if (all_walked) return;
    const auto library = local::ReadParsedLibrary(AllFrom(file), document);
    if (!library) return AddUnreadable(library.error(), file);
    std::vector<std::uint32_t> roots;
    for (std::uint32_t i = 0; i < library->templates.size(); ++i) {
      if (library->templates[i].document.empty() && !walked_.contains(PlaceOf(*library, i)))
        roots.push_back(i);
    }
    Add(*library, FindLibraryTraps(*library, roots), file);
  }

  // This one first, as a reader wants them.
  std::vector<const ParsedFile*> AllFrom(std::size_t file) const {
    std::vector<const ParsedFile*> all{&files_[file]};
    for (const ParsedFile& other : files_) {
      if (&other != &files_[file]) all.push_back(&other);
    }
    for (const ParsedFile& other : templates_) all.push_back(&other);
    return all;
  }

  // Two that start may call one template: what is wrong there is said once, of the file in which it stands.
  void Add(const local::Workflow& workflow, WorkflowTraps traps, std::size_t file) {
    for (const std::uint32_t index : traps.walked) {
      if (Place place = PlaceOf(workflow, index); file_of_.contains(std::get<0>(place)))
        walked_.insert(std::move(place));
    }
    for (Finding& finding : traps.findings) {
      std::size_t its_own = file;
      if (const auto& where = finding.error.where()) {
        const auto its_file = file_of_.find(where->file);
        if (its_file == file_of_.end()) continue;  // the templates are not checked themselves
        its_own = its_file->second;
        if (!said_
                 .emplace(where->file, where->line, where->column, finding.trap,
                          finding.error.message())
                 .second)
          continue;
      }
      found_[its_own].push_back(std::move(finding));
    }
  }

  void AddUnreadable(const Error& error, std::size_t file) {
    if (error.where()) {
      if (const auto its_file = file_of_.find(error.where()->file); its_file != file_of_.end())
        file = its_file->second;
    }
    if (std::any_of(found_[file].begin(), found_[file].end(), [&error](const Finding& finding) {
          return AreOfOneLine(error, finding.error);
        }))
      return;
    found_[file].push_back({"unreadable", Error(error)});
  }

  const std::vector<ParsedFile>& files_;
  const std::vector<ParsedFile>& templates_;
  const ZoneCheck& check_zone_;
  std::map<std::string, std::size_t> file_of_;
  std::vector<Findings> found_;    // by file
  std::set<const Value*> unread_;  // what starts and cannot be read; its first error is said
  std::set<Place> walked_;         // of files_
  std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string, std::string>> said_;
};

std::vector<ParsedFile> ParseAll(const std::vector<local::SourceFile>& files) {
  std::vector<ParsedFile> parsed;
  parsed.reserve(files.size());
  for (const local::SourceFile& file : files) parsed.push_back(local::ParseFile(file));
  return parsed;
}

// What the files bring themselves stands for what the templates would.
void DropReplaced(const std::vector<ParsedFile>& files, std::vector<ParsedFile>& templates) {
  std::set<std::string> own;
  for (const ParsedFile& file : files) {
    if (!file.documents) continue;
    for (const Value& document : *file.documents) {
      if (IsTemplate(document)) own.insert(NameOf(document));
    }
  }
  for (ParsedFile& file : templates) {
    if (!file.documents) continue;
    std::erase_if(*file.documents,
                  [&](const Value& document) { return own.contains(NameOf(document)); });
  }
}

}  // namespace

Findings LintArgo(const std::vector<local::SourceFile>& files,
                  const std::vector<local::SourceFile>& templates, const ZoneCheck& check_zone) {
  const std::vector<ParsedFile> parsed = ParseAll(files);
  std::vector<ParsedFile> others = ParseAll(templates);
  DropReplaced(parsed, others);
  return Linter(parsed, others, check_zone).Lint();
}

}  // namespace holdfast::lint
