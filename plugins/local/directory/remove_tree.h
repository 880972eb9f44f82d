#pragma once

#include <string>

#include "plugins/sdk/result.h"

namespace holdfast::plugins::directory {

// Removes `name` in the open directory `folder`, and everything below it. Follows no symlink; does
// not go into what is mounted below (that is kDenied: the tree cannot be removed). Nothing there is
// success, so it can be killed and run again.
Status RemoveTreeAt(int folder, const std::string& name);
// The same of an absolute path.
Status RemoveTree(const std::string& path);

}  // namespace holdfast::plugins::directory
