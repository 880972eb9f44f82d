#pragma once

#include <set>
#include <string>
#include <vector>

#include "compiler/plan/parameter_set.h"
#include "plugins/sdk/error.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/provider.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/value.h"

namespace holdfast::cli {

// What the plugins say of the resources below their own (ProtectionPlugin::ChooseForChild).
struct ChildChoices {
  // What is asked of a resource above does not reach these, and all that stands below them.
  std::set<ResourceKey> left_out;
  std::vector<std::string> notes;  // which were left out, and by what; for people
  std::vector<Error> faults;       // of those that stay; each names resource and place
};

// `parameters` are resolved and have no parameter faults; `left_out` are left out already.
ChildChoices ChooseForChildren(Provider& provider, Operation operation, const ResourceGraph& graph,
                               const std::vector<Value>& parameters,
                               const compiler::ParameterSet& given,
                               const std::set<ResourceKey>& left_out);

}  // namespace holdfast::cli
