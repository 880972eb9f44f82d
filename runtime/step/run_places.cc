#include "runtime/step/run_places.h"

#include <algorithm>

namespace holdfast::runtime {

void RunPlaces::Add(const ProtectionPlugin& plugin, Operation operation, const Resource& resource,
                    const Value& parameters) {
  for (Place& place : plugin.Places(operation, resource, parameters, Value())) {
    Use use(resource.key, std::move(place));
    std::pair name(use.place.space, use.name);
    uses_.emplace(std::move(name), std::move(use));
  }
}

const RunPlaces::Use* RunPlaces::FindHolder(const Use& inner) const {
  const auto same = uses_.find({inner.place.space, inner.name});
  if (same != uses_.end()) return &same->second;
  if (!inner.place.is_path()) return nullptr;
  for (std::string above = inner.name; above != "/";) {
    above = FolderAbove(above);
    const auto [first, last] = uses_.equal_range({inner.place.space, above});
    for (auto at = first; at != last; ++at) {
      if (at->second.place.is_folder && !LeavesOut(at->second, inner)) return &at->second;
    }
  }
  return nullptr;
}

const RunPlaces::Use* RunPlaces::FindMeeting(const RunPlaces& others) const {
  for (const auto& [name, use] : uses_) {
    if (others.FindHolder(use) != nullptr) return &use;
  }
  for (const auto& [name, use] : others.uses_) {
    if (const Use* const holder = FindHolder(use)) return holder;
  }
  return nullptr;
}

bool RunPlaces::Hold(const RunPlaces& others) const {
  return std::all_of(others.uses_.begin(), others.uses_.end(),
                     [this](const auto& other) { return FindHolder(other.second) != nullptr; });
}

}  // namespace holdfast::runtime
