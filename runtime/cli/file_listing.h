#pragma once

#include <string_view>

#include "plugins/sdk/bank_section.h"
#include "runtime/cli/output.h"
#include "runtime/store/manifest.h"

namespace holdfast::cli {

// The stream in which plugins list the files of a resource, one JSON object a line (its form:
// plugins/local/directory/file_listing.h).
inline constexpr std::string_view kFileListing = "files";

// Prints it: a line a file as `ls -l` does, in UTC, with names made safe for a terminal; with
// --json the objects themselves.
Status PrintFileListing(const Output& out, const BankSection& checkpoint,
                        const runtime::ResourceManifest& manifest,
                        const runtime::StreamManifest& stream);

}  // namespace holdfast::cli
