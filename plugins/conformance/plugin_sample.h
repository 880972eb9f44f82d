#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast::plugins::conformance {

// A resource on which a plugin can be tried for real: made of files in a folder, nothing else. As a
// file (YAML):
//
//   settings: {...}                  # of the plugin, as its section of a provider file; optional
//   files: {tree/a.txt: "hello"}     # written below {folder} before each trial; "tree/" is a folder
//   resource: {type: ..., id: ..., name: ..., extra: {path: "{folder}/tree"}}
//   parameters:                      # of each operation, as in a plan; optional
//     restore: {target: "{folder}/restored"}
//
// "{folder}" in any text stands for the folder of the trial, an absolute path.
struct PluginSample {
  Value settings;
  std::map<std::string, std::string> files;
  Resource resource;
  std::array<Value, kAllOperations.size()> parameters;  // by Operation

  const Value& parameters_of(Operation operation) const {
    return parameters[static_cast<std::size_t>(operation)];
  }
};

// kInvalidInput, with the position where the value has one.
Result<PluginSample> SampleFromValue(const Value& value, std::string_view file);

// The sample for one folder (which exists): its files are written, "{folder}" is replaced.
Result<PluginSample> PlaceSample(const PluginSample& sample, const std::string& folder);

}  // namespace holdfast::plugins::conformance
