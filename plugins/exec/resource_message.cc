#include "plugins/exec/resource_message.h"

#include <fmt/format.h>

#include "plugins/sdk/text.h"

namespace holdfast::plugins::exec {

Value NodeToValue(const ResourceGraph::Node& node) {
  Value out = Value().Set("type", node.key.type).Set("id", node.key.id).Set("name", node.name);
  if (!node.extra.is_null()) out.Set("extra", node.extra);
  return out;
}

Result<ResourceGraph::Node> NodeFromValue(const Value& value, std::string_view type) {
  if (!value.is_map()) return InvalidInput("a resource is a JSON object");
  for (const auto& [name, field] : value.AsMap()) {
    const bool text = name == "message_type" || name == "type" || name == "id" || name == "name";
    const bool map = name == "extra" || name == "facts";
    if (!text && !map)
      return InvalidInput(fmt::format("a resource has no field '{}'", Printable(name)));
    if (text && !field.is_string())
      return InvalidInput(fmt::format("'{}' of a resource is a text", name));
    if (map && !field.is_map())
      return InvalidInput(fmt::format("'{}' of a resource is a JSON object", name));
  }
  ResourceGraph::Node node;
  node.key.type = value.StringOr("type", type);
  node.key.id = value.StringOr("id", "");
  node.name = value.StringOr("name", node.key.id);
  HOLDFAST_RETURN_IF_ERROR(CheckResourceKey(node.key));
  if (node.key.type != type) {
    return InvalidInput(fmt::format("asked for resources of type {}, it answers {}", type,
                                    Printable(node.key.str())));
  }
  if (const Value* const extra = value.Find("extra"); extra != nullptr) node.extra = *extra;
  return node;
}

}  // namespace holdfast::plugins::exec
