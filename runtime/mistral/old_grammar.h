#pragma once

#include <optional>

#include "plugins/sdk/error.h"
#include "runtime/local/source_file.h"

namespace holdfast::mistral {

// Where Mistral's reader of YAML, which is PyYAML's of YAML 1.1, stops, and why; nothing where it reads the text. It is
// stricter than ours: it takes no tab between words, no second document though it were empty, no key of several lines
// or of more than 1024 characters. `source` is a text that ours (ParseYamlStream) reads, with its lines indexed.
std::optional<Error> GrammarFault(const local::SourceFile& source);

}  // namespace holdfast::mistral
