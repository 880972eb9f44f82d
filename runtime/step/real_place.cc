#include "runtime/step/real_place.h"

#include <utility>

#include "plugins/sdk/real_path.h"

namespace holdfast::runtime {

RealPlace::RealPlace(Place of)
    : place(std::move(of)), name(place.is_path() ? RealPath(place.name) : place.name) {}

std::string FolderAbove(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

bool LeavesOut(const RealPlace& outer, const RealPlace& inner) {
  if (outer.place.leaves_out == nullptr) return false;
  const std::string below = inner.name.substr(outer.name == "/" ? 0 : outer.name.size());
  return outer.place.leaves_out(CleanPath(outer.place.name + "/" + below), inner.place.is_folder);
}

}  // namespace holdfast::runtime
