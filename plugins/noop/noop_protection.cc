#include "plugins/noop/noop_protection.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "plugins/noop/behaviour.h"
#include "plugins/noop/graph_protectable.h"
#include "plugins/noop/noop_call.h"
#include "plugins/sdk/sample.h"
#include "plugins/sdk/text.h"

namespace holdfast::plugins::noop {

namespace {

struct Settings {
  std::vector<std::string> types;
  std::vector<std::string> activities{"pre", "parallel", "post"};
  bool quiesces = false;
  bool post_acts_on_failure = true;
  std::string graph;
  std::string trace;

  template <class Fields>
  static void Describe(Fields& fields) {
    fields("types", &Settings::types, "the resource types that it claims").Required();
    fields("activities", &Settings::activities,
           "the activities that it defines: all, an operation, an activity of each operation "
           "(parallel), or one (protect.pre)");
    fields("quiesces", &Settings::quiesces, "claims to bring its resources to rest");
    fields("post_acts_on_failure", &Settings::post_acts_on_failure,
           "post also runs when something before it failed");
    fields("graph", &Settings::graph,
           "a resource graph file (YAML, or JSON when it ends in .json): the resources that there "
           "are, for discovery and drift");
    fields("trace", &Settings::trace, "a file to which each activity appends what it does");
  }
};

// Switches on in `out` what one entry of the setting `activities` names; false when it is nothing.
bool DefineActivities(std::string_view name, PluginDescriptor& out) {
  const std::size_t dot = name.find('.');
  const std::string_view first = name.substr(0, dot);
  const auto operation = ParseOperation(first);
  auto kind =
      dot == std::string_view::npos ? std::nullopt : ParseActivityKind(name.substr(dot + 1));
  if (dot != std::string_view::npos && (!operation || !kind)) return false;
  if (dot == std::string_view::npos && !operation && name != "all") {
    kind = ParseActivityKind(name);
    if (!kind) return false;
  }
  for (const Operation o : kAllOperations) {
    for (const ActivityKind k : kAllActivityKinds) {
      if ((!operation || o == *operation) && (!kind || k == *kind)) {
        out.operation(o).activities[static_cast<std::size_t>(k)] = true;
      }
    }
  }
  return true;
}

std::vector<std::string> ActivityNames() {
  std::vector<std::string> names{"all"};
  for (const ActivityKind kind : kAllActivityKinds) names.emplace_back(NameOf(kind));
  for (const Operation operation : kAllOperations) {
    names.emplace_back(NameOf(operation));
    for (const ActivityKind kind : kAllActivityKinds) {
      names.push_back(std::string(NameOf(operation)) + "." + std::string(NameOf(kind)));
    }
  }
  return names;
}

}  // namespace

PluginDescriptor NoopDescriptor() {
  PluginDescriptor d;
  d.name = "noop";
  d.description =
      "protects nothing: claims any type and does what it is told, for tests and rehearsals";
  d.settings_section = "noop";
  d.settings = SchemaOf<Settings>();
  for (Field& field : SchemaOf<PollSettings>().fields)
    d.settings.fields.push_back(std::move(field));
  for (OperationDescriptor& operation : d.operations) {
    operation.activities.fill(true);
    operation.parameters = NoopParameterSchema();
  }
  HOLDFAST_CHECK(AddSampleParameter(d).has_value());
  d.has_saved_info = true;
  d.saved_info = SchemaOf<SavedInfo>();
  return d;
}

Result<std::unique_ptr<ProtectionPlugin>> MakeNoopProtection(const Value& settings) {
  auto bound = BindChecked<Settings>(settings);
  PluginDescriptor d = NoopDescriptor();
  // Where the provider file says it; the provider knows the file.
  const auto at = [&](std::string_view key, Error error) {
    const Value* const value = settings.Find(key);
    if (value == nullptr || value->position().line == 0) return error;
    return std::move(error).At({{}, value->position().line, value->position().column, {}, 1});
  };
  // Where the file does not say it, or its section was lost, that was told already.
  if (const Value* const given = settings.Find("types");
      bound.types.empty() && given != nullptr && given->position().line != 0) {
    return at("types", InvalidInput("'types' of noop names no resource type")
                           .Hint("such as 'types = Rehearsal::Server, Rehearsal::Volume'"));
  }
  std::set<std::string_view> types;
  for (const std::string& type : bound.types) {
    if (auto fits = CheckResourceKey({type, "any"}); !fits)
      return at("types", std::move(fits).error());
    if (!types.insert(type).second)
      return at("types", InvalidInput("'types' of noop names " + type + " twice"));
  }
  d.types = std::move(bound.types);
  for (OperationDescriptor& operation : d.operations) operation.activities.fill(false);
  for (const std::string& name : bound.activities) {
    if (DefineActivities(name, d)) continue;
    const std::string near = Nearest(name, ActivityNames());
    return at("activities",
              InvalidInput("'" + Printable(name) + "' in 'activities' of noop is no activity")
                  .Hint(near.empty() ? "write all, protect, parallel or protect.pre"
                                     : "did you mean '" + near + "'?"));
  }
  // Told so by its settings, an operation without activities is empty on purpose.
  for (OperationDescriptor& operation : d.operations)
    operation.empty_on_purpose = !operation.DefinesAny();
  d.quiesces = bound.quiesces;
  d.post_acts_on_failure = bound.post_acts_on_failure;
  return std::unique_ptr<ProtectionPlugin>(
      std::make_unique<NoopProtection>(std::move(d), BindChecked<PollSettings>(settings),
                                       std::move(bound.trace), std::move(bound.graph)));
}

NoopProtection::NoopProtection(PluginDescriptor descriptor, PollSettings poll, std::string trace,
                               std::string graph)
    : descriptor_(std::move(descriptor)),
      poll_(poll),
      trace_(std::move(trace)),
      graph_(std::move(graph)) {}

Result<StepChoice> NoopProtection::Choose(Operation, ActivityKind kind, const Resource&,
                                          const Value& parameters) const {
  Behaviour behaviour = BehaviourOf(kind, parameters);
  if (behaviour.none) return StepChoice::None();
  if (!behaviour.aggregate.empty()) return StepChoice::Aggregate(std::move(behaviour.aggregate));
  return StepChoice::Own();
}

std::vector<ParameterFault> NoopProtection::Validate(Operation operation, const Resource& resource,
                                                     const Value& parameters) const {
  ParameterFaults faults;
  if (operation == Operation::kRestore) {
    if (Status good = CheckResourceKey(NewKeyOf(resource.key, parameters)); !good) {
      faults.Note(kNewId, std::move(good).error().While(kNewId));
    }
  }
  return faults.Take();
}

Activity NoopProtection::Start(Operation operation, ActivityKind kind, Checkpoint& checkpoint,
                               Context& context, std::span<const Resource> resources,
                               const Parameters& parameters) {
  NoopCall call(descriptor_, trace_, operation, kind, checkpoint, context, resources, parameters);
  Status status = call.Begin();
  const std::int64_t yields = status ? call.YieldsWanted() : 0;
  for (std::int64_t i = 0; i < yields && !context.cancelled(); ++i) {
    co_yield Progress{static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(yields),
                      "waiting, as told"};
  }
  if (status) status = call.Work();
  co_return call.End(std::move(status));
}

std::vector<std::unique_ptr<ProtectablePlugin>> NoopProtection::TakeProtectables() {
  if (graph_.empty()) return {};
  return MakeGraphProtectables(graph_, descriptor_.types, descriptor_.settings_section);
}

}  // namespace holdfast::plugins::noop
