#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/sdk/descriptor.h"
#include "plugins/sdk/operation.h"
#include "plugins/sdk/resource.h"
#include "plugins/sdk/resource_graph.h"
#include "plugins/sdk/result.h"
#include "plugins/sdk/value.h"

namespace holdfast {

// The bundle: what a workflow was compiled from. `compile` writes it beside the workflow file,
// `run` and `submit` put it into the bank, steps read it: bundle.json and the one shard that their
// step is in. It is named by the SHA-256 of bundle.json, which names the shards' SHA-256s, so a
// reviewed workflow file pins exactly what it will do (design: architecture, decision 10).

// One activity of one resource, wherever a gate or a comment points.
struct BundleGate {
  std::string step;  // the step that runs it
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
};

// One activity that a step runs.
struct BundleActivity {
  ResourceKey resource;
  ActivityKind kind = ActivityKind::kPre;
  // What must have succeeded before it may run (semantics.md, all of them: nothing left out).
  // `begin` is a gate of everything and is not listed.
  std::vector<BundleGate> gates;
};

struct BundleStep {
  std::string name;  // [a-z0-9-], unique in the bundle
  // In the order in which the step runs them. More than one with leaf fusion (one resource,
  // several kinds) or aggregation (several resources, one kind: one call of the plugin).
  std::vector<BundleActivity> activities;
  std::vector<std::string> order;  // steps that it comes after (reduced; gates' steps included)
};

struct BundleResource {
  Resource resource;   // with parents and children
  std::string plugin;  // the protection plugin's name
  Value parameters;    // of the bundle's operation, checked, defaults filled in
  // By ActivityKind: the step that runs it, wherever it is; empty = there is none. MakeBundle fills
  // it in, so that a step finds the other activities of its resource without reading every shard.
  std::array<std::string, kActivityKindCount> steps;

  const std::string& StepOf(ActivityKind kind) const {
    return steps[static_cast<std::size_t>(kind)];
  }
  // Is anything to be done with it?
  bool HasSteps() const {
    return std::any_of(steps.begin(), steps.end(),
                       [](const std::string& step) { return !step.empty(); });
  }
};

struct BundleShard {
  std::vector<BundleStep> steps;          // sorted by name, at most 1,000
  std::vector<BundleResource> resources;  // sorted by key: all that the steps act on
};

struct BundleShardRef {
  std::string sha256;  // hex, of the shard's bytes
  std::string first;   // the name of its first step: shards are sorted, a step is looked up by it
  std::uint64_t steps = 0;
};

struct Bundle {
  static constexpr int kFormat = 1;
  Operation operation = Operation::kProtect;
  std::string provider_id;
  std::string provider_name;
  Value plan;              // as read and checked: {"name", "policy", "retention", ...}
  std::string checkpoint;  // restore, delete, verify: the checkpoint's id; empty for protect
  bool partial = false;    // restore, verify: also of a checkpoint that is in error
  Value parameters;        // as the plan or the parameters file gave them: by "type" and "type#id"
  std::vector<PluginDescriptor> plugins;  // those in use, sorted by name
  std::vector<BundleShardRef> shards;     // sorted by `first`; file names shard-0.json ...
  std::uint64_t resources = 0;            // of the whole graph
  std::uint64_t steps = 0;                // without begin and end
  std::vector<std::string> roots;  // "type#id" of the plan's resources: what drift lists again
  // protect: the graph's warnings, which its checkpoint records.
  std::vector<std::string> warnings;
};

// bundle.json and shard-<n>.json: same bytes for the same contents.
Result<std::string> DumpBundle(const Bundle& bundle);
Result<std::string> DumpShard(const BundleShard& shard);
// Refuses another format (kInvalidInput) and what is not a bundle (kCorrupt).
Result<Bundle> ParseBundle(std::string_view text, std::string_view name);
Result<BundleShard> ParseShard(std::string_view text, std::string_view name);

// The index into bundle.shards of the shard that holds `step` if any does; kNotFound when there is
// no shard at all.
Result<std::size_t> ShardOfStep(const Bundle& bundle, std::string_view step);

// A bundle with all its bytes, as compile makes it and `run` carries it to the bank.
struct BundleFiles {
  std::string sha256;                        // the bundle's name
  std::map<std::string, std::string> files;  // "bundle.json", "shard-0.json", ...
};

// A step of a bundle that is made. What it points to lives until the next one is asked for.
struct BundleStepView {
  struct Gate {
    std::string_view step;
    const ResourceKey* resource = nullptr;
    ActivityKind kind = ActivityKind::kPre;
  };
  struct Activity {
    std::size_t resource = 0;  // its place in the source
    const ResourceKey* key = nullptr;
    ActivityKind kind = ActivityKind::kPre;
    std::vector<Gate> gates;
  };
  std::vector<Activity> activities;  // as of BundleStep
  std::vector<std::string_view> order;
};

// What a bundle is made of, asked for piece by piece, from several threads at once: that of 300,000 steps is never in
// memory as a whole beside its bytes.
struct BundleSource {
  std::span<const std::string> steps;  // their names, in any order
  std::size_t resources = 0;           // all of the graph, in the order of their keys
  std::function<void(std::size_t step, BundleStepView& out)> step;
  std::function<BundleResource(std::size_t resource)> resource;  // its `steps` are filled in
};

// Cuts steps into shards and names everything. Resources without a step have shards of their own.
Result<BundleFiles> MakeBundle(Bundle bundle, const BundleSource& source);

// Reads NAME.bundle/ and checks every hash; kInvalidInput names the file that does not match.
Result<BundleFiles> ReadBundleFolder(const std::string& folder);
// Writes the folder: each file by temp, fsync, rename; files that are not of this bundle and look
// like one's (shard-*.json) are removed; identical files are left untouched.
Status WriteBundleFolder(const std::string& folder, const BundleFiles& files);

// All of a bundle in memory.
struct LoadedBundle {
  std::string sha256;
  Bundle bundle;
  std::vector<BundleShard> shards;

  const BundleStep* FindStep(std::string_view name) const;
  const BundleResource* FindResource(const ResourceKey& key) const;
  const PluginDescriptor* FindPlugin(std::string_view name) const;
};
Result<LoadedBundle> LoadBundle(const BundleFiles& files);
// The resource graph that a bundle was compiled from.
Result<ResourceGraph> GraphOfBundle(const LoadedBundle& bundle);

}  // namespace holdfast
