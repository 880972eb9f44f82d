#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/result.h"
#include "runtime/local/source_file.h"
#include "runtime/local/workflow.h"

namespace holdfast::local {

// Reads `resource` of a template: only one that starts a Workflow, and succeeds or fails with it.
Result<ChildTemplate> ReadChildTemplate(const SourceFile& source, const Value& value);

// What the manifest of a child says once the inputs of its template are put in.
struct ChildManifest {
  PlacedText name;
  std::string template_ref;           // the WorkflowTemplate that it runs
  std::vector<NamedText> parameters;  // their texts know what the caller's do
};

// `inputs`: their texts, by name, as the caller has them. Errors are at the manifest's place in `source`.
Result<ChildManifest> ReadChildManifest(const SourceFile& source, const ChildTemplate& child,
                                        const std::map<std::string, std::string>& inputs);

}  // namespace holdfast::local
