#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// Reads a Workflow or WorkflowTemplate of Argo (docs/reference/argo-subset.md), with all that it
// refers to: other templates of the file, WorkflowTemplates of the same file, and those of the
// *.yaml and *.yml files of `template_folders`.
//
// Everything that the local engine does not run is kInvalidInput with file, line and the field's
// name: unknown fields and tags, missing templates, arguments and parameters, cycles among tasks
// and templates. Fields that matter to a cluster only (image, resources ...) are passed over.
// kNotFound when there is no such file or folder.
Result<Workflow> ReadWorkflowFile(const std::string& path,
                                  const std::vector<std::string>& template_folders);

// The same from memory: `files[0]` is the workflow's file, the others are of template folders.
Result<Workflow> ReadWorkflow(std::vector<SourceFile> files);

// A file and its documents, for those who look at these, too.
struct ParsedFile {
  SourceFile source;
  Result<std::vector<Value>> documents;
};
ParsedFile ParseFile(SourceFile source);
// The files stay the caller's, who may read one of them for many workflows; there is at least one.
Result<Workflow> ReadParsedWorkflow(std::span<const ParsedFile* const> files);
// Of a file in which several may start: `document` is one of files[0], or made of one, at its places.
// `sha256` stays empty.
Result<Workflow> ReadParsedWorkflow(std::span<const ParsedFile* const> files,
                                    const Value& document);
// A WorkflowTemplate of files[0] as others may call it: its templates (those without a `document`) and
// what they call. Nothing starts: `entrypoint` and `sha256` are nobody's. What only a caller has (inputs,
// parameters, a status) counts as given.
Result<Workflow> ReadParsedLibrary(std::span<const ParsedFile* const> files, const Value& document);

// What is said of a file without a document: kInvalidInput.
Error EmptyFile(const std::string& path);
// A workflow file; EmptyFile() where there is nothing in it but blanks and comments.
Result<SourceFile> ReadSourceFile(const std::string& path);
// The *.yaml and *.yml files of a folder of templates, by name.
Result<std::vector<SourceFile>> ReadTemplateFolder(const std::string& folder);

}  // namespace holdfast::local
