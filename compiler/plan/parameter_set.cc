#include "compiler/plan/parameter_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "plugins/sdk/schema.h"
#include "plugins/sdk/text.h"
#include "plugins/sdk/yaml/yaml_in.h"

namespace holdfast::compiler {
namespace {

struct EntryKey {
  std::string_view type;
  std::string_view id;  // empty: all of the type
};

EntryKey SplitKey(std::string_view key) {
  const std::size_t hash = key.find('#');
  if (hash == std::string_view::npos) return {key, {}};
  return {key.substr(0, hash), key.substr(hash + 1)};
}

// Under all of these names a file may give the field: its own, its aliases, and for a secret each
// with _file and _env.
std::vector<std::string> FileNames(const Field& field) {
  std::vector<std::string> names{field.name};
  names.insert(names.end(), field.aliases.begin(), field.aliases.end());
  if (field.type != FieldType::kSecret) return names;
  std::vector<std::string> all;
  for (const std::string& name : names) {
    for (const char* suffix : {"", "_file", "_env"}) all.push_back(name + suffix);
  }
  return all;
}

// `over` wins key by key; a key of `base` that names the same field in another way goes.
Value Merge(const Schema& schema, const Value& base, const Value& over) {
  if (!base.is_map()) return over;
  if (!over.is_map()) return base;
  Value merged = base;
  for (const Field& field : schema.fields) {
    const std::vector<std::string> names = FileNames(field);
    const bool given = std::any_of(names.begin(), names.end(), [&over](const std::string& name) {
      const Value* found = over.Find(name);
      return found != nullptr && !found->is_null();
    });
    if (!given) continue;
    for (const std::string& name : names) merged.MutableMap().erase(name);
  }
  for (const auto& [key, value] : over.AsMap()) {
    if (!value.is_null()) merged.Set(key, value);
  }
  return merged;
}

// The schema without what it requires: an entry alone need not give everything.
Schema Relaxed(const Schema& schema) {
  Schema relaxed = schema;
  for (Field& field : relaxed.fields) field.required = false;
  return relaxed;
}

// Checks and resolves a whole set.
class Resolver {
 public:
  Resolver(const ParameterSet& parameters, Operation operation, const ResourceGraph& graph,
           const PluginsByType& plugins)
      : parameters_(parameters), operation_(operation), graph_(graph), plugins_(plugins) {}

  Result<std::vector<Value>> Run() {
    CheckParameterEntries(parameters_.source, parameters_.entries, faults_);
    if (faults_.empty() && parameters_.entries.is_map()) {
      for (const auto& [key, value] : parameters_.entries.AsMap()) CheckEntry(key, value);
    }
    const bool entries_are_good = faults_.empty();
    std::set<std::string_view> without_plugin;
    std::vector<Value> resolved(graph_.size());
    for (std::uint32_t i = 0; i < graph_.size(); ++i) {
      const ResourceGraph::Node& node = graph_.node(ResourceId{i});
      const ResourceKey& key = node.key;
      const auto plugin = plugins_.find(key.type);
      if (plugin == plugins_.end()) {
        if (without_plugin.insert(key.type).second) NoPlugin(node);
      } else if (entries_are_good) {
        ResolveOne(key, SchemaOf(*plugin->second), resolved[i]);
      }
    }
    if (!faults_.empty()) return parameters_.source.WithLines(Together(faults_));
    return resolved;
  }

 private:
  const Schema& SchemaOf(const PluginDescriptor& plugin) const {
    return plugin.operation(operation_).parameters;
  }

  std::string What(std::string_view of) const {
    return fmt::format("{} parameters of {}", NameOf(operation_), Printable(of));
  }

  void NoPlugin(const ResourceGraph::Node& node) {
    Error error =
        InvalidInput(fmt::format("no plugin of the provider protects {} (such as {})",
                                 node.key.type, Printable(node.key.str())))
            .Hint("add a plugin for it to the provider file, or take it out of the graph");
    if (!graph_.file().empty()) {
      error = std::move(error).At({graph_.file(), node.position.line, node.position.column, {}, 1});
    }
    faults_.push_back(std::move(error));
  }

  void CheckEntry(const std::string& key, const Value& value) {
    const EntryKey parts = SplitKey(key);
    const auto plugin = plugins_.find(parts.type);
    if (plugin == plugins_.end()) {
      std::vector<std::string> types;
      for (const auto& [type, unused] : plugins_) types.push_back(type);
      const std::string near = Nearest(parts.type, types);
      faults_.push_back(
          parameters_.source
              .At(value.key_position(),
                  fmt::format("no plugin of the provider protects '{}'", Printable(parts.type)),
                  parts.type.size())
              .Hint(near.empty() ? "its plugins protect " + Join(types, ", ")
                                 : "did you mean '" + near + "'?"));
      return;
    }
    if (!parts.id.empty() && !graph_.Find({std::string(parts.type), std::string(parts.id)})) {
      std::vector<std::string> ids;
      for (const auto& node : graph_.nodes()) {
        if (node.key.type == parts.type) ids.push_back(node.key.id);
      }
      Error error = parameters_.source.At(
          value.key_position(), fmt::format("there is no {} in the resource graph", Printable(key)),
          key.size());
      if (const std::string near = Nearest(parts.id, ids); !near.empty()) {
        error = std::move(error).Hint(fmt::format("did you mean '{}#{}'?", parts.type, near));
      }
      faults_.push_back(std::move(error));
      return;
    }
    const Schema& schema = SchemaOf(*plugin->second);
    if (auto checked =
            CheckAgainstSchema(Relaxed(schema), value, parameters_.source.file, What(key));
        !checked) {
      faults_.push_back(std::move(checked).error());
    }
    if (!value.is_map()) return;
    for (const Field& field : schema.fields) {
      if (field.type != FieldType::kSecret) continue;
      std::vector<std::string> names{field.name};
      names.insert(names.end(), field.aliases.begin(), field.aliases.end());
      for (const std::string& name : names) {
        const Value* clear = value.Find(name);
        if (clear == nullptr || clear->is_null()) continue;
        // The line itself is not shown: it holds the secret.
        faults_.push_back(
            InvalidInput(
                fmt::format("'{}' is a secret in clear: it would be kept in the bank", name))
                .At({fmt::format("{}:{}", parameters_.source.file, clear->key_position().line),
                     0,
                     0,
                     {},
                     1})
                .Hint(fmt::format("name where it is with '{}_file' or '{}_env'", name, name)));
      }
    }
  }

  void ResolveOne(const ResourceKey& key, const Schema& schema, Value& out) {
    const Value* const of_type = parameters_.entries.Find(key.type);
    const Value* const own = parameters_.entries.Find(key.str());
    // Most resources have what their type has: checked once.
    const auto known = own == nullptr ? of_types_.find(key.type) : of_types_.end();
    if (known != of_types_.end()) {
      out = known->second;
      return;
    }
    Value merged =
        Merge(schema, of_type == nullptr ? Value() : *of_type, own == nullptr ? Value() : *own);
    // Where something that is required is missing, the nearest entry is where it belongs.
    const Value* const place = own != nullptr       ? own
                               : of_type != nullptr ? of_type
                                                    : &parameters_.entries;
    if (merged.position().line == 0 || own != nullptr) merged.set_position(place->position());
    auto checked = CheckAgainstSchema(schema, merged, parameters_.source.file,
                                      What(own == nullptr ? key.type : key.str()));
    if (!checked) {
      faults_.push_back(std::move(checked).error());
      return;
    }
    out = std::move(*checked);
    if (own == nullptr) of_types_[key.type] = out;
  }

  const ParameterSet& parameters_;
  const Operation operation_;
  const ResourceGraph& graph_;
  const PluginsByType& plugins_;
  std::map<std::string, Value, std::less<>> of_types_;
  std::vector<Error> faults_;
};

}  // namespace

void CheckParameterEntries(const SourceText& source, const Value& entries,
                           std::vector<Error>& faults) {
  if (entries.is_null()) return;
  if (!entries.is_map()) {
    faults.push_back(source
                         .At(entries.position(),
                             fmt::format("parameters are a map from a resource type or TYPE#ID to "
                                         "a map, not {}",
                                         NameOf(entries.kind())))
                         .Hint("such as 'Local::Directory: {exclude: [\"*.tmp\"]}'"));
    return;
  }
  for (const auto& [key, value] : entries.AsMap()) {
    const EntryKey parts = SplitKey(key);
    const bool whole_type = parts.type.size() == key.size();
    const Status good =
        CheckResourceKey({std::string(parts.type), whole_type ? "x" : std::string(parts.id)});
    if (!good) {
      faults.push_back(
          source
              .At(value.key_position(),
                  fmt::format("'{}' is neither a resource type nor TYPE#ID", Printable(key)),
                  key.size())
              .Hint(good.error().message()));
    }
    if (!value.is_map() && !value.is_null()) {
      faults.push_back(
          source.At(value.position(), fmt::format("the parameters of {} are a map, not {}",
                                                  Printable(key), NameOf(value.kind()))));
    }
  }
}

Result<ParameterSet> ParseParameters(std::string_view text, std::string_view file) {
  ParameterSet out;
  out.source = {std::string(file), std::string(text)};
  HOLDFAST_ASSIGN_OR_RETURN(out.entries, ParseYaml(text, file));
  std::vector<Error> faults;
  CheckParameterEntries(out.source, out.entries, faults);
  if (!faults.empty()) return out.source.WithLines(Together(faults));
  return out;
}

Result<std::vector<Value>> ResolveParameters(const ParameterSet& parameters, Operation operation,
                                             const ResourceGraph& graph,
                                             const PluginsByType& plugins) {
  return Resolver(parameters, operation, graph, plugins).Run();
}

}  // namespace holdfast::compiler
