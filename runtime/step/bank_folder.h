#pragma once

#include <optional>
#include <string>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/place.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/result.h"

// The bank's own folder, where it is on this machine, is no place for a plugin: a restore into it,
// or over a folder that holds it, could remove the very checkpoint that it reads, and a backup of it
// would hold itself.
namespace holdfast::runtime {

// kInvalidInput, with a hint, when `place` is `folder` (Provider::bank_folder), lies in it, or holds
// it and does not leave it out: by the paths as they are written, and, as far as both are there, by
// what they really are (symlinks and bind mounts are seen through). Nothing to say for an empty
// `folder`.
std::optional<Error> MeetsBankFolder(Operation operation, const Place& place,
                                     const std::string& folder);

// The same of all places of a resource; the first that meets it. Ok for operations that have none.
Status RefuseBankFolder(const ProtectionPlugin& plugin, Operation operation,
                        const Resource& resource, const Value& parameters,
                        const std::string& folder);

}  // namespace holdfast::runtime
