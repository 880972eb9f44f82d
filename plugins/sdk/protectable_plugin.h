#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/context.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/schema.h"

namespace holdfast {

// What is known about a protectable plugin.
struct ProtectableDescriptor {
  std::string type;         // the one resource type that it knows
  std::string description;  // one sentence
  // resources of these types may have resources of `type` below
  std::vector<std::string> parent_types;
  std::string settings_section;  // of the provider file; plugins of one family may share one
  Schema settings;
};

// A resource that was found below another one, with the facts of that edge.
struct Dependent {
  ResourceGraph::Node resource;
  Value facts;
};

// Knows one resource type: lists instances, shows one, finds those that depend on a parent. Every
// answer is complete or an error, never silently smaller. One thread at a time.
class ProtectablePlugin {
 public:
  virtual ~ProtectablePlugin() = default;
  virtual const ProtectableDescriptor& descriptor() const = 0;
  // All instances that the tenant has, in any order.
  virtual Result<std::vector<ResourceGraph::Node>> List(Context& context) = 0;
  // kNotFound when it is gone.
  virtual Result<ResourceGraph::Node> Show(Context& context, std::string_view id) = 0;
  // Those of this type that stand directly below `parent` (of one of parent_types).
  virtual Result<std::vector<Dependent>> Dependents(Context& context,
                                                    const ResourceGraph::Node& parent) = 0;
  // What its settings name on this machine (an inventory file), looked at for `providers check`: is it
  // there, and right? Asks no server, and nothing of the list of resources depends on it.
  virtual Status Check() { return Ok(); }
};

}  // namespace holdfast
