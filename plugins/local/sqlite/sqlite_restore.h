#pragma once

#include <string>

#include "plugins/local/sqlite/sqlite_protection.h"

// How a restored database file takes its place: written beside the target, checked, then swapped
// in; what was there is moved aside first, together with its journals, and comes back when the swap
// does not get done.
namespace holdfast::plugins::sqlite {

// The files of one restore, all in the target's folder, so that they are on one file system.
struct RestoreFiles {
  std::string target;
  std::string fresh;     // the new file until it takes its place
  std::string replaced;  // what was at the target; its journals beside it
};
RestoreFiles FilesOfRestore(const Checkpoint& checkpoint, const Resource& resource,
                            const std::string& target);

// kConflict, with a hint, when there is a file (or a journal of one) at the target and `overwrite`
// is false.
Status RefuseExisting(const RestoreFiles& files, bool overwrite);

// kLocked, with a hint, when another process has the database at the target in use: it would go on
// with the old file, and what it writes there would be lost without an error. A file that cannot be
// looked at is a warning.
Status RefuseInUse(const RestoreFiles& files, Context& context);

// Of a file, whatever its name and whatever is written into it later; "" when there is none.
Result<std::string> FileIdentity(const std::string& path);

// Moves what is at the target aside and the fresh file in. Again after a crash in the middle: goes
// on. kNotFound when there is neither a fresh file nor a target. RefuseInUse's error when what is at
// the target is in use, also when it came to be in the middle: then everything is put back.
Status SwapIn(const RestoreFiles& files, Context& context);

// After success or failure: puts back what was moved aside when the swap was not done, removes
// everything that is not the target, and logs both. Again: success.
Status CleanUpRestore(const RestoreFiles& files, Context& context);

// Removes a file, and logs that it did when there was one.
Status RemoveAndSay(const std::string& path, Context& context);

}  // namespace holdfast::plugins::sqlite
