#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/plan/source_text.h"
#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::compiler {

// Parameters by "type" and "type#id", as a plan or a parameters file gives them; their form is
// checked, their contents are not yet.
struct ParameterSet {
  SourceText source;
  Value entries;  // a map from "type" or "type#id" to a map; null when there are none
};

// Reads the file that --parameters names: the map alone. An empty file is an empty set. All
// faults are collected.
Result<ParameterSet> ParseParameters(std::string_view text, std::string_view file);

// Checks the form of `entries`: keys that are types or "type#id", values that are maps. Adds what
// is wrong to `faults`.
void CheckParameterEntries(const SourceText& source, const Value& entries,
                           std::vector<Error>& faults);

// The descriptors of a provider's protection plugins by resource type. Borrowed.
using PluginsByType = std::map<std::string, const PluginDescriptor*, std::less<>>;

// The parameters of every resource of a graph for one operation, by ResourceId: those of its type,
// those of its own over them key by key, checked in full against its plugin's schema (names,
// types, ranges, allowed texts, what is required), aliases resolved, defaults filled in.
// kInvalidInput with all faults: also for an entry whose type no plugin has (did you mean), for
// "type#id" of a resource that is not in the graph, for a resource whose type has no plugin, and
// for a secret in clear, which would reach the bank: only NAME_file and NAME_env are allowed.
// Entries of types that the graph does not hold are checked, too, but for what is required.
// What is wrong with a resource of a graph that was read from a file has its place there, without
// the line itself.
Result<std::vector<Value>> ResolveParameters(const ParameterSet& parameters, Operation operation,
                                             const ResourceGraph& graph,
                                             const PluginsByType& plugins);

}  // namespace holdfast::compiler
