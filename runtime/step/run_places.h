#pragma once

#include <map>
#include <string>
#include <utility>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/protection_plugin.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/value.h"
#include "runtime/step/real_place.h"

namespace holdfast::runtime {

// Where a run reads (protect) or writes (restore), as far as its plugins say (ProtectionPlugin::Places).
// A value; one thread.
class RunPlaces {
 public:
  struct Use : RealPlace {
    Use(ResourceKey of, Place at) : RealPlace(std::move(at)), resource(std::move(of)) {}
    ResourceKey resource;
  };

  void Add(const ProtectionPlugin& plugin, Operation operation, const Resource& resource,
           const Value& parameters);
  bool empty() const { return uses_.empty(); }

  // The first of these that meets one of `others`: the same place, or one of the two is a folder that
  // holds the other and does not leave it out; nullptr: none does.
  const Use* FindMeeting(const RunPlaces& others) const;
  // Is every one of `others` one of these, or in one of them?
  bool Hold(const RunPlaces& others) const;

 private:
  // One of these that is where `inner` is, or a folder that holds it; nullptr: none.
  const Use* FindHolder(const Use& inner) const;
  // By space and real name.
  std::multimap<std::pair<std::string, std::string>, Use> uses_;
};

}  // namespace holdfast::runtime
