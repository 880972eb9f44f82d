#pragma once

#include <string_view>

#include "plugins/sdk/checkpoint.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"

// What a restore has put into its place, told from what was there before it: by an identity that
// survives renames and later writes (the inode of a file, the OID of a database), noted in the
// record before it takes its place. A later epoch that finds it there knows that the resource is
// restored, and does not refuse it as something that exists already.
namespace holdfast::plugins::staging {

// Durable when it returns. Again with the same identity: success. Any number of identities may be
// noted for one resource. The empty identity is nobody's work.
Status NoteOwnWork(Checkpoint& checkpoint, const Resource& resource, std::string_view identity);
Result<bool> IsOwnWork(Checkpoint& checkpoint, const Resource& resource, std::string_view identity);

}  // namespace holdfast::plugins::staging
