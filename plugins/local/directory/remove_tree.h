#pragma once

#include <functional>
#include <string>

#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// Removes `name` in the open directory `folder`, and everything below it. Follows no symlink; does
// not go into what is mounted below (that is kDenied: the tree cannot be removed). Nothing there is
// success, so it can be killed and run again.
Status RemoveTreeAt(int folder, const std::string& name);
// The same, but for the entries for which `stays` is true, what is mounted below, and the directories
// on the way to them. `path` is given to `stays` in front of the paths below; the entry itself is not
// asked about. True: all of it is gone.
using Stays = std::function<bool(const std::string& path, bool is_directory)>;
Result<bool> RemoveTreeBut(int folder, const std::string& name, const std::string& path,
                           const Stays& stays);
// RemoveTreeAt of an absolute path.
Status RemoveTree(const std::string& path);

}  // namespace holdfast::plugins::directory
