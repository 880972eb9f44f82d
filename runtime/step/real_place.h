#pragma once

#include <string>

#include "plugins/sdk/place.h"

namespace holdfast::runtime {

// A place and what its name is the same as: of a path the real one (RealPath, when it was made), else the
// name itself.
struct RealPlace {
  explicit RealPlace(Place place);
  Place place;
  std::string name;
};

// The folder that a clean absolute path lies in; of "/" that itself.
std::string FolderAbove(const std::string& path);

// Does the folder `outer` leave alone what lies in it at `inner`? Their real names say that it lies there;
// what a place leaves alone goes by the name that it has itself.
bool LeavesOut(const RealPlace& outer, const RealPlace& inner);

}  // namespace holdfast::runtime
