#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "plugins/sdk/check.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/schema.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// The parameters of one activity call: for each resource that it is given, the map that came out
// of the plan or parameters file (`type`, and `type#id` over it), checked against the plugin's
// schema with its defaults filled in. Immutable.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::map<ResourceKey, Value> checked) : checked_(std::move(checked)) {}

  // The checked map of one resource; an empty map when it has none.
  const Value& Of(const Resource& resource) const;
  // The same as the plugin's struct; T is what the plugin declared for this operation.
  template <class T>
  T As(const Resource& resource) const {
    return BindChecked<T>(Of(resource));
  }

 private:
  std::map<ResourceKey, Value> checked_;
};

}  // namespace holdfast
