#pragma once

#include <string>
#include <string_view>

namespace holdfast {

// The absolute path that `path`, absolute too, really is: symlinks are followed as far as they are
// there and may be read, one that leads to nothing too; what is not there stays as it is written.
// Clean (CleanPath). A path whose links go round in circles is only made clean.
std::string RealPath(std::string_view path);

}  // namespace holdfast
