#include "plugins/sdk/bundle.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "plugins/sdk/in_parallel.h"
#include "plugins/sdk/json.h"
#include "plugins/sdk/json_out.h"
#include "plugins/sdk/sha256.h"
#include "plugins/sdk/stable_hash.h"
#include "plugins/sdk/text.h"

namespace holdfast {

namespace {

constexpr std::size_t kMaxSteps = 1000;  // in a shard
constexpr std::size_t kMinSteps = kMaxSteps / 2;
constexpr std::size_t kMaxResources = 4000;  // of resources without a step, in a shard

// Members of maps in the order of their keys, as JSON of a Value has them.
void WriteKey(JsonOut& out, const ResourceKey& key) {
  out.Member("id", key.id);
  out.Member("type", key.type);
}

void WriteLinks(JsonOut& out, std::string_view member, const std::vector<ResourceLink>& links) {
  if (links.empty()) return;
  out.Key(member);
  out.BeginList();
  for (const ResourceLink& link : links) {
    out.BeginMap();
    if (!link.facts.is_null()) {
      out.Key("facts");
      out.Write(link.facts);
    }
    out.Member("id", link.key.id);
    out.Member("name", link.name);
    out.Member("type", link.key.type);
    out.EndMap();
  }
  out.EndList();
}

void WriteActivity(JsonOut& out, const BundleStepView::Activity& activity) {
  out.BeginMap();
  out.Member("activity", NameOf(activity.kind));
  if (!activity.gates.empty()) {
    out.Key("gates");
    out.BeginList();
    for (const BundleStepView::Gate& gate : activity.gates) {
      out.BeginMap();
      out.Member("activity", NameOf(gate.kind));
      out.Member("id", gate.resource->id);
      out.Member("step", gate.step);
      out.Member("type", gate.resource->type);
      out.EndMap();
    }
    out.EndList();
  }
  WriteKey(out, *activity.key);
  out.EndMap();
}

void WriteStep(JsonOut& out, std::string_view name, const BundleStepView& step) {
  out.BeginMap();
  out.Key("activities");
  out.BeginList();
  for (const BundleStepView::Activity& activity : step.activities) WriteActivity(out, activity);
  out.EndList();
  out.Member("name", name);
  if (!step.order.empty()) {
    out.Key("order");
    out.BeginList();
    for (const std::string_view before : step.order) out.Text(before);
    out.EndList();
  }
  out.EndMap();
}

void WriteResource(JsonOut& out, const BundleResource& entry) {
  // By the names of the kinds.
  constexpr std::array kByName{ActivityKind::kParallel, ActivityKind::kPost, ActivityKind::kPre,
                               ActivityKind::kPreFinish};
  out.BeginMap();
  WriteLinks(out, "children", entry.resource.children);
  if (!entry.resource.extra.is_null()) {
    out.Key("extra");
    out.Write(entry.resource.extra);
  }
  out.Member("id", entry.resource.key.id);
  out.Member("name", entry.resource.name);
  if (!entry.parameters.is_null()) {
    out.Key("parameters");
    out.Write(entry.parameters);
  }
  WriteLinks(out, "parents", entry.resource.parents);
  out.Member("plugin", entry.plugin);
  if (entry.HasSteps()) {
    out.Key("steps");
    out.BeginMap();
    for (const ActivityKind kind : kByName) {
      if (!entry.StepOf(kind).empty()) out.Member(NameOf(kind), entry.StepOf(kind));
    }
    out.EndMap();
  }
  out.Member("type", entry.resource.key.type);
  out.EndMap();
}

// A shard: its resources, then its steps.
void BeginShard(JsonOut& out) {
  out.BeginMap();
  out.Key("format");
  out.Integer(Bundle::kFormat);
  out.Key("resources");
  out.BeginList();
}
void BeginSteps(JsonOut& out) {
  out.EndList();
  out.Key("steps");
  out.BeginList();
}
void EndShard(JsonOut& out) {
  out.EndList();
  out.EndMap();
}

// Reads the values of one bundle object. What is missing or of another kind makes the object
// kCorrupt: only our own programs write it.
class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  Error Bad(std::string_view what) const {
    return Corrupt(std::string(name_) + " is no bundle object of this build: " + std::string(what));
  }
  Result<std::string> Text(const Value& map, std::string_view key) const {
    const Value* const value = map.Find(key);
    if (value == nullptr || !value->is_string()) return Bad("no text '" + std::string(key) + "'");
    return value->AsString();
  }
  // A list that may be left out when it is empty.
  Result<const Value::List*> List(const Value& map, std::string_view key) const {
    static const Value::List empty;
    const Value* const value = map.Find(key);
    if (value == nullptr) return &empty;
    if (!value->is_list()) return Bad("'" + std::string(key) + "' is no list");
    return &value->AsList();
  }
  Result<ResourceKey> Key(const Value& map) const {
    ResourceKey key;
    HOLDFAST_ASSIGN_OR_RETURN(key.type, Text(map, "type"));
    HOLDFAST_ASSIGN_OR_RETURN(key.id, Text(map, "id"));
    return key;
  }
  Result<ActivityKind> Kind(const Value& map) const {
    HOLDFAST_ASSIGN_OR_RETURN(const std::string name, Text(map, "activity"));
    const auto kind = ParseActivityKind(name);
    if (!kind) return Bad("unknown activity");
    return *kind;
  }
  Result<std::vector<ResourceLink>> Links(const Value& map, std::string_view key) const {
    std::vector<ResourceLink> out;
    HOLDFAST_ASSIGN_OR_RETURN(const auto list, List(map, key));
    for (const Value& entry : *list) {
      ResourceLink link;
      HOLDFAST_ASSIGN_OR_RETURN(link.key, Key(entry));
      link.name = entry.StringOr("name", "");
      if (const Value* const facts = entry.Find("facts"); facts != nullptr) link.facts = *facts;
      out.push_back(std::move(link));
    }
    return out;
  }
  Result<BundleStep> Step(const Value& value) const {
    BundleStep step;
    HOLDFAST_ASSIGN_OR_RETURN(step.name, Text(value, "name"));
    HOLDFAST_ASSIGN_OR_RETURN(const auto activities, List(value, "activities"));
    for (const Value& entry : *activities) {
      BundleActivity activity;
      HOLDFAST_ASSIGN_OR_RETURN(activity.resource, Key(entry));
      HOLDFAST_ASSIGN_OR_RETURN(activity.kind, Kind(entry));
      HOLDFAST_ASSIGN_OR_RETURN(const auto gates, List(entry, "gates"));
      for (const Value& gate : *gates) {
        BundleGate out;
        HOLDFAST_ASSIGN_OR_RETURN(out.step, Text(gate, "step"));
        HOLDFAST_ASSIGN_OR_RETURN(out.resource, Key(gate));
        HOLDFAST_ASSIGN_OR_RETURN(out.kind, Kind(gate));
        activity.gates.push_back(std::move(out));
      }
      step.activities.push_back(std::move(activity));
    }
    if (step.activities.empty()) return Bad("a step without activities");
    HOLDFAST_ASSIGN_OR_RETURN(const auto order, List(value, "order"));
    for (const Value& name : *order) {
      if (!name.is_string()) return Bad("'order' holds something else than texts");
      step.order.push_back(name.AsString());
    }
    return step;
  }
  Result<BundleResource> Resource(const Value& value) const {
    BundleResource out;
    HOLDFAST_ASSIGN_OR_RETURN(out.resource.key, Key(value));
    out.resource.name = value.StringOr("name", "");
    HOLDFAST_ASSIGN_OR_RETURN(out.plugin, Text(value, "plugin"));
    if (const Value* const extra = value.Find("extra"); extra != nullptr)
      out.resource.extra = *extra;
    HOLDFAST_ASSIGN_OR_RETURN(out.resource.parents, Links(value, "parents"));
    HOLDFAST_ASSIGN_OR_RETURN(out.resource.children, Links(value, "children"));
    if (const Value* const parameters = value.Find("parameters"); parameters != nullptr)
      out.parameters = *parameters;
    if (const Value* const steps = value.Find("steps"); steps != nullptr) {
      for (const ActivityKind kind : kAllActivityKinds) {
        out.steps[static_cast<std::size_t>(kind)] = steps->StringOr(NameOf(kind), "");
      }
    }
    return out;
  }

 private:
  std::string_view name_;
};

Result<Value> ParseObject(std::string_view text, std::string_view name) {
  auto value = ParseJson(text, name);
  if (!value) return Corrupt(value.error().OneLine()).While("reading the bundle");
  if (!value->is_map()) return Corrupt(std::string(name) + " is no bundle object");
  const std::int64_t format = value->IntOr("format", 0);
  if (format != Bundle::kFormat) {
    return InvalidInput(std::string(name) + " has format " + std::to_string(format) +
                        "; this build reads " + std::to_string(Bundle::kFormat))
        .Hint("compile again with this build");
  }
  return value;
}

std::string ShardFile(std::size_t index) { return "shard-" + std::to_string(index) + ".json"; }

}  // namespace

Result<std::string> DumpBundle(const Bundle& bundle) {
  Value::List plugins;
  for (const PluginDescriptor& plugin : bundle.plugins)
    plugins.push_back(DescriptorToValue(plugin));
  Value::List shards;
  for (const BundleShardRef& shard : bundle.shards) {
    shards.push_back(
        Value().Set("sha256", shard.sha256).Set("first", shard.first).Set("steps", shard.steps));
  }
  Value out =
      Value()
          .Set("format", Bundle::kFormat)
          .Set("operation", NameOf(bundle.operation))
          .Set("provider", Value().Set("id", bundle.provider_id).Set("name", bundle.provider_name))
          .Set("plan", bundle.plan)
          .Set("plugins", std::move(plugins))
          .Set("shards", std::move(shards))
          .Set("resources", bundle.resources)
          .Set("steps", bundle.steps)
          .Set("roots", Value::List(bundle.roots.begin(), bundle.roots.end()));
  if (!bundle.checkpoint.empty()) out.Set("checkpoint", bundle.checkpoint);
  if (bundle.partial) out.Set("partial", true);
  if (!bundle.parameters.is_null()) out.Set("parameters", bundle.parameters);
  if (!bundle.warnings.empty())
    out.Set("warnings", Value::List(bundle.warnings.begin(), bundle.warnings.end()));
  return DumpJsonPretty(out);
}

Result<std::string> DumpShard(const BundleShard& shard) {
  JsonOut out(JsonOut::Form::kPretty);
  BeginShard(out);
  for (const BundleResource& resource : shard.resources) WriteResource(out, resource);
  BeginSteps(out);
  for (const BundleStep& step : shard.steps) {
    BundleStepView view;
    for (const BundleActivity& activity : step.activities) {
      view.activities.push_back({0, &activity.resource, activity.kind, {}});
      for (const BundleGate& gate : activity.gates)
        view.activities.back().gates.push_back({gate.step, &gate.resource, gate.kind});
    }
    view.order.assign(step.order.begin(), step.order.end());
    WriteStep(out, step.name, view);
  }
  EndShard(out);
  return out.Take();
}

Result<Bundle> ParseBundle(std::string_view text, std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseObject(text, name));
  const Reader reader(name);
  Bundle out;
  HOLDFAST_ASSIGN_OR_RETURN(const std::string operation, reader.Text(value, "operation"));
  const auto parsed = ParseOperation(operation);
  if (!parsed) return reader.Bad("unknown operation");
  out.operation = *parsed;
  const Value* const provider = value.Find("provider");
  if (provider == nullptr) return reader.Bad("no provider");
  HOLDFAST_ASSIGN_OR_RETURN(out.provider_id, reader.Text(*provider, "id"));
  HOLDFAST_ASSIGN_OR_RETURN(out.provider_name, reader.Text(*provider, "name"));
  if (const Value* const plan = value.Find("plan"); plan != nullptr) out.plan = *plan;
  out.checkpoint = value.StringOr("checkpoint", "");
  out.partial = value.BoolOr("partial", false);
  if (const Value* const parameters = value.Find("parameters"); parameters != nullptr)
    out.parameters = *parameters;
  HOLDFAST_ASSIGN_OR_RETURN(const auto plugins, reader.List(value, "plugins"));
  for (const Value& plugin : *plugins) {
    HOLDFAST_ASSIGN_OR_RETURN(PluginDescriptor descriptor, DescriptorFromValue(plugin, name));
    out.plugins.push_back(std::move(descriptor));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto shards, reader.List(value, "shards"));
  for (const Value& shard : *shards) {
    BundleShardRef ref;
    HOLDFAST_ASSIGN_OR_RETURN(ref.sha256, reader.Text(shard, "sha256"));
    HOLDFAST_ASSIGN_OR_RETURN(ref.first, reader.Text(shard, "first"));
    ref.steps = static_cast<std::uint64_t>(shard.IntOr("steps", 0));
    out.shards.push_back(std::move(ref));
  }
  out.resources = static_cast<std::uint64_t>(value.IntOr("resources", 0));
  out.steps = static_cast<std::uint64_t>(value.IntOr("steps", 0));
  HOLDFAST_ASSIGN_OR_RETURN(const auto roots, reader.List(value, "roots"));
  for (const Value& root : *roots) {
    if (!root.is_string()) return reader.Bad("a root that is no text");
    out.roots.push_back(root.AsString());
  }
  if (value.Find("warnings") != nullptr) {
    HOLDFAST_ASSIGN_OR_RETURN(const auto warnings, reader.List(value, "warnings"));
    for (const Value& warning : *warnings) {
      if (!warning.is_string()) return reader.Bad("a warning that is no text");
      out.warnings.push_back(warning.AsString());
    }
  }
  return out;
}

Result<BundleShard> ParseShard(std::string_view text, std::string_view name) {
  HOLDFAST_ASSIGN_OR_RETURN(const Value value, ParseObject(text, name));
  const Reader reader(name);
  BundleShard out;
  HOLDFAST_ASSIGN_OR_RETURN(const auto steps, reader.List(value, "steps"));
  for (const Value& entry : *steps) {
    HOLDFAST_ASSIGN_OR_RETURN(BundleStep step, reader.Step(entry));
    out.steps.push_back(std::move(step));
  }
  HOLDFAST_ASSIGN_OR_RETURN(const auto resources, reader.List(value, "resources"));
  for (const Value& entry : *resources) {
    HOLDFAST_ASSIGN_OR_RETURN(BundleResource resource, reader.Resource(entry));
    out.resources.push_back(std::move(resource));
  }
  return out;
}

Result<std::size_t> ShardOfStep(const Bundle& bundle, std::string_view step) {
  if (bundle.shards.empty()) return NotFound("the bundle has no steps");
  const auto after = std::upper_bound(
      bundle.shards.begin(), bundle.shards.end(), step,
      [](std::string_view name, const BundleShardRef& shard) { return name < shard.first; });
  return after == bundle.shards.begin()
             ? 0
             : static_cast<std::size_t>(after - bundle.shards.begin()) - 1;
}

namespace {

// Makes the files of a bundle out of its source.
class BundleMaker {
 public:
  BundleMaker(Bundle bundle, const BundleSource& source)
      : bundle_(std::move(bundle)),
        source_(source),
        by_name_(source.steps.size()),
        steps_of_(source.resources),
        placed_(source.resources, false) {}

  Result<BundleFiles> Make() {
    HOLDFAST_RETURN_IF_ERROR(SortSteps());
    PlanShards();
    MakeShards();
    bundle_.shards.clear();
    BundleFiles out;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      Shard& shard = shards_[i];
      HOLDFAST_RETURN_IF_ERROR(shard.made);
      bundle_.shards.push_back(
          {std::move(shard.sha256), std::move(shard.first), shard.end - shard.begin});
      out.files[ShardFile(i)] = std::move(shard.text);
    }
    bundle_.resources = source_.resources;
    bundle_.steps = source_.steps.size();
    std::sort(bundle_.plugins.begin(), bundle_.plugins.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    HOLDFAST_ASSIGN_OR_RETURN(std::string text, DumpBundle(bundle_));
    out.sha256 = Sha256Hex(text);
    out.files["bundle.json"] = std::move(text);
    return out;
  }

 private:
  static constexpr std::uint32_t kNoStep = 0xFFFFFFFFU;
  struct StepsOf {
    std::array<std::uint32_t, kActivityKindCount> step;
    StepsOf() { step.fill(kNoStep); }
  };
  struct Shard {
    std::size_t begin = 0;  // its steps, by their places in by_name_
    std::size_t end = 0;
    std::vector<std::size_t> resources;  // those of the steps, or some without any
    std::string first;
    std::string text;
    std::string sha256;
    Status made;
  };
  // What making one shard leaves for the next to fill again, without a new allocation.
  struct Scratch {
    std::vector<BundleStepView> views;
    std::size_t largest = 0;  // text
  };

  const std::string& NameAt(std::size_t place) const { return source_.steps[by_name_[place]]; }

  // First of all, as a shard says of its resources which steps in other shards they have.
  Status SortSteps() {
    for (std::uint32_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
    std::sort(by_name_.begin(), by_name_.end(), [this](std::uint32_t a, std::uint32_t b) {
      return source_.steps[a] < source_.steps[b];
    });
    for (std::size_t i = 1; i < by_name_.size(); ++i) {
      if (NameAt(i) == NameAt(i - 1)) return Internal("two steps are called " + NameAt(i));
    }
    BundleStepView step;
    for (std::uint32_t i = 0; i < by_name_.size(); ++i) {
      source_.step(i, step);
      for (const BundleStepView::Activity& activity : step.activities) {
        if (activity.resource >= source_.resources) {
          return Internal("step " + source_.steps[i] +
                          " acts on a resource that is not in the bundle");
        }
        steps_of_[activity.resource].step[static_cast<std::size_t>(activity.kind)] = i;
        placed_[activity.resource] = true;
      }
    }
    return Ok();
  }

  // Behind kMinSteps the hash of a name begins the next shard, so that a step more or less changes the
  // shard that it is in and not those behind it.
  std::size_t ShardEnd(std::size_t begin) const {
    const std::size_t most = std::min(by_name_.size(), begin + kMaxSteps);
    for (std::size_t end = begin + kMinSteps; end < most; ++end) {
      if (MixHash(TextHash({NameAt(end)})) % (kMinSteps / 4) == 0) return end;
    }
    return most;
  }

  void PlanShards() {
    for (std::size_t begin = 0, end = 0; begin < by_name_.size(); begin = end) {
      end = ShardEnd(begin);
      shards_.push_back({begin, end, {}, NameAt(begin), {}, {}, {}});
    }
    // Resources without a step belong to the graph, too. '~' sorts behind every step's name, so that a look-up
    // by name never ends in these shards.
    std::size_t number = 0;
    std::size_t room = 0;
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      if (placed_[i]) continue;
      if (room == 0) {
        shards_.push_back({0, 0, {}, "~" + std::to_string(1000 + number++), {}, {}, {}});
        room = kMaxResources;
      }
      shards_.back().resources.push_back(i);
      --room;
    }
  }

  void MakeShards() {
    const std::size_t parts = std::max(1U, std::thread::hardware_concurrency());
    InParallel(parts, [&](std::size_t part) {
      Scratch scratch;
      for (std::size_t i = part; i < shards_.size(); i += parts) MakeShard(shards_[i], scratch);
    });
  }

  void MakeShard(Shard& shard, Scratch& scratch) const {
    const std::size_t steps = shard.end - shard.begin;
    std::vector<BundleStepView>& views = scratch.views;
    if (views.size() < steps) views.resize(steps);
    std::vector<std::size_t>& resources = shard.resources;
    for (std::size_t i = 0; i < steps; ++i) {
      source_.step(by_name_[shard.begin + i], views[i]);
      for (const BundleStepView::Activity& activity : views[i].activities)
        resources.push_back(activity.resource);
    }
    std::sort(resources.begin(), resources.end());
    resources.erase(std::unique(resources.begin(), resources.end()), resources.end());
    JsonOut out(JsonOut::Form::kPretty);
    out.Reserve(scratch.largest);
    BeginShard(out);
    for (const std::size_t number : resources) {
      BundleResource resource = source_.resource(number);
      for (std::size_t kind = 0; kind < kActivityKindCount; ++kind) {
        const std::uint32_t step = steps_of_[number].step[kind];
        if (step != kNoStep) resource.steps[kind] = source_.steps[step];
      }
      WriteResource(out, resource);
    }
    BeginSteps(out);
    for (std::size_t i = 0; i < steps; ++i) WriteStep(out, NameAt(shard.begin + i), views[i]);
    EndShard(out);
    auto text = out.Take();
    if (!text) {
      shard.made = std::move(text).error();
      return;
    }
    scratch.largest = std::max(scratch.largest, text->size());
    shard.sha256 = Sha256Hex(*text);
    shard.text = std::move(*text);
  }

  Bundle bundle_;
  const BundleSource& source_;
  std::vector<std::uint32_t> by_name_;
  std::vector<StepsOf> steps_of_;  // by resource
  std::vector<bool> placed_;       // by resource: it is in a shard
  std::vector<Shard> shards_;
};

}  // namespace

Result<BundleFiles> MakeBundle(Bundle bundle, const BundleSource& source) {
  return BundleMaker(std::move(bundle), source).Make();
}

const BundleStep* LoadedBundle::FindStep(std::string_view name) const {
  const auto index = ShardOfStep(bundle, name);
  if (!index || *index >= shards.size()) return nullptr;
  const auto& steps = shards[*index].steps;
  const auto at =
      std::lower_bound(steps.begin(), steps.end(), name,
                       [](const BundleStep& step, std::string_view n) { return step.name < n; });
  return at == steps.end() || at->name != name ? nullptr : &*at;
}

const BundleResource* LoadedBundle::FindResource(const ResourceKey& key) const {
  for (const BundleShard& shard : shards) {
    const auto at = std::lower_bound(
        shard.resources.begin(), shard.resources.end(), key,
        [](const BundleResource& r, const ResourceKey& k) { return r.resource.key < k; });
    if (at != shard.resources.end() && at->resource.key == key) return &*at;
  }
  return nullptr;
}

const PluginDescriptor* LoadedBundle::FindPlugin(std::string_view name) const {
  for (const PluginDescriptor& plugin : bundle.plugins) {
    if (plugin.name == name) return &plugin;
  }
  return nullptr;
}

Result<LoadedBundle> LoadBundle(const BundleFiles& files) {
  const auto head = files.files.find("bundle.json");
  if (head == files.files.end()) return NotFound("the bundle has no bundle.json");
  LoadedBundle out;
  out.sha256 = Sha256Hex(head->second);
  HOLDFAST_ASSIGN_OR_RETURN(out.bundle, ParseBundle(head->second, "bundle.json"));
  for (std::size_t i = 0; i < out.bundle.shards.size(); ++i) {
    const std::string name = ShardFile(i);
    const auto shard = files.files.find(name);
    if (shard == files.files.end()) return NotFound("the bundle has no " + name);
    if (Sha256Hex(shard->second) != out.bundle.shards[i].sha256) {
      return InvalidInput(name + " is not the one that bundle.json names");
    }
    HOLDFAST_ASSIGN_OR_RETURN(BundleShard parsed, ParseShard(shard->second, name));
    out.shards.push_back(std::move(parsed));
  }
  return out;
}

Result<ResourceGraph> GraphOfBundle(const LoadedBundle& bundle) {
  ResourceGraphBuilder builder;
  for (const std::string& warning : bundle.bundle.warnings) builder.AddWarning(warning);
  std::set<ResourceKey> seen;
  for (const BundleShard& shard : bundle.shards) {
    for (const BundleResource& entry : shard.resources) {
      if (!seen.insert(entry.resource.key).second) continue;
      HOLDFAST_RETURN_IF_ERROR(
          builder.AddResource({entry.resource.key, entry.resource.name, entry.resource.extra}));
      for (const ResourceLink& child : entry.resource.children) {
        HOLDFAST_RETURN_IF_ERROR(builder.AddEdge(entry.resource.key, child.key, child.facts));
      }
    }
  }
  return builder.Build();
}

}  // namespace holdfast
