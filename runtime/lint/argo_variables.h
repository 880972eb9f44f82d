#pragma once

#include "plugins/sdk/value.h"
#include "runtime/lint/finding.h"
#include "runtime/local/source_file.h"

namespace holdfast::lint {

// Looks at every text of every template of a document, also where no engine here reads it (image,
// annotations, mounts): {{variables}} that Argo cannot know there, tags and expressions that are not
// finished. Argo fills in the whole template, and one of these breaks it.
//
// What other tools may mean by their own {{...}} is passed over, as Argo does, and so is what only a run
// can tell: which tasks have come before, whether it ends, what an item holds.
Findings FindVariableFaults(const local::SourceFile& source, const Value& document);

}  // namespace holdfast::lint
