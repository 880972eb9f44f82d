#pragma once

#include <string>

#include "plugins/local/directory/directory_protection.h"
#include "plugins/local/directory/exclude_patterns.h"
#include "plugins/local/directory/tree_reader.h"
#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/context.h"
#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// What protect reads of a resource, from its inventory entry and parameters, checked.
struct ProtectSource {
  std::string path;  // of the directory; absolute, clean
  ExcludePatterns exclude;
  std::vector<std::string> exclude_texts;
  std::vector<std::string> left_out;  // OwnedByChildren; in `exclude` too
  bool one_file_system = false;
  DirectoryProtection::ProtectParameters parameters;
};
Result<ProtectSource> ProtectSourceOf(const Resource& resource, const Parameters& parameters);
TreeReadOptions ReadOptionsOf(const ProtectSource& source);

// 16 hex digits that stand for this resource in this record: names of work folders end in them.
std::string WorkId(const Checkpoint& checkpoint, const Resource& resource);

// The folder in which a reflink or copy is made.
std::string FolderOfSnapshot(const ProtectSource& source);
// Makes the snapshot of a directory: journals the intent, takes away what a killed attempt left,
// makes it, journals the window. A snapshot that was whole already is kept. On failure (not when it
// is cancelled: then post cleans up) what was made is taken away again.
Status MakeSnapshot(Checkpoint& checkpoint, Context& context, const Resource& resource,
                    const ProtectSource& source);
// Adds what was not as it should be in the tree of which the snapshot, a reflink or copy, was made:
// it says nothing of that itself.
Status AddLossesOfSnapshot(Checkpoint& checkpoint, const Resource& resource, TreeCounts& counts);
// Where the snapshot's tree is.
std::string SnapshotPath(const Checkpoint& checkpoint, const Resource& resource,
                         const ProtectSource& source);
// Takes the snapshot away; nothing there is success.
Status RemoveSnapshot(Checkpoint& checkpoint, Context& context, const Resource& resource,
                      const ProtectSource& source);

}  // namespace holdfast::plugins::directory
